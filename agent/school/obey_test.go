package school_test

import (
	"strings"
	"testing"
	"time"

	"rollbridge/agent/school"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
)

// A statement of a newer collector that this program does not understand hides
// neither the receipt beside it nor a later word to stop.
func TestOneStatementNotUnderstoodHidesNothing(t *testing.T) {
	w := enrolledWorld(t)
	w.say(protocol.KindRefusal, protocol.Refusal{Reason: "of_a_later_version"})
	w.say(protocol.KindOutcome, "not an outcome")
	if r := w.sync(); r.Delivered != 1 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	w.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalRevoked})
	wantKind(t, w.school.Checkin(t.Context()), school.Refused)
	if school.HasState(w.set.DataDir) {
		t.Error("the word to stop was not obeyed")
	}
}

// What the authority no longer asks for does not leave, also when it says so
// while the MIS is being read.
func TestNarrowedWhileReading(t *testing.T) {
	w := enrolledWorld(t)
	// The files are new, so the read waits a second before it trusts them.
	w.set.MIS.SettleSeconds = 1
	must(t, w.school.Close())
	w.open()
	w.writeMIS()
	done := make(chan error, 1)
	go func() { _, err := w.school.Sync(t.Context(), school.SyncRequest{}); done <- err }()
	for w.posted(protocol.MessageCheckin) == 0 {
		time.Sleep(time.Millisecond)
	}
	narrow := w.ask("933")
	w.say(protocol.KindProvision, narrow)
	must(t, w.school.Checkin(t.Context()))
	err := <-done
	w.school.Sync(t.Context(), school.SyncRequest{})
	want := scope.New(narrow, scope.FromAsk(w.ask("933", "815"))).Hash()
	for _, b := range w.batches {
		if m, _ := w.opened(b); m.Scope != want {
			t.Errorf("a batch of the wider request was sealed (the sync said: %v)", err)
		}
	}
	if len(w.batches) == 0 {
		t.Error("nothing was sealed at all")
	}
}

// By a clock of long ago an authority may not exist yet: nothing is read by it,
// so nothing is removed for it.
func TestClockOfLongAgoReadsNothing(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	w.newKeyring(2, time.Now().AddDate(9, 0, 0))
	w.ring.Issued = time.Now().AddDate(8, 0, 0) // the clock is eight years behind
	must(t, w.school.Checkin(t.Context()))
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	if len(w.batches) != 1 || !strings.Contains(err.Error(), "clock") {
		t.Errorf("%d batches, %v", len(w.batches), err)
	}
}

func (w *world) posted(m protocol.Message) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.posts[m]
}
