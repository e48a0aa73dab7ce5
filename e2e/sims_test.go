package e2e

import (
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
)

// TestSIMS reads one of two schools that share a SIMS database, both of which
// the database calls its own. The other school's pupils never leave, whatever
// happens there.
func TestSIMS(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	neighbour := small()
	neighbour.Seed++
	south := demoschool.New(neighbour)
	both := []demoschool.SIMSSchool{{School: w.school, ID: 1, Own: true}, {School: south, ID: 2, Own: true}}
	w.setUpMIS(func() []demoschool.Table { return demoschool.TablesSIMS(both...) }, stack.MISOptions{Profile: "sims-sql"})
	code := w.setUpCollector(stack.CollectorOptions{})
	w.enrolAt(w.source(), code, stack.AgentOptions{})

	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "mis.server.school") {
		t.Fatalf("two schools, none chosen: code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	server := w.mis.Server()
	server.School = "1"
	w.agent, err = stack.NewAgent(programs, w.agent.Dir, server.Source("sims-sql"), stack.AgentOptions{})
	w.must(err)
	sync := func() {
		t.Helper()
		_, err := w.agent.Command(w.ctx, "sync")
		w.must(err)
		want, err := oracle.ExpectedSIMS(w.school)
		w.must(err)
		w.becomes(want)
	}
	sync()

	cared, day := w.school.LookedAfter(), w.school.Today()
	w.must(w.school.ChangeMark(cared[0].ID, day, demoschool.AM, "I"))
	w.must(w.school.Rename(cared[0].ID, demoschool.NewName{Surname: "O'Newname"}))
	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[1], day))
	w.must(w.school.LeaveCare(cared[1].ID, day))
	for _, p := range south.LookedAfter()[1:] {
		w.must(south.LeaveCare(p.ID, day))
	}
	w.must(south.EnterCare(south.NotLookedAfter()[0].ID, w.school.Authorities()[0], day))
	w.write()
	sync()

	// A pupil who leaves stays in SIMS; what was sent is removed all the same.
	w.must(w.school.LeaveRoll(cared[2].ID, day.AddDate(0, 0, -1)))
	w.write()
	sync()

	// Without the right to the view of who is in care, or to a table that says who is
	// on roll, nothing is known of anybody and nobody is gone.
	before := w.held()
	for _, object := range []string{"rollbridge.care", "sims.stud_school_history"} {
		user := w.mis.Server().User
		w.must(w.mis.Run(w.ctx, "DENY SELECT ON "+object+" TO "+user))
		r, err := w.agent.Try(w.ctx, "sync")
		w.must(err)
		w.must(w.mis.Run(w.ctx, "GRANT SELECT ON "+object+" TO "+user))
		if r.Code != exitMIS || !strings.Contains(r.Stderr, "["+strings.Replace(object, ".", "].[", 1)+"]") {
			t.Errorf("%s: sync ended with %d and said:\n%s", object, r.Code, r.Stderr)
		}
		w.must(oracle.Same(before, w.held()))
	}
	sync()
	w.sound()
}
