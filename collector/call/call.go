package call

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// An Outcome is what came of a call.
type Outcome string

// The outcomes.
const (
	Marked      Outcome = "marked"       // the school gave marks by phone
	Absent      Outcome = "absent"       // the school said why children are absent
	Reached     Outcome = "reached"      // the school was reached, and will see to it
	NoAnswer    Outcome = "no_answer"    // nobody answered
	WrongNumber Outcome = "wrong_number" // the number is not the school's
	Other       Outcome = "other"        // anything else; the note says what
)

// Outcomes lists the outcomes as a form offers them.
func Outcomes() []Outcome { return []Outcome{Marked, Absent, Reached, NoAnswer, WrongNumber, Other} }

// Settles says whether nothing more is to be done about what the call was about,
// unless somebody is to call again.
func (o Outcome) Settles() bool { return o == Marked || o == Absent || o == Reached }

// A Child is one that a call was about, with the mark that the school gave by
// phone: a code of the DfE, empty if it gave none.
type Child struct {
	Pupil record.PupilID `json:"pupil"`
	Mark  string         `json:"mark,omitempty"`
}

// The longest reason and note, in characters.
const (
	MaxReason = 200
	MaxNote   = 1000
)

// A Call is one call to a school, or a correction of one.
type Call struct {
	// ID is made by NewID before the call is recorded, so that the same form sent
	// twice is one call.
	ID                string
	School, Authority string
	// Day and Session are the register that the call is about.
	Day     record.Date
	Session status.Session
	Outcome Outcome
	// Children are those concerned; none means the school as a whole.
	Children []Child
	// Reason is why children are absent, Note anything else. Both are free text.
	Reason, Note string
	// FollowUp is when somebody is to call again; zero if nobody is.
	FollowUp time.Time
	// By is the id of the person who called, ByName the name, At when it was
	// recorded.
	By, ByName string
	At         time.Time
	// Corrects is the call that this one takes the place of, Corrected says that
	// another takes the place of this one.
	Corrects  string
	Corrected bool
}

// LogValue is one fixed word.
func (c Call) LogValue() slog.Value { return slog.StringValue("[call]") }

// Format is one fixed word for every verb.
func (c Call) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[call]") }

// Settled says whether the call ended what it was about, that day: whom somebody is
// to call again on a later one comes back then.
func (c Call) Settled() bool {
	return c.Outcome.Settles() && !c.Corrected && (c.FollowUp.IsZero() || record.DateOf(c.FollowUp.In(status.London())) > c.Day)
}

// About says whether the call was about a child.
func (c Call) About(pupil record.PupilID) bool {
	return slices.ContainsFunc(c.Children, func(o Child) bool { return o.Pupil == pupil })
}

// NewID makes the id of a call that is not recorded yet.
func NewID() string {
	b := make([]byte, 16)
	// crypto/rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// A Fault is one thing that is wrong with what was typed, by the field it
// belongs to.
type Fault struct {
	Field string // outcome, children, reason, note, follow_up
	What  string // a word of a closed list
}

// A FaultError says why a call cannot be recorded.
type FaultError struct{ Faults []Fault }

func (e *FaultError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Field + ": " + f.What
	}
	return "the call cannot be recorded: " + strings.Join(texts, ", ")
}

// The words of Fault.What.
const (
	FaultMissing  = "missing"
	FaultUnknown  = "unknown"
	FaultTooLong  = "too_long"
	FaultCode     = "code"     // no code of the register on that day
	FaultMark     = "mark"     // a mark was given, but nobody answered
	FaultPast     = "past"     // a time to call again that has gone
	FaultTooLate  = "too_late" // a time to call again more than a month away
	FaultControls = "controls" // characters that are no text
)

// followUpWithin bounds how far away a time to call again may be.
const followUpWithin = 31 * 24 * time.Hour

// check looks at what was typed at now.
func (c Call) check(now time.Time) error {
	var faults []Fault
	add := func(field, what string, is bool) {
		if is {
			faults = append(faults, Fault{field, what})
		}
	}
	spoke := c.Outcome.Settles() || c.Outcome == Other
	marks := slices.ContainsFunc(c.Children, func(o Child) bool { return o.Mark != "" })
	add("outcome", FaultMissing, c.Outcome == "")
	add("outcome", FaultUnknown, c.Outcome != "" && !slices.Contains(Outcomes(), c.Outcome))
	add("children", FaultMissing, !marks && c.Outcome == Marked)
	add("children", FaultMissing, len(c.Children) == 0 && c.Outcome == Absent)
	add("children", FaultMark, marks && c.Outcome != "" && !spoke)
	for _, o := range c.Children {
		add("children", FaultCode, o.Mark != "" && !IsCode(c.Authority, c.Day, o.Mark))
	}
	add("reason", FaultMissing, c.Outcome == Absent && c.Reason == "" && !allMarked(c.Children))
	add("note", FaultMissing, c.Outcome == Other && c.Note == "")
	for _, f := range []struct {
		field, text string
		most        int
	}{{"reason", c.Reason, MaxReason}, {"note", c.Note, MaxNote}} {
		add(f.field, FaultTooLong, utf8.RuneCountInString(f.text) > f.most)
		add(f.field, FaultControls, !isText(f.text))
	}
	add("follow_up", FaultPast, !c.FollowUp.IsZero() && !c.FollowUp.After(now))
	add("follow_up", FaultTooLate, c.FollowUp.After(now.Add(followUpWithin)))
	if len(faults) > 0 {
		return &FaultError{slices.Compact(faults)}
	}
	if !idForm.MatchString(c.ID) || c.School == "" || c.Authority == "" || c.By == "" || c.At.IsZero() || c.Day.Time().IsZero() ||
		c.Session != status.AM && c.Session != status.PM {
		return ErrIncomplete
	}
	return nil
}

