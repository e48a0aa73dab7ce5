package wine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/stack"
)

// A Prefix is a Windows in a directory.
type Prefix struct {
	dir   string // holds everything
	env   []string
	major int // version of Wine
}

// New makes a Windows in dir, starts it and leaves it running.
func New(ctx context.Context, dir string) (*Prefix, error) {
	p := &Prefix{dir: dir, env: []string{
		// Nothing of the person who runs the tests, and no display.
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir,
		"WINEPREFIX=" + filepath.Join(dir, "prefix"), "WINEARCH=win64", "WINEDEBUG=-all",
		// Without .NET and a browser, which it would ask to fetch.
		"WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=",
	}}
	for _, program := range []string{"wine", "wineserver"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, errors.New("no Wine is installed (Debian: apt-get install wine wine64)")
		}
	}
	version, err := p.command(ctx, "wine", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask Wine for its version: %w", err)
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(string(version), "wine-"), ".")
	if p.major, err = strconv.Atoi(number); err != nil {
		return nil, fmt.Errorf("this Wine says that it is %q, which is no version", version)
	}
	if err := os.MkdirAll(filepath.Join(dir, "prefix"), 0o700); err != nil {
		return nil, fmt.Errorf("make a Windows: %w", err)
	}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := p.mend(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// start starts Windows, with the services that start by themselves. Its server
// comes first and is told to stay: else Windows would end with its last program,
// and the services with it.
func (p *Prefix) start(ctx context.Context) error {
	if err := p.command(ctx, "wineserver", "-p").Run(); err != nil {
		return fmt.Errorf("start Wine's server: %w", err)
	}
	// On pipes the first services would keep them open, and this would wait.
	if err := p.command(ctx, "wine", "wineboot").Run(); err != nil {
		return fmt.Errorf("start Windows: %w", err)
	}
	return nil
}

// Restart ends every process at once, as a power cut would, and starts Windows
// again.
func (p *Prefix) Restart(ctx context.Context) error {
	if err := p.end(ctx); err != nil {
		return err
	}
	return p.start(ctx)
}

// end ends every process of this Windows and waits until they are gone.
func (p *Prefix) end(ctx context.Context) error {
	// -k fails where nothing runs.
	_ = p.command(ctx, "wineserver", "-k").Run()
	if err := p.command(ctx, "wineserver", "-w").Run(); err != nil {
		return fmt.Errorf("wait for the end of Windows: %w", err)
	}
	return nil
}

// Close ends every process of this Windows; its files stay.
func (p *Prefix) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return p.end(ctx)
}

// File is the path of a file of this Windows for the programs of this system:
// File(`C:\mis`).
func (p *Prefix) File(path string) string {
	rest := strings.ReplaceAll(strings.TrimPrefix(path, `C:`), `\`, "/")
	return filepath.Join(p.dir, "prefix", "drive_c", filepath.FromSlash(rest))
}

// A Call is one run of a program.
type Call struct {
	Program string // a path of this system or a name that Windows finds
	Args    []string
	Stdin   string
	Dir     string // where it is begun, a path of this system
	Env     []string
}

// Run runs a program to its end. A code above 255 arrives as its remainder.
func (p *Prefix) Run(ctx context.Context, c Call) (r stack.Result, err error) {
	work, err := os.MkdirTemp(p.dir, "run-")
	if err != nil {
		return r, fmt.Errorf("run %s: %w", c.Program, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	// Files, not pipes: a process that is left behind, such as a service, would
	// keep a pipe open.
	in, out, errOut := filepath.Join(work, "in"), filepath.Join(work, "out"), filepath.Join(work, "err")
	if err := os.WriteFile(in, []byte(c.Stdin), 0o600); err != nil {
		return r, fmt.Errorf("run %s: %w", c.Program, err)
	}
	cmd := p.command(ctx, "wine", append([]string{c.Program}, c.Args...)...)
	cmd.Dir = c.Dir
	cmd.Env = append(cmd.Env, c.Env...)
	runErr := with(in, out, errOut, cmd)
	stdout, outErr := os.ReadFile(out)
	stderr, errErr := os.ReadFile(errOut)
	r = stack.Result{Stdout: text(stdout), Stderr: text(stderr), Code: -1}
	if cmd.ProcessState != nil {
		r.Code = cmd.ProcessState.ExitCode()
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return r, fmt.Errorf("%s did not end in time: %w", c.Program, ctx.Err())
	case runErr != nil && !errors.As(runErr, &exit):
		return r, fmt.Errorf("run %s: %w", c.Program, runErr)
	}
	return r, errors.Join(outErr, errErr)
}

// with runs a command with files for its input and its outputs.
func with(in, out, errOut string, cmd *exec.Cmd) error {
	stdin, err := os.Open(in)
	if err != nil {
		return err
	}
	defer stdin.Close()
	stdout, err := os.Create(out)
	if err != nil {
		return err
	}
	defer stdout.Close()
	stderr, err := os.Create(errOut)
	if err != nil {
		return err
	}
	defer stderr.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return cmd.Run()
}

// text is what a program of Windows printed, with the line ends of this system.
func text(b []byte) string { return strings.ReplaceAll(string(b), "\r\n", "\n") }

func (p *Prefix) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append([]string(nil), p.env...)
	return cmd
}
