package e2e

import (
	"testing"

	"rollbridge/agent/slot"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/standin"
	"rollbridge/e2e/zoo"
	"rollbridge/shared/protocol"
)

// TestUpdateInFlight replaces the program at the worst moments: while a batch is
// sent and nobody answers, while the answer to one that has arrived is lost, and
// while the MIS is being read; forward and back. Nothing is lost, nothing is
// counted twice, and the collector holds what the school has.
func TestUpdateInFlight(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	i := install(w, w.source(), stack.AgentOptions{})
	i.limited("probation=300ms")
	i.start()
	i.sync()

	// posted gives the first batch from now on a fate, and says when it has come.
	posted := func(fate fault.Fate) <-chan struct{} {
		came := make(chan struct{})
		once := true
		gateway.Decide(func(s fault.Seen) fault.Fate {
			if s.Message != protocol.MessageBatch || !once {
				return fault.Pass
			}
			once = false
			close(came)
			return fate
		})
		return came
	}
	read := func() <-chan struct{} {
		asked := make(chan struct{})
		undo := i.mis.Instance.StandIn().Stage(standin.Fault{Contains: readsContacts, Hang: true, Times: 1, Do: func() { close(asked) }})
		t.Cleanup(undo)
		return asked
	}
	hang := func() <-chan struct{} { return posted(fault.Hang) }
	drop := func() <-chan struct{} { return posted(fault.DropReply) }
	for n, step := range []struct {
		name    string
		moment  func() <-chan struct{}
		to      string // "" is the version before
		arrives string
	}{
		{"while a batch is sent", hang, "1.1.0", "1.1.0"},
		{"while an answer is lost", drop, "1.2.0", "1.2.0"},
		{"while the MIS is read", read, "1.3.0", "1.3.0"},
		{"back, while a batch is sent", hang, "", "1.2.0"},
		{"back, while an answer is lost", drop, "", "1.1.0"},
		{"back, while the MIS is read", read, "", packaged},
	} {
		i.anotherMark(n)
		came := step.moment()
		synced := make(chan struct{})
		go func() {
			defer close(synced)
			// It may end well or be cut off with the worker that does it.
			if _, err := i.agent.Try(i.ctx, "sync"); err != nil {
				t.Error(err)
			}
		}()
		select {
		case <-came:
		case <-i.ctx.Done():
			t.Fatalf("%s: the moment did not come\n%s", step.name, i.log())
		}
		if step.to != "" {
			i.stage(step.to, zoo.Good)
		} else {
			i.must(i.versions.Wish(slot.Wish{Back: true}))
		}
		i.inForce(step.arrives)
		<-synced
		i.eventuallySame()
		i.sound()
		appliedOnce(t, i.world, "")
	}
	i.anotherMark(100)
	i.sync()
	i.sound()
	appliedOnce(t, i.world, "")
}
