package cli

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"rollbridge/agent/host"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/agent/supervise"
	"rollbridge/agent/update"
	"rollbridge/shared/logkey"
	"rollbridge/shared/release"
)

// A currency keeps the program current: the updater of this computer, and what
// it must know of the schools.
type currency struct {
	*update.Updater
	said *voice
	log  *slog.Logger
	// dirs are the data directories of the schools.
	dirs func() []string

	mu sync.Mutex
	// over are the agents that were superseded, by data directory.
	over map[string]string
	// collectors say where the collector of a school is that is open in this
	// process, by data directory.
	collectors map[string]func() (address string, pin []byte)
}

// newCurrency prepares the updater by the settings that count for this computer:
// those of the one school, or of the directory of all.
func newCurrency(set settings.Settings, dirs func() []string, said *voice, log *slog.Logger) (*currency, error) {
	return currencyOf(update.Default(), set, dirs, said, log)
}

func currencyOf(o update.Options, set settings.Settings, dirs func() []string, said *voice, log *slog.Logger) (*currency, error) {
	c := &currency{said: said, log: log, dirs: dirs, over: map[string]string{}, collectors: map[string]func() (string, []byte){}}
	window, err := update.ParseWindow(set.Updates.Window)
	if err != nil {
		return nil, usageError{err} // the settings are checked
	}
	o.Ring, o.Window, o.HoldDays, o.Exit = release.Ring(set.Updates.Ring), window, set.Updates.HoldDays, set.Uplink.Exit()
	if o.URL = set.Updates.URL; o.URL == settings.NoUpdates {
		o.URL, o.Off = "", true
	}
	o.Collector, o.Silent, o.Log = c.collector, c.silent, log
	c.Updater = update.New(o)
	return c, nil
}

// oneSchool is the list of a service of one school.
func oneSchool(dir string) func() []string { return func() []string { return []string{dir} } }

// manySchools lists the data directories below one. While it cannot be looked into
// those count that were there before: a school that has paused is not forgotten.
// Where there were none there is nobody to say no.
func manySchools(dir string) func() []string {
	var mu sync.Mutex
	var known []string
	return func() []string {
		names, err := host.Schools(dir)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			known = nil
			for _, name := range names {
				known = append(known, filepath.Join(dir, name))
			}
		}
		return slices.Clone(known)
	}
}

// settingsOfSchools are what counts for the computer where it has many schools:
// an agent.yaml beside their directories, or else the defaults and the
// environment.
func (p *program) settingsOfSchools(dir string) (settings.Settings, error) {
	file := filepath.Join(dir, settings.FileName)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return settings.Environment(p.Environ)
	}
	set, _, err := settings.Load(settings.Given{File: file, DataDir: dir}, p.Environ)
	return set, err
}

func (p *program) currencyOfSchools(dir string, said *voice, log *slog.Logger) (*currency, error) {
	set, err := p.settingsOfSchools(dir)
	if err != nil {
		return nil, err
	}
	return newCurrency(set, manySchools(dir), said, log)
}

// currency is the updater as a command has it, which speaks of what the service
// runs.
func (p *program) currency(schools string) (*currency, error) {
	o := update.Default()
	o.Running = o.Served()
	said, log := &voice{}, slog.New(slog.DiscardHandler)
	if schools == "" {
		set, err := p.settings()
		if err != nil {
			return nil, err
		}
		return currencyOf(o, set, oneSchool(set.DataDir), said, log)
	}
	if err := p.noSchoolGiven(); err != nil {
		return nil, err
	}
	set, err := p.settingsOfSchools(schools)
	if err != nil {
		return nil, usageError{err}
	}
	return currencyOf(o, set, manySchools(schools), said, log)
}

// start runs the updater beside everything else; stop ends it and waits for that.
func (c *currency) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx, update.Loop{
			Turned: func() { c.said.say(supervise.Checked) },
			Wished: func() { c.said.say(supervise.Wish) },
		})
	}()
	return func() {
		cancel()
		<-done
	}
}

// silent says that no school wants a byte to be sent: each is paused, or has
// stopped. A directory without a school is one that waits to be enrolled.
func (c *currency) silent() bool {
	dirs := c.dirs()
	return len(dirs) > 0 && !slices.ContainsFunc(dirs, func(dir string) bool { return !c.still(dir) })
}

// still says whether one school is paused or has stopped.
func (c *currency) still(dir string) bool {
	if _, revoked := school.Revoked(dir); revoked {
		return true
	}
	if _, paused := school.Paused(dir); paused {
		return true
	}
	agent, there := school.Enrolled(dir)
	c.mu.Lock()
	defer c.mu.Unlock()
	return there && c.over[dir] == agent
}

// superseded notes that the agent of a directory has stopped for good.
func (c *currency) superseded(dir, agent string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over[dir] = agent
}

// opened notes that a school of this process can say where its collector is;
// closed takes that back.
func (c *currency) opened(dir string, s *school.School) (closed func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.collectors[dir] = func() (string, []byte) {
		way, err := s.Way()
		if err != nil {
			return "", nil
		}
		return way.Route.URL, way.Route.Pin
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.collectors, dir)
	}
}

// collector is where the collector is, by the first school that can say so and
// has not stopped.
func (c *currency) collector() (string, []byte) {
	for _, dir := range c.dirs() {
		c.mu.Lock()
		ask := c.collectors[dir]
		c.mu.Unlock()
		if ask == nil || c.still(dir) {
			continue
		}
		if address, pin := ask(); address != "" {
			return address, pin
		}
	}
	return "", nil
}

// replyTime is left to an answer to a command before the supervisor is asked to
// replace the process that gives it.
const replyTime = 300 * time.Millisecond

// askLater asks the supervisor when the answer is out.
func (c *currency) askLater(a update.Advanced) {
	if a.Wish == nil {
		return
	}
	time.AfterFunc(replyTime, func() {
		if err := c.Ask(*a.Wish); err != nil {
			c.log.Warn("the supervisor could not be asked for another version", logkey.Error, err.Error())
			return
		}
		c.said.say(supervise.Wish)
	})
}
