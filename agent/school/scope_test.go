package school_test

import (
	"errors"
	"strings"
	"testing"

	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// datasetsIn are those of which a batch says anything, removals among it.
func (w *world) datasetsIn(e *envelope.Envelope) (upserts, removals map[record.Dataset]int) {
	w.t.Helper()
	plain, err := e.Open(w.sealing)
	must(w.t, err)
	upserts, removals = map[record.Dataset]int{}, map[record.Dataset]int{}
	var m protocol.Manifest
	must(w.t, protocol.ReadBody(plain, &m, func(o protocol.Op) error {
		if o.Remove != "" {
			removals[o.Dataset]++
		} else {
			upserts[o.Dataset]++
		}
		return nil
	}))
	return upserts, removals
}

func (w *world) decide(cause outbox.ScopeCause, choices ...string) school.ScopeReport {
	w.t.Helper()
	r, err := w.school.Decide(w.t.Context(), school.ScopeChoice{Cause: cause, Choices: choices})
	must(w.t, err)
	return r
}

func TestDenyIsRemovedAtTheCollector(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	before := w.decide(outbox.ScopeDenied, "933.contact")
	w.sync()
	upserts, removals := w.datasetsIn(w.lastBatch())
	// The collector of this test decides nothing, so this is a full batch.
	if removals[record.DatasetContact] == 0 || len(removals) != 1 || upserts[record.DatasetContact] == 0 {
		t.Errorf("sent %v, removed %v", upserts, removals)
	}
	w.decide(outbox.ScopeDenied, "933", "815")
	w.sync()
	upserts, removals = w.datasetsIn(w.lastBatch())
	if len(upserts) > 0 || removals[record.DatasetPupil] != len(w.mis.LookedAfter()) {
		t.Errorf("with nothing allowed: sent %v, removed %v of %d pupils", upserts, removals, len(w.mis.LookedAfter()))
	}
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	// A yes to what waits brings nothing back that was denied by name.
	if r, _ := w.school.Scope(); r.Hash == before.Hash || len(r.Allowed) > 0 {
		t.Errorf("%+v", r.Allowed)
	}
	w.decide(outbox.ScopeAllowed, "933.pupil")
	w.sync()
	if upserts, removals = w.datasetsIn(w.lastBatch()); upserts[record.DatasetPupil] == 0 || len(upserts) != 1 || len(removals) > 0 {
		t.Errorf("with 933.pupil allowed: sent %v, removed %v", upserts, removals)
	}
}

// What was sealed before a no is not sent after it.
func TestDenyHoldsTheQueueBack(t *testing.T) {
	w := enrolledWorld(t)
	w.down = true
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Unreachable)
	w.decide(outbox.ScopeDenied, "933.contact", "815.contact")
	w.down = false
	if n, err := w.school.Deliver(t.Context()); n > 0 || err == nil || !strings.Contains(err.Error(), "denied") || len(w.batches) > 0 {
		t.Fatalf("%d of the queue were sent: %v", n, err)
	}
	w.sync()
	if len(w.batches) != 1 || len(w.lastBatch().Header.Withdrawn) != 1 {
		t.Fatalf("%d batches came", len(w.batches))
	}
	if upserts, _ := w.datasetsIn(w.lastBatch()); upserts[record.DatasetContact] > 0 || upserts[record.DatasetPupil] == 0 {
		t.Errorf("sent %v", upserts)
	}
	w.sync() // and it goes on as ever
}

// However a read and a no overlap, nothing is sealed after the no that it denies.
func TestDenyDuringASync(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	for i := range 12 {
		done := make(chan error, 1)
		go func() {
			_, err := w.school.Sync(t.Context(), school.SyncRequest{Full: true})
			done <- err
		}()
		for range i {
			_, err := w.school.Scope() // lets the read go on for a while
			must(t, err)
		}
		w.decide(outbox.ScopeDenied, "933.contact", "815.contact")
		st, err := w.school.Status()
		must(t, err)
		err = <-done
		var fault *school.Fault
		if err != nil && !errors.As(err, &fault) && !strings.Contains(err.Error(), "was changed while the MIS was read") {
			t.Fatal(err)
		}
		w.sync()
		for _, e := range w.batches {
			if e.Header.Sequence > st.Head.Sequence {
				if upserts, _ := w.datasetsIn(e); upserts[record.DatasetContact] > 0 {
					t.Fatalf("batch %d was sealed after the no and has contacts", e.Header.Sequence)
				}
			}
		}
		w.decide(outbox.ScopeAllowed, "933.contact", "815.contact")
		w.sync()
	}
}

