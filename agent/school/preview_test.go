package school_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"rollbridge/agent/school"
	"rollbridge/e2e/demoschool"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// untimed is a body with the times of its reading taken out: all that may
// differ between a preview and the sync after it.
func untimed(t *testing.T, body []byte) string {
	t.Helper()
	head, rest, found := bytes.Cut(body, []byte("\n"))
	var m protocol.Manifest
	must(t, json.Unmarshal(head, &m))
	if !found || m.Started.IsZero() || m.Ended.IsZero() {
		t.Fatal("no manifest with the times of a reading")
	}
	if again, err := protocol.MarshalLine(m); err != nil || string(again) != string(head)+"\n" {
		t.Fatalf("the manifest holds more than a manifest, %v", err)
	}
	m.Started, m.Ended = time.Time{}, time.Time{}
	line, err := protocol.MarshalLine(m)
	must(t, err)
	return string(line) + string(rest)
}

func (w *world) body(e *envelope.Envelope) []byte {
	w.t.Helper()
	plain, err := e.Open(w.sealing)
	must(w.t, err)
	z, err := zstd.NewReader(nil)
	must(w.t, err)
	defer z.Close()
	body, err := z.DecodeAll(plain, nil)
	must(w.t, err)
	return body
}

// What preview shows is what the next sync seals, byte for byte: a full batch,
// changes with removals, and everything again.
func TestPreviewIsWhatIsSealed(t *testing.T) {
	w := enrolledWorld(t)
	day := demoschool.LastSchoolDay(time.Now())
	for n, q := range []school.SyncRequest{{}, {}, {Full: true}} {
		shown, err := w.school.Preview(t.Context(), q)
		must(t, err)
		_, err = w.school.Sync(t.Context(), q)
		must(t, err)
		if got, want := untimed(t, w.body(w.lastBatch())), untimed(t, shown.Lines()); got != want {
			t.Errorf("batch %d is not what was shown (%d bytes, %d shown)", n+1, len(got), len(want))
		}
		must(t, w.mis.LeaveCare(w.mis.LookedAfter()[0].ID, day))
		w.writeMIS()
	}
	if m, ops := w.opened(w.batches[1]); m.Full || ops == 0 {
		t.Error("the second batch does not hold changes")
	}
}

// A preview needs no network: it does not wait for a sync that waits for one.
func TestPreviewBesideASlowCollector(t *testing.T) {
	w := enrolledWorld(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	w.batch = func(*protocol.Frame, *envelope.Envelope) protocol.Reply {
		close(entered)
		<-leave
		return protocol.Reply{}
	}
	done := make(chan error, 1)
	go func() { _, err := w.school.Sync(t.Context(), school.SyncRequest{}); done <- err }()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if shown, err := w.school.Preview(ctx, school.SyncRequest{}); err != nil || len(shown.Lines()) == 0 {
		t.Errorf("%d bytes, %v", len(shown.Lines()), err)
	}
	close(leave)
	must(t, <-done)
}
