package children

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// A filter is which children a list shows.
type filter struct {
	School, Year string
	// Standing is one of standings.
	Standing string
}

// The standings that a list can be narrowed to: those on a list now, those who have
// left, those of whom nothing is given any more, all.
const (
	standingNow      = "now"
	standingLeft     = "left"
	standingNotGiven = "not_given"
	standingAll      = "all"
)

var standings = []string{standingNow, standingLeft, standingNotGiven, standingAll}

// readFilter takes a filter from values; what is not one of the choices is not there.
func readFilter(q url.Values) filter {
	f := filter{School: q.Get("school"), Year: q.Get("year"), Standing: standingNow}
	if slices.Contains(standings, q.Get("standing")) {
		f.Standing = q.Get("standing")
	}
	return f
}

// query is the filter as an address has it.
func (f filter) query() string {
	q := url.Values{}
	for name, value := range map[string]string{"school": f.School, "year": f.Year, "standing": f.Standing} {
		if value != "" && !(name == "standing" && value == standingNow) {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (f filter) takes(l store.Listing) bool {
	if f.School != "" && l.School != f.School || f.Year != "" && yearOf(l) != f.Year {
		return false
	}
	switch f.Standing {
	case standingNow:
		return l.Standing == store.StandingOn || l.Standing == store.StandingHeld
	case standingLeft:
		return l.Standing == store.StandingLeft
	case standingNotGiven:
		return l.Standing == store.StandingNotGiven
	}
	return true
}

func yearOf(l store.Listing) string {
	if l.Pupil == nil {
		return ""
	}
	return l.Pupil.NCYearActual
}

// A row is one child of a list.
type row struct {
	Path, Name, Standing string
	Born                 record.Date
	Year, School         string
	AsAt                 time.Time
	Plain                bool // on the list, and nothing to say about it
}

// A listPage is the list of children.
type listPage struct {
	Rows              []row
	Paging            web.Paging
	Filter            filter
	Filtered          bool
	Schools, Years    []web.Option
	Standings         []web.Option
	Total, Left, Gone int
	Export            string // the address of the export; empty for who may not
	// Roster counts the children on the roster whom no school sends; Imported is when
	// the roster was, zero where there is none or it is not for this person.
	Roster   int
	Imported time.Time
	// Search is set on the page of what a search has found.
	Search bool
	Found  int
}

func (p pages) list(v *web.Visit) error {
	all, err := p.site.Store.Children(v.Context(), p.site.Vault, v.Sight())
	if err != nil {
		return err
	}
	w := words{v.Printer}
	page := p.listPage(v, all)
	page.Filter = readFilter(v.R.URL.Query())
	page.Filtered = page.Filter != filter{Standing: standingNow}
	chosen := slices.DeleteFunc(slices.Clone(all), func(l store.Listing) bool { return !page.Filter.takes(l) })
	order(chosen, v.R.URL.Query().Get("sort"))
	page.Paging = v.Paging(len(chosen))
	shown := chosen[page.Paging.From():page.Paging.To()]
	page.Rows = w.rows(shown)
	if v.User.May(account.Export) && len(chosen) > 0 {
		page.Export = "/children/export" + page.Filter.query()
	}
	if err := p.missingCount(v, &page); err != nil {
		return err
	}
	if err := p.logListed(v, audit.ChildrenListed, shown); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "list", Title: v.T("children.list.title"), Data: page})
}

// listPage is what a list has whatever is shown of it.
func (p pages) listPage(v *web.Visit, all []store.Listing) listPage {
	page := listPage{Schools: []web.Option{{Text: v.T("children.filter.all-schools")}}, Years: []web.Option{{Text: v.T("children.filter.all-years")}}}
	schools, years := map[string]string{}, map[string]bool{}
	for _, l := range all {
		schools[l.School] = l.SchoolName
		if y := yearOf(l); y != "" {
			years[y] = true
		}
		switch l.Standing {
		case store.StandingLeft:
			page.Left++
		case store.StandingNotGiven:
			page.Gone++
		default:
			page.Total++
		}
	}
	ids := make([]string, 0, len(schools))
	for id := range schools {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(strings.Compare(schools[a], schools[b]), strings.Compare(a, b)) })
	for _, id := range ids {
		page.Schools = append(page.Schools, web.Option{Value: id, Text: schools[id]})
	}
	list := make([]string, 0, len(years))
	for y := range years {
		list = append(list, y)
	}
	slices.SortFunc(list, compareYears)
	for _, y := range list {
		page.Years = append(page.Years, web.Option{Value: y, Text: words{v.Printer}.year(y)})
	}
	for _, s := range standings {
		page.Standings = append(page.Standings, web.Option{Value: s, Text: v.T("children.filter.standing." + s)})
	}
	return page
}