// Fields that the profile gives only since the yes wait; nobody's are sent.
func TestAProfileWithMoreWaits(t *testing.T) {
	w := enrolledWorld(t)
	w.say(protocol.KindConfirmed, protocol.Confirmed{})
	must(t, w.school.Close())
	w.set.MIS.Datasets.Contact.Columns = map[string]string{"Surname": ""}
	w.open()
	w.sync()
	must(t, w.school.Close())
	w.set.MIS.Datasets.Contact.Columns = nil
	w.open()

	shown, err := w.school.Preview(t.Context(), school.SyncRequest{})
	must(t, err)
	if strings.Contains(string(shown.Lines()), `"dataset":"contact","key"`) {
		t.Error("the preview shows what has not been accepted")
	}
	r := w.sync()
	if upserts, _ := w.datasetsIn(w.lastBatch()); upserts[record.DatasetContact] > 0 {
		t.Error("what the profile gives since the yes was sent")
	}
	if len(r.NotGiven) != 2 || !r.NotGiven[0].Gained || r.NotGiven[0].Fields[0] != "Surname" {
		t.Errorf("not given: %+v", r.NotGiven)
	}
	st, err := w.school.Status()
	must(t, err)
	if len(st.Problems) != 1 || st.Problems[0].Code != protocol.ProblemScopeNotGiven || !strings.Contains(st.Next, "scope accept") {
		t.Errorf("%+v, next %q", st.Problems, st.Next)
	}
	if _, err := w.school.Decide(t.Context(), school.ScopeChoice{Cause: outbox.ScopeAccepted, Shown: "another"}); err == nil {
		t.Error("a yes to something else was taken")
	}
	report, err := w.school.Scope()
	must(t, err)
	_, err = w.school.Decide(t.Context(), school.ScopeChoice{Cause: outbox.ScopeAccepted, Shown: report.Shown})
	must(t, err)
	w.sync()
	if upserts, _ := w.datasetsIn(w.lastBatch()); upserts[record.DatasetContact] == 0 {
		t.Error("what was accepted was not sent")
	}
}

// What the operator says of the data may change: the school is told, and
// nothing leaves by it.
func TestNewsWidensNothing(t *testing.T) {
	w := enrolledWorld(t)
	w.say(protocol.KindConfirmed, protocol.Confirmed{})
	w.sync()
	before, err := w.school.Scope()
	must(t, err)
	ask := w.ask("933", "815")
	ask.Handling = &protocol.Handling{StoredIn: "Elsewhere\x1b[31m\nin red", Keeps: map[record.Rule]int{record.RuleLeft: 99}}
	ask.Requests[0].Why = "Another duty"
	w.say(protocol.KindProvision, ask)
	w.sync()
	st, err := w.school.Status()
	must(t, err)
	if len(st.News) != 3 || len(st.NotGiven) > 0 || !strings.Contains(st.Next, "nothing more leaves") {
		t.Errorf("%+v", st)
	}
	after, err := w.school.Scope()
	must(t, err)
	if after.Hash != before.Hash || after.Shown == before.Shown {
		t.Error("news must change what is shown, and not what may leave")
	}
	if now := after.Ask.Handling.StoredIn; now != "Elsewhere [31m in red" {
		t.Errorf("a terminal would be told %q", now)
	}
	r, err := w.school.Decide(t.Context(), school.ScopeChoice{Cause: outbox.ScopeAccepted, Shown: after.Shown})
	must(t, err)
	if len(r.News) > 0 || r.Hash != before.Hash {
		t.Errorf("after taking note: %+v", r.News)
	}
}
