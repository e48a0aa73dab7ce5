package school

import (
	"strings"
	"testing"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Every safety stop has its sentence, what to do, and how to end it.
func TestEveryHoldIsExplained(t *testing.T) {
	if len(held) != len(protocol.Whys()) {
		t.Errorf("%d kinds are explained, there are %d", len(held), len(protocol.Whys()))
	}
	seen := map[string]bool{}
	for _, why := range protocol.Whys() {
		for _, d := range []record.Dataset{record.DatasetPupil, record.DatasetAgencyContact} {
			what, do := HeldText(protocol.Hold{Code: "ABCD", Why: why, Dataset: d, Authority: "330", Gone: 3, Of: 9}, nil)
			whole := what + do + HeldBrief(why)
			if what == "" || do == "" || HeldBrief(why) == "" || strings.ContainsAny(whole, "{}_") || strings.HasSuffix(what, ".") || strings.HasSuffix(do, ".") {
				t.Errorf("%s of %s: %q; %q", why, d, what, do)
			}
			if strings.Contains(do, "--release ABCD") != why.Releasable() {
				t.Errorf("%s: releasable is %v, and the school is told: %s", why, why.Releasable(), do)
			}
			if !strings.Contains(what, "pupil") && !strings.Contains(what, "agency contact") {
				t.Errorf("%s does not say what is kept back: %s", why, what)
			}
			if seen[what] {
				t.Errorf("%s says what another one says", why)
			}
			seen[what] = true
		}
	}
	if what, do := HeldText(protocol.Hold{Why: "of tomorrow", Dataset: "sen"}, nil); what == "" || do == "" {
		t.Error("a hold of a newer version has no words")
	}
}

// A hold without a reason, of an older collector or state, is a disappearance.
func TestHoldWithoutAReason(t *testing.T) {
	h := protocol.Hold{Code: "ABCD", Dataset: record.DatasetContact, Gone: 3, Of: 9}
	old, _ := HeldText(h, nil)
	h.Why = protocol.WhyDisappearance
	if now, _ := HeldText(h, nil); old != now || !strings.Contains(old, "3 of 9 contact records disappeared") {
		t.Errorf("%q, %q", old, now)
	}
}

// What the read found of the very stop is said first.
func TestWhatTheReadFoundIsSaid(t *testing.T) {
	h := protocol.Hold{Why: protocol.WhyPermission, Dataset: record.DatasetContact}
	_, do := HeldText(h, []mis.Stop{
		{Dataset: record.DatasetSEN, Why: protocol.WhyPermission, Text: "Of another."},
		{Dataset: record.DatasetContact, Why: protocol.WhyPermission, Text: "The view may not be read."},
	})
	if !strings.HasPrefix(do, "The view may not be read; ") || strings.Contains(do, "another") {
		t.Error(do)
	}
}

func TestWhatCannotBeReleased(t *testing.T) {
	f := outbox.Facts{
		Holds:          []protocol.Hold{{Code: "A", Why: protocol.WhySchema, Dataset: "sen"}, {Code: "B", Why: protocol.WhyPermission, Dataset: "sen"}},
		CollectorHolds: []protocol.Hold{{Code: "C", Dataset: "contact"}},
	}
	for _, c := range []struct {
		codes []string
		says  string
	}{
		{nil, ""}, {[]string{"A", "C"}, ""}, {[]string{"A", "B"}, "a yes does not help"}, {[]string{"D"}, "nothing that is held has the code D"},
	} {
		if got := notReleased(c.codes, f); !strings.Contains(got, c.says) || (got == "") != (c.says == "") {
			t.Errorf("%v: %q", c.codes, got)
		}
	}
}

// Each hold is a problem of its own at a check-in, since when it is.
func TestHoldsAreProblems(t *testing.T) {
	since := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	f := outbox.Facts{
		Problems: []protocol.Problem{{Code: protocol.ProblemClock}, {Code: protocol.ProblemHeld, Dataset: "contact", Count: 4, Since: since}, {Code: protocol.ProblemHeld, Dataset: "sen"}},
		Holds:    []protocol.Hold{{Dataset: "contact", Gone: 2}, {Dataset: "kpi", Why: protocol.WhyPermission}},
	}
	setHeld(&f)
	if len(f.Problems) != 3 || f.Problems[0].Code != protocol.ProblemClock {
		t.Fatalf("%+v", f.Problems)
	}
	if p := f.Problems[1]; p.Dataset != "contact" || p.Why != protocol.WhyDisappearance || p.Count != 2 || !p.Since.Equal(since) {
		t.Errorf("%+v", p)
	}
	if p := f.Problems[2]; p.Dataset != "kpi" || p.Why != protocol.WhyPermission || p.Since.IsZero() {
		t.Errorf("%+v", p)
	}
	f.Holds = nil
	if setHeld(&f); len(f.Problems) != 1 {
		t.Errorf("%+v", f.Problems)
	}
}
