package people

import (
	"errors"
	"time"

	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// roles are those that an administrator gives, the most common first.
var roles = []account.Role{account.Caller, account.Viewer, account.Caseload, account.Administrator}

// personForm is what is decided about a person, as a page asks for it.
type personForm struct {
	Person      person // zero where it is a new one
	Roles       []web.Option
	Authorities []web.Option // one is not asked for
	Until       time.Time    // the last day
}

func (p *pages) form(v *web.Visit, u person) (personForm, error) {
	f := personForm{Person: u, Until: u.LastDay().In(status.London())}
	if u.Until.IsZero() {
		f.Until = time.Time{}
	}
	for _, r := range roles {
		f.Roles = append(f.Roles, web.Option{Value: string(r), Text: roleText(v, r), Hint: v.T("people.role-hint." + string(r))})
	}
	var err error
	f.Authorities, err = p.mine(v)
	return f, err
}

func roleText(v *web.Visit, r account.Role) string { return v.T("people.role." + string(r)) }

// read reads what was decided.
func (f personForm) read(v *web.Visit) account.Person {
	form := v.Form()
	var d account.Person
	d.Email = form.Text("email", "people.email", 254)
	var allowed []string
	for _, r := range roles {
		allowed = append(allowed, string(r))
	}
	if d.Role = account.Role(form.Choice("role", allowed...)); d.Role == "" && form.Problems().Of("role") == "" {
		form.Add("role", "people.role.choose")
	}
	if len(f.Authorities) == 1 {
		d.Authorities = []string{f.Authorities[0].Value}
	} else {
		var codes []string
		for _, o := range f.Authorities {
			codes = append(codes, o.Value)
		}
		if d.Authorities = form.Choices("authorities", codes...); len(d.Authorities) == 0 && form.Problems().Of("authorities") == "" {
			form.Add("authorities", "people.authorities.choose")
		}
	}
	if day := form.Date("until", "people.until"); day != "" {
		y, m, n := day.Time().Date()
		// The access lasts to the end of its last day.
		d.Until = time.Date(y, m, n+1, 0, 0, 0, 0, status.London())
	}
	return d
}

// refusals are what account refuses, with the field that it is about and the sentence.
var refusals = []struct {
	err        error
	field, key string
}{
	{account.ErrExists, "name", "people.refused.exists"},
	{account.ErrName, "name", "people.refused.name"},
	{account.ErrEmail, "email", "people.refused.email"},
	{account.ErrUntil, "until", "people.refused.until"},
	{account.ErrRole, "role", "people.refused.role"},
	{account.ErrPlace, "role", "people.refused.place"},
	{account.ErrAuthority, "authorities", "people.refused.place"},
	{account.ErrChild, "role", "people.refused.child"},
	{account.ErrSelf, "", "people.refused.self"},
	{account.ErrLast, "", "people.refused.last"},
}

// refused says what account refused; any other error is returned.
func refused(v *web.Visit, err error) error {
	if errors.Is(err, account.ErrNoUser) {
		return web.ErrNotFound
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			v.Form().Add(r.field, r.key)
			return nil
		}
	}
	return err
}

// known are those of some children whom the authorities' lists still have: a caseload is
// stored anew with each change, and a child who was forgotten is in none.
func (p *pages) known(v *web.Visit, codes []string, wanted []store.Child) (list []store.Child, err error) {
	there := map[store.Child]bool{}
	for _, code := range codes {
		all, err := p.Store.Children(v.Context(), p.Vault, store.Sight{Authority: code})
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			there[l.Child] = true
		}
	}
	list = []store.Child{}
	for _, c := range wanted {
		if there[c] {
			list = append(list, c)
		}
	}
	return list, nil
}