// allMarked says whether each child has a mark, which says why it is absent.
func allMarked(children []Child) bool {
	return len(children) > 0 && !slices.ContainsFunc(children, func(o Child) bool { return o.Mark == "" })
}

func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// body is what of a call is sealed.
type body struct {
	Outcome  Outcome `json:"outcome"`
	Children []Child `json:"children,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Note     string  `json:"note,omitempty"`
}

// row is the call as it is stored.
func (c Call) row() (store.Call, error) {
	text, err := json.Marshal(body{c.Outcome, c.Children, c.Reason, c.Note})
	return store.Call{School: c.School, ID: c.ID, Authority: c.Authority, Day: c.Day, Session: c.Session, By: c.By, At: c.At,
		FollowUp: c.FollowUp, Corrects: c.Corrects, Body: text}, err
}

func fromRow(r store.Call) (Call, error) {
	var b body
	if json.Unmarshal(r.Body, &b) != nil {
		return Call{}, fmt.Errorf("a call to %s is damaged: run fsck", r.School)
	}
	return Call{ID: r.ID, School: r.School, Authority: r.Authority, Day: r.Day, Session: r.Session, Outcome: b.Outcome, Children: b.Children,
		Reason: b.Reason, Note: b.Note, FollowUp: r.FollowUp, By: r.By, ByName: r.ByName, At: r.At, Corrects: r.Corrects, Corrected: r.Corrected}, nil
}

// tidy puts what was typed into the form in which two equal calls are equal.
func (c Call) tidy() Call {
	c.Reason, c.Note = strings.TrimSpace(c.Reason), strings.TrimSpace(strings.ReplaceAll(c.Note, "\r\n", "\n"))
	c.FollowUp = c.FollowUp.Truncate(time.Microsecond).UTC()
	c.Children = slices.Clone(c.Children)
	slices.SortFunc(c.Children, func(a, b Child) int { return cmp.Or(cmp.Compare(a.Pupil, b.Pupil), cmp.Compare(a.Mark, b.Mark)) })
	c.Children = slices.CompactFunc(c.Children, func(a, b Child) bool { return a.Pupil == b.Pupil })
	return c
}

// same says whether two forms say the same, whenever they were sent.
func (c Call) same(o Call) bool {
	return c.By == o.By && c.School == o.School && c.Authority == o.Authority && c.Day == o.Day && c.Session == o.Session &&
		c.Outcome == o.Outcome && slices.Equal(c.Children, o.Children) && c.Reason == o.Reason && c.Note == o.Note &&
		c.FollowUp.Equal(o.FollowUp) && c.Corrects == o.Corrects
}

// usual are the codes that a school gives by phone, the usual ones first.
var usual = []string{"/", "\\", "L", "N", "I", "M", "O", "B", "K", "D", "V", "P", "W", "E", "C", "C1", "C2", "J", "J1", "R", "S", "T", "G", "H", "F", "U", "X",
	"Q", "Y", "Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7", "#"}

// Codes are the codes of a session's register, for a school to name one by phone:
// those of the nation of the authority.
func Codes(authority string, day record.Date, session status.Session) (list []codes.Mark) {
	other := map[status.Session]string{status.AM: "\\", status.PM: "/"}[session]
	for _, code := range usual {
		if m, ok := codes.LookupMark(regime(authority, day), code, day.Time()); ok && code != other {
			list = append(list, m)
		}
	}
	return list
}

// IsCode says whether a register of that day has a code.
func IsCode(authority string, day record.Date, code string) bool {
	_, ok := codes.LookupMark(regime(authority, day), code, day.Time())
	return ok
}

func regime(authority string, day record.Date) codes.Regime {
	nation := codes.NationEngland
	if a, ok := codes.LookupAuthority(authority); ok && a.Nation == codes.NationWales {
		nation = a.Nation
	}
	return codes.RegimeFor(nation, day.Time())
}
