package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// markInbox decides the batches of the read and those it withdraws, and
// deletes their bodies.
func (k *work) markInbox(ctx context.Context) error {
	for _, row := range k.parts {
		if err := inbox.MarkApplied(ctx, k.tx.Tx, row.ID); err != nil {
			return err
		}
	}
	for _, row := range k.withdrawn {
		if err := inbox.MarkWithdrawn(ctx, k.tx.Tx, row.ID); err != nil {
			return err
		}
	}
	return nil
}

// finish compares the digests, moves the position, and says what became of it
// all.
func (k *work) finish(ctx context.Context) error {
	if k.removals > 0 || k.refused > 0 {
		if err := k.w.DropEmpty(ctx); err != nil {
			return err
		}
	}
	to := k.position
	to.Link, to.State, to.Applied = k.last().Link(), k.w.State, k.now
	to.Year = max(to.Year, k.manifest.Year)
	to.Given, to.Reads = k.given(), k.reads()
	// What was not read, though it is in scope, is as old as it was: a register
	// that a safety stop holds must not look received.
	if !k.datasets[record.DatasetPupil].AsAt.IsZero() {
		to.PupilsAsAt = k.asAt(record.DatasetPupil)
	}
	if !k.datasets[record.DatasetAttendance].AsAt.IsZero() {
		to.AttendanceAsAt = k.asAt(record.DatasetAttendance)
	}
	if k.manifest.Full && k.parts[0].Sequence > to.ResyncAfter {
		to.ResyncAfter = 0
	}
	if err := k.tx.SetRosterUse(ctx, k.school, k.rosterUse()); err != nil {
		return err
	}
	if err := k.compare(ctx, &to); err != nil {
		return err
	}
	if err := k.deliver(ctx, to); err != nil {
		return err
	}
	return k.tx.Advance(ctx, k.position, to)
}

// given is whose the datasets of the school are after this read. One that was
// not read is nobody's: the school has taken it out of what leaves.
func (k *work) given() map[record.Dataset]map[string][]string {
	given := map[record.Dataset]map[string][]string{}
	for d, read := range k.datasets {
		if len(read.Given) > 0 && (store.Ref{Dataset: d}).OfSchool() {
			given[d] = read.Given
		}
	}
	return given
}

// reads are the datasets in scope of this read, each for when what is held of it
// is true: one that could not be read is as old as it was.
func (k *work) reads() map[record.Dataset]time.Time {
	reads := make(map[record.Dataset]time.Time, len(k.datasets))
	for d, read := range k.datasets {
		if record.Fields(d) == nil {
			continue // of a newer agent; its name is not kept in clear
		}
		reads[d] = k.position.Reads[d]
		if !read.AsAt.IsZero() {
			reads[d] = k.asAt(d)
		}
	}
	return reads
}

// rosterUse is what the agent made of the rosters at this read.
func (k *work) rosterUse() (used []store.RosterUse) {
	for _, u := range k.manifest.Roster {
		used = append(used, store.RosterUse{RosterUse: u, AsAt: k.asAt(record.DatasetPupil)})
	}
	return used
}

// fullAgain is how long a full batch that did not bring the digests together
// is left alone, so that a fault in a program does not become a storm.
const fullAgain = 24 * time.Hour

// compare asks for a full batch where agent and collector do not hold the
// same, unless one is awaited already.
func (k *work) compare(ctx context.Context, to *store.Position) error {
	if k.w.State == k.manifest.State || to.ResyncAfter > 0 {
		return nil
	}
	if k.manifest.Full {
		k.Log.Error("a full batch did not bring agent and collector to the same digest", logkey.School, k.school, logkey.Sequence, to.Link.Sequence)
		last, err := k.tx.LastStatement(ctx, store.AddressOf(k.agent), protocol.KindRefusal)
		if err == nil && clock.Now().Sub(last.Issued) < fullAgain {
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	to.ResyncAfter = k.head.Sequence
	return resync(ctx, k.tx, k.Applier, k.agent, to.ResyncAfter, whyDigest)
}

func (k *work) deliver(ctx context.Context, to store.Position) error {
	d := store.Delivery{
		First: k.position.Link.Sequence + 1, Full: k.manifest.Full, Received: k.last().Received, Applied: k.now,
		Upserts: k.upserts, Removals: k.removals, Refused: k.refused, Unchanged: k.unchanged, AttendanceAsAt: to.AttendanceAsAt,
	}
	for _, row := range k.parts {
		d.Bytes += row.Bytes
	}
	if err := k.w.Deliver(ctx, d); err != nil {
		return err
	}
	details, err := k.details()
	if err != nil {
		return err
	}
	o := protocol.Outcome{First: d.First, Last: to.Link.Sequence, Digest: to.Link.Digest,
		Applied: k.upserts + k.unchanged, Removed: k.removals, Refused: k.refused, Details: details, Holds: k.held}
	_, err = k.tx.Issue(ctx, k.Control, store.AddressOf(k.agent), protocol.KindOutcome, o)
	return err
}

// maxDetails bounds the list of refused records in a statement, which holds at
// most protocol.MaxSignedBytes and encodes it twice in base64.
const maxDetails = 400 << 10

// details seals the list of refused records to the agent. A list that is too
// long is cut: the count says so, and a full batch brings the rest again.
func (k *work) details() ([]byte, error) {
	list := k.quarantined
	for len(list) > 0 {
		text, err := json.Marshal(list)
		if err != nil {
			return nil, fmt.Errorf("list refused records: %w", err)
		}
		if len(text) > maxDetails {
			list = list[:len(list)/2]
			continue
		}
		to, err := envelope.ParsePublicKey(k.agent.Receive)
		if err != nil {
			return nil, err
		}
		digest := k.last().Digest
		return envelope.SealTo(to, protocol.PurposeRefused, digest[:], text)
	}
	return nil, nil
}

// setAside keeps an unreadable batch as it is and asks for a full one, once.
func (a *Applier) setAside(ctx context.Context, at store.Position, bad *unreadable) error {
	err := a.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Claim(ctx, at); err != nil {
			return err
		}
		if err := inbox.MarkSetAside(ctx, tx.Tx, bad.row.ID); err != nil {
			return err
		}
		if bad.row.Sequence <= at.ResyncAfter {
			return nil // a full batch that takes this one back is awaited already
		}
		agent, err := tx.Agent(ctx, at.Agent)
		if err != nil {
			return err
		}
		head, err := inbox.Head(ctx, tx.Tx, at.School, agent.ID, agent.Generation)
		if err != nil {
			return err
		}
		to := at
		to.ResyncAfter = head.Sequence
		if err := resync(ctx, tx, a, agent, to.ResyncAfter, bad.why); err != nil {
			return err
		}
		return tx.Advance(ctx, at, to)
	})
	if err != nil {
		return err
	}
	a.Log.Error("a batch cannot be read; it is set aside and a full one asked for", logkey.School, at.School,
		logkey.Sequence, bad.row.Sequence, logkey.Reason, bad.why, logkey.Error, bad.cause)
	return nil
}

func resync(ctx context.Context, tx *store.Tx, a *Applier, agent store.Agent, after uint64, why string) error {
	_, err := tx.Issue(ctx, a.Control, store.AddressOf(agent), protocol.KindRefusal,
		protocol.Refusal{Reason: protocol.RefusalResync, After: after, Why: why})
	return err
}
