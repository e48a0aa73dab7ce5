package outbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func TestABatchFromSealToOutcome(t *testing.T) {
	a := enrolled(t, t.TempDir())
	if reason, err := a.FullReason(); err != nil || reason != outbox.FullFirst {
		t.Fatalf("before anything was sealed a full batch is needed because of %q, %v", reason, err)
	}
	a.seal(t, true, 0, 5, 1)
	a.seal(t, false, 3, 4, 2)
	a.healthy(t)
	item, found, err := a.Next()
	if err != nil || !found || item.Sequence != 1 || !item.Full {
		t.Fatalf("Next = %+v, %v, %v; want batch 1", item.Link, found, err)
	}
	e, err := envelope.Parse(item.Envelope)
	ok(t, err)
	plain, err := e.Open(sealingKey)
	ok(t, err)
	var m protocol.Manifest
	ops := 0
	ok(t, protocol.ReadBody(plain, &m, func(protocol.Op) error { ops++; return nil }))
	if ops != 5 || !m.Full {
		t.Errorf("batch 1 holds %d operations", ops)
	}
	last := a.deliver(t)
	ok(t, a.Receipted(last, receiptOf(t, last))) // a repeated receipt
	if n, err := a.Waiting(); err != nil || n != 0 || last.Sequence != 2 {
		t.Fatalf("%d batches wait after batch %d, %v", n, last.Sequence, err)
	}
	signed, st, o := outcomeOf(t, last, 10)
	refused := []protocol.RefusedRecord{{Dataset: record.DatasetPupil, Key: record.Key(record.NewPupilID(idKey, "3")), Reasons: []string{"dob"}},
		{Dataset: record.DatasetPupil, Key: "nonsense"}}
	ok(t, a.ApplyOutcome(signed, st, o, refused))
	ok(t, a.ApplyOutcome(signed, st, o, nil)) // not fresh: changes nothing
	if kept, err := a.Kept(); err != nil || len(kept) != 0 {
		t.Errorf("%d envelopes are kept after the outcome, %v", len(kept), err)
	}
	if links, err := a.Unoutcomed(); err != nil || len(links) != 0 {
		t.Errorf("%d batches have no outcome, %v", len(links), err)
	}
	if n, err := a.Refused(); err != nil || n[record.DatasetPupil] != 1 {
		t.Errorf("refused: %v, %v", n, err)
	}
	a.seal(t, false, 3, 1, 3)
	if n, err := a.Refused(); err != nil || n[record.DatasetPupil] != 0 {
		t.Errorf("refused after the record changed: %v, %v", n, err)
	}
	sum := a.healthy(t)
	if sum.Receipted != 2 || sum.Outcomed != 2 || len(sum.Sealed) != 3 {
		t.Errorf("the logbook shows %d receipts, %d outcomes, %d batches", sum.Receipted, sum.Outcomed, len(sum.Sealed))
	}
	a.close(t)
	a.close(t)
}

func TestAnUnchangedSyncIsSmall(t *testing.T) {
	a := enrolled(t, t.TempDir())
	a.seal(t, true, 0, 3000, 1)
	items := a.seal(t, false, 0, 0, 1)
	if len(items) != 1 || items[0].Size >= 4096 {
		t.Fatalf("%d envelopes of %d bytes", len(items), items[0].Size)
	}
}

func TestWrongStatementsChangeNothing(t *testing.T) {
	a := enrolled(t, t.TempDir())
	a.seal(t, true, 0, 1, 1)
	foreign := envelope.Link{Sequence: 1, Digest: envelope.Digest{1}}
	signed, st, o := outcomeOf(t, foreign, 5)
	zeroSigned, zeroSt, zero := outcomeOf(t, envelope.Link{}, 5)
	_, err := a.Rewind(foreign)
	for what, err := range map[string]error{
		"outcome": a.ApplyOutcome(signed, st, o, nil), "empty outcome": a.ApplyOutcome(zeroSigned, zeroSt, zero, nil),
		"receipt": a.Receipted(foreign, receiptOf(t, foreign)), "attempt": a.Attempted(foreign), "rewind": err,
		"full": a.NeedFull(outbox.FullRestored, &foreign),
	} {
		if !errors.Is(err, outbox.ErrForeign) {
			t.Errorf("%s: %v; want ErrForeign", what, err)
		}
	}
	f, err := a.Facts()
	if err != nil || f.Serials[protocol.KindOutcome] != 0 || f.Full != nil || f.LastReceipt != nil {
		t.Errorf("facts changed: %+v, %v", f, err)
	}
	a.healthy(t)
}

