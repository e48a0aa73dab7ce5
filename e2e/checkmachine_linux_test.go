package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"rollbridge/agent/check"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
)

// A machineCheck is an agent on a computer that something is wrong with.
type machineCheck struct {
	*world
	a *stack.Agent
}

// unprivileged runs the check as an ordinary user.
func (m *machineCheck) unprivileged(t *testing.T) stack.Result {
	t.Helper()
	cmd := exec.CommandContext(bounded(t), m.a.Programs.Agent, "check", "--json")
	cmd.Env = append(stack.Environment(), m.a.Env()...)
	fault.Unprivileged(cmd)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stack.Result{Stdout: out.String(), Stderr: said.String(), Code: cmd.ProcessState.ExitCode()}
}

// TestCheckTheMachine opens files to others, takes rights away and fills disks.
func TestCheckTheMachine(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*testing.T, *machineCheck){
		"a directory open to others": func(t *testing.T, m *machineCheck) {
			m.must(os.Chmod(m.a.Dir, 0o755))
			checks(t, m.a, nil, append(good(check.Directory, check.Disk), bad(check.Access, "open_to_others", "0755", "chmod 700", "school IT"))...)
		},
		"a file open to others": func(t *testing.T, m *machineCheck) {
			m.must(os.WriteFile(filepath.Join(m.a.Dir, "state.db"), nil, 0o600))
			m.must(os.Chmod(filepath.Join(m.a.Dir, "state.db"), 0o644))
			checks(t, m.a, nil, bad(check.Access, "open_to_others", "0644", "chmod 600").of("state.db"))
		},
		"settings that others may change": func(t *testing.T, m *machineCheck) {
			m.must(os.Chmod(filepath.Join(m.a.Dir, "agent.yaml"), 0o666))
			checks(t, m.a, nil, bad(check.Access, "open_to_others", "may change it").of("agent.yaml"))
		},
		"a planted link": func(t *testing.T, m *machineCheck) {
			m.must(os.Symlink("/etc/hostname", filepath.Join(m.a.Dir, "lock")))
			checks(t, m.a, nil, bad(check.Access, "link", "is a link").of("lock"))
		},
		"a file of somebody else": func(t *testing.T, m *machineCheck) {
			file := filepath.Join(m.a.Dir, "logbook.jsonl")
			m.must(os.WriteFile(file, nil, 0o600))
			if os.Chown(file, 65534, 65534) != nil {
				return // only root can give a file away
			}
			checks(t, m.a, nil, bad(check.Access, "other_owner", "belongs to user 65534").of("logbook.jsonl"))
		},
		"a directory that may not be written to": func(t *testing.T, m *machineCheck) {
			m.must(fault.Give(m.a.Dir))
			m.must(os.Chmod(m.a.Dir, 0o500))
			compare(t, m.unprivileged(t), append(skipped("nothing can be written", check.Disk), bad(check.Directory, "read_only", "this account may not", "school IT")))
		},
		"a full disk": func(t *testing.T, m *machineCheck) {
			kept, err := os.ReadFile(filepath.Join(m.a.Dir, "agent.yaml"))
			m.must(err)
			disk := smallDisk(t, m.a.Dir, 8<<20)
			m.must(os.WriteFile(filepath.Join(m.a.Dir, "agent.yaml"), kept, 0o600))
			want := append(skipped("no room", check.Directory), bad(check.Disk, "full", "No file can be written", "school IT"))
			compare(t, m.withoutSpace(disk, m.a.Programs.Agent, m.a.Env(), "check", "--json"), want)
			m.nothingHalfWritten(m.a.Dir)
			if disk == nil {
				return
			}
			checks(t, m.a, nil, bad(check.Disk, "full", "the agent wants 200 MB"))
			m.must(unix.Mount("", m.a.Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
			checks(t, m.a, nil, bad(check.Directory, "read_only", "the disk is read-only"))
		},
		"no directory": func(t *testing.T, m *machineCheck) {
			a, err := stack.NewAgent(programs, filepath.Join(m.dir, "gone"), stack.Folder("csv", m.folder()), stack.AgentOptions{})
			m.must(err)
			m.must(os.RemoveAll(a.Dir))
			env := append(a.Env(), "ROLLBRIDGE_MIS_PROFILE=csv", "ROLLBRIDGE_MIS_FOLDER="+m.folder())
			r, err := stack.Run(m.ctx, programs.Agent, "", env, "check", "--json")
			m.must(err)
			compare(t, r, append(skipped("no data directory", check.Access, check.Disk), warned(check.Directory, check.Missing)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := emptyWorld(t, small())
			w.must(os.Mkdir(w.folder(), 0o755))
			w.must(w.school.WriteCSV(w.folder()))
			a, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), stack.Folder("csv", w.folder()), stack.AgentOptions{})
			w.must(err)
			do(t, &machineCheck{world: w, a: a})
		})
	}
}

// TestCheckWithoutRights lets another user of the computer run the check: it says
// what it may not look at, and ends with the code for that.
func TestCheckWithoutRights(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		return // there is nobody else to be
	}
	w := emptyWorld(t, small())
	a, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), stack.Folder("csv", w.folder()), stack.AgentOptions{})
	w.must(err)
	w.must(os.Chmod(w.dir, 0o755))
	w.must(os.Chmod(filepath.Dir(w.dir), 0o755))
	r := (&machineCheck{world: w, a: a}).unprivileged(t)
	if r.Code != 3 {
		t.Errorf("check ended with %d, want 3", r.Code)
	}
	r.Code = 0
	compare(t, r, skipped("run the command as an administrator", check.Settings, check.Directory, check.MIS, check.Standing))
}
