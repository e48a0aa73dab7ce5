package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
)

// A victim is what belongs to somebody else and must stay as it is.
type victim struct {
	path   string
	before string
}

func (w *world) victim(path string, content []byte) victim {
	w.t.Helper()
	w.must(os.WriteFile(path, content, 0o600))
	v := victim{path: path}
	v.before = w.looks(path)
	return v
}

// looks is content, owner and rights of a file.
func (w *world) looks(path string) string {
	w.t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		return err.Error()
	}
	data, err := os.ReadFile(path)
	w.must(err)
	return fmt.Sprintf("%v of user %d: %x", info.Mode(), info.Sys().(*syscall.Stat_t).Uid, data)
}

// TestPlantedLinks puts a link in the place of each file that the agent writes or
// deletes, in a directory of the service's own account while an administrator
// runs the commands: nothing outside is written, given away or deleted.
func TestPlantedLinks(t *testing.T) {
	t.Parallel()
	r := newRevoking(t)
	r.line(fault.Pass)
	names := []string{"lock", "service.lock", "control.sock", "paused", "revoked", "revoke.json", "state.db", "logbook.jsonl", "logbook.key",
		"revocation.code", "enrol.json", "move.key", "identity/sign.key", "identity/id.key", "identity/logbook.key", "identity"}
	for _, kind := range []string{"symbolic", "hard"} {
		for _, name := range names {
			if name == "identity" && kind == "hard" {
				continue // there are none of directories
			}
			t.Run(kind+" "+name, func(t *testing.T) {
				r.t = t
				a := r.copied(strings.ReplaceAll(kind+"-"+name, "/", "-"))
				outside := r.outside(a.Dir+"-outside", filepath.Join(r.full, name))
				planted := filepath.Join(a.Dir, name)
				r.must(os.RemoveAll(planted))
				if kind == "symbolic" {
					r.must(os.Symlink(outside[0].dirOr(name), planted))
				} else {
					r.must(os.Link(outside[0].path, planted))
				}
				r.must(fault.Give(a.Dir))
				for i, v := range outside { // which gives a hard link away too
					r.must(os.Lchown(v.path, 0, 0))
					outside[i].before = r.looks(v.path)
				}
				for _, args := range [][]string{{"status"}, {"pause", "--until", "3d"}, {"resume"}, {"sync"}, {"fsck"}, {"move", "export", "--to", a.Dir + "-file", r.newKey()}, {"revoke", "--yes"}, {"revoke", "--yes", "--delete-logbook"}} {
					_, err := a.Try(r.ctx, args...)
					r.must(err)
					for _, v := range outside {
						if now := r.looks(v.path); now != v.before {
							t.Fatalf("%v changed what is outside:\nbefore %.120s\nafter  %.120s", args, v.before, now)
						}
					}
				}
			})
		}
	}
}

// dirOr is what a link to a victim points to.
func (v victim) dirOr(name string) string {
	if name == "identity" {
		return filepath.Dir(v.path)
	}
	return v.path
}

// outside is a copy of a file, or of a directory of files, that belongs to
// somebody else; where there is none it is any file.
func (r *revoking) outside(dir, like string) (all []victim) {
	r.t.Helper()
	r.must(os.MkdirAll(dir, 0o700))
	info, err := os.Stat(like)
	switch {
	case err != nil:
		return []victim{r.victim(filepath.Join(dir, "victim"), []byte("mine"))}
	case !info.IsDir():
		data, err := os.ReadFile(like)
		r.must(err)
		return []victim{r.victim(filepath.Join(dir, "victim"), data)}
	}
	entries, err := os.ReadDir(like)
	r.must(err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(like, e.Name()))
		r.must(err)
		all = append(all, r.victim(filepath.Join(dir, e.Name()), data))
	}
	return all
}

// newKey is the key of a machine that nobody uses.
func (r *revoking) newKey() string {
	r.t.Helper()
	a, err := stack.NewAgent(programs, filepath.Join(r.dir, "nobodys"), r.source(), stack.AgentOptions{})
	r.must(err)
	key, err := a.Command(r.ctx, "move", "import")
	r.must(err)
	return key
}

// names are the names, owners and rights of all files: what is in them the
// service may change meanwhile.
func (w *world) names(dir string) string {
	w.t.Helper()
	var b strings.Builder
	w.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	}))
	return b.String()
}

// TestOtherLocalUsers lets another user of the machine try everything against a
// running service: nothing is read, nothing changes, and they are told who may.
func TestOtherLocalUsers(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		return // there is no other user to be
	}
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	_, err := w.agent.Start(w.ctx)
	w.must(err)
	w.must(stack.Await(w.ctx, "the service to listen", func() (bool, error) {
		socket, err := os.Stat(filepath.Join(w.agent.Dir, "control.sock"))
		return err == nil && socket.Mode().Perm() == 0o600, err
	}))
	for up := filepath.Dir(w.agent.Dir); len(up) > len(filepath.Clean(os.TempDir())); up = filepath.Dir(up) {
		w.must(os.Chmod(up, 0o755))
	}
	as := func(args ...string) string {
		t.Helper()
		c := exec.CommandContext(w.ctx, args[0], args[1:]...)
		c.Env = append(stack.Environment(), w.agent.Env()...)
		fault.Unprivileged(c)
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		if err := c.Run(); err == nil {
			t.Errorf("another user could %v:\n%s", args, said.String())
		}
		return said.String()
	}
	for _, mode := range []os.FileMode{0o700, 0o755} { // the files protect themselves too
		w.must(os.Chmod(w.agent.Dir, mode))
		before := w.names(w.agent.Dir)
		for _, args := range [][]string{{"status"}, {"preview"}, {"sync"}, {"log"}, {"fsck"}, {"pause"}, {"resume"}, {"revoke", "--yes"}, {"scope", "show"}, {"move", "import"}} {
			said := as(append([]string{w.agent.Programs.Agent}, args...)...)
			if strings.Contains(said, "panic") || !strings.Contains(said, "permission denied") && !strings.Contains(said, "administrator") && !strings.Contains(said, "belongs to another") {
				t.Errorf("mode %v, %v: the refusal is not clear:\n%s", mode, args, said)
			}
		}
		for _, name := range []string{"state.db", "logbook.jsonl", "identity/sign.key", "agent.yaml"} {
			as("cat", filepath.Join(w.agent.Dir, name))
		}
		as("sh", "-c", "echo x > "+filepath.Join(w.agent.Dir, "paused"))
		as("sh", "-c", "echo x > "+filepath.Join(w.agent.Dir, "revoked"))
		if after := w.names(w.agent.Dir); after != before {
			t.Errorf("mode %v: the directory changed:\nbefore %s\nafter  %s", mode, before, after)
		}
	}
	w.must(os.Chmod(w.agent.Dir, 0o700))
	w.anotherMark(1)
	w.sync()
	w.sound()
}
