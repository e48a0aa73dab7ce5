package update

import (
	"errors"
	"fmt"
	"time"

	"rollbridge/agent/uplink"
	"rollbridge/shared/protocol"
)

// A Fault is why a check or a download came to nothing, in one sentence for the
// person who can do something about it. The agent goes on with the version that
// it has.
type Fault struct {
	Kind protocol.UpdateProblem
	// Text says what happened, Hint what to do.
	Text, Hint string
	err        error
}

// Error is text and hint.
func (f *Fault) Error() string {
	if f.Hint == "" {
		return f.Text
	}
	return f.Text + "; " + f.Hint
}

// Unwrap is the error below, if there is one.
func (f *Fault) Unwrap() error { return f.err }

func fault(k protocol.UpdateProblem, err error, hint, text string, args ...any) *Fault {
	return &Fault{Kind: k, Text: fmt.Sprintf(text, args...), Hint: hint, err: err}
}

const (
	again        = "it is tried again, and the agent goes on as it is"
	tellOperator = "tell the collector's operator; the agent goes on as it is"
)

// exempt is what to ask for where something on the way changes what comes.
func exempt(host string) string {
	return fmt.Sprintf("a web filter or proxy may have put something of its own in the way: ask for %s to be exempted from filtering and inspection", host)
}

// kinds translates why the way out failed.
var kinds = map[uplink.FaultKind]protocol.UpdateProblem{
	uplink.ProxyLogin: protocol.UpdateProxy, uplink.ProxySecret: protocol.UpdateProxy, uplink.ProxyCloses: protocol.UpdateProxy,
	uplink.ProxyTicket: protocol.UpdateProxy, uplink.ProxyRefused: protocol.UpdateProxy, uplink.ProxyDown: protocol.UpdateProxy,
	uplink.ProxyScript: protocol.UpdateProxy, uplink.Untrusted: protocol.UpdateTLS, uplink.NotTLS: protocol.UpdateTLS,
	uplink.WrongClock: protocol.UpdateClock,
}

// onTheWay words why the repository was not reached.
func onTheWay(err error) *Fault {
	f := &Fault{Kind: protocol.UpdateUnreachable, Text: "the repository of updates was not reached", Hint: again, err: err}
	if way, ok := errors.AsType[*uplink.Fault](err); ok {
		f.Text, f.Hint = "no update could be looked for: "+way.Text, way.Hint
		if k, known := kinds[way.Kind]; known {
			f.Kind = k
		}
	}
	return f
}

// day is a date for a person.
func day(t time.Time) string { return t.In(london).Format("2 January 2006") }

// minute is a time for a person.
func minute(t time.Time) string { return t.In(london).Format("2 January 2006 15:04") }
