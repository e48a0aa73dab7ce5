package e2e

import (
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"rollbridge/e2e/stack"
)

// withoutEnd has the collector answer byte by byte and never be done: reading goes
// on beside it, and so does what the school decides; a revoke ends it.
func (h *hostile) withoutEnd() {
	h.t.Helper()
	var underWay atomic.Int64
	h.begin(&wish{name: "an answer without an end", page: func(_ *hostile, w http.ResponseWriter, r *http.Request) {
		underWay.Add(1)
		defer underWay.Add(-1)
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}})
	_, err := h.agent.Start(h.ctx)
	h.must(err)
	answering := func(n int64) func() (bool, error) {
		return func() (bool, error) { return underWay.Load() == n, nil }
	}
	h.must(stack.Await(h.ctx, "the service to be given an answer", answering(1)))
	h.try(0, "preview")
	h.try(0, "pause", "--until", "3d")
	var st struct{ State string }
	h.must(h.agent.Status(h.ctx, &st))
	if st.State != "paused" {
		h.t.Errorf("during a pause the state is %q", st.State)
	}
	h.try(0, "resume")
	h.try(0, "preview")
	h.try(0, "fsck")
	if underWay.Load() != 1 {
		h.t.Error("the answer has ended, so that nothing was shown beside it")
	}
	h.try(0, "revoke", "--yes")
	if exists(filepath.Join(h.agent.Dir, "state.db")) || exists(filepath.Join(h.agent.Dir, "identity")) {
		h.t.Error("state or keys are left after a revoke")
	}
	h.must(h.agent.Close())
	h.must(stack.Await(h.ctx, "the service to hang up", answering(0)))
	if n := h.count(); n > 0 {
		h.t.Errorf("%d batches were sent", n)
	}
}