func TestSealRefuses(t *testing.T) {
	a := enrolled(t, t.TempDir())
	a.seal(t, true, 0, 1, 1)
	s, err := a.Snapshot()
	ok(t, err)
	a.seal(t, false, 0, 1, 2)
	if _, err := a.Seal(delta.Result{Base: s.Base}, agentKey); !errors.Is(err, outbox.ErrMoved) {
		t.Errorf("a result of an older state: %v; want ErrMoved", err)
	}
	ok(t, a.Update(func(f *outbox.Facts) error { f.SealingKey = protocol.SealingKey{}; return nil }))
	if _, err := a.trySeal(false, 0, 1, 3); !errors.Is(err, outbox.ErrNotReady) {
		t.Errorf("without a sealing key: %v; want ErrNotReady", err)
	}
	a.healthy(t)
}

func TestUpdateUndoesOnError(t *testing.T) {
	a := enrolled(t, t.TempDir())
	want := errors.New("no")
	err := a.Update(func(f *outbox.Facts) error { f.School = "changed"; return want }, outbox.Entry{Event: outbox.EventScope})
	if !errors.Is(err, want) {
		t.Fatalf("Update = %v", err)
	}
	if f, err := a.Facts(); err != nil || f.School != "" || a.book.Next() != 2 {
		t.Errorf("school %q, next entry %d, %v; want nothing changed", f.School, a.book.Next(), err)
	}
}

func TestPartsAreOneTransaction(t *testing.T) {
	a := enrolled(t, t.TempDir())
	a.seal(t, true, 0, 1, 1)
	items := a.seal(t, true, 0, 25_000, 2)
	if len(items) < 2 {
		t.Fatalf("%d parts", len(items))
	}
	for i, item := range items {
		e, err := envelope.Parse(item.Envelope)
		ok(t, err)
		if item.Part != i+1 || item.Parts != len(items) || len(e.Header.Withdrawn) != 1 || e.Header.Withdrawn[0].Sequence != 1 {
			t.Errorf("part %d is %d of %d and withdraws %d batches", i+1, item.Part, item.Parts, len(e.Header.Withdrawn))
		}
	}
	if kept, err := a.Kept(); err != nil || len(kept) != len(items) {
		t.Errorf("%d envelopes kept, want the %d parts: what a full batch withdraws is not sent", len(kept), len(items))
	}
	a.healthy(t)
}

func TestCounterRisesAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	a := enrolled(t, dir)
	last := uint64(0)
	for range 3 {
		for range 100 {
			n, err := a.Counter()
			if err != nil || n <= last {
				t.Fatalf("Counter = %d after %d, %v", n, last, err)
			}
			last = n
		}
		a.close(t)
		a = open(t, dir)
	}
	if last > 3*100+3*64 {
		t.Errorf("the counter is %d after 300 attempts", last)
	}
}

