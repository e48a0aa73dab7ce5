package supervise

import (
	"bytes"
	"testing"
	"time"

	"rollbridge/agent/slot"
)

// A version that gets stuck when it has served its probation, in the same life,
// is in force: it is started again and not left.
func TestStuckOnceInForce(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.behave["1.1.0"] = func(f *fake) {
			_ = f.works(released.probation+time.Minute, 0)
			f.hangs()
		}
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		w.runFor(released.probation + time.Minute + released.silence + time.Minute)
		w.is("1.1.0", "")
		w.started("1.0.0", "1.1.0*", "1.1.0")
	})
}
