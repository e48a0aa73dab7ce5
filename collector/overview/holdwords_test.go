package overview

import (
	"strings"
	"testing"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// Every safety stop is explained to the authority: what it means for its
// children, who acts, and the next step.
func TestEveryHoldIsExplained(t *testing.T) {
	if len(holdWords) != len(protocol.Whys()) {
		t.Errorf("%d kinds are explained, there are %d", len(holdWords), len(protocol.Whys()))
	}
	seen := map[string]bool{}
	for _, why := range append(protocol.Whys(), "of tomorrow") {
		for _, d := range record.Datasets() {
			h := protocol.Hold{Code: "ABCD", Why: why, Dataset: d, Gone: 3, Of: 9}
			w := inEnglish(HoldWords(h))
			whole := w.Why + w.Means + w.Next + w.Owner
			if w.Why == "" || w.Means == "" || w.Next == "" || w.Owner == "" || strings.ContainsAny(whole, "{}_") ||
				!strings.HasSuffix(w.Why, ".") || !strings.HasSuffix(w.Means, ".") || !strings.HasSuffix(w.Next, ".") {
				t.Errorf("%s of %s: %+v", why, d, w)
			}
			if !strings.Contains(w.Why, strings.ReplaceAll(string(d), "_", " ")) || seen[w.Why] {
				t.Errorf("%s of %s: %q does not say what is held, or says what another does", why, d, w.Why)
			}
			seen[w.Why] = true
			unread := why != protocol.WhyDisappearance && why != protocol.WhyReturned
			if mustPhone := d == record.DatasetPupil || d == record.DatasetAttendance; unread && strings.Contains(w.Means, "phone") != mustPhone {
				t.Errorf("%s of %s: %q", why, d, w.Means)
			}
			if released := strings.Contains(HoldNote(h), "--release ABCD"); released != why.Releasable() {
				t.Errorf("the operator is told of %s: %s", why, HoldNote(h))
			}
		}
	}
	old := protocol.Hold{Dataset: record.DatasetContact, Gone: 3, Of: 9}
	if w := inEnglish(HoldWords(old)); w.Why != "3 of 9 contact records are missing from what was read." {
		t.Errorf("a hold without a reason: %q", w.Why)
	}
	if old.Gone, old.Of = 0, 0; strings.ContainsAny(inEnglish(HoldWords(old)).Why, "0123456789") {
		t.Error("figures of other authorities' children are told")
	}
}

type texts struct{ Why, Means, Next, Owner string }

func inEnglish(w HoldText) texts {
	return texts{english(w.Why), english(w.Means), english(w.Next), english(w.Owner)}
}

// What is held decides the word of the school and the sentence beside it.
func TestHeldSchool(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 40, 0, 0, time.UTC)
	hold := func(why protocol.Why, d record.Dataset, minutes int) store.Hold {
		return store.Hold{Hold: protocol.Hold{Why: why, Dataset: d, Gone: 3, Of: 9}, Since: at.Add(time.Duration(minutes) * time.Minute), ByAgent: true}
	}
	for name, c := range map[string]struct {
		school store.SchoolStatus
		says   []string
		since  int
	}{
		"contacts":             {store.SchoolStatus{Holds: []store.Hold{hold(protocol.WhyPermission, record.DatasetContact, 0)}}, []string{"does not let the agent read its contact records", "Registers go on as before", "School IT gives"}, 0},
		"the register is told": {store.SchoolStatus{Holds: []store.Hold{hold(protocol.WhyReturned, record.DatasetContact, 0), hold(protocol.WhySchema, record.DatasetAttendance, 5)}}, []string{"attendance records in another form", "phone the school for it"}, 5},
		"the whole read":       {store.SchoolStatus{Holds: []store.Hold{hold(protocol.WhyIdentifier, record.DatasetAttendance, 0), hold(protocol.WhySchema, record.DatasetPupil, 5)}}, []string{"pupil records in another form", "phone the school for today's register"}, 5},
		"a read that is void": {store.SchoolStatus{Problems: []protocol.Problem{{Code: protocol.ProblemRightMissing, Since: at.Add(7 * time.Minute)}}},
			[]string{"does not let the agent read its pupil records", "phone the school for today's register"}, 7},
		"ids of nobody": {store.SchoolStatus{Problems: []protocol.Problem{{Code: protocol.ProblemIdentifier, Dataset: record.DatasetPupil, Since: at}}},
			[]string{"without the ids", "phone the school"}, 0},
	} {
		c.school.SetUp = true
		v := status.Decide(facts(c.school, at.Add(time.Hour), status.AM))
		if v.Word != status.Held || !v.Since.Equal(at.Add(time.Duration(c.since)*time.Minute)) || v.Owner == "" {
			t.Errorf("%s: %+v", name, v)
		}
		for _, want := range c.says {
			if !strings.Contains(v.NextStep, want) {
				t.Errorf("%s: %q does not say %q", name, v.NextStep, want)
			}
		}
	}
	if v := status.Decide(facts(store.SchoolStatus{SetUp: true, Problems: []protocol.Problem{{Code: protocol.ProblemMISDown}}}, at, status.AM)); v.Word == status.Held {
		t.Error("a MIS that is down is held for checking")
	}
}
