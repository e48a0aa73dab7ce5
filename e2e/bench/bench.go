package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"rollbridge/e2e/stack"
)

// A bench is one run: its programs, its directory and what it has started.
type bench struct {
	options
	dir      string
	progress io.Writer
	// release is built as it is shipped; clocked reads the time of day from a
	// file, for agents, which read only the present academic year.
	release, clocked stack.Programs
	idKey            []byte
	bodies           *bodies
	places           []*place
	bares            []*stack.Process
	databases        []*stack.MIS
	webs             []*webMIS
	schemas          int
}

func newBench(ctx context.Context, o options, progress io.Writer) (*bench, error) {
	if _, err := processCPU(os.Getpid()); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rollbridge-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the benchmarks: %w", err)
	}
	b := &bench{options: o, dir: dir, progress: progress, idKey: make([]byte, 32)}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// prepare builds the programs and the batches.
func (b *bench) prepare(ctx context.Context) (err error) {
	if _, err := rand.Read(b.idKey); err != nil {
		return err
	}
	b.say("building the programs")
	if b.release, err = b.buildRelease(ctx); err != nil {
		return err
	}
	if b.wants("agent") || b.wants("drivers") {
		clocked := filepath.Join(b.dir, "testclock")
		if err := os.Mkdir(clocked, 0o700); err != nil {
			return err
		}
		if b.clocked, err = stack.Build(ctx, clocked, "testclock"); err != nil {
			return err
		}
	}
	b.bodies, err = newBodies(newSchool(schoolPupils), b.idKey)
	return err
}

// buildRelease builds the programs as the Makefile does for shipping; the agent
// only where something is to be known of it.
func (b *bench) buildRelease(ctx context.Context) (stack.Programs, error) {
	p := stack.Programs{Agent: filepath.Join(b.dir, "rollbridge-agent"), Collector: filepath.Join(b.dir, "rollbridge-collector")}
	for pkg, out := range map[string]string{"rollbridge/agent": p.Agent, "rollbridge/collector": p.Collector} {
		if out == p.Agent && !b.wants("size") {
			continue
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return stack.Programs{}, fmt.Errorf("build %s: %w\n%s", pkg, err, text)
		}
	}
	return p, nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "bench: "+format+"\n", args...)
}

// close ends everything that was started and removes everything that was made.
func (b *bench) close() error {
	var errs []error
	for _, p := range b.places {
		errs = append(errs, p.close())
	}
	for _, p := range b.bares {
		errs = append(errs, p.Stop())
	}
	for _, d := range b.databases {
		errs = append(errs, d.Close())
	}
	for _, w := range b.webs {
		errs = append(errs, w.server.Close())
	}
	errs = append(errs, b.dropSchemas())
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

func (b *bench) describe(w io.Writer, took time.Duration) {
	database := "SQLite"
	if b.database != "" {
		database = "PostgreSQL"
	}
	fmt.Fprintf(w, "Rollbridge benchmarks: %s/%s, %d CPUs, %s, %s, %d pairs of %d uploads, %s.\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), database, b.pairs(), b.options.uploads(), took.Round(time.Second))
	fmt.Fprintf(w, "School: %d pupils, 39 weeks of marks; a full batch is %d records of %d pupils (%d bytes as JSON), a delta %d records.\n",
		schoolPupils, b.bodies.rows, batchPupils, b.bodies.lines, b.bodies.deltaRows)
	fmt.Fprintln(w, "Only ratios count: they compare programs run in turn on this machine. Everything in the last column drifts.")
	fmt.Fprintln(w)
}