func TestKeptTooLong(t *testing.T) {
	a := enrolled(t, t.TempDir())
	a.seal(t, true, 0, 1, 1)
	a.deliver(t)
	if reason, err := a.FullReason(); err != nil || reason != "" {
		t.Fatalf("FullReason = %q, %v", reason, err)
	}
	ok(t, a.Age(outbox.KeepFor+time.Minute))
	if reason, err := a.FullReason(); err != nil || reason != outbox.FullTooOld {
		t.Fatalf("FullReason = %q, %v; want too_old", reason, err)
	}
	a.seal(t, true, 0, 1, 1)
	if reason, err := a.FullReason(); err != nil || reason != "" {
		t.Fatalf("FullReason = %q after a full batch, %v", reason, err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	a := enrolled(t, t.TempDir())
	ok(t, a.Fill(outbox.MaxWaiting-1))
	a.seal(t, false, 0, 1, 1)
	if _, err := a.trySeal(false, 0, 1, 2); !errors.Is(err, outbox.ErrQueueFull) {
		t.Fatalf("Seal = %v; want ErrQueueFull", err)
	}
	// A full batch takes them all back: it may be the only way out.
	items := a.seal(t, true, 0, 1, 2)
	e, err := envelope.Parse(items[0].Envelope)
	ok(t, err)
	if n := len(e.Header.Withdrawn); n != outbox.MaxWaiting {
		t.Errorf("the full batch withdraws %d of %d", n, outbox.MaxWaiting)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	a := enrolled(t, t.TempDir())
	start := time.Now()
	_, err := outbox.Open(a.dir, a.book, outbox.Options{Wait: time.Millisecond})
	if !errors.Is(err, outbox.ErrInUse) || time.Since(start) > time.Minute {
		t.Fatalf("Open = %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if _, err := outbox.Open(dir, nil, outbox.Options{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Open of nothing = %v", err)
	}
	a := enrolled(t, dir)
	a.seal(t, true, 0, 1, 1)
	a.close(t)
	before, err := os.ReadFile(filepath.Join(dir, outbox.FileName))
	ok(t, err)
	r, err := outbox.Open(dir, nil, outbox.Options{ReadOnly: true})
	ok(t, err)
	if _, found, err := r.Next(); err != nil || !found {
		t.Errorf("Next = %v, %v", found, err)
	}
	if err := r.Log(outbox.Entry{Event: outbox.EventPaused}); err == nil {
		t.Error("a read-only outbox was written")
	}
	ok(t, r.Close())
	after, err := os.ReadFile(filepath.Join(dir, outbox.FileName))
	if err != nil || !bytes.Equal(before, after) {
		t.Error("looking changed the file")
	}
}

// TestTruncated cuts the file at many lengths: a clear error, never a crash.
func TestTruncated(t *testing.T) {
	dir := t.TempDir()
	a := enrolled(t, dir)
	a.seal(t, true, 0, 200, 1)
	a.close(t)
	whole, err := os.ReadFile(filepath.Join(dir, outbox.FileName))
	ok(t, err)
	cuts := []int{1, 100, 4095, 4096, 8191, 8192, 12288, len(whole) / 2}
	for _, cut := range cuts {
		ok(t, os.WriteFile(filepath.Join(dir, outbox.FileName), whole[:cut], 0o600))
		_, err := outbox.Open(dir, a.book, outbox.Options{})
		if !errors.Is(err, outbox.ErrDamaged) || !strings.Contains(fmt.Sprint(err), "enrol this school again") {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	ok(t, os.WriteFile(filepath.Join(dir, outbox.FileName), bytes.Repeat([]byte("no bolt "), 8192), 0o600))
	if _, err := outbox.Open(dir, a.book, outbox.Options{}); !errors.Is(err, outbox.ErrDamaged) {
		t.Errorf("another file: %v", err)
	}
}

func TestFsckFinds(t *testing.T) {
	for name, spoil := range outbox.Spoilers() {
		a := enrolled(t, t.TempDir())
		a.seal(t, true, 0, 3, 1)
		a.deliver(t)
		a.seal(t, false, 0, 1, 2)
		sum := a.healthy(t)
		logged := sum.Sealed
		ok(t, a.Spoil(spoil))
		wrong, err := a.Fsck(publicKey, logged)
		if err != nil || len(wrong) == 0 {
			t.Errorf("%s: fsck found nothing, %v", name, err)
		}
		if slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, string(record.NewPupilID(idKey, "1"))) }) {
			t.Errorf("%s: fsck names a pupil's id", name)
		}
	}
	a := enrolled(t, t.TempDir())
	first := a.seal(t, true, 0, 3, 1)[0].Link
	for name, logged := range map[string][]envelope.Link{
		"cut":   nil,
		"other": {{Sequence: 1, Digest: envelope.Digest{1}}},
		"ahead": {first, {Sequence: 2, Digest: envelope.Digest{1}}},
	} {
		if wrong, err := a.Fsck(publicKey, logged); err != nil || (len(wrong) == 0) {
			t.Errorf("logbook %s: fsck found %q, %v", name, wrong, err)
		}
	}
}

// TestRewindToAFullBatch: the batch after the collector's head is gone, but a
// full one that withdraws the head is kept, so nothing need be read again.
func TestRewindToAFullBatch(t *testing.T) {
	a := enrolled(t, t.TempDir())
	first := a.seal(t, true, 0, 1, 1)[0].Link
	a.seal(t, false, 0, 1, 2)
	a.deliver(t)
	ok(t, a.NeedFull(outbox.FullResync, nil))
	full := a.seal(t, true, 0, 1, 3)[0].Link
	a.deliver(t)
	if kept, err := a.Rewind(first); err != nil || !kept {
		t.Fatalf("Rewind = %v, %v; want the full batch again", kept, err)
	}
	if item, found, err := a.Next(); err != nil || !found || item.Link != full {
		t.Errorf("Next = batch %d, %v, %v; want the full batch %d", item.Sequence, found, err, full.Sequence)
	}
	sum := a.healthy(t)
	a.deliver(t)
	if again := a.healthy(t); again.Entries != sum.Entries {
		t.Errorf("%d entries after the second receipt, %d before: the same receipt is logged twice", again.Entries, sum.Entries)
	}
}

// A collector that stands where the agent stands needs nothing again.
func TestRewindToTheHead(t *testing.T) {
	a := enrolled(t, t.TempDir())
	head := a.seal(t, true, 0, 1, 1)[0].Link
	a.deliver(t)
	if kept, err := a.Rewind(head); err != nil || !kept {
		t.Errorf("Rewind = %v, %v; a full batch would be sent for nothing", kept, err)
	}
	if item, found, err := a.Next(); err != nil || found {
		t.Errorf("Next = batch %d, %v, %v; want nothing to send", item.Sequence, found, err)
	}
}
