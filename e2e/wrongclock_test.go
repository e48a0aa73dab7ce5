package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/stack"
)

const year = 365 * 24 * time.Hour

// A clocked is a world whose two sides have clocks of their own.
type clocked struct {
	*world
	agentClock, collectorClock string
}

func newClocked(t *testing.T) *clocked {
	t.Helper()
	dir := t.TempDir()
	c := &clocked{emptyWorld(t, small()), filepath.Join(dir, "agent"), filepath.Join(dir, "collector")}
	c.ahead(c.agentClock, 0)
	c.ahead(c.collectorClock, 0)
	c.must(os.Mkdir(c.folder(), 0o755))
	c.write()
	code := c.setUpCollector(stack.CollectorOptions{Clock: c.collectorClock})
	c.enrolAt(stack.Folder("csv", c.folder()), code, stack.AgentOptions{Clock: c.agentClock})
	c.sync()
	return c
}

func (c *clocked) write() { c.must(c.school.WriteCSV(c.folder())) }

// ahead sets a clock.
func (c *clocked) ahead(clock string, d time.Duration) {
	c.t.Helper()
	c.must(os.WriteFile(clock+".new", []byte(d.String()), 0o644))
	c.must(os.Rename(clock+".new", clock))
}

// TestWrongClock sets either side's clock wrong by a day and by a year, lets the
// school sync and sets it right again: nobody's records go, and what comes after
// is as in the MIS.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for name, side := range map[string]func(*clocked) string{
		"agent": func(c *clocked) string { return c.agentClock }, "collector": func(c *clocked) string { return c.collectorClock },
	} {
		for wrong, d := range map[string]time.Duration{"a day fast": 24 * time.Hour, "a day slow": -24 * time.Hour, "a year fast": year, "a year slow": -year} {
			t.Run(name+" "+wrong, func(t *testing.T) {
				t.Parallel()
				c := newClocked(t)
				before := c.held().Counts()
				c.ahead(side(c), d)
				for range 2 {
					r, err := c.agent.Try(c.ctx, "sync")
					c.must(err)
					if strings.Contains(r.Stderr, "panic") {
						t.Errorf("%s", r.Stderr)
					}
				}
				now := c.held().Counts()
				for dataset, n := range before {
					if now[dataset] < n {
						t.Errorf("%d %s records were held, now %d", n, dataset, now[dataset])
					}
				}
				c.ahead(side(c), 0)
				c.eventuallySame()
				c.sound()
			})
		}
	}
}

// TestPauseAndTheClock pauses and sets the clock: a pause lasts until the clock
// shows its end, wherever it stood meanwhile.
func TestPauseAndTheClock(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	_, err := c.agent.Start(c.ctx)
	c.must(err)
	_, err = c.agent.Command(c.ctx, "pause", "--until", "2h")
	c.must(err)
	state := func(want string) {
		t.Helper()
		c.must(stack.Await(c.ctx, "the agent to be "+want, func() (bool, error) {
			var st struct{ State string }
			err := c.agent.Status(c.ctx, &st)
			return st.State == want, err
		}))
	}
	state("paused")
	for _, d := range []time.Duration{time.Hour, -time.Hour, 0, time.Hour, -24 * time.Hour, 110 * time.Minute} {
		c.ahead(c.agentClock, d)
		state("paused")
		r, err := c.agent.Try(c.ctx, "sync")
		c.must(err)
		if r.Code == 0 || !strings.Contains(r.Stderr, "paused") {
			t.Errorf("clock %v: sync ended with %d: %s", d, r.Code, r.Stderr)
		}
	}
	c.ahead(c.agentClock, 121*time.Minute)
	state("active")
	c.must(stack.Await(c.ctx, "the service to end the pause", func() (bool, error) {
		_, err := os.Lstat(filepath.Join(c.agent.Dir, "paused"))
		return os.IsNotExist(err), nil
	}))
	c.ahead(c.agentClock, 0) // the pause has ended: it does not begin again
	state("active")
	c.sync()
	c.sound()
}
