package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
)

// smallDisk puts a directory on a disk of its own. Only root can; an ordinary
// user gets nil and limits the size of files instead.
func smallDisk(t *testing.T, dir string, size int) *fault.SmallDisk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	disk, err := fault.NewSmallDisk(dir, size)
	if errors.Is(err, fault.ErrRights) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// TestAgentDiskFull fills the school's disk: the agent says so, leaves nothing
// half-written and goes on when there is room.
func TestAgentDiskFull(t *testing.T) {
	t.Parallel()
	w, code := newWorld(t, small(), stack.CollectorOptions{})
	disk := smallDisk(t, filepath.Join(w.dir, "agent"), 8<<20)
	w.enrolAt(w.source(), code, stack.AgentOptions{})
	w.sync()
	before, _, _ := inboxRows(t, w)
	for n := range 3 {
		w.anotherMark(n)
		r := w.withoutSpace(disk, w.agent.Programs.Agent, w.agent.Env(), "sync", "--full")
		if r.Code == 0 || !strings.Contains(strings.ToLower(r.Stdout+r.Stderr), "disk is full") {
			t.Errorf("a sync without space ended with %d and said:\n%s%s", r.Code, r.Stdout, r.Stderr)
		}
		w.nothingHalfWritten(w.agent.Dir)
		_, err := w.agent.Command(w.ctx, "fsck")
		w.must(err)
	}
	if after, _, _ := inboxRows(t, w); len(after) != len(before) {
		t.Error("a batch was sent that the agent could not keep")
	}
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// withoutSpace runs a command while the disk is full, or, for an ordinary
// user, while no file may grow.
func (w *world) withoutSpace(disk *fault.SmallDisk, program string, env []string, args ...string) stack.Result {
	w.t.Helper()
	if disk == nil {
		program, args = fault.LimitFileSize(0, append([]string{program}, args...)...)
		r, err := stack.Run(w.ctx, program, "", env, args...)
		w.must(err)
		return r
	}
	w.must(disk.Fill(0))
	r, err := stack.Run(w.ctx, program, "", env, args...)
	w.must(errors.Join(err, disk.Free()))
	return r
}

// nothingHalfWritten looks for files that a program left on its way to another.
func (w *world) nothingHalfWritten(dir string) {
	w.t.Helper()
	w.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := strings.ToLower(d.Name())
		if strings.Contains(name, "tmp") || strings.Contains(name, "temp") || strings.Contains(name, "unfinished") || strings.HasSuffix(name, ".new") {
			w.t.Errorf("%s was left behind", path)
		}
		return err
	}))
}

// TestCollectorDiskFull fills the collector's disk: intake gives no receipt and
// answers later, and takes the batch when there is room.
func TestCollectorDiskFull(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	w.outcomesHeard()
	w.must(w.collector.Close())
	copied := w.snapshot(w.collector.Dir)
	disk := smallDisk(t, w.collector.Dir, 24<<20)
	if disk != nil {
		w.must(exec.CommandContext(w.ctx, "cp", "-aT", copied, w.collector.Dir).Run())
	}
	serve, err := w.collector.Start(w.ctx, "")
	w.must(err)
	w.sync()
	before, _, _ := inboxRows(t, w)
	free := w.fill(disk, serve)
	w.anotherMark(0)
	// Full batches are the largest: no room is left for one in the pages there are.
	r, err := w.agent.Try(w.ctx, "sync", "--full")
	w.must(err)
	if r.Code == 0 {
		t.Errorf("a sync without a receipt says that all went well:\n%s", r.Stdout)
	}
	if !answered(gateway, protocol.LaterBusy) {
		t.Error("intake did not answer later (busy)")
	}
	w.must(free())
	w.eventuallySame()
	if after, _, _ := inboxRows(t, w); len(after) <= len(before) {
		t.Error("nothing arrived afterwards")
	}
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// fill leaves a running process no space, until free is called.
func (w *world) fill(disk *fault.SmallDisk, p *stack.Process) (free func() error) {
	w.t.Helper()
	if disk != nil {
		w.must(disk.Fill(0))
		return disk.Free
	}
	free, err := fault.LimitRunning(p.PID(), 0)
	w.must(err)
	return free
}

// answered says whether the collector has answered later with this reason.
func answered(g *fault.Gateway, why string) bool {
	return slices.ContainsFunc(g.Captured(), func(c fault.Captured) bool {
		var reply protocol.Reply
		var answer protocol.Answer
		return json.Unmarshal(c.Reply, &reply) == nil && reply.Answer != nil &&
			json.Unmarshal(reply.Answer.Payload, &answer) == nil && answer.Kind == protocol.AnswerLater && answer.Why == why
	})
}

// TestReadOnlyDataDirectory takes the right to write away from either side: a
// clear error, and nothing changed.
func TestReadOnlyDataDirectory(t *testing.T) {
	t.Parallel()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	w.must(w.collector.Close())
	for _, c := range []struct {
		name, dir, program string
		env, args          []string
	}{
		{"agent", w.agent.Dir, w.agent.Programs.Agent, w.agent.Env(), []string{"sync"}},
		{"collector", w.collector.Dir, w.collector.Programs.Collector, w.collector.Env(), []string{"serve"}},
	} {
		w.must(fault.Give(c.dir))
		w.must(exec.Command("chmod", "-R", "a-w", c.dir).Run())
		t.Cleanup(func() { _ = exec.Command("chmod", "-R", "u+w", c.dir).Run() })
		before := w.contents(c.dir)
		cmd := exec.CommandContext(w.ctx, c.program, c.args...)
		cmd.Env = append(stack.Environment(), c.env...)
		fault.Unprivileged(cmd)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err == nil || w.ctx.Err() != nil {
			t.Errorf("%s: it worked in a directory that it may not write to: %v", c.name, err)
		}
		text := said.String()
		denied := strings.Contains(text, "permission denied") || strings.Contains(text, "may not read and write")
		if !strings.Contains(text, c.dir) || !denied || strings.Contains(text, "panic") {
			t.Errorf("%s: the error is not clear:\n%s", c.name, text)
		}
		if after := w.contents(c.dir); after != before {
			t.Errorf("%s: the directory changed\nbefore %s\nafter  %s", c.name, before, after)
		}
	}
}

// contents are names, rights and times of all files.
func (w *world) contents(dir string) string {
	w.t.Helper()
	var b strings.Builder
	w.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		}
		return err
	}))
	return b.String()
}
