package supervise

import (
	"bytes"
	"testing"
	"time"

	"rollbridge/agent/slot"
)

// A version that ends when it has served its probation, in the same life, is in
// force: it is started again and not left.
func TestEndsOnceInForce(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.behave["1.1.0"] = func(f *fake) { _ = f.works(released.probation+time.Minute, 2) }
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		w.runFor(released.probation + 2*time.Minute)
		w.is("1.1.0", "")
		w.started("1.0.0", "1.1.0*", "1.1.0")
	})
}
