package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollbridge/e2e/stack"
)

// boot makes this process the first of a machine of its own, whose files are
// this machine's but for what systemd and an installation write to; $1 is the
// agent, $2 an agent.yaml, $3 the certificate that it names. It ends at the first thing that fails, before systemd
// runs, so that nothing of this machine is touched.
const boot = `set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir /opt/rollbridge
cp "$1" /opt/rollbridge/rollbridge-agent
mount -t tmpfs tmpfs /mnt
cp -a /etc /mnt/etc
mkdir /mnt/units
for t in sysinit basic multi-user network-online shutdown; do
	printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' $t >/mnt/units/$t.target
done
mount --bind /mnt/etc /etc
rm -rf /etc/systemd/system
mkdir -p /etc/systemd/system
cp "$2" /opt/agent.yaml
cp "$3" /opt/certificate.pem
chmod 644 /opt/certificate.pem
for d in /tmp /run /var/lib /var/log /var/tmp; do mount -t tmpfs -o mode=755 tmpfs $d; done
chmod 1777 /tmp /var/tmp
mount --bind /mnt/units /lib/systemd/system
mkdir -m 700 /var/lib/rollbridge
mv /opt/agent.yaml /var/lib/rollbridge/agent.yaml
export container=unshare
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
`

// A machine is a systemd with nothing to run but what a test installs.
type machine struct {
	w   *world
	pid string
	log string
}

// newMachine boots one, with the settings of an agent in its data directory. nil
// is returned where this user may not do so.
func newMachine(w *world, agent *stack.Agent) *machine {
	w.t.Helper()
	// Nothing below /tmp is there for a service.
	certificate := filepath.Join(w.folder(), "certificate.pem")
	text, err := os.ReadFile(filepath.Join(agent.Dir, "agent.yaml"))
	w.must(err)
	settings := filepath.Join(w.dir, "agent.yaml")
	w.must(os.WriteFile(settings, bytes.ReplaceAll(text, []byte(certificate), []byte("/opt/certificate.pem")), 0o600))
	if err := exec.Command("unshare", "--mount", "--pid", "--fork", "--cgroup", "true").Run(); err != nil {
		return nil
	}
	m := &machine{w: w, log: filepath.Join(w.dir, "systemd.log")}
	script := filepath.Join(w.dir, "boot.sh")
	w.must(os.WriteFile(script, []byte(boot), 0o600))
	enter := ownCgroup(w.t)
	p, err := stack.Start("sh", m.log, nil, "-c", enter+`exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup --mount-proc sh "$@"`,
		"sh", script, programs.Agent, settings, certificate)
	w.must(err)
	w.t.Cleanup(p.Kill)
	w.must(stack.Await(w.ctx, "systemd to answer", func() (bool, error) {
		select {
		case <-p.Exited():
			text, _ := os.ReadFile(m.log)
			w.t.Fatalf("the machine did not boot:\n%s", text)
		default:
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.PID()))
		if err != nil || len(bytes.TrimSpace(children)) == 0 {
			return false, errNotYet
		}
		m.pid = string(bytes.TrimSpace(children))
		if r := m.try("systemctl", "show", "--property=Version"); r.Code != 0 {
			return false, errNotYet
		}
		return true, nil
	}))
	return m
}

// machines counts those of this process.
var machines atomic.Int64

// ownCgroup makes a place among the control groups for one machine, is the
// commands that go there, and takes it away at the end.
func ownCgroup(t *testing.T) (enter string) {
	t.Helper()
	lists, err := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if err != nil {
		t.Fatal(err)
	}
	roots := []string{"/sys/fs/cgroup"} // of version 2
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.procs"); err != nil {
		roots = nil
		for _, l := range lists {
			roots = append(roots, filepath.Dir(l))
		}
	}
	name := fmt.Sprintf("rollbridge-%d-%d", os.Getpid(), machines.Add(1))
	for _, root := range roots {
		dir := filepath.Join(root, name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { removeCgroup(t, dir) })
		// A cpuset begins empty and takes nobody then.
		for _, inherited := range []string{"cpuset.cpus", "cpuset.mems"} {
			if v, err := os.ReadFile(filepath.Join(root, inherited)); err == nil {
				_ = os.WriteFile(filepath.Join(dir, inherited), v, 0o644)
			}
		}
		enter += "echo $$ >" + dir + "/cgroup.procs\n"
	}
	return enter
}

// removeCgroup removes control groups, whose files go with them, once their
// processes have ended.
func removeCgroup(t *testing.T, dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := stack.Await(ctx, "the control groups to be empty", func() (bool, error) {
		var all []string
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		for _, d := range slices.Backward(all) {
			_ = os.Remove(d)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return false, errNotYet
		}
		return true, nil
	})
	if err != nil {
		t.Error(err)
	}
}

// try runs a program in the machine, as root.
func (m *machine) try(program string, args ...string) stack.Result {
	m.w.t.Helper()
	r, err := stack.Run(m.w.ctx, "nsenter", "", nil,
		append([]string{"-t", m.pid, "-m", "-p", "-u", "-i", "-C", program}, args...)...)
	m.w.must(err)
	return r
}

