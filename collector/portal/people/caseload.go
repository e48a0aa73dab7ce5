package people

import (
	"slices"
	"strings"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// caseloadPage is which children a person may see.
type caseloadPage struct {
	person
	Now     []web.Option // the children of the caseload
	Schools []web.Option
	School  string       // the school whose children can be added
	Others  []web.Option // those of its children who are not in the caseload
}

// caseloadOf is the person of the address, whose role has a caseload, with the children of
// the person's authorities.
func (p *pages) caseloadOf(v *web.Visit) (person, []store.Listing, error) {
	c, err := p.changeable(v)
	if err != nil {
		return c, nil, err
	}
	if c.Role != account.Caseload {
		return c, nil, web.ErrNotFound
	}
	var all []store.Listing
	for _, code := range c.Authorities {
		list, err := p.Store.Children(v.Context(), p.Vault, store.Sight{Authority: code})
		if err != nil {
			return c, nil, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b store.Listing) int {
		if n := strings.Compare(a.SchoolName, b.SchoolName); n != 0 {
			return n
		}
		return strings.Compare(childName(v, a), childName(v, b))
	})
	return c, all, nil
}

func childName(v *web.Visit, l store.Listing) string {
	if l.Pupil == nil {
		return v.T("people.caseload.unnamed")
	}
	return strings.TrimSpace(l.Pupil.Surname + ", " + l.Pupil.Forename)
}

// born tells children of one name apart.
func born(v *web.Visit, l store.Listing) string {
	if l.Pupil == nil || l.Pupil.DOB == "" {
		return ""
	}
	return v.T("people.caseload.born", "Date", v.Day(l.Pupil.DOB))
}

func childValue(c store.Child) string { return c.School + "/" + string(c.Pupil) }

func (p *pages) showCaseload(v *web.Visit) error {
	c, all, err := p.caseloadOf(v)
	if err != nil {
		return err
	}
	page := caseloadPage{person: c, School: v.R.URL.Query().Get("school"), Schools: []web.Option{{Text: v.T("people.caseload.choose-school")}}}
	shown := map[string][]record.PupilID{}
	for _, l := range all {
		o := web.Option{Value: childValue(l.Child), Text: childName(v, l), Hint: born(v, l)}
		if !slices.ContainsFunc(page.Schools, func(s web.Option) bool { return s.Value == l.School }) {
			page.Schools = append(page.Schools, web.Option{Value: l.School, Text: l.SchoolName})
		}
		switch {
		case slices.Contains(c.Only, l.Child):
			o.Hint = strings.TrimPrefix(o.Hint+", "+l.SchoolName, ", ")
			page.Now = append(page.Now, o)
		case l.School == page.School:
			page.Others = append(page.Others, o)
		default:
			continue
		}
		shown[l.School] = append(shown[l.School], l.Child.Pupil)
	}
	if err := seen(v, c.User); err != nil {
		return err
	}
	if err := p.logShown(v, c, shown); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "caseload", Title: v.T("people.caseload.title"), Data: page})
}

// logShown enters the children whom the page names, in one entry for each school.
func (p *pages) logShown(v *web.Visit, c person, shown map[string][]record.PupilID) error {
	var list []audit.Entry
	for school, ids := range shown {
		list = append(list, v.Entry(audit.ChildrenListed, audit.Subject{School: school, Children: ids, About: "caseload person=" + c.ID}))
	}
	return p.Audit.AddAll(v.Context(), list)
}

// setCaseload adds the children that were ticked, or takes them away.
func (p *pages) setCaseload(v *web.Visit) error {
	c, all, err := p.caseloadOf(v)
	if err != nil {
		return err
	}
	form := v.Form()
	var allowed []string
	known := map[string]store.Child{}
	for _, l := range all {
		allowed = append(allowed, childValue(l.Child))
		known[childValue(l.Child)] = l.Child
	}
	adding := form.Choice("do", "add", "take") == "add"
	field := "present"
	if adding {
		field = "children"
	}
	ticked := form.Choices(field, allowed...)
	if !form.OK() { // only another page, or another authority's child, sends what is not offered
		return web.ErrNotFound
	}
	only := []store.Child{}
	for _, l := range all {
		is := slices.Contains(ticked, childValue(l.Child))
		if was := slices.Contains(c.Only, l.Child); was && (adding || !is) || !was && adding && is {
			only = append(only, l.Child)
		}
	}
	d := account.Person{Name: c.Name, Email: c.Email, Role: c.Role, Authorities: c.Authorities, Until: c.Until, Only: only}
	if err := p.Accounts.Change(v.Context(), v.User, c.ID, d); err != nil {
		if err := refused(v, err); err != nil {
			return err
		}
		return v.Show(templates, web.Page{Name: "refused", Title: v.T("people.caseload.title"), Problems: form.Problems(), Data: c})
	}
	v.Flash("people.caseload.done", "Name", c.Name, "Number", v.Number(len(only)))
	back := "/people/person/" + c.ID + "/caseload"
	if school := form.Raw("school"); adding && slices.ContainsFunc(all, func(l store.Listing) bool { return l.School == school }) {
		back += "?school=" + school
	}
	return v.Redirect(back)
}
