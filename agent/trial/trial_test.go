package trial

import (
	"testing"
	"time"

	"rollbridge/agent/mis/rest"
)

func TestAsked(t *testing.T) {
	got := Asked(rest.Cost{Requests: 12, Rows: 3400, Bytes: 1_480_000, Time: 3200 * time.Millisecond})
	if want := "12 times, 3400 rows, 1.5 MB, 3.2 s in all"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
