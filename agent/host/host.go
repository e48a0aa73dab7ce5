package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"rollbridge/agent/event"
	"rollbridge/shared/logkey"
)

// How soon a change of the directory is seen, and how long a school that fails
// is left alone: longer each time, and not at all once it has run for steady.
const (
	lookEvery  = 10 * time.Second
	firstPause = 5 * time.Second
	longPause  = time.Minute
	steady     = 30 * time.Minute
)

// A Host runs what Dir holds.
type Host struct {
	// Dir has one directory for each school.
	Dir string
	// Serve runs the agent of one school until ctx ends; any return before that
	// is a failure, whatever the error.
	Serve func(ctx context.Context, dir string, log *slog.Logger) error
	Log   *slog.Logger

	running map[string]context.CancelFunc
	all     sync.WaitGroup
}

// Schools are the names of the directories in dir that are schools', sorted.
// Files, and names that begin with a dot, are passed over.
func Schools(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for schools: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Run runs the schools until ctx ends and each has stopped. It returns an error
// only where Dir cannot be looked into at the start; later it waits for it to
// come back and lets run what runs.
func (h *Host) Run(ctx context.Context) error {
	names, err := Schools(h.Dir)
	if err != nil {
		return err
	}
	h.running = map[string]context.CancelFunc{}
	said := ""
	for {
		h.match(ctx, names)
		select {
		case <-ctx.Done():
			h.all.Wait()
			return nil
		case <-time.After(lookEvery):
		}
		found, err := Schools(h.Dir)
		switch {
		case err == nil:
			names, said = found, ""
		case err.Error() != said:
			said = err.Error()
			h.Log.Error("the directory of the schools cannot be looked into", logkey.Error, said)
		}
	}
}

// match begins what is new and ends what is gone.
func (h *Host) match(ctx context.Context, names []string) {
	for _, name := range names {
		if h.running[name] != nil {
			continue
		}
		own, cancel := context.WithCancel(ctx)
		h.running[name] = cancel
		log := h.Log.With(logkey.School, name)
		h.all.Go(func() { h.keep(own, filepath.Join(h.Dir, name), log) })
	}
	for _, name := range slices.Sorted(maps.Keys(h.running)) {
		if !slices.Contains(names, name) {
			h.running[name]()
			delete(h.running, name)
			h.Log.Info("a school's directory is gone: its agent ends", logkey.School, name)
		}
	}
}

// keep runs one school, again and again until ctx ends.
func (h *Host) keep(ctx context.Context, dir string, log *slog.Logger) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := h.once(ctx, dir)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) >= steady {
			pause = firstPause
		}
		fields := []any{logkey.Error, err.Error(), logkey.Next, time.Now().Add(pause)}
		if pause == firstPause { // later ones are the same event
			fields = append(fields, logkey.Event, event.NotOpened)
		}
		log.Error("the school's agent ended and is begun again", fields...)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

// errEnded stands for an agent that ended without saying why.
var errEnded = errors.New("it ended by itself")

// once runs one school until it ends. A panic ends this school only; its text is
// not logged, since it may hold anything, but where it happened is.
func (h *Host) once(ctx context.Context, dir string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a mistake of the program: please report these places: %s", places(debug.Stack()))
		}
	}()
	if err := h.Serve(ctx, dir, h.Log.With(logkey.School, filepath.Base(dir))); err != nil {
		return err
	}
	return errEnded
}

// places are the file and line of the product's own callers in a stack.
func places(stack []byte) string {
	var found []string
	for line := range strings.Lines(string(stack)) {
		at, isPlace := strings.CutPrefix(line, "\t")
		if !isPlace {
			continue
		}
		at, _, _ = strings.Cut(strings.TrimSpace(at), " ")
		found = append(found, filepath.Base(filepath.Dir(at))+"/"+filepath.Base(at))
	}
	// The first three are of the recovery itself.
	return strings.Join(found[min(3, len(found)):min(9, len(found))], ", ")
}
