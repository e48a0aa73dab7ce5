package school_test

import (
	"crypto/sha256"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

func keyOf(s *httptest.Server) []byte {
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	return sum[:]
}

// opened is a batch's manifest and how many operations it has.
func (w *world) opened(e *envelope.Envelope) (m protocol.Manifest, ops int) {
	w.t.Helper()
	plain, err := e.Open(w.sealing)
	must(w.t, err)
	must(w.t, protocol.ReadBody(plain, &m, func(protocol.Op) error { ops++; return nil }))
	return m, ops
}

func (w *world) lastBatch() *envelope.Envelope { return w.batches[len(w.batches)-1] }

func wantKind(t *testing.T, err error, kind school.Kind) {
	t.Helper()
	if err == nil || school.KindOf(err) != kind {
		t.Fatalf("got %v (kind %q), want kind %q", err, school.KindOf(err), kind)
	}
}

func TestSyncAndPreview(t *testing.T) {
	w := enrolledWorld(t)
	shown, err := w.school.Preview(t.Context(), school.SyncRequest{})
	must(t, err)
	if w.posts[protocol.MessageBatch] > 0 || strings.Count(string(shown.Lines()), "\n") < 10 {
		t.Error("the preview sent something, or shows nothing")
	}
	if r := w.sync(); r.Delivered != 1 || r.Waiting != 0 || !r.Read.Full {
		t.Errorf("first sync: %+v", r)
	}
	m, ops := w.opened(w.lastBatch())
	if want := strings.Count(string(shown.Lines()), "\n") - 1; ops != want || !m.Full {
		t.Errorf("%d operations were sealed, the preview showed %d", ops, want)
	}
	if r := w.sync(); r.Read.Full || r.Read.Upserts+r.Read.Removals != 0 || r.Delivered != 1 {
		t.Errorf("second sync: %+v", r)
	}
}

// A read that fails seals nothing, keeps the queue and is reported.
func TestFailedReadIsVoid(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	must(t, os.Remove(filepath.Join(w.set.MIS.Folder, "contacts.csv")))
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.MIS)
	st, err := w.school.Status()
	must(t, err)
	if st.Head.Sequence != 1 || st.LastRead.Problem == "" || len(st.Problems) == 0 || st.Next == "" {
		t.Errorf("%+v", st)
	}
	w.writeMIS()
	w.sync()
	if st, _ = w.school.Status(); st.LastRead.Problem != "" || len(st.Problems) > 0 || st.Head.Sequence != 2 {
		t.Errorf("after a good read: %+v", st)
	}
}

