package check

import "slices"

// A State is how a line is to be taken.
type State string

// The states.
const (
	OK      State = "ok"
	Warn    State = "warn"    // it works; a person should look
	Bad     State = "bad"     // it does not work, and a person must act
	Untried State = "untried" // it was not looked at, and the line says why
)

// Mark is what a person sees of a state.
func (s State) Mark() string {
	switch s {
	case OK:
		return "✓"
	case Warn:
		return "!"
	case Bad:
		return "✗"
	}
	return "–"
}

// A Line is what was found of one thing. Its JSON is a contract with scripts.
type Line struct {
	// ID names the thing, Subject which of several (a dataset, a view).
	ID      ID     `json:"id"`
	Subject string `json:"subject,omitempty"`
	State   State  `json:"state"`
	// Cause is from the list of the id.
	Cause Cause `json:"cause"`
	// What was found, Do what to do about it, Whom to ask.
	What string `json:"what"`
	Do   string `json:"do,omitempty"`
	Whom string `json:"whom,omitempty"`
	// Number is a count or a number of seconds, where the cause has one.
	Number int64 `json:"number,omitempty"`
}

// A Report is the result of a check.
type Report struct {
	Lines []Line `json:"lines"`
	// Worst is the worst state of all lines.
	Worst State `json:"worst"`
}

// order is that of States from the best to the worst.
var order = []State{OK, Untried, Warn, Bad}

// NewReport puts lines into the order of the list and names the worst.
func NewReport(lines []Line) Report {
	r := Report{Lines: slices.Clone(lines), Worst: OK}
	slices.SortStableFunc(r.Lines, func(a, b Line) int { return place(a.ID) - place(b.ID) })
	for _, l := range r.Lines {
		if slices.Index(order, l.State) > slices.Index(order, r.Worst) {
			r.Worst = l.State
		}
	}
	return r
}
