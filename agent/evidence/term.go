package evidence

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"rollbridge/shared/record"
)

// A Term is the stretch of days that a statement is about.
type Term struct {
	Name string      `json:"name,omitempty"`
	From record.Date `json:"from"`
	To   record.Date `json:"to"` // the last day, included
}

// termDays are the days of the named terms. Schools' terms differ and Easter
// moves, so that these are whole months, the three of which leave out no day.
var termDays = map[string][2]string{
	"autumn": {"09-01", "12-31"},
	"spring": {"01-01", "03-31"},
	"summer": {"04-01", "08-31"},
}

// TermNote says so to whoever reads a statement of a named term.
const TermNote = "Terms differ from school to school: here autumn is 1 September to 31 December, spring 1 January to 31 March, summer 1 April to 31 August, so that no day is left out."

var errTerm = errors.New("give a term as autumn-2026, spring-2027 or summer-2027, or the days with --from and --to")

// ParseTerm reads a name such as autumn-2026.
func ParseTerm(name string) (Term, error) {
	season, year, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "-")
	days, known := termDays[season]
	if !known || len(year) != 4 {
		return Term{}, errTerm
	}
	t, err := NewTerm(year+"-"+days[0], year+"-"+days[1])
	if err != nil {
		return Term{}, errTerm
	}
	t.Name = season + "-" + year
	return t, nil
}

// NewTerm takes two days, both included.
func NewTerm(from, to string) (Term, error) {
	first, err1 := record.ParseDate(from)
	last, err2 := record.ParseDate(to)
	switch {
	case err1 != nil || err2 != nil:
		return Term{}, errors.New("give both days, such as --from 2026-09-01 --to 2026-12-18")
	case last < first:
		return Term{}, errors.New("the last day lies before the first")
	}
	return Term{From: first, To: last}, nil
}

// Span is the term in time, as England's clocks go.
func (t Term) Span() Span {
	return Span{Since: startOf(t.From), Until: startOf(t.To.AddDays(1))}
}

func startOf(d record.Date) time.Time {
	at := d.Time()
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, london)
}

// Title is "autumn-2026 (1 September to 31 December 2026)".
func (t Term) Title() string {
	from, to := startOf(t.From), startOf(t.To)
	days := from.Format("2 January 2006") + " to " + to.Format("2 January 2006")
	if t.Name == "" {
		return days
	}
	return fmt.Sprintf("%s (%s)", t.Name, days)
}

// File is what a statement's files are called, without their ending.
func (t Term) File() string {
	if t.Name != "" {
		return "rollbridge-statement-" + t.Name
	}
	return fmt.Sprintf("rollbridge-statement-%s-to-%s", t.From, t.To)
}