// rank is where a national curriculum year stands among the others: nursery and
// reception first, then by number, then what is no number.
func rank(y string) int {
	if at := slices.Index([]string{"E1", "E2", "N1", "N2", "R", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"}, y); at >= 0 {
		return at
	}
	return 99
}

func compareYears(a, b string) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
}

func (w words) rows(list []store.Listing) (rows []row) {
	for _, l := range list {
		r := row{Path: path(l.Child), Name: w.name(l.Pupil), School: l.SchoolName, Standing: w.standing(l), AsAt: l.AsAt, Plain: l.Standing == store.StandingOn}
		if l.Pupil != nil {
			r.Born, r.Year = l.Pupil.DOB, w.year(l.Pupil.NCYearActual)
		}
		rows = append(rows, r)
	}
	return rows
}

// order sorts a list by a column of the page, by name where that is equal.
func order(list []store.Listing, column string) {
	column, down := strings.TrimPrefix(column, "-"), strings.HasPrefix(column, "-")
	names := byName(list)
	slices.SortStableFunc(list, func(a, b store.Listing) int {
		n := 0
		switch column {
		case "born":
			n = strings.Compare(born(a), born(b))
		case "year":
			n = compareYears(yearOf(a), yearOf(b))
		case "school":
			n = strings.Compare(a.SchoolName, b.SchoolName)
		case "as-at":
			n = a.AsAt.Compare(b.AsAt)
		}
		n = cmp.Or(n, names(a, b))
		if down {
			n = -n
		}
		return n
	})
}

func born(l store.Listing) string {
	if l.Pupil == nil {
		return ""
	}
	return string(l.Pupil.DOB)
}

// byName compares by surname and forename as people look them up, whatever the
// script: accents and case only where nothing else differs.
func byName(list []store.Listing) func(a, b store.Listing) int {
	c, buffer := collate.New(language.BritishEnglish, collate.IgnoreWidth), collate.Buffer{}
	keys := make(map[store.Child][]byte, len(list))
	for _, l := range list {
		keys[l.Child] = c.KeyFromString(&buffer, sorted(l.Pupil))
	}
	return func(a, b store.Listing) int {
		return cmp.Or(slices.Compare(keys[a.Child], keys[b.Child]), strings.Compare(a.School, b.School), cmp.Compare(a.Child.Pupil, b.Child.Pupil))
	}
}

// logListed enters in the audit log whose names a page shows, school by school.
func (p pages) logListed(v *web.Visit, action audit.Action, shown []store.Listing) error {
	return p.site.Audit.AddAll(v.Context(), entries(v, action, shown, audit.Subject{}))
}

// entries are an entry for each school of a list of children.
func entries(v *web.Visit, action audit.Action, list []store.Listing, about audit.Subject) (all []audit.Entry) {
	at := map[string][]record.PupilID{}
	for _, l := range list {
		at[l.School] = append(at[l.School], l.Child.Pupil)
	}
	for school, children := range at {
		about.School, about.Children = school, children
		all = append(all, v.Entry(action, about))
	}
	return all
}
