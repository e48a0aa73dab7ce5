package cli

import (
	"testing"
	"time"

	"rollbridge/agent/mis/sqlserver"
)

func TestCostLine(t *testing.T) {
	for want, c := range map[string]sqlserver.Cost{
		"7 times (at most 100), 35 kB, slowest answer 0.1 s":   {Queries: 7, Bytes: 34_200, Slowest: 120 * time.Millisecond},
		"1 times (at most 100), 1 kB, slowest answer 0.0 s":    {Queries: 1, Bytes: 1},
		"12 times (at most 100), 1.5 MB, slowest answer 3.2 s": {Queries: 12, Bytes: 1_480_000, Slowest: 3200 * time.Millisecond},
	} {
		if got := costLine(c); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
