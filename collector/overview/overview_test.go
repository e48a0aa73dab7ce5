package overview_test

import (
	"testing"

	"rollbridge/collector/overview"
	"rollbridge/shared/status"
)

// A school that is not in session owes no register, so it is in no denominator.
func TestSummary(t *testing.T) {
	for want, words := range map[string][]status.Word{
		"0 of 0 schools received":                                nil,
		"1 of 1 school received":                                 {status.Received},
		"1 of 3 schools received":                                {status.Received, status.Late, status.Stopped},
		"0 of 1 school received, 2 not in session":               {status.NotSetUp, status.NotInSession, status.NotInSession},
		"No register is expected today: no school is in session": {status.NotInSession},
	} {
		o := overview.Overview{Session: status.AM}
		for _, w := range words {
			o.Schools = append(o.Schools, overview.School{AM: status.Verdict{Word: w}})
		}
		if got := o.Summary(); got != want {
			t.Errorf("%v: %q, want %q", words, got, want)
		}
	}
}
