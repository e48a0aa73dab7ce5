package people

import (
	"time"

	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
)

func (p *pages) showInvite(v *web.Visit) error {
	f, err := p.form(v, person{})
	if err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "invite", Title: v.T("people.invite.title"), Data: f})
}

func (p *pages) invite(v *web.Visit) error {
	f, err := p.form(v, person{})
	if err != nil {
		return err
	}
	form := v.Form()
	name := form.Required("name", "people.name", "people.name.enter", 64)
	d := f.read(v)
	d.Name = name
	if form.OK() {
		oneTime, err := p.Accounts.Invite(v.Context(), v.User, d)
		if err == nil {
			return p.handOver(v, d.Name, oneTime, d.Role == account.Caseload)
		}
		if err := refused(v, err); err != nil {
			return err
		}
	}
	return v.Show(templates, web.Page{Name: "invite", Title: v.T("people.invite.title"), Problems: form.Problems(), Data: f})
}

// handOverPage shows a one-time password, once.
type handOverPage struct {
	Name, OneTime string
	Until         time.Time
	// Path is where to go on: the list, or the caseload of a person who has none yet.
	Path, Next string
}

// handOver shows a one-time password. It stands on the page that answers the form, so that
// it is kept nowhere.
func (p *pages) handOver(v *web.Visit, name, oneTime string, caseload bool) error {
	u, found, err := p.Accounts.ByName(v.Context(), name)
	if err != nil {
		return err
	}
	page := handOverPage{Name: name, OneTime: oneTime, Until: v.Now.Add(account.OneTimeLife), Path: "/people", Next: v.T("people.hand-over.back")}
	if found {
		page.Name = u.Name
	}
	if found && caseload {
		page.Path, page.Next = "/people/person/"+u.ID+"/caseload", v.T("people.hand-over.caseload")
	}
	return v.Show(templates, web.Page{Name: "hand-over", Title: v.T("people.hand-over.title"), Data: page})
}

// changeable is the person of the address, whom the reader may change.
func (p *pages) changeable(v *web.Visit) (person, error) {
	u, err := p.find(v)
	if err != nil {
		return person{}, err
	}
	c := personOf(v, u)
	if !c.Wholly {
		return person{}, web.ErrNotFound
	}
	return c, nil
}

func (p *pages) showChange(v *web.Visit) error {
	c, err := p.changeable(v)
	if err != nil {
		return err
	}
	if err := seen(v, c.User); err != nil {
		return err
	}
	f, err := p.form(v, c)
	if err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "change", Title: v.T("people.change.title"), Data: f})
}

func (p *pages) change(v *web.Visit) error {
	c, err := p.changeable(v)
	if err != nil {
		return err
	}
	f, err := p.form(v, c)
	if err != nil {
		return err
	}
	form := v.Form()
	d := f.read(v)
	if form.OK() && d.Role == account.Caseload {
		if d.Only, err = p.known(v, d.Authorities, c.Only); err != nil {
			return err
		}
	}
	if form.OK() {
		err := p.Accounts.Change(v.Context(), v.User, c.ID, d)
		if err == nil {
			v.Flash("people.change.done", "Name", c.Name)
			return v.Redirect("/people/person/" + c.ID)
		}
		if err := refused(v, err); err != nil {
			return err
		}
	}
	return v.Show(templates, web.Page{Name: "change", Title: v.T("people.change.title"), Problems: form.Problems(), Data: f})
}

func (p *pages) showRemove(v *web.Visit) error {
	u, err := p.find(v)
	if err != nil {
		return err
	}
	if err := seen(v, u); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "remove", Title: v.T("people.remove.title"), Data: personOf(v, u)})
}

// remove ends the access of a person, or, of somebody who works for others too, takes this
// authority away.
func (p *pages) remove(v *web.Visit) error {
	u, err := p.find(v)
	if err != nil {
		return err
	}
	c := personOf(v, u)
	if c.Wholly || c.Self {
		err = p.Accounts.Disable(v.Context(), v.User, u.Name)
	} else {
		err = p.Accounts.Leave(v.Context(), v.User, u.Name)
	}
	if err == nil {
		v.Flash("people.remove.done", "Name", u.Name)
		return v.Redirect("/people")
	}
	if err := refused(v, err); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "remove", Title: v.T("people.remove.title"), Problems: v.Form().Problems(), Data: c})
}

func (p *pages) showReset(v *web.Visit) error {
	c, err := p.changeable(v)
	if err != nil {
		return err
	}
	if err := seen(v, c.User); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "reset", Title: v.T("people.reset.title"), Data: c})
}

func (p *pages) reset(v *web.Visit) error {
	c, err := p.changeable(v)
	if err != nil {
		return err
	}
	oneTime, err := p.Accounts.Reset(v.Context(), v.User, c.Name)
	if err == nil {
		return p.handOver(v, c.Name, oneTime, false)
	}
	if err := refused(v, err); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "reset", Title: v.T("people.reset.title"), Problems: v.Form().Problems(), Data: c})
}
