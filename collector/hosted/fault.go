package hosted

import "errors"

// A Kind says what went wrong, so that a page can say what to do.
type Kind string

// The kinds.
const (
	Off         Kind = "off"         // no agents are hosted here, or none for this school
	Missing     Kind = "missing"     // the program or the directory cannot be used
	Version     Kind = "version"     // the program does not understand, or is not understood
	Stranger    Kind = "stranger"    // the directory holds the agent of another school
	Refused     Kind = "refused"     // the agent says no: not as things stand
	Changed     Kind = "changed"     // what was shown is not what stands there now
	Unreachable Kind = "unreachable" // the agent cannot reach the collector
	MIS         Kind = "mis"         // the school's MIS cannot be read
	Busy        Kind = "busy"        // too much is asked at once
	Slow        Kind = "slow"        // it took too long and was ended
	Large       Kind = "large"       // it said more than is taken
	Failed      Kind = "failed"      // anything else
)

// A Fault is a command that did not do what was asked. Its text is for the log: it says
// what was asked and what the program said, never anything about a child.
type Fault struct {
	Kind Kind
	Text string
}

func (f *Fault) Error() string { return f.Text }

// KindOf is the kind of an error of this package; Failed of any other.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return Failed
}