// agent runs a command that has to end with code, and is what it printed.
func (m *machine) agent(code int, args ...string) string {
	m.w.t.Helper()
	r := m.try("/opt/rollbridge/rollbridge-agent", args...)
	if r.Code != code {
		log, _ := os.ReadFile(m.log)
		m.w.t.Fatalf("`%s` ended with %d, not %d:\n%s%s\n%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr, log)
	}
	return r.Stdout + r.Stderr
}

// says checks what a command prints.
func (m *machine) says(want string, code int, args ...string) {
	m.w.t.Helper()
	if got := m.agent(code, args...); !strings.Contains(got, want) {
		m.w.t.Errorf("`%s` does not say %q:\n%s", strings.Join(args, " "), want, got)
	}
}

// processes are the numbers of the supervisor and the worker, in the machine.
func (m *machine) processes() (supervisor, worker string) {
	m.w.t.Helper()
	supervisor = strings.TrimPrefix(strings.TrimSpace(m.try("systemctl", "show", "--property=MainPID", "rollbridge-agent").Stdout), "MainPID=")
	worker = strings.TrimSpace(m.try("sh", "-c", "cat /proc/"+supervisor+"/task/*/children").Stdout)
	return supervisor, worker
}

func (m *machine) await(what string, is func() bool) {
	m.w.t.Helper()
	m.w.must(stack.Await(m.w.ctx, what, func() (bool, error) {
		if !is() {
			return false, errNotYet
		}
		return true, nil
	}))
}

// TestServiceUnderSystemd is the life of the service under a real systemd:
// enrolled by root, installed, started, crashed, stopped and uninstalled, in the
// closed surroundings of its unit.
func TestServiceUnderSystemd(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd is not installed") //ci:needs systemd-analyze
	}
	w, code := newWorld(t, small(), stack.CollectorOptions{})
	agent, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), w.source(), stack.AgentOptions{})
	w.must(err)
	m := newMachine(w, agent)
	if m == nil {
		refusedWithoutSystemd(w, agent)
		return
	}
	phrase, err := stack.PhraseIn(m.agent(0, "enrol", code, "--accept"))
	w.must(err)
	w.confirm(phrase)

	m.says("not installed", 3, "service", "status")
	m.says("not installed", 3, "service", "start")
	m.agent(0, "service", "install")
	m.says("in just this way", 0, "service", "install")
	m.says("wanted: ReadWritePaths=/srv/other", 3, "--data-dir", "/srv/other", "service", "install")
	m.agent(0, "service", "start")
	if r := m.try("sh", "-c", "cd /var/lib && mkdir -m 700 foreign && chown 1234 foreign && mkdir open && chmod 777 open"); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	for dir, why := range map[string]string{"foreign": "belongs to another user", "open": "open to other users"} {
		m.says(why, 3, "--data-dir", "/var/lib/"+dir, "service", "install", "--replace")
		m.says("The worker runs", 0, "service", "status")
	}
	m.says("there is no user", 3, "service", "install", "--replace", "--account", "nobody-here")
	m.says("The worker runs", 0, "service", "status")
	supervisor, first := m.processes()
	if who := m.try("stat", "-c", "%U", "/proc/"+first, "/var/lib/rollbridge/state.db").Stdout; who != "rollbridge\nrollbridge\n" {
		t.Errorf("the worker and its state belong to %q", who)
	}
	if got := m.resident(supervisor); got > 15<<10 {
		t.Errorf("supervise has %d KiB resident", got)
	}
	m.agent(0, "sync")
	w.same()

	if r := m.try("kill", "-KILL", first); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	m.await("the worker to be started again", func() bool {
		_, second := m.processes()
		return second != "" && second != first && strings.Contains(m.agent(0, "service", "status"), "The worker runs")
	})
	m.agent(0, "fsck")
	if r := m.try("kill", "-KILL", supervisor); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	m.await("systemd to start the supervisor again", func() bool {
		other, _ := m.processes()
		return other != "0" && other != supervisor && m.try("/opt/rollbridge/rollbridge-agent", "service", "status").Code == 0
	})
	m.agent(0, "sync")

	m.agent(0, "service", "stop")
	m.says("does not run", 3, "service", "status")
	m.agent(0, "service", "stop")
	m.agent(0, "service", "start")
	m.says("/var/lib/rollbridge stays as it is", 0, "service", "uninstall")
	m.says("not installed", 0, "service", "uninstall")
	if r := m.try("test", "-s", "/var/lib/rollbridge/state.db", "-a", "!", "-e", "/etc/systemd/system/rollbridge-agent.service"); r.Code != 0 {
		t.Error("after uninstalling the state is gone or the unit is still there")
	}
}

// resident is how much memory a process has, in KiB.
func (m *machine) resident(pid string) int {
	m.w.t.Helper()
	for line := range strings.Lines(m.try("cat", "/proc/"+pid+"/status").Stdout) {
		if v, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(v), " kB"))
			m.w.must(err)
			return n
		}
	}
	m.w.t.Fatal("no VmRSS")
	return 0
}

// refusedWithoutSystemd is for whoever may make no machine: what is not there is
// said.
func refusedWithoutSystemd(w *world, agent *stack.Agent) {
	w.t.Log("this user may make no machine for systemd: only the refusals are tried")
	for _, args := range [][]string{{"service", "install"}, {"service", "start"}, {"service", "stop"}, {"service", "status"}} {
		r, err := agent.Try(w.ctx, args...)
		w.must(err)
		if r.Code != 3 {
			w.t.Errorf("`%s` ended with %d:\n%s", strings.Join(args, " "), r.Code, r.Stderr)
		}
	}
}