func TestPauseReadsAndSendsNothing(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	must(t, school.SetPause(w.set.DataDir, time.Time{}))
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	_, err = w.school.Preview(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	_, err = w.school.Deliver(t.Context())
	wantKind(t, err, school.Refused)
	before := w.posts[protocol.MessageCheckin]
	must(t, w.school.Checkin(t.Context()))
	if w.posts[protocol.MessageCheckin] != before+1 || w.posts[protocol.MessageBatch] != 1 {
		t.Errorf("posts %v", w.posts)
	}
}

// Down, the collector gets everything later, in order; nothing is read twice.
func TestQueueWaits(t *testing.T) {
	w := enrolledWorld(t)
	w.down = true
	for n := 1; n <= 2; n++ {
		r, err := w.school.Sync(t.Context(), school.SyncRequest{})
		wantKind(t, err, school.Unreachable)
		if r.Waiting != n || len(r.Sealed) != 1 {
			t.Errorf("%+v", r)
		}
	}
	st, err := w.school.Status()
	must(t, err)
	if st.Trouble == nil || st.Trouble.Text == "" || st.Trouble.Since.IsZero() {
		t.Errorf("status does not say what is in the way: %+v", st.Trouble)
	}
	w.down = false
	if n, err := w.school.Deliver(t.Context()); n != 2 || err != nil {
		t.Errorf("%d delivered, %v", n, err)
	}
	if st, err = w.school.Status(); err != nil || st.Trouble != nil {
		t.Errorf("what is no longer in the way is still shown: %+v, %v", st.Trouble, err)
	}
	if w.batches[0].Header.Sequence != 1 || w.batches[1].Header.Sequence != 2 {
		t.Error("not in order")
	}
}

// A collector at an older head gets again what is kept.
func TestRewind(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	w.sync()
	first := envelope.Link{Sequence: 1, Digest: w.batches[0].Digest()}
	asked := false
	w.batch = func(f *protocol.Frame, e *envelope.Envelope) protocol.Reply {
		if e.Header.Sequence == 3 && !asked {
			asked = true
			return w.later(f, protocol.Answer{Kind: protocol.AnswerLater, Why: protocol.LaterChain, Head: &first})
		}
		return protocol.Reply{}
	}
	if r := w.sync(); r.Delivered != 2 || r.Waiting != 0 {
		t.Errorf("%+v", r)
	}
	var got []uint64
	for _, e := range w.batches[2:] {
		got = append(got, e.Header.Sequence)
	}
	if len(got) != 3 || got[0] != 3 || got[1] != 2 || got[2] != 3 {
		t.Errorf("sent %v, want 3 2 3", got)
	}
}

// A head that this agent never sealed changes nothing: control decides.
func TestForeignHeadWaits(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	head := envelope.Link{Sequence: 9, Digest: envelope.Digest{9}}
	w.batch = func(f *protocol.Frame, _ *envelope.Envelope) protocol.Reply {
		return w.later(f, protocol.Answer{Kind: protocol.AnswerLater, Why: protocol.LaterChain, Head: &head})
	}
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Unreachable)
	// The copy that is behind is another one: this agent takes no notice.
	w.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalSuperseded, Behind: &head})
	must(t, w.school.Checkin(t.Context()))
	st, err := w.school.Status()
	must(t, err)
	if st.State == school.Stopped || st.Waiting != 1 {
		t.Errorf("%+v", st)
	}
	// Now it is this one.
	w.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalSuperseded, Behind: &st.Head})
	must(t, w.school.Checkin(t.Context()))
	_, err = w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	if st, _ = w.school.Status(); st.State != school.Stopped || !strings.Contains(st.Next, "new code") {
		t.Errorf("%+v", st)
	}
}

// stale_key is intake's word: it counts only beside control's newer key.
func TestStaleKey(t *testing.T) {
	w := enrolledWorld(t)
	stale := w.sealing
	w.batch = func(f *protocol.Frame, e *envelope.Envelope) protocol.Reply {
		if e.Header.SealingKey == envelope.KeyIDOf(stale.PublicKey().Bytes()) {
			return w.later(f, protocol.Answer{Kind: protocol.AnswerStaleKey})
		}
		return protocol.Reply{}
	}
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Unreachable)
	st, err := w.school.Status()
	must(t, err)
	if st.Full == outbox.FullStaleKey {
		t.Error("intake alone made the agent send everything again")
	}
	w.newSealingKey()
	if _, err := w.school.Deliver(t.Context()); err == nil {
		t.Error("the stale batch went through")
	}
	r := w.sync()
	if !r.Read.Full || r.Waiting != 0 {
		t.Errorf("%+v", r)
	}
	last := w.lastBatch()
	if last.Header.Type != envelope.TypeFull || len(last.Header.Withdrawn) == 0 {
		t.Error("the full batch does not take back the stale one")
	}
	w.opened(last)
}

func TestResync(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	w.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalResync, After: 1, Why: "digest_mismatch"})
	if r := w.sync(); !r.Read.Full {
		t.Error("no full batch followed")
	}
	w.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalResync, After: 1})
	if r := w.sync(); r.Read.Full {
		t.Error("a resync that was obeyed is obeyed again")
	}
}

