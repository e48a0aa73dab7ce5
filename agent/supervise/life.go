package supervise

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/shared/logkey"
)

// How much a worker may write before it counts as one that floods: within
// floodWithin, to its log while it is on probation and to its supervisor.
const (
	flood       = 16 << 20
	floodWithin = time.Minute
)

// maxSaid bounds what a self-test may say: more than many schools have to say, and
// less than makes the state too large to be read.
const maxSaid = 2000

// An end is how the life of a worker ended.
type end struct {
	// why is "" where it ended by itself, or was told to.
	why slot.Reason
	err error
	// begun is false where it could not be started, ready where it never was.
	begun, ready bool
	// told says that it was told to end: the service stops, or another version is
	// to run.
	told bool
	said []string // by its self-test
}

// A life is that of one worker.
type life struct {
	*machine
	run choice
	p   *process

	ready, checked bool
	said           []string
	// lived, silent and unchecked are monotonic and do not count what the computer
	// slept: a worker sleeps with it.
	lived, silent, unchecked time.Duration
	since                    time.Time     // the last look
	busy                     time.Duration // since memory was given back
	window                   time.Duration
	before                   int64 // written when the window began
}

// live starts the program and returns when it has ended with its children: by
// itself, because ctx ended, because of what it did, or because another is to
// run.
func (m *machine) live(ctx context.Context, run choice) end {
	p, err := m.start(run.path, run.trial)
	if err != nil {
		return end{err: err}
	}
	m.log.Info("the worker runs", logkey.Process, p.pid, logkey.Version, run.version)
	defer p.close()
	m.settle()
	l := &life{machine: m, run: run, p: p, since: time.Now()}
	e := l.watch(ctx)
	e.begun, e.ready, e.said = true, l.ready, l.said
	return e
}

func (l *life) watch(ctx context.Context) end {
	tick := time.NewTicker(l.limits.look)
	defer tick.Stop()
	for {
		var why slot.Reason
		var told bool
		select {
		case <-ctx.Done():
			told = true
		case err := <-l.p.ended:
			return end{err: err}
		case line := <-l.p.lines:
			why, told = l.hears(line)
		case <-tick.C:
			why, told = l.looks()
		}
		switch {
		case told:
			return end{told: true, err: l.endWorker(true)}
		case why != "":
			l.log.Warn("the worker is ended", logkey.Reason, string(why), logkey.Version, l.run.version)
			// What hangs does not end by being told to.
			return end{why: why, err: l.endWorker(why == slot.SelfTest || why == slot.Unchecked)}
		}
	}
}

// endWorker ends it, in order where that may help, and waits for it.
func (l *life) endWorker(inOrder bool) error {
	patience := time.Duration(0)
	if inOrder {
		l.p.stop()
		patience = stopLimit
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case err := <-l.p.ended:
			return err
		case <-l.p.lines:
		case <-limit.C:
			if inOrder {
				l.log.Warn("the worker did not end in time and is killed")
			}
			l.p.kill()
		}
	}
}

// hears is told what the worker says; why is given where it has to end.
func (l *life) hears(line string) (why slot.Reason, told bool) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case Ready:
		if !l.ready {
			l.isReady(l.run, l.lived, l.said)
			l.ready, l.lived, l.silent, l.unchecked = true, 0, 0, 0
			l.log.Info("the worker is ready", logkey.Version, l.run.version)
			l.works(l.run)
		}
	case SelfTest:
		if len(l.said) < maxSaid && !slices.Contains(l.said, rest) {
			l.said = append(l.said, rest)
		}
		if l.run.trial && !slices.Contains(l.state.Failing, rest) {
			return slot.SelfTest, false
		}
	case Alive:
		l.silent = 0
	case Checked:
		l.checked, l.unchecked = true, 0
	case Wish:
		return "", l.hear(l.run)
	}
	return "", false
}

// looks is what is done every few seconds.
func (l *life) looks() (why slot.Reason, told bool) {
	now := time.Now()
	step := min(now.Sub(l.since), 2*l.limits.look)
	l.since = now
	l.lived += step
	l.silent += step
	l.unchecked += step
	// Every look touches a little, and in a month that is all that can be touched.
	if l.busy += step; l.busy >= time.Hour {
		l.busy = 0
		l.settle()
	}
	if l.floods(step) {
		return slot.Flooding, false
	}
	patience := l.limits.patience
	if l.run.trial {
		patience = l.limits.ready
	}
	switch {
	case !l.ready && l.lived >= patience:
		return slot.NotReady, false
	case !l.ready:
		return "", false
	case l.silent >= l.limits.silence:
		return slot.Silent, false
	// A version whose updater never turns could never be replaced. One in force that
	// never turned would not by being started again.
	case (l.run.trial || l.checked) && l.unchecked >= l.limits.unchecked:
		return slot.Unchecked, false
	case l.run.trial && l.checked && l.lived >= l.limits.probation:
		if l.commit(l.run.version, l.said) {
			l.run.trial = false
			l.works(l.run)
		}
	case time.Since(l.cleaned) >= 24*time.Hour:
		l.clean()
	}
	return "", l.hear(l.run)
}

// floods says whether more was written than any worker has to say. A version in
// force is left: nothing better could run.
func (l *life) floods(step time.Duration) bool {
	if l.window += step; l.window >= floodWithin {
		l.window, l.before = 0, l.p.written()
	}
	return l.run.trial && l.p.written()-l.before > flood
}

// notStarted sorts why a program could not be started.
func notStarted(err error) slot.Reason {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return slot.Vanished
	case noProgram(err):
		return slot.Unstartable
	}
	return ""
}
