package roster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// MaxFaults is how many faults of a file are told.
const MaxFaults = 50

// maxAtSchool bounds the children of one authority at one school, so that a
// school's part fits in a statement.
const maxAtSchool = 2000

// A Fault is one thing wrong with one cell. Its text holds no value of it.
type Fault struct {
	Line   int    `json:"line"`
	Column string `json:"column"`
	Text   string `json:"text"`
}

func (f Fault) String() string {
	return fmt.Sprintf("line %d, column %s: %s", f.Line, f.Column, f.Text)
}

// Faults are all that is wrong with a file, in the order of its lines. List
// holds at most MaxFaults of Count.
type Faults struct {
	Count int     `json:"count"`
	List  []Fault `json:"faults"`
}

func (f *Faults) Error() string {
	lines := make([]string, 0, len(f.List)+2)
	if f.Count == 1 {
		lines = append(lines, "1 thing is wrong with the file, so nothing was changed; correct it and run the command again:")
	} else {
		lines = append(lines, fmt.Sprintf("%d things are wrong with the file, so nothing was changed; correct them and run the command again:", f.Count))
	}
	for _, one := range f.List {
		lines = append(lines, "  "+one.String())
	}
	if more := f.Count - len(f.List); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// Known are the schools that a roster may name.
type Known struct {
	// Asked are the ids of schools that the authority asks for data; All of every
	// school.
	Asked, All map[string]bool
}

// Parse says what a table means on a day: the children in the order of school
// and UPN, or a *Faults with everything that is wrong.
func Parse(t Table, known Known, today record.Date) ([]store.Listed, error) {
	p := parser{table: t, known: known, today: today, order: orderOf(t), lines: map[string]int{}, counts: map[string]int{}}
	children := make([]store.Listed, 0, len(t.Rows))
	for _, r := range t.Rows {
		children = append(children, p.row(r))
	}
	if len(p.faults) > 0 {
		slices.SortStableFunc(p.faults, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
		return nil, &Faults{Count: len(p.faults), List: p.faults[:min(len(p.faults), MaxFaults)]}
	}
	slices.SortFunc(children, func(a, b store.Listed) int {
		return cmp.Or(cmp.Compare(a.School, b.School), cmp.Compare(a.UPN, b.UPN))
	})
	return children, nil
}

type parser struct {
	table  Table
	known  Known
	today  record.Date
	order  dateOrder
	lines  map[string]int // of each UPN
	counts map[string]int // children at each school
	faults []Fault
}

func (p *parser) fault(r Row, c Column, text string, args ...any) {
	at := c.String()
	if letter := p.table.At[c]; letter != "" {
		at = fmt.Sprintf("%s (%s)", letter, c)
	}
	p.faults = append(p.faults, Fault{r.Line, at, fmt.Sprintf(text, args...)})
}

func (p *parser) row(r Row) store.Listed {
	return store.Listed{UPN: p.upn(r), DOB: p.dob(r), School: p.school(r), MayKnow: p.mayKnow(r)}
}

func (p *parser) upn(r Row) string {
	upn, err := codes.ParseUPN(r.Cells[UPN])
	var bad *codes.UPNError
	switch {
	case err == nil || errors.Is(err, codes.ErrUnknownAuthority): // the list may be older than the code
	case errors.As(err, &bad) && bad.Kind == codes.UPNEmpty:
		p.fault(r, UPN, "it is empty; a child without a UPN cannot be on a roster: take the line out")
		return ""
	case errors.As(err, &bad) && bad.Kind == codes.UPNCheckLetter:
		p.fault(r, UPN, "the check letter does not fit, so at least one character is mistyped: correct it")
		return ""
	default:
		p.fault(r, UPN, "it is not a UPN, which is a letter, eleven digits, then a digit or a letter (never I, O or S): correct it")
		return ""
	}
	if first, twice := p.lines[upn.Reveal()]; twice {
		p.fault(r, UPN, "the same child stands on line %d: keep one line, with the school where the child is now", first)
		return ""
	}
	p.lines[upn.Reveal()] = r.Line
	return upn.Reveal()
}

func (p *parser) school(r Row) string {
	id := strings.ToLower(r.Cells[School])
	switch {
	case id == "":
		p.fault(r, School, "it is empty: give the school's id, as `school list` shows it")
	case !p.known.All[id]:
		p.fault(r, School, "there is no school of this id: see `school list`, or add it with `school add`")
	case !p.known.Asked[id]:
		p.fault(r, School, "the authority asks nothing of this school: make a provision first with `school provision`")
	default:
		p.counts[id]++
		if p.counts[id] == maxAtSchool+1 {
			p.fault(r, School, "more than %d children stand at this school: check the column", maxAtSchool)
		}
		return id
	}
	return ""
}

func (p *parser) mayKnow(r Row) bool {
	switch plain(r.Cells[MayKnow]) {
	case "yes", "y", "true", "1":
		return true
	case "no", "n", "false", "0":
		return false
	}
	if r.Cells[MayKnow] != "" {
		p.fault(r, MayKnow, "it is neither yes nor no (empty means no): write one of them")
	}
	return false
}
