package children

import (
	"errors"
	"slices"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	attend "rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A childPage is one child.
type childPage struct {
	Path string // of this page
	Name string
	// Standing says how the child stands on the list, Kept until when a child who has
	// left is kept.
	Standing, Kept string
	Gone           bool
	School         string
	SchoolPath     string // empty for those who may not see schools
	AsAt, Received time.Time
	Version        int
	Groups         []group
	Register       register
	Sections       []section
	Staff          []group
	Elsewhere      []elsewhere
	// Calls are the newest calls to the school about the child.
	Calls     []phoned
	MayExport bool
}

// A group is some fields of the registration.
type group struct {
	Title string
	Rows  []pair
	absent
}

type pair struct{ Key, Value string }

type elsewhere struct{ School, Path, Standing string }

// groups are the fields of the registration as a page shows them.
var groups = []struct {
	key    string
	fields []string
}{
	{"names", []string{"Forename", "MiddleNames", "Surname", "PreferredForename", "PreferredSurname", "FormerForename", "FormerSurname", "DOB", "Sex", "Gender"}},
	{"school", []string{"NCyearActual", "RegGroup", "House", "EnrolStatus", "EntryDate", "LeavingDate", "UPN", "FormerUPN", "UniqueLearnerNumber", "AdmissionNumber"}},
	{"care", []string{"InCare", "ByRoster", "CareAuthority", "CareStart", "CareEnd", "InCareAtCurrentSchool", "PersonalEducationPlan", "FSMeligible", "PupilPremium", "PupilPremiumIndicator"}},
	{"reach", []string{"Phone", "Email"}},
}

func (p pages) child(v *web.Visit) error {
	f, err := p.file(v)
	if err != nil {
		return err
	}
	w := words{v.Printer}
	page := childPage{Path: path(f.Child), Name: w.name(f.Pupil), School: f.SchoolName, AsAt: f.AsAt, Received: f.Received, Version: f.Version,
		Gone: f.Standing == store.StandingLeft, MayExport: v.User.May(account.Export)}
	if v.User.May(account.SeeSchools) {
		page.SchoolPath = "/schools/" + f.School
	}
	page.Standing = w.standing(f.Listing)
	if page.Gone {
		page.Kept = w.T("children.kept", "Day", w.Date(f.Since.AddDate(0, 0, p.leftDays)))
	}
	page.Groups = w.groups(f, v.Now)
	page.Register = w.register(f, attend.NationOf(v.Authority.Code), v.R.URL.Query().Get("year"))
	for _, d := range tables {
		page.Sections = append(page.Sections, cut(w.section(f, d)))
	}
	page.Staff = w.staff(f)
	for _, o := range f.Elsewhere {
		page.Elsewhere = append(page.Elsewhere, elsewhere{o.SchoolName, path(o.Child), w.standing(o)})
	}
	if page.Calls, err = p.calls(v, f.Child); err != nil {
		return err
	}
	if err := v.Log(audit.ChildViewed, audit.Subject{School: f.School, Children: []record.PupilID{f.Child.Pupil}}); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "child", Title: v.T("children.child.title"), Data: page})
}

// file reads the child that an address names.
func (p pages) file(v *web.Visit) (store.File, error) {
	child := store.Child{School: v.R.PathValue("school"), Pupil: record.PupilID(v.R.PathValue("pupil"))}
	if !child.Pupil.Valid() {
		return store.File{}, web.ErrNotFound
	}
	f, err := p.site.Store.File(v.Context(), p.site.Vault, v.Sight(), child)
	if errors.Is(err, store.ErrNotFound) {
		return f, web.ErrNotFound
	}
	return f, err
}

// path is the address of a child's page: ids that say nothing to anybody else.
func path(c store.Child) string { return "/children/" + c.School + "/" + string(c.Pupil) }

// standing says how a child stands on the list, with since when.
func (w words) standing(l store.Listing) string {
	day := ""
	if !l.Since.IsZero() {
		day = w.Date(l.Since)
	}
	return w.T("children.standing."+string(l.Standing), "Day", day)
}

// groups are the registration: what is there, and what is not.
func (w words) groups(f store.File, now time.Time) (list []group) {
	if f.Pupil == nil {
		return nil
	}
	values := w.values(f.Pupil)
	if years, ok := age(f.Pupil.DOB, record.DateOf(now.In(status.London()))); ok {
		values["DOB"] = w.N("children.born", years, "Day", values["DOB"])
	}
	asked := f.Asked[record.DatasetPupil]
	for _, g := range groups {
		one := group{Title: w.T("children.group." + g.key)}
		var notAsked, empty []string
		for _, name := range g.fields {
			switch {
			case values[name] != "":
				one.Rows = append(one.Rows, pair{w.field(name), values[name]})
			case !slices.Contains(asked, name):
				notAsked = append(notAsked, w.field(name))
			default:
				empty = append(empty, w.field(name))
			}
		}
		one.absent = absent{w.List(notAsked...), w.List(empty...)}
		list = append(list, one)
	}
	return list
}

// staff are those whom the authority speaks to at the school. They are the school's,
// not the child's.
func (w words) staff(f store.File) (list []group) {
	for _, r := range f.Staff {
		values := w.values(r)
		one := group{}
		for _, field := range record.Fields(record.DatasetStaff) {
			if value := values[field.Name]; value != "" && !hidden(record.DatasetStaff, field.Name) {
				one.Rows = append(one.Rows, pair{w.field(field.Name), value})
			}
		}
		list = append(list, one)
	}
	return list
}

// Limits of what a page shows of one dataset; the export has all.
const (
	maxRows  = 50
	maxBytes = 12 << 10
)

// cut leaves the newest rows of a section, so that a page stays one that opens.
func cut(s section) section {
	size := 0
	for i, row := range s.Rows {
		for _, c := range row.Cells {
			size += len(c)
		}
		if i > 0 && (i == maxRows || size > maxBytes) {
			s.More = len(s.Rows) - i
			s.Rows = s.Rows[:i]
			break
		}
	}
	return s
}
