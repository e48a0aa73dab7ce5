package language

import (
	"strings"
	"testing"
	"time"

	"rollbridge/shared/codes"
)

// Every code of every list that is in force is explained in both languages, in
// English as the list has it.
func TestEveryMarkIsExplained(t *testing.T) {
	n := 0
	for _, day := range []time.Time{time.Date(2010, 1, 4, 0, 0, 0, 0, time.UTC), time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)} {
		for _, regime := range []codes.Regime{codes.RegimeEngland2024, codes.RegimeEngland2006, codes.RegimeWales2010} {
			for b := range 128 {
				for _, second := range []string{"", "1", "2", "3", "4", "5", "6", "7"} {
					m, known := codes.LookupMark(regime, string(rune(b))+second, day)
					if !known {
						continue
					}
					n++
					if got := In(English).Mark(m.Label); got != m.Label {
						t.Errorf("%s: %q, the list has %q", m.Code, got, m.Label)
					}
					if got := In(Welsh).Mark(m.Label); got == "" || strings.HasPrefix(got, "mark.") || got == m.Label {
						t.Errorf("%s: there is no Welsh for %q", m.Code, m.Label)
					}
				}
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d codes were found", n)
	}
	if got := In(Welsh).Mark("Of tomorrow"); got != "Of tomorrow" {
		t.Errorf("a meaning that no list has: %q", got)
	}
}
