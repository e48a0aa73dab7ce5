package e2e

import (
	"cmp"
	"net/http"
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/shared/protocol"
)

// What the tests of every MIS with a web interface do.

// serve runs a double of a MIS for as long as the test.
func (w *world) serve(double http.Handler) *cloud.Server {
	w.t.Helper()
	s, err := cloud.Start(double)
	w.must(err)
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Errorf("end the double: %v", err)
		}
	})
	return s
}

// tried runs a trial of the profile, which must find pupils.
func (w *world) tried() {
	w.t.Helper()
	out, err := w.agent.Command(w.ctx, "profile", "test")
	w.must(err)
	if !strings.Contains(out, "looked after (by authority") {
		w.t.Errorf("profile test says:\n%s", out)
	}
}

// story syncs what is there at first, then what is added, changed and taken away,
// then a child who comes into care, one who leaves it and one who leaves the school.
// settle, if there is one, gives what changed the form that the MIS has for it.
func (w *world) story(route oracle.Route, settle func(changed string)) {
	w.t.Helper()
	w.syncAll(route)
	cared := w.school.LookedAfter()
	w.turnPages(cared[0].ID, cared[1].ID)
	w.must(w.school.ChangeMark(cared[0].ID, w.school.Today(), demoschool.AM, "I"))
	if settle != nil {
		settle(cared[0].ID)
	}
	w.syncAll(route)

	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[1], w.school.Today()))
	w.must(w.school.LeaveCare(cared[2].ID, w.school.Today()))
	w.must(w.school.LeaveRoll(cared[3].ID, w.school.Today().AddDate(0, 0, -1)))
	if settle != nil {
		settle(cared[0].ID)
	}
	w.syncAll(route)
	w.sound()
}

// A cloudTrouble is something that goes wrong at a MIS, by begin or by faults.
type cloudTrouble struct {
	name    string
	begin   func()
	faults  []cloud.Fault
	problem protocol.ProblemCode // "": the sync goes well all the same
	says    string
}

// troubles syncs in each: it fails with a sentence, or holds a dataset back with
// one, no pupil is named, and nothing of what the collector holds goes; mend puts
// begin right. At the end all is well.
func (w *world) troubles(server *cloud.Server, route oracle.Route, mend func(), all []cloudTrouble) {
	w.t.Helper()
	t := w.t
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			before, sealed := w.held(), w.lastRead().Sealed
			if c.begin != nil {
				server.Change(c.begin)
			}
			for i := range c.faults {
				c.faults[i].Body = cmp.Or(c.faults[i].Body, w.somebody())
			}
			server.Stage(c.faults...)
			r, err := w.agent.Try(w.ctx, "sync")
			w.must(err)
			server.Calm()
			server.Change(mend)
			last := w.lastRead()
			for _, found := range marks([]byte(r.Stdout + r.Stderr + last.Text)) {
				t.Errorf("%s was said", found)
			}
			if c.problem == "" {
				if r.Code != 0 {
					t.Errorf("sync ended with %d and said:\n%s", r.Code, r.Stderr)
				}
				return
			}
			w.must(oracle.Same(before, w.held()))
			if c.problem == protocol.ProblemHeld {
				if r.Code != exitHeld || !strings.Contains(r.Stdout+r.Stderr, c.says) {
					t.Errorf("sync ended with %d, want %d, and said:\n%s%s\nwant in it: %s", r.Code, exitHeld, r.Stdout, r.Stderr, c.says)
				}
				return
			}
			if r.Code != exitMIS || !strings.Contains(r.Stderr, c.says) {
				t.Errorf("sync ended with %d, want %d, and said:\n%s\nwant in it: %s", r.Code, exitMIS, r.Stderr, c.says)
			}
			if last.Problem != c.problem || last.Sealed != sealed {
				t.Errorf("the agent noted problem %q and batch %d, want %q and %d", last.Problem, last.Sealed.Sequence, c.problem, sealed.Sequence)
			}
		})
	}
	w.t = t
	w.syncAll(route)
	w.sound()
}

// somebody is what an answer of the MIS may say of a pupil.
func (w *world) somebody() string {
	return "not for " + w.school.NotLookedAfter()[0].LegalSurname
}
