package rest

// A FaultKind says what kind of thing went wrong, so that a caller can choose
// what to do next.
type FaultKind string

// The kinds.
const (
	Down    FaultKind = "down"     // not reached, broken off, too slow, or busy for too long
	Right   FaultKind = "right"    // the MIS refuses the sign-in, or what is asked
	Data    FaultKind = "data"     // an answer is not what it must be
	Setting FaultKind = "settings" // the settings of this agent cannot work
)

// A Fault is what went wrong between the agent and the MIS. It holds nothing of
// an answer, of a query or of a secret.
type Fault struct {
	Kind FaultKind
	// Text is sentences: what was asked, what was wrong, what to do.
	Text string
	// Status is the HTTP status; 0 when there was none.
	Status int
}

// Error is the fault's sentences.
func (f *Fault) Error() string { return f.Text }
