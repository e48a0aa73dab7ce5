package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// An Agent is one school's agent: a data directory and its running service.
type Agent struct {
	Programs Programs
	Dir      string // data directory
	env      []string
	running  *Process
}

// AgentOptions vary an agent.
type AgentOptions struct {
	// Clock is a file read as the time of day by programs built with testclock.
	Clock string
	// Env is added to the environment: a proxy, certificate authorities, settings.
	Env []string
}

// NewAgent makes an agent in dir whose settings name that source. In the
// directory of an agent it changes the settings and leaves the rest.
func NewAgent(p Programs, dir string, source Source, o AgentOptions) (*Agent, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make an agent: %w", err)
	}
	if err := source.write(dir); err != nil {
		return nil, fmt.Errorf("make an agent: %w", err)
	}
	a := &Agent{Programs: p, Dir: dir, env: []string{"ROLLBRIDGE_DATA_DIR=" + dir}}
	if o.Clock != "" {
		a.env = append(a.env, "ROLLBRIDGE_TEST_CLOCK="+o.Clock)
	}
	a.env = append(a.env, o.Env...)
	return a, nil
}

// Env is the environment of this agent's program, for a process that a test
// starts in its own way.
func (a *Agent) Env() []string { return append([]string(nil), a.env...) }

// LogFile is where the output of `run` goes.
func (a *Agent) LogFile() string { return a.Dir + ".log" }

// Command runs one command to success and returns what it printed.
func (a *Agent) Command(ctx context.Context, args ...string) (string, error) {
	return Must(ctx, a.Programs.Agent, "", a.env, args...)
}

// Try runs one command and returns how it ended.
func (a *Agent) Try(ctx context.Context, args ...string) (Result, error) {
	return Run(ctx, a.Programs.Agent, "", a.env, args...)
}

// Enrol pastes a code, says yes, and returns the phrase to compare.
func (a *Agent) Enrol(ctx context.Context, code string) (phrase string, err error) {
	out, err := a.Command(ctx, "enrol", code, "--accept")
	if err != nil {
		return "", err
	}
	return PhraseIn(out)
}

// PhraseIn finds the phrase in what `enrol` or `agent list` printed.
func PhraseIn(out string) (string, error) {
	for word := range strings.FieldsSeq(out) {
		word = strings.Trim(word, ".,:;\"'")
		parts := strings.Split(word, "-")
		if len(parts) == 3 && len(parts[0]) == 5 && len(parts[1]) == 5 && len(parts[2]) == 5 && word == strings.ToLower(word) {
			return word, nil
		}
	}
	return "", errors.New("no phrase was printed")
}

// Start runs the service and waits until its commands are answered.
func (a *Agent) Start(ctx context.Context) (*Process, error) { return a.start(ctx, "run") }

// Supervise is Start with a supervisor, as a service manager does it.
func (a *Agent) Supervise(ctx context.Context) (*Process, error) { return a.start(ctx, "supervise") }

func (a *Agent) start(ctx context.Context, command string) (*Process, error) {
	p, err := Start(a.Programs.Agent, a.LogFile(), a.env, command)
	if err != nil {
		return nil, err
	}
	a.running = p
	return p, Await(ctx, "the agent's service to answer", func() (bool, error) {
		select {
		case <-p.Exited():
			log, _ := os.ReadFile(a.LogFile())
			return false, fmt.Errorf("it ended by itself: %w\n%s", p.err, tail(log))
		default:
		}
		_, err := os.Stat(filepath.Join(a.Dir, "control.sock"))
		return err == nil, err
	})
}

// Status decodes `status --json` into v.
func (a *Agent) Status(ctx context.Context, v any) error {
	out, err := a.Command(ctx, "status", "--json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), v); err != nil {
		return fmt.Errorf("read the agent's status: %w", err)
	}
	return nil
}

// Close ends the service.
func (a *Agent) Close() error {
	if a.running == nil {
		return nil
	}
	p := a.running
	a.running = nil
	select {
	case <-p.Exited():
		return nil
	default:
		return p.Stop()
	}
}
