package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"rollbridge/e2e/oracle"
)

// A Collector is one collector's data directory and its running processes.
type Collector struct {
	Programs   Programs
	Dir        string // data directory
	PublicURL  string // what codes name
	PortalURL  string
	PrivateURL string // /readyz, /metrics
	// Greeting is what init printed: the first sign-in among it.
	Greeting string

	env     []string
	running []*Process
}

// CollectorOptions vary a collector.
type CollectorOptions struct {
	// Database is a DSN, empty for the embedded SQLite.
	Database string
	// Clock is a file read as the time of day by programs built with testclock.
	Clock string
	// PublicURL overrides the address in codes: that of a relay in front.
	PublicURL string
	// IntakeListen is the address of intake where it must be known before.
	IntakeListen string
	// Env is added to the environment: settings.
	Env []string
}

// NewCollector makes a collector in dir with `init` on free loopback ports.
func NewCollector(ctx context.Context, p Programs, dir string, o CollectorOptions) (*Collector, error) {
	c := &Collector{Programs: p, Dir: dir}
	listen := make([]string, 3)
	for i := range listen {
		address, err := FreeAddress()
		if err != nil {
			return nil, err
		}
		listen[i] = address
	}
	if o.IntakeListen != "" {
		listen[0] = o.IntakeListen
	}
	c.PublicURL, c.PortalURL, c.PrivateURL = "https://"+listen[0], "https://"+listen[1], "http://"+listen[2]
	if o.PublicURL != "" {
		c.PublicURL = o.PublicURL
	}
	c.env = []string{
		"ROLLBRIDGE_COLLECTOR_DATA_DIR=" + dir,
		"ROLLBRIDGE_COLLECTOR_INTAKE_LISTEN=" + listen[0],
		"ROLLBRIDGE_COLLECTOR_PORTAL_LISTEN=" + listen[1],
		"ROLLBRIDGE_COLLECTOR_PRIVATE_LISTEN=" + listen[2],
	}
	if o.Clock != "" {
		c.env = append(c.env, "ROLLBRIDGE_TEST_CLOCK="+o.Clock)
	}
	c.env = append(c.env, o.Env...)
	args := []string{"init", "--public-url", c.PublicURL}
	if o.Database != "" {
		args = append(args, "--database", o.Database)
	}
	greeting, err := c.Command(ctx, args...)
	c.Greeting = greeting
	return c, err
}

// IntakeAddress is the host:port that intake listens on.
func (c *Collector) IntakeAddress() string { return c.setting("INTAKE_LISTEN") }

func (c *Collector) setting(name string) string {
	for _, e := range c.env {
		if v, found := strings.CutPrefix(e, "ROLLBRIDGE_COLLECTOR_"+name+"="); found {
			return v
		}
	}
	return ""
}

// Env is the environment of this collector's programs, for a process that a
// test starts in its own way.
func (c *Collector) Env() []string { return append([]string(nil), c.env...) }

// LogFile is where the output of `serve` goes.
func (c *Collector) LogFile() string { return c.Dir + ".log" }

// Command runs one command to success and returns what it printed.
func (c *Collector) Command(ctx context.Context, args ...string) (string, error) {
	return Must(ctx, c.Programs.Collector, "", c.env, args...)
}

// Try runs one command and returns how it ended.
func (c *Collector) Try(ctx context.Context, args ...string) (Result, error) {
	return Run(ctx, c.Programs.Collector, "", c.env, args...)
}

// Start runs `serve` with all roles, or the comma-separated ones given, and
// waits until it is ready.
func (c *Collector) Start(ctx context.Context, roles string) (*Process, error) {
	args := []string{"serve"}
	if roles != "" {
		args = append(args, "--role", roles)
	}
	p, err := Start(c.Programs.Collector, c.LogFile(), c.env, args...)
	if err != nil {
		return nil, err
	}
	c.running = append(c.running, p)
	return p, c.awaitReady(ctx, p)
}

func (c *Collector) awaitReady(ctx context.Context, p *Process) error {
	return Await(ctx, "the collector to be ready", func() (bool, error) {
		select {
		case <-p.Exited():
			log, _ := os.ReadFile(c.LogFile())
			return false, fmt.Errorf("it ended by itself: %w\n%s", p.err, tail(log))
		default:
		}
		r, err := http.Get(c.PrivateURL + "/readyz")
		if err != nil {
			return false, err
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK, nil
	})
}

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }

// Close ends every process of this collector.
func (c *Collector) Close() error {
	var errs []error
	for _, p := range c.running {
		select {
		case <-p.Exited():
		default:
			errs = append(errs, p.Stop())
		}
	}
	c.running = nil
	return errors.Join(errs...)
}

// A School is what AddSchool sets up.
type School struct {
	ID          string
	Name        string
	Authorities []string
	Datasets    []string // empty for all
}

// AddSchool makes the school, what the authorities ask of it, and one code.
func (c *Collector) AddSchool(ctx context.Context, s School) (code string, err error) {
	if _, err := c.Command(ctx, "school", "add", s.ID, s.Name, "--phone", "01632 960123"); err != nil {
		return "", err
	}
	datasets := s.Datasets
	if len(datasets) == 0 {
		datasets = []string{"pupil", "contact", "attendance"}
	}
	for _, a := range s.Authorities {
		r, err := c.Try(ctx, "authority", "add", a, "--why", "Promote the education of looked-after children (Children Act 1989 s22(3A))")
		if err != nil {
			return "", err
		}
		if r.Code != 0 && !strings.Contains(r.Stderr, "already") {
			return "", fmt.Errorf("add authority %s: %s", a, r.Stderr)
		}
		args := []string{"school", "provision", s.ID, "--authority", a}
		for _, d := range datasets {
			args = append(args, "--dataset", d)
		}
		if _, err := c.Command(ctx, args...); err != nil {
			return "", err
		}
	}
	out, err := c.Command(ctx, "code", "create", s.ID)
	if err != nil {
		return "", err
	}
	return codeIn(out)
}

func codeIn(out string) (string, error) {
	for word := range strings.FieldsSeq(out) {
		if strings.HasPrefix(word, "RB1-") {
			return word, nil
		}
	}
	return "", errors.New("`code create` printed no code")
}

// Records is everything that the collector holds of a school, opened.
func (c *Collector) Records(ctx context.Context, school string) (oracle.Lines, error) {
	out, err := c.Command(ctx, "compare", school, "--reveal", "--json")
	if err != nil {
		return nil, err
	}
	return oracle.Actual(strings.NewReader(out))
}

// DatabaseFile is the embedded database.
func (c *Collector) DatabaseFile() string { return filepath.Join(c.Dir, "collector.db") }
