package school

import (
	"errors"

	"rollbridge/agent/delta"
	"rollbridge/agent/identity"
	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/uplink"
)

// A Kind sorts errors by who has to do something; commands end with a code of
// its own for each.
type Kind string

// The kinds. Failed is everything else.
const (
	Failed      Kind = ""
	Refused     Kind = "refused"     // a rule, a hold or a missing yes: a person must act
	Unreachable Kind = "unreachable" // the collector was not reached, or says later
	MIS         Kind = "mis"         // the school's data could not be read
)

// A Fault is an error of a kind, in words that say what to do next.
type Fault struct {
	Kind Kind
	Text string
}

// Error is the text.
func (f *Fault) Error() string { return f.Text }

func refused(text string) error { return &Fault{Kind: Refused, Text: text} }

// KindOf sorts any error of this package and of the steps below it.
func KindOf(err error) Kind {
	var (
		fault *Fault
		away  *uplink.Fault
		later *Later
		data  *mis.Error
	)
	switch {
	case errors.As(err, &fault):
		return fault.Kind
	case errors.As(err, &away), errors.As(err, &later):
		return Unreachable
	case errors.As(err, &data), errors.Is(err, delta.ErrRows):
		return MIS
	case errors.Is(err, identity.ErrMissing), errors.Is(err, outbox.ErrNotReady), errors.Is(err, ErrInUse), errors.Is(err, outbox.ErrInUse):
		return Refused
	}
	return Failed
}
