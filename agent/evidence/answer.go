package evidence

import (
	"bufio"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/shared/record"
)

// An Answer is what was sent about one child, for the person who answers a
// subject access request. Its JSON is a contract with scripts.
type Answer struct {
	// Since is from when on it is complete.
	Since time.Time `json:"since"`
	Known bool      `json:"known"`
	Sent  []Sending `json:"sent"`
}

// A Sending is what one batch carried of the child of one dataset, to one
// authority.
type Sending struct {
	At        time.Time      `json:"at"`
	Batch     uint64         `json:"batch"`
	Authority string         `json:"authority,omitempty"`
	Dataset   record.Dataset `json:"dataset"`
	Upserts   int            `json:"upserts,omitempty"`
	Removals  int            `json:"removals,omitempty"`
	// State is what the logbook says of the batch.
	State string `json:"state"`
}

// NewAnswer joins what was sent of a child with what the logbook says of the
// batches.
func NewAnswer(t outbox.Trace, s Story) Answer {
	a := Answer{Since: t.Since, Known: t.Known, Sent: []Sending{}}
	for _, b := range t.Batches {
		state := "not in this logbook"
		if known := s.Of(b.Sequence); known != nil {
			state = known.State()
		}
		for _, of := range b.Of {
			a.Sent = append(a.Sent, Sending{b.Sealed, b.Sequence, of.Authority, of.Dataset, of.Upserts, of.Removals, state})
		}
	}
	return a
}

// Write gives the answer as a table, with what the person who answers the
// request should know of it.
func (a Answer) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	switch {
	case !a.Known:
		fmt.Fprintf(out, "Nothing is known to have been sent about this child since %s.\n", moment(a.Since))
		fmt.Fprint(out, "The child was not sent, or has another UPN or id than the one given: try the other of the two.\n")
	case len(a.Sent) == 0:
		fmt.Fprintf(out, "This child is among those who are sent, but nothing about the child was sent since %s.\n", moment(a.Since))
	default:
		a.table(out)
	}
	fmt.Fprintf(out, `
This is kept since %s. What was sent before that is not recorded child by child:
the logbook (`+"`rollbridge-agent log`"+`) has what was sent in all, in counts.
A child whose permanent UPN was replaced by another is two children here: ask for each UPN.
The agent keeps no values of what it sent. The values are in the school's MIS;
`+"`rollbridge-agent preview --full --reveal`"+` shows what would be sent of it today, and the
authority, which received them, answers for what it holds.
`, moment(a.Since))
	return out.Flush()
}

func (a Answer) table(w io.Writer) {
	fmt.Fprintln(w, "What was sent about this child:")
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "day\ttime\tto\twhat\tsent\tremoved\tbatch\tstate")
	day := ""
	for _, s := range a.Sent {
		on := Day(s.At)
		if on == day {
			on = ""
		} else {
			day = on
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", on, clockTime(s.At), AuthorityName(s.Authority, s.Dataset), DatasetName(s.Dataset), s.Upserts, s.Removals, s.Batch, s.State)
	}
	_ = t.Flush() // the bufio.Writer below keeps the error
}
