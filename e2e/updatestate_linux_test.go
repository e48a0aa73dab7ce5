package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/zoo"
)

const versionAltered = 4111

// TestUpdateStateFile damages state.json while the newest version is in force:
// that version runs all the same, it is said, and the file is whole again.
func TestUpdateStateFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func([]byte) []byte{
		"empty":           func([]byte) []byte { return nil },
		"truncated":       func(b []byte) []byte { return b[:len(b)/2] },
		"zeroed":          func(b []byte) []byte { return make([]byte, len(b)) },
		"of another kind": func([]byte) []byte { return []byte(`["a list"]`) },
		"from the future": func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"schema": 1`, `"schema": 99, "more": {"to": "know"}`, 1))
		},
		"naming no version": func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"1.1.0"`, `"../../1.1.0"`, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := alone(t)
			committed(i)
			path := filepath.Join(i.versions.Path, "state.json")
			whole, err := os.ReadFile(path)
			i.must(err)
			broken := damage(whole)
			if string(broken) == string(whole) {
				t.Fatal("nothing was damaged")
			}
			i.must(os.WriteFile(path, broken, 0o644))
			if _, err := i.versions.State(); !errors.Is(err, slot.ErrState) {
				t.Fatalf("it can be read: %v", err)
			}
			i.start()
			i.inForce("1.1.0")
			if !strings.Contains(i.log(), "state") {
				t.Errorf("nothing is said of it:\n%s", i.log())
			}
			// It goes on from there.
			i.stage("1.2.0", zoo.Good)
			i.inForce("1.2.0")
		})
	}
}

// TestUpdateDamagedVersions takes the version in force away, or changes it,
// after it was verified: another good one runs, which is said once, and what is
// not what was released is never started.
func TestUpdateDamagedVersions(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(i *installation, program string) error{
		"deleted": func(_ *installation, program string) error { return os.Remove(program) },
		"one byte changed": func(i *installation, program string) error {
			data, err := os.ReadFile(program)
			if err != nil {
				return err
			}
			data[len(data)/3] ^= 1
			return errors.Join(os.Remove(program), os.WriteFile(program, data, 0o755))
		},
		"replaced by another": func(i *installation, program string) error {
			return errors.Join(os.Remove(program), os.Link(i.built("1.2.0", zoo.Exits), program))
		},
		"slot deleted": func(_ *installation, program string) error { return os.RemoveAll(filepath.Dir(program)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := alone(t)
			committed(i)
			i.start()
			i.inForce("1.1.0")
			i.must(damage(i, i.versions.Program("1.1.0")))
			// What runs goes on; the next start finds it.
			for _, pid := range childrenOf(i.process.PID()) {
				i.must(syscall.Kill(pid, syscall.SIGKILL))
			}
			i.runs(packaged)
			if n := strings.Count(i.log(), fmt.Sprintf(" event=%d", versionAltered)); n != 1 {
				t.Errorf("event %d was logged %d times:\n%s", versionAltered, n, i.log())
			}
		})
	}
}

// TestUpdateVanishes deletes the executable, or changes it, after the updater
// has verified it and the supervisor is asked for it.
func TestUpdateVanishes(t *testing.T) {
	t.Parallel()
	for want, damage := range map[slot.Reason]func(program string) error{
		slot.Vanished: os.Remove,
		slot.Altered: func(program string) error {
			return errors.Join(os.Remove(program), os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
		},
	} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			i := alone(t)
			i.stage("1.1.0", zoo.Good)
			i.must(damage(i.versions.Program("1.1.0")))
			i.start()
			i.until("the wish to be refused", func(s slot.State) bool { return s.Heard.Refused == want && s.Candidate == nil })
			i.runs(packaged)
		})
	}
}

// TestUpdateVanishesBeforeStart deletes the executable in the moment between the
// supervisor's own verification and the start.
func TestUpdateVanishesBeforeStart(t *testing.T) {
	t.Parallel()
	i := alone(t)
	i.stage("1.1.0", zoo.Good)
	deleted := false
	c := fault.Cut{Below: i.versions.Path, Counts: func(a fault.Act) bool {
		// What is counted as an attempt has been verified.
		if a.Name == "rename to" && strings.HasSuffix(a.Path, "/state.json") && !deleted && i.savingAttempt() {
			deleted = os.Remove(i.versions.Program("1.1.0")) == nil
		}
		return true
	}}
	i.cut(&c, func(s slot.State) bool { return skippedFor(s, "1.1.0") == slot.Vanished && s.Running == packaged })
	if !deleted {
		t.Error("the moment did not come")
	}
	i.start()
	i.runs(packaged)
}

// savingAttempt says whether the state that is about to be saved counts a start.
func (i *installation) savingAttempt() bool {
	files, _ := filepath.Glob(filepath.Join(i.versions.Path, ".new-*"))
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), `"attempts": 1`) {
			return true
		}
	}
	return false
}

// TestUpdateClock sets the clock a day forward and a day back while a version is
// on probation: that ends neither too early nor too late.
func TestUpdateClock(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"forward": 25 * time.Hour, "back": -25 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := emptyWorld(t, small())
			w.must(os.Mkdir(w.folder(), 0o755))
			clock := filepath.Join(w.dir, "clock")
			setClock(t, clock, 0)
			i := install(w, stack.Folder("csv", w.folder()), stack.AgentOptions{Clock: clock, Env: []string{limit("probation=1h")}})
			i.stage("1.1.0", zoo.Good)
			i.start()
			i.until("the version to be on probation", func(s slot.State) bool { return s.OnProbation("1.1.0") })
			// One that ends before it is ready is left at once.
			i.ready("1.1.0")
			setClock(t, clock, by)
			// A start is what the supervisor decides at.
			for _, pid := range childrenOf(i.process.PID()) {
				i.must(syscall.Kill(pid, syscall.SIGKILL))
			}
			s := i.until("it to be started again", func(s slot.State) bool { return s.Candidate != nil && s.Candidate.Attempts == 2 })
			i.runs("1.1.0")
			if s.Current == "1.1.0" {
				t.Errorf("its probation is over: %+v", s)
			}
			i.must(i.process.Stop())
			i.limited("probation=1s")
			i.start()
			i.inForce("1.1.0")
		})
	}
}
