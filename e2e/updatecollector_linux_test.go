package e2e

import (
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/stack"
)

// TestUpdateFromTheCollector takes a release the whole way: keys, two of three
// signatures, publication, promotion, the collector that serves it to a school
// which was only ever told where to send; and back to the operator, who sees it.
func TestUpdateFromTheCollector(t *testing.T) {
	t.Parallel()
	w, code := newWorld(t, small(), stack.CollectorOptions{})
	w.ctx = boundedBy(t, 20*time.Minute)
	o := w.operators()
	// What was published first is served once the collector is started anew.
	w.must(w.collector.Close())
	_, err := w.collector.Start(w.ctx, "")
	w.must(err)

	i := place(w, o.build(packaged), w.source(), stack.AgentOptions{Env: []string{limit("probation=300ms"), "ROLLBRIDGE_UPDATES_HOLD_DAYS=60"}})
	phrase, err := w.agent.Enrol(w.ctx, code)
	w.must(err)
	w.confirm(phrase)
	w.sync()
	i.start()
	i.runs(packaged)

	o.do("release", "add", o.build("1.1.0"), "--notes", "Mends the reading of split weeks.")
	if r, err := w.collector.Try(w.ctx, "release", "publish"); err != nil || r.Code == 0 {
		t.Fatalf("a draft that nobody has signed is published: %v", err)
	}
	o.publish("bea", "cyd")
	if r, err := w.agent.Try(w.ctx, "update", "apply"); err != nil || r.Code != 3 || !strings.Contains(r.Stderr, "operator has not let it go") {
		t.Errorf("before it is promoted, `update apply` ended with %d, %v:\n%s%s", r.Code, err, r.Stdout, r.Stderr)
	}
	o.do("release", "promote", "1.1.0", "--ring", "general", "--percent", "100", "--force", "there is one school")
	i.apply("1.1.0")
	i.inForce("1.1.0")
	if out, err := stack.Must(w.ctx, i.versions.Program("1.1.0"), "", w.agent.Env(), "version", "--verify"); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	i.anotherMark(0)
	i.sync()
	i.sound()
	w.must(stack.Await(w.ctx, "the operator to see the school's version", func() (bool, error) {
		out, err := w.collector.Command(w.ctx, "release", "status")
		if err == nil && !strings.Contains(out, "1.1.0") {
			err = errNotYet
		}
		return err == nil, err
	}))
}
