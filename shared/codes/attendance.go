package codes

import (
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Regime is a list of attendance codes with its meanings and counting rules. C, D, J and Y mean different things in
// different regimes, so a mark is always read in the regime of its own nation and session date.
type Regime string

// The regimes of the list.
const (
	RegimeEngland2024 Regime = "ENG-2024" // SI 2024/208, from 19 August 2024
	RegimeEngland2006 Regime = "ENG-2006" // history, to 18 August 2024
	RegimeWales2010   Regime = "WAL-2010" // unconfirmed: warn on it, never refuse
)

// england2024 is the first day of SI 2024/208.
var england2024 = time.Date(2024, time.August, 19, 0, 0, 0, 0, time.UTC)

// RegimeFor is the regime of a session: nation is [NationEngland] or [NationWales] (spaces and case do not matter), day the
// calendar day of the session in its own zone, not today. It is empty for another nation, and no code is known there.
func RegimeFor(nation string, day time.Time) Regime {
	switch n := strings.TrimSpace(nation); {
	case strings.EqualFold(n, NationWales):
		return RegimeWales2010
	case !strings.EqualFold(n, NationEngland):
		return ""
	case civil(day).Before(england2024):
		return RegimeEngland2006
	default:
		return RegimeEngland2024
	}
}

// The values of [Mark].Category, the statistical categories of the DfE. Not possible and administrative sessions are left
// out of the denominator.
const (
	CategoryPresent          = "present"
	CategoryApprovedActivity = "approved_educational_activity"
	CategoryAuthorised       = "authorised_absence"
	CategoryUnauthorised     = "unauthorised_absence"
	CategoryNotPossible      = "not_possible"
	CategoryAdministrative   = "administrative"
)

// Mark is the meaning of an attendance code in one regime over a range of days.
type Mark struct {
	Regime   Regime
	Code     string // one or two characters
	Label    string
	Category string // one of the Category constants
	// Possible counts the session in the denominator of attendance, Attended in the numerator.
	Possible, Attended bool
	// Confirmed is false where the source is uncertain: warn, never refuse.
	Confirmed bool
	// ReplacedBy are the codes of the next regime that took over; several mean that no one code can be chosen.
	ReplacedBy []string
	// ValidFrom and ValidTo are the first and last day, midnight UTC; zero is open.
	ValidFrom, ValidTo time.Time
}

type markKey struct {
	regime Regime
	code   string
}

// Taken reports whether a register cell holds a mark. Empty and "-" mean that the register is not yet taken: not a code, and
// never an absence.
func Taken(code string) bool {
	c := strings.TrimSpace(code)
	return c != "" && c != "-"
}

// LookupMark finds what an exact code (case matters, spaces are not trimmed) meant in a regime on the calendar day of day.
// False means that the regime did not have the code that day: a withdrawn or local code, to be kept raw and warned about.
func LookupMark(r Regime, code string, day time.Time) (Mark, bool) {
	for _, m := range data().marks[markKey{r, code}] {
		if within(day, m.ValidFrom, m.ValidTo) {
			m.ReplacedBy = slices.Clone(m.ReplacedBy)
			return m, true
		}
	}
	return Mark{}, false
}

func loadMarks(files fs.FS) (map[markKey][]Mark, error) {
	all := map[markKey][]Mark{}
	err := eachRow(files, "data/attendance_codes.csv", func(r *row) error {
		m := Mark{
			Regime: Regime(r.word("regime", string(RegimeEngland2024), string(RegimeEngland2006), string(RegimeWales2010))),
			Code:   r.need("code"),
			Label:  r.need("label"),
			Category: r.word("statistical_category", CategoryPresent, CategoryApprovedActivity, CategoryAuthorised,
				CategoryUnauthorised, CategoryNotPossible, CategoryAdministrative),
			Possible:   r.yes("counts_in_possible"),
			Attended:   r.yes("counts_as_attended"),
			Confirmed:  r.yes("confirmed"),
			ReplacedBy: r.list("replaced_by"),
			ValidFrom:  r.from("valid_from"),
			ValidTo:    r.to("valid_to"),
		}
		if len(m.Code) > 2 {
			r.fail("code", "has more than two characters")
		}
		if m.Attended && !m.Possible {
			r.fail("counts_as_attended", "is Y for a session that is not possible")
		}
		key := markKey{m.Regime, m.Code}
		for _, other := range all[key] {
			if m.ValidFrom.IsZero() || within(m.ValidFrom, other.ValidFrom, other.ValidTo) ||
				within(other.ValidFrom, m.ValidFrom, m.ValidTo) {
				r.fail("valid_from", "overlaps another row of the same code")
			}
		}
		all[key] = append(all[key], m)
		return r.err
	})
	return all, err
}
