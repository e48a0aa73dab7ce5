package today

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// excluded is the list of new suspensions and exclusions, beside those of states.
const excluded = "excluded"

// A childRow is one child on a list behind a count.
type childRow struct {
	School, Pupil, Name, SchoolName string
	Phone                           string
	// What is what the register says, ByPhone what a school has said by phone, which
	// stands beside it.
	What, ByPhone string
	Also          string
	AsAt          time.Time
}

type childrenData struct {
	Session, State   string
	Back             string
	Date, Correct    string
	Caption          string
	Rows             []childRow
	Paging           web.Paging
	CanChild, Record bool
}

// children is the list behind one count. It names children, so the look is logged,
// with those whom it shows, before it is shown.
func (t *section) children(v *web.Visit) error {
	state := v.R.URL.Query().Get("state")
	if state != excluded && !slices.Contains(states(), register.State(state)) {
		return web.ErrNotFound
	}
	m, err := t.read(v)
	if err != nil {
		return err
	}
	rows, err := t.childRows(v, m, state)
	if err != nil {
		return err
	}
	session := strings.ToLower(string(m.Session))
	data := childrenData{
		Session: session, State: state, Date: v.Date(v.Now), Correct: v.Time(v.Now), Paging: v.Paging(len(rows)),
		Caption: v.T("today.list."+state, "Session", v.T("today.session."+session)), Back: "/?" + url.Values{"session": {session}}.Encode(),
		CanChild: v.User.May(account.SeeChildren), Record: v.User.May(account.RecordCalls),
	}
	data.Rows = rows[data.Paging.From():data.Paging.To()]
	if err := t.seen(v, state, session, data.Rows); err != nil {
		return err
	}
	return v.Show(pages, web.Page{Name: "children", Title: v.T("today.list." + state + "-title"), Data: data})
}

// seen enters in the audit log whose names are shown: one entry for each school.
func (t *section) seen(v *web.Visit, state, session string, rows []childRow) error {
	var entries []audit.Entry
	for _, r := range rows {
		at := slices.IndexFunc(entries, func(e audit.Entry) bool { return e.School == r.School })
		if at < 0 {
			at = len(entries)
			entries = append(entries, v.Entry(audit.TodayListed, audit.Subject{School: r.School, About: state + " " + session}))
		}
		entries[at].Children = append(entries[at].Children, record.PupilID(r.Pupil))
	}
	if len(entries) == 0 {
		entries = append(entries, v.Entry(audit.TodayListed, audit.Subject{About: state + " " + session}))
	}
	return t.site.Audit.AddAll(v.Context(), entries)
}

func (t *section) childRows(v *web.Visit, m morning, state string) ([]childRow, error) {
	if state == excluded {
		return t.excludedRows(v, m)
	}
	schools := make(map[string]register.School, len(m.Schools))
	var found []register.Child
	for _, s := range m.Schools {
		schools[s.School.School.ID] = s
		for _, c := range s.Children {
			if c.State == register.State(state) {
				found = append(found, c)
			}
		}
	}
	names, err := names(t, v, found, func(c register.Child) store.Child { return c.Child })
	if err != nil {
		return nil, err
	}
	marks, err := t.book.ByPhone(v.Context(), v.Sight(), m.day, m.Session)
	if err != nil {
		return nil, err
	}
	rows := make([]childRow, 0, len(found))
	for _, c := range found {
		s := schools[c.School]
		rows = append(rows, childRow{
			School: c.School, Pupil: string(c.Pupil), Name: names[c.Child], SchoolName: s.School.School.Name,
			Phone: s.School.School.Phone, What: says(v, s, c), ByPhone: byPhone(v, marks[c.Child]), Also: also(v, schools, c), AsAt: s.AsAt,
		})
	}
	sortRows(v, rows)
	return rows, nil
}