// With an expired keyring batches are sealed and wait; a newer one frees them.
func TestExpiredKeyring(t *testing.T) {
	w := enrolledWorld(t)
	w.newKeyring(2, time.Now().Add(-time.Minute))
	r, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	if len(r.Sealed) != 1 || w.posts[protocol.MessageBatch] != 0 || !strings.Contains(err.Error(), "expired") {
		t.Errorf("%+v, %v", r, err)
	}
	w.newKeyring(3, time.Now().Add(time.Hour))
	if r := w.sync(); r.Delivered != 2 {
		t.Errorf("%+v", r)
	}
}

// What is asked beyond the school's yes does not leave, and is reported.
func TestWiderAskIsNotGiven(t *testing.T) {
	w := enrolledWorld(t)
	w.say(protocol.KindProvision, w.ask("933", "815", w.mis.OtherAuthority()))
	r := w.sync()
	if len(r.NotGiven) == 0 || r.NotGiven[0].Authority != w.mis.OtherAuthority() {
		t.Errorf("%+v", r.NotGiven)
	}
	if want := len(w.mis.LookedAfter()); r.Read.Datasets[0].Matched > want {
		t.Errorf("%d pupils left, %d are provisioned", r.Read.Datasets[0].Matched, want)
	}
	st, err := w.school.Status()
	must(t, err)
	if len(st.Problems) != 1 || st.Problems[0].Code != protocol.ProblemScopeNotGiven {
		t.Errorf("%+v", st.Problems)
	}
	// Narrower is obeyed at once.
	w.say(protocol.KindProvision, w.ask("933"))
	if r := w.sync(); r.Read.Removals == 0 || len(r.NotGiven) > 0 {
		t.Errorf("%+v", r)
	}
}

// upgrade_required stops this program and not the next one; nothing is lost.
func TestUpgradeRequired(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	w.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalUpgradeRequired})
	_, err := w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	must(t, w.school.Close())
	w.open() // the same program: nothing has changed
	_, err = w.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	must(t, w.school.Close())
	old := version.Version
	version.Version = "99.0.0"
	defer func() { version.Version = old }()
	w.open()
	if r := w.sync(); r.Delivered != 1 {
		t.Errorf("%+v", r)
	}
}

// The collector's revoked and ended erase the agent's own state.
func TestEndedErases(t *testing.T) {
	for _, reason := range []protocol.RefusalReason{protocol.RefusalRevoked, protocol.RefusalEnded} {
		w := enrolledWorld(t)
		w.sync()
		w.say(protocol.KindRefusal, protocol.Refusal{Reason: reason})
		wantKind(t, w.school.Checkin(t.Context()), school.Refused)
		if school.HasState(w.set.DataDir) {
			t.Errorf("%s: state is left", reason)
		}
		if st := school.StatusWithout(w.set.DataDir); st.State != school.Stopped || st.RevokeWaits {
			t.Errorf("%s: %+v", reason, st)
		}
	}
}

// A re-enrolled agent reads nothing before it has its school's old id key.
func TestOldIDKeyComesBackFirst(t *testing.T) {
	c := newCollectorWorld(t, true)
	_, err := c.school.Sync(t.Context(), school.SyncRequest{})
	wantKind(t, err, school.Refused)
	if c.posts[protocol.MessageBatch] > 0 {
		t.Error("a batch was sent")
	}
	id, err := identity.Load(c.set.DataDir)
	must(t, err)
	old := make([]byte, 32)
	old[5] = 7
	agent := id.Agent()
	sealed, err := envelope.SealTo(id.Receive.PublicKey(), protocol.PurposeIDKey, agent[:], old)
	must(t, err)
	c.say(protocol.KindConfirmed, protocol.Confirmed{IDKey: sealed})
	if r := c.sync(); r.Delivered != 1 || !r.Read.Full {
		t.Errorf("%+v", r)
	}
	if id, err = identity.Load(c.set.DataDir); err != nil || string(id.IDKey) != string(old) {
		t.Errorf("the old id key is not back: %v", err)
	}
}
