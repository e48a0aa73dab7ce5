package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A Story is a logbook as people ask about it: what happened to one batch is
// joined into one event.
type Story struct {
	Events []Event
	// Batches in the order in which they were sealed.
	Batches []*Batch

	parts map[uint64]*Batch // by the sequence of each part
}

// An Event is one thing that happened. Batch is set for a batch, whose event
// stands where it was sealed.
type Event struct {
	At    time.Time
	Kind  outbox.Event
	Batch *Batch

	data json.RawMessage
}

// A Batch is what one read gave to send, in all its parts, and what became of
// it.
type Batch struct {
	First, Last uint64 // sequences of its parts
	Parts       int
	Full        bool
	Bytes       int
	Scope       string
	Profile     string // empty in entries of earlier versions
	Counts      []delta.Count
	Roster      []protocol.RosterUse

	Sealed   time.Time
	Sent     time.Time // of the first attempt of any part; zero if there was none
	Receipts int       // parts with a receipt
	Received time.Time // when the newest receipt was signed
	// Outcome is nil until the collector has decided; Settled is when.
	Outcome *protocol.Outcome
	Settled time.Time
	// WithdrawnBy is the batch that took this one back, nil if none did.
	WithdrawnBy *Batch
}

// ReadStory reads a logbook. It verifies nothing: logbook.Verify does. Errors
// wrap logbook.ErrFormat where it is none.
func ReadStory(r io.Reader) (Story, error) {
	s := Story{parts: map[uint64]*Batch{}}
	err := logbook.Read(r, func(l logbook.Line) error {
		if err := s.take(l); err != nil {
			return fmt.Errorf("read entry %d of the logbook: %w", l.N, err)
		}
		return nil
	})
	return s, err
}

// errData is returned for an entry that is not of its event's form.
var errData = errors.New("it is not understood; a newer version may be needed, or the file was changed: verify it with `rollbridge-agent log --verify`")

func (s *Story) take(l logbook.Line) error {
	var err error
	switch l.Event {
	case outbox.EventSealed:
		err = s.sealed(l)
	case outbox.EventAttempted:
		var link envelope.Link
		if err = json.Unmarshal(l.Data, &link); err == nil {
			if b := s.parts[link.Sequence]; b != nil && b.Sent.IsZero() {
				b.Sent = l.Time
			}
		}
	case outbox.EventReceipted:
		err = s.receipted(l)
	case outbox.EventOutcome:
		err = s.settled(l)
	case outbox.EventWithdrawn:
		err = s.withdrawn(l)
	default:
		s.Events = append(s.Events, Event{At: l.Time, Kind: l.Event, data: l.Data})
	}
	if err != nil {
		return errData
	}
	return nil
}

func (s *Story) sealed(l logbook.Line) error {
	var d outbox.Sealed
	if err := json.Unmarshal(l.Data, &d); err != nil {
		return err
	}
	var b *Batch
	if n := len(s.Batches); d.Part > 1 && n > 0 && s.Batches[n-1].Last+1 == d.Sequence {
		b = s.Batches[n-1]
	} else {
		b = &Batch{First: d.Sequence, Parts: max(d.Parts, 1), Full: d.Full, Scope: d.Scope, Profile: d.Profile, Counts: d.Counts, Roster: d.Roster, Sealed: l.Time}
		s.Batches = append(s.Batches, b)
		s.Events = append(s.Events, Event{At: l.Time, Kind: l.Event, Batch: b, data: l.Data})
	}
	b.Last, b.Bytes = d.Sequence, b.Bytes+d.Bytes
	s.parts[d.Sequence] = b
	return nil
}

func (s *Story) receipted(l logbook.Line) error {
	var d outbox.Receipted
	var receipt protocol.Receipt
	if err := errors.Join(json.Unmarshal(l.Data, &d), json.Unmarshal(d.Receipt.Payload, &receipt)); err != nil {
		return err
	}
	if b := s.parts[d.Sequence]; b != nil {
		b.Receipts = min(b.Receipts+1, b.Parts)
		b.Received = receipt.Received
	}
	return nil
}

func (s *Story) settled(l logbook.Line) error {
	var signed protocol.Signed
	var st protocol.Statement
	var o protocol.Outcome
	if err := json.Unmarshal(l.Data, &signed); err != nil {
		return err
	}
	if err := json.Unmarshal(signed.Payload, &st); err != nil {
		return err
	}
	if err := json.Unmarshal(st.Body, &o); err != nil {
		return err
	}
	for _, b := range slices.Backward(s.Batches) {
		if b.Last < o.First {
			break
		}
		if b.Last <= o.Last && b.Outcome == nil {
			b.Outcome, b.Settled = &o, l.Time
		}
	}
	return nil
}

func (s *Story) withdrawn(l logbook.Line) error {
	var w outbox.Withdrawn
	if err := json.Unmarshal(l.Data, &w); err != nil {
		return err
	}
	by := s.parts[w.By.Sequence]
	for _, link := range w.Batches {
		if b := s.parts[link.Sequence]; b != nil && b != by {
			b.WithdrawnBy = by
		}
	}
	return nil
}

// Of is the batch that a sequence is part of, nil if the logbook has none.
func (s *Story) Of(sequence uint64) *Batch { return s.parts[sequence] }
