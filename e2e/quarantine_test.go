package e2e

import (
	"fmt"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
)

// TestQuarantine sends two records that cannot be right. The rest arrives, the
// two are refused with the school told, what was good before stays, and both
// arrive when they are put right.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	good, err := oracle.Expected(w.school)
	w.must(err)

	cared := w.school.LookedAfter()
	w.edit(cared[0].ID, "UPN", "B123456789012")
	w.edit(cared[1].ID, "DateOfBirth", "2090-01-01")
	_, err = w.agent.Command(w.ctx, "sync")
	w.must(err)
	w.must(stack.Await(w.ctx, "both refusals to be seen", func() (bool, error) {
		// A check-in, or the next sync, brings the outcome back.
		_, err := w.agent.Command(w.ctx, "sync")
		if err != nil {
			return false, err
		}
		var s struct {
			Refused map[string]int `json:"refused"`
		}
		if err := w.agent.Status(w.ctx, &s); err != nil {
			return false, err
		}
		if there := w.status().Refused; s.Refused["pupil"] != 2 || there != 2 {
			return false, fmt.Errorf("the agent shows %d refused pupils, the collector %d", s.Refused["pupil"], there)
		}
		return true, nil
	}))
	got, err := w.collector.Records(w.ctx, schoolID)
	w.must(err)
	if err := oracle.Same(good, got); err != nil {
		t.Errorf("refused records changed what the collector holds: %v", err)
	}
	w.sound()

	w.write()
	w.must(w.school.ChangeMark(cared[0].ID, w.school.Today(), demoschool.AM, "M"))
	w.write()
	w.sync()
	w.must(stack.Await(w.ctx, "the refusals to be over", func() (bool, error) { return w.status().Refused == 0, nil }))
	w.sound()
}

// edit changes one value of a pupil in the MIS, as a slip in the school office
// would. The next write takes it back.
func (w *world) edit(pupilID, column, value string) {
	w.t.Helper()
	w.must(w.mis.Run(w.ctx, fmt.Sprintf("UPDATE mis.Student SET %s = '%s' WHERE StudentID = %s", column, value, pupilID)))
}
