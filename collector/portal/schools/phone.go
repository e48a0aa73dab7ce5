package schools

import (
	"rollbridge/collector/audit"
	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/web"
)

// phonePage is the data of pages/phone.html.
type phonePage struct {
	ID, Name string
	Reasons  []web.Option
	Now      *phoneState
}

func (p *pages) showPhone(v *web.Visit) error { return p.phoneAgain(v, nil) }

func (p *pages) phoneAgain(v *web.Visit, problems web.Problems) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	d := &phonePage{ID: s.School.ID, Name: s.School.Name}
	for _, r := range calendar.Reasons() {
		d.Reasons = append(d.Reasons, web.Option{Value: string(r), Text: v.T("schools.reason." + string(r))})
	}
	if c := s.Calendar.Phone; c != nil {
		changed, err := p.changed(v, c.Changed)
		if err != nil {
			return err
		}
		d.Now = &phoneState{v.T("schools.reason." + string(c.Reason)), changed}
	}
	return v.Show(templates, web.Page{Name: "phone", Title: v.T("schools.phone.title", "School", s.School.Name), Data: d, Problems: problems})
}

// setPhone says that a school reports by phone, or that it does not any more.
func (p *pages) setPhone(v *web.Visit) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	id := s.School.ID
	f := v.Form()
	if f.Has("end") {
		err := p.change(v, id, audit.ByPhoneChanged, "end", func(tx *database.Tx) error { return calendar.EndByPhone(v.Context(), tx, id) })
		if err != nil {
			return err
		}
		v.Flash("schools.phone.ended")
		return v.Redirect("/schools/" + id)
	}
	reason := f.Raw("reason")
	err = p.change(v, id, audit.ByPhoneChanged, "reason "+reason, func(tx *database.Tx) error {
		return calendar.SetByPhone(v.Context(), tx, id, calendar.Reason(reason), by(v))
	})
	if err := problem(v, f, err); err != nil {
		return err
	}
	if !f.OK() {
		return p.phoneAgain(v, f.Problems())
	}
	v.Flash("schools.phone.done")
	return v.Redirect("/schools/" + id)
}
