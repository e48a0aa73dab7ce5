package hosted

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollbridge/shared/clock"
)

// The limits of a command. The portal answers within a minute, and a preview reads a
// whole MIS.
const (
	atOnce     = 4
	waitTime   = 5 * time.Second
	askTime    = 15 * time.Second
	readTime   = 45 * time.Second
	endTime    = 2 * time.Second
	maxSaid    = 8 << 10
	maxAnswer  = 4 << 20
	maxPreview = 32 << 20
)

// A command is one call of the agent's program.
type command struct {
	args []string
	// limit bounds the time, most the output.
	limit time.Duration
	most  int
	// secret says that the output is of children, so that nothing of it is kept.
	secret bool
}

// run runs a command on the agent of a school and returns what it printed. An error that
// is a *Fault comes with it only where the program ended by itself.
func (a *Agents) run(ctx context.Context, school string, c command) ([]byte, error) {
	dir, err := a.directory(school)
	if err != nil {
		return nil, err
	}
	free, err := a.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer free()
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, errSlow)
	defer cancel()
	out, said := &bounded{most: c.most, full: cancel}, &bounded{most: maxSaid}
	cmd := exec.CommandContext(ctx, a.program, append([]string{"--data-dir", dir}, c.args...)...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = environment(os.Environ()), dir, endTime
	cmd.Stdout, cmd.Stderr = out, said
	err = cmd.Run()
	return c.judge(ctx, out, said, err)
}

var errSlow = errors.New("the time limit")

// judge says how a command ended.
func (c command) judge(ctx context.Context, out, said *bounded, err error) ([]byte, error) {
	var exit *exec.ExitError
	switch {
	case out.over:
		return nil, c.fault(Large, said, fmt.Sprintf("printed more than %d bytes", c.most))
	case errors.Is(context.Cause(ctx), errSlow):
		return nil, c.fault(Slow, said, "took longer than "+c.limit.String())
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return out.kept, nil
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		kind, known := exitKinds[exit.ExitCode()]
		if !known {
			kind = Failed
		}
		return out.kept, c.fault(kind, said, fmt.Sprintf("ended with %d", exit.ExitCode()))
	case exit != nil:
		return nil, c.fault(Failed, said, "was ended by the system")
	}
	return nil, &Fault{Missing, fmt.Sprintf("the agent's program cannot be run (%v): check hosted.program", err)}
}

// exitKinds are the exit codes that docs/cli-agent.md promises. A mistake in the call is
// none that a person can have made here.
var exitKinds = map[int]Kind{2: Version, 3: Refused, 4: Unreachable, 5: MIS}

func (c command) fault(kind Kind, said *bounded, how string) *Fault {
	text := "`" + strings.Join(c.args, " ") + "` of a hosted agent " + how
	if line := strings.TrimSpace(string(said.kept)); line != "" && !c.secret {
		text += ": " + strings.ReplaceAll(strings.ToValidUTF8(line, "?"), "\n", " ")
	}
	return &Fault{kind, text}
}

// decode reads the JSON that a command printed.
func (c command) decode(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return &Fault{Version, "`" + strings.Join(c.args, " ") + "` of a hosted agent prints what is not understood: is hosted.program of another version?"}
	}
	return nil
}

// directory is that of a school's agent.
func (a *Agents) directory(school string) (string, error) {
	if !a.on() || !slug(school) {
		return "", &Fault{Off, "no agents are hosted here, or none for this school"}
	}
	dir := filepath.Join(a.schools, school)
	// A link could lead to the agent of another school while it is looked at.
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", &Fault{Off, "no agent is hosted for this school: hosted.schools has no directory of its name"}
	case errors.Is(err, os.ErrPermission):
		return "", &Fault{Missing, "the directory of the hosted agents is closed to the portal: run both as one system user"}
	case err != nil:
		return "", &Fault{Missing, fmt.Sprintf("the directory of a hosted agent cannot be looked at: %v", err)}
	case !info.IsDir():
		return "", &Fault{Missing, "what has the name of a school in hosted.schools is no directory"}
	}
	return dir, nil
}

// enter waits for a place among those who run something.
func (a *Agents) enter(ctx context.Context) (free func(), err error) {
	wait, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	if err := a.places.Acquire(wait, 1); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Fault{Busy, "too many commands of hosted agents run at once"}
	}
	return func() { a.places.Release(1) }, nil
}

// handed are the variables that the agent's program gets, where they are set: what the
// system wants, and the clock of test builds.
var handed = append([]string{"PATH", "HOME", "TMPDIR", "TZ", "ZONEINFO", "SystemRoot", "windir", "ProgramData", "TEMP", "TMP", "USERPROFILE", "LOCALAPPDATA"}, clock.Variables()...)

func environment(all []string) []string {
	kept := []string{}
	for _, pair := range all {
		name, _, _ := strings.Cut(pair, "=")
		if slices.ContainsFunc(handed, func(h string) bool { return strings.EqualFold(h, name) }) {
			kept = append(kept, pair)
		}
	}
	return kept
}

// A bounded keeps what is written up to a limit, and calls full once that is passed. It
// embeds no buffer: with a ReadFrom of its own it would be filled past the limit.
type bounded struct {
	kept []byte
	most int
	full func()
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	left := b.most - len(b.kept)
	b.kept = append(b.kept, p[:min(left, len(p))]...)
	if len(p) > left && b.full != nil {
		b.over = true
		b.full()
	}
	return len(p), nil
}
