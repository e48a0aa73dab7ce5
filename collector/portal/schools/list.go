package schools

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/status"
)

// listPage is the data of pages/list.html.
type listPage struct {
	Words, Owners []web.Option
	Sort          string // of the address, so that filtering keeps it
	Filtered      bool
	Correct       string
	Session       status.Session
	Total         int
	Rows          []row
	Paging        web.Paging
}

// row is a school in the list.
type row struct {
	ID, Name, Phone string
	Word            status.Word
	Since           string
	Next, Acts      string
	Heard, Register time.Time
	Children        string
	order, children int // order is of urgency
}

func (p *pages) list(v *web.Visit) error {
	o, err := overview.Read(v.Context(), p.Store, v.Authority.Code, v.Now)
	if err != nil {
		return err
	}
	if v.Authority.Code == "" {
		return web.ErrNotFound
	}
	f := v.Form()
	d := &listPage{Session: o.Session, Total: len(o.Schools), Correct: v.Time(o.At), Sort: f.Raw("sort"), Words: wordOptions(v), Owners: ownerOptions(v)}
	q := f.Text("q", "schools.filter.name", 200)
	word, owner := f.Choice("word", values(d.Words)...), f.Choice("owner", values(d.Owners)...)
	d.Filtered = q != "" || word != "" || owner != ""
	var rows []row
	for n, s := range o.Schools {
		verdict := s.Now(o.Session)
		if matches(s.School.Name, q) && (word == "" || status.Word(word) == verdict.Word) && (owner == "" || slices.Contains(acts(verdict), owner)) {
			rows = append(rows, rowOf(v, s, o, n))
		}
	}
	order(rows, d.Sort)
	d.Paging = v.Paging(len(rows))
	d.Rows = rows[d.Paging.From():d.Paging.To()]
	page := web.Page{Name: "list", Title: v.T("schools.title"), Data: d, Problems: f.Problems()}
	return v.Show(templates, page)
}

func values(options []web.Option) (list []string) {
	for _, o := range options {
		list = append(list, o.Value)
	}
	return list
}

func wordOptions(v *web.Visit) []web.Option {
	list := []web.Option{{Value: "", Text: v.T("schools.filter.any-word")}}
	for _, w := range status.Words() {
		list = append(list, web.Option{Value: string(w), Text: v.Word(w)})
	}
	return list
}

// The owners that the list can be filtered by: who has something to do.
const (
	authorityActs = "authority"
	schoolActs    = "school"
	operatorActs  = "operator"
	nobodyActs    = "nobody"
)

func ownerOptions(v *web.Visit) []web.Option {
	return []web.Option{
		{Value: "", Text: v.T("schools.filter.any-owner")}, {Value: authorityActs, Text: v.T("schools.owner.authority")},
		{Value: schoolActs, Text: v.T("schools.owner.school")}, {Value: operatorActs, Text: v.T("schools.owner.operator")},
		{Value: nobodyActs, Text: v.T("schools.owner.nobody")},
	}
}

// ownersOf says of every sentence about who acts which of the owners it names.
var ownersOf = map[string][]string{
	"status.owner.stopped-by-school": {authorityActs},
	"status.owner.paused-by-school":  {nobodyActs},
	"status.owner.by-phone":          {authorityActs},
	"status.owner.not-set-up-yet":    {schoolActs, operatorActs},
	"status.owner.not-in-session":    {nobodyActs},
	"status.owner.held-for-checking": {schoolActs, operatorActs},
	"status.owner.received":          {nobodyActs},
	"status.owner.not-received":      {authorityActs, operatorActs},
	"status.owner.late":              {operatorActs},
	"status.owner.due":               {nobodyActs},
	"status.who.it":                  {schoolActs},
	"status.who.it-operator":         {schoolActs, operatorActs},
	"status.who.operator":            {operatorActs},
	"status.who.office":              {schoolActs},
	"status.who.decides":             {schoolActs},
}

func acts(v status.Verdict) []string { return ownersOf[v.Acts.Key] }

// matches finds a school by parts of its name, in any order and either case.
func matches(name, q string) bool {
	name = strings.ToLower(name)
	for _, part := range strings.Fields(strings.ToLower(q)) {
		if !strings.Contains(name, part) {
			return false
		}
	}
	return true
}

func rowOf(v *web.Visit, s overview.School, o overview.Overview, n int) row {
	verdict := s.Now(o.Session)
	return row{
		ID: s.School.ID, Name: s.School.Name, Phone: s.School.Phone, Word: verdict.Word, Since: since(v.Printer, verdict),
		Next: v.NextStep(verdict), Acts: v.Acts(verdict), Heard: s.LastHeard, Register: s.AttendanceAsAt, order: n,
		Children: childrenWords(v.Printer, s), children: s.Children,
	}
}

// childrenWords is how many children the school sends: unknown is not zero.
func childrenWords(p *language.Printer, s overview.School) string {
	switch {
	case !s.School.Stopped.IsZero():
		return p.T("schools.hidden")
	case s.PupilsAsAt.IsZero():
		return p.T("schools.unknown")
	}
	return p.Number(s.Children)
}

// since says since when a word is true, where that says something.
func since(p *language.Printer, v status.Verdict) string {
	switch {
	case v.Since.IsZero() || v.Word == status.Due || v.Word == status.NotInSession:
		return ""
	case v.Word == status.Received:
		return p.T("schools.as-at", "When", p.Moment(v.Since, v.At))
	}
	return p.T("schools.since", "When", p.Moment(v.Since, v.At))
}

// orders compare two rows by a column; the order of what somebody must do first is
// that of the rows as they come.
var orders = map[string]func(a, b row) int{
	"name":     func(a, b row) int { return compareNames(a.Name, b.Name) },
	"status":   func(a, b row) int { return cmp.Compare(a.order, b.order) },
	"heard":    func(a, b row) int { return a.Heard.Compare(b.Heard) },
	"register": func(a, b row) int { return a.Register.Compare(b.Register) },
	"children": func(a, b row) int { return cmp.Compare(a.children, b.children) },
}

func order(rows []row, by string) {
	column, down := strings.CutPrefix(by, "-")
	compare, known := orders[column]
	if !known {
		return
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		n := compare(a, b)
		if down {
			n = -n
		}
		return cmp.Or(n, compareNames(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
}

func compareNames(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) }