// names finds what to call the children of a list: their names, or that the school
// gives none.
func names[T any](t *section, v *web.Visit, list []T, of func(T) store.Child) (map[store.Child]string, error) {
	sight := store.Sight{Authority: v.Authority.Code, Only: make([]store.Child, len(list))}
	found := make(map[store.Child]string, len(list))
	for i, c := range list {
		sight.Only[i] = of(c)
		found[of(c)] = v.T("today.child.no-name")
	}
	listed, err := t.site.Store.Children(v.Context(), t.site.Vault, sight)
	for _, l := range listed {
		if name := nameOf(l.Pupil); name != "" {
			found[l.Child] = name
		}
	}
	return found, err
}

// sortRows orders by school and name as readers of the language look for them.
func sortRows(v *web.Visit, rows []childRow) {
	c := collate.New(language.Make(string(v.Language())), collate.IgnoreCase)
	slices.SortStableFunc(rows, func(a, b childRow) int {
		return cmp.Or(c.CompareString(a.SchoolName, b.SchoolName), cmp.Compare(a.School, b.School), c.CompareString(a.Name, b.Name), cmp.Compare(a.Pupil, b.Pupil))
	})
}

// nameOf is how people call a child, then the surname; empty where the school
// gives neither.
func nameOf(p *record.Pupil) string {
	if p == nil {
		return ""
	}
	return strings.TrimSpace(cmp.Or(p.PreferredForename, p.Forename) + " " + cmp.Or(p.PreferredSurname, p.Surname))
}

// says is what the register says of one child, or why it says nothing.
func says(v *web.Visit, s register.School, c register.Child) string {
	if c.Code == "" {
		if c.Why == register.WhySchool {
			return v.Word(s.Verdict.Word) + ". " + happened(v, s)
		}
		return v.T("today.why." + string(c.Why))
	}
	text := v.T("today.mark", "Code", c.Code, "Meaning", meaning(v, c))
	if c.Unauthorised {
		text += " " + v.T("today.unauthorised")
	}
	if c.Late > 0 {
		text += " " + v.N("today.late", c.Late)
	}
	return text
}

func meaning(v *web.Visit, c register.Child) string {
	if c.Why == register.WhyUnknown {
		return v.T("today.why.unknown")
	}
	return v.Mark(c.Label)
}

func byPhone(v *web.Visit, m call.PhoneMark) string {
	if m.Code == "" {
		return ""
	}
	return v.T("today.by-phone", "Code", m.Code, "Time", v.Time(m.At), "By", m.ByName)
}

// also names the other schools that have the same child on their lists.
func also(v *web.Visit, schools map[string]register.School, c register.Child) string {
	var names []string
	for _, id := range c.Also {
		names = append(names, schools[id].School.School.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return v.T("today.also", "Schools", v.List(names...))
}

func (t *section) excludedRows(v *web.Visit, m morning) ([]childRow, error) {
	names, err := names(t, v, m.excluded, func(e store.NewExclusion) store.Child { return e.Child })
	if err != nil {
		return nil, err
	}
	schools := make(map[string]register.School, len(m.Schools))
	for _, s := range m.Schools {
		schools[s.School.School.ID] = s
	}
	rows := make([]childRow, 0, len(m.excluded))
	for _, e := range m.excluded {
		rows = append(rows, childRow{
			School: e.School, Pupil: string(e.Child.Pupil), Name: names[e.Child], SchoolName: e.SchoolName,
			Phone: schools[e.School].School.School.Phone, What: exclusion(v, e), AsAt: e.Received,
		})
	}
	sortRows(v, rows)
	return rows, nil
}

func exclusion(v *web.Visit, e store.NewExclusion) string {
	key := "today.exclusion.other"
	switch e.Exclusion.Category {
	case "SUSP", "LNCH", "PERM":
		key = "today.exclusion." + strings.ToLower(e.Exclusion.Category)
	}
	text := v.T(key)
	if e.Exclusion.StartDate != "" {
		text += " " + v.T("today.exclusion.from", "Day", v.Day(e.Exclusion.StartDate))
	}
	if e.Was != "" {
		text += " " + v.T("today.exclusion.changed")
	}
	return text
}
