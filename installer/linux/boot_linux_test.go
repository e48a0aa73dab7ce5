package linux

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// boot makes this process the first of a machine of its own, whose files are this
// machine's but for what packages write to; the packages are $@. It ends at the first
// thing that fails, before systemd runs, so that nothing of this machine is touched.
const boot = `set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/units /mnt/packages
cp "$@" /mnt/packages
cp -a /etc /mnt/etc
mount --bind /mnt/etc /etc
rm -rf /etc/systemd/system
mkdir -p /etc/systemd/system
for d in usr opt; do
	mkdir /mnt/upper/$d /mnt/work/$d
	mount -t overlay -o "lowerdir=/$d,upperdir=/mnt/upper/$d,workdir=/mnt/work/$d" overlay /$d
done
rm -f /usr/sbin/policy-rc.d
for t in sysinit basic multi-user network-online shutdown; do
	printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' $t >/mnt/units/$t.target
done
mount --bind /mnt/units /usr/lib/systemd/system
for d in /run /var/lib /var/log /var/tmp; do mount -t tmpfs -o mode=755 tmpfs $d; done
mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates
printf 'Package: passwd\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: all\nVersion: 1\nDescription: made for a test\n' >/var/lib/dpkg/status
mount -t tmpfs -o mode=1777 tmpfs /tmp
export container=unshare
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
`

// A machine is a systemd with nothing to run but what packages bring, in a network of
// its own.
type machine struct {
	t   *testing.T
	pid string
	log string
}

// newMachine boots one; nil where this machine lets nobody do so.
func newMachine(t *testing.T, packages ...string) *machine {
	t.Helper()
	needRoot(t)
	needSystemd(t)
	private := []string{"--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup", "--mount-proc"}
	probe := append(append([]string{}, private...), "sh", "-ec", `mount -t tmpfs t /mnt; mkdir /mnt/u /mnt/w; mount -t overlay -o lowerdir=/usr,upperdir=/mnt/u,workdir=/mnt/w o /usr`)
	if out, err := exec.Command("unshare", probe...).CombinedOutput(); err != nil {
		t.Logf("this machine gives no other: %v\n%s", err, out)
		return nil
	}
	m := &machine{t: t, log: filepath.Join(t.TempDir(), "systemd.log")}
	log, err := os.Create(m.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	args := append([]string{"-ec", ownCgroup(t) + `exec unshare "$@"`, "sh"}, private...)
	c := exec.Command("sh", append(append(args, "sh", "-c", boot, "sh"), packages...)...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Kill() // with it goes all that runs in the machine
		<-ended
	})
	m.await("systemd to answer", func() bool {
		if len(ended) > 0 {
			text, _ := os.ReadFile(m.log)
			t.Fatalf("the machine did not boot:\n%s", text)
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.Process.Pid))
		m.pid = strings.TrimSpace(string(children))
		if err != nil || m.pid == "" {
			return false
		}
		_, err = m.try("systemctl", "show", "--property=Version")
		return err == nil
	})
	return m
}

// ownCgroup makes a place among the control groups, is the commands that go there, and
// takes it away at the end.
func ownCgroup(t *testing.T) (enter string) {
	t.Helper()
	lists, err := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.procs"); err == nil { // version 2
		lists = []string{"/sys/fs/cgroup/cgroup.procs"}
	}
	for _, list := range lists {
		top := filepath.Dir(list)
		dir := filepath.Join(top, fmt.Sprintf("rollbridge-packages-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			await(t, "the control groups to be empty", func() bool {
				// The deepest first; what processes are left in is tried again.
				_ = exec.Command("find", dir, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").Run()
				_, err := os.Stat(dir)
				return os.IsNotExist(err)
			})
		})
		for _, inherited := range []string{"cpuset.cpus", "cpuset.mems"} { // a cpuset begins empty and takes nobody
			if v, err := os.ReadFile(filepath.Join(top, inherited)); err == nil {
				_ = os.WriteFile(filepath.Join(dir, inherited), v, 0o644)
			}
		}
		enter += "echo $$ >" + dir + "/cgroup.procs\n"
	}
	return enter
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	const patience = 2 * time.Minute
	for end := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
	}
}

func (m *machine) await(what string, is func() bool) { m.t.Helper(); await(m.t, what, is) }

func (m *machine) try(args ...string) (string, error) {
	c := exec.Command("nsenter", append([]string{"-t", m.pid, "-m", "-p", "-u", "-i", "-n", "-C"}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		log, _ := os.ReadFile(m.log)
		m.t.Fatalf("%s: %v\n%s\n%s", strings.Join(args, " "), err, out, log)
	}
	return out
}

func (m *machine) install(pkg string) {
	m.t.Helper()
	m.run("dpkg", "-i", "/mnt/packages/"+filepath.Base(pkg))
}

// is checks how a service stands.
func (m *machine) is(when, unit, want string) {
	m.t.Helper()
	if got, _ := m.try("systemctl", "is-active", unit); got != want {
		log, _ := os.ReadFile(m.log)
		m.t.Fatalf("%s: %s is %s, want %s\n%s", when, unit, got, want, log)
	}
}

func (m *machine) process(unit string) string {
	m.t.Helper()
	return m.run("systemctl", "show", "--property=MainPID", unit)
}

// TestPackagesUnderSystemd is the life of both packages under a real systemd, each
// service in the closed surroundings of its unit.
func TestPackagesUnderSystemd(t *testing.T) {
	t.Parallel()
	agent, collector := real(t, agentDeb), real(t, collectorDeb)
	if err := again("1.0.3"); err != nil {
		t.Fatal(err)
	}
	newer := one(t, "1.0.3", agentDeb)
	m := newMachine(t, agent, collector, newer)
	if m == nil {
		return
	}
	const unit = "rollbridge-agent"
	m.install(agent)
	m.is("after the installation", unit, "active")
	if out := m.run("rollbridge-agent", "service", "status"); !strings.Contains(out, "/var/lib/rollbridge") {
		t.Errorf("service status says\n%s", out)
	}
	before := m.process(unit)
	m.install(newer)
	m.is("after the upgrade", unit, "active")
	if m.process(unit) == before {
		t.Error("after the upgrade the program of before runs on")
	}
	// `service` says and does the same as where it made the service itself.
	m.run("rollbridge-agent", "service", "uninstall")
	m.is("after service uninstall", unit, "inactive")
	m.install(agent)
	m.is("after an upgrade of what was stopped", unit, "inactive")
	m.run("rollbridge-agent", "service", "install")
	if out := m.run("rollbridge-agent", "service", "install"); !strings.Contains(out, "in just this way") {
		t.Errorf("service install says\n%s", out)
	}
	m.run("rollbridge-agent", "service", "start")
	m.run("dpkg", "-r", "rollbridge-agent")
	m.is("after the removal", unit, "inactive")
	m.install(agent)
	m.is("after another installation", unit, "active")
	m.run("dpkg", "-P", "rollbridge-agent")
	if out, err := m.try("getent", "passwd", "rollbridge"); err == nil {
		t.Errorf("after the purge there is %s", out)
	}

	m.collector(collector)
}

// collector sets both services up, each with a database of its own: that they share one
// is tried elsewhere, and here is what their units let them do.
func (m *machine) collector(pkg string) {
	m.t.Helper()
	const apply, intake = "rollbridge-collector", "rollbridge-intake"
	m.install(pkg)
	m.is("before it is set up", apply, "inactive")
	m.is("before it is set up", intake, "inactive")
	as := func(user string, args ...string) {
		m.t.Helper()
		m.run(append([]string{"setpriv", "--reuid", user, "--regid", user, "--clear-groups", "rollbridge-collector"}, args...)...)
	}
	as(apply, "init", "--public-url", "https://127.0.0.1:443")
	m.run("sh", "-c", `printf 'public_url: https://127.0.0.1:443\nintake: {listen: "127.0.0.1:443"}\n' >>/etc/rollbridge-collector/intake.yaml`)
	as(intake, "init", "--config", "/etc/rollbridge-collector/intake.yaml", "--public-url", "https://127.0.0.1:443")
	m.run("sh", "-c", `install -d -o rollbridge-collector -m 755 /var/lib/rollbridge-collector/releases/public; echo '{}' >/var/lib/rollbridge-collector/releases/public/1.root.json`)
	m.run("systemctl", "start", apply, intake)
	for name, port := range map[string]string{apply: "8445", intake: "8446"} {
		m.await(name+" to be ready", func() bool {
			out, err := m.try("bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/`+port+` && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3`)
			return err == nil && strings.Contains(out, " 200 ")
		})
	}
	// Only of releases does intake see anything of the other's.
	see := func(path string) error {
		_, err := m.try("nsenter", "-t", strings.TrimPrefix(m.process(intake), "MainPID="), "-m", "setpriv", "--reuid", intake, "--clear-groups", "cat", path)
		return err
	}
	if err := see("/var/lib/rollbridge-intake/releases/public/1.root.json"); err != nil {
		m.t.Errorf("intake does not see releases: %v", err)
	}
	if see("/var/lib/rollbridge-collector/collector.yaml") == nil {
		m.t.Error("intake reads the settings of the other roles")
	}
	m.run("systemctl", "stop", apply, intake)
	if out, err := m.try("systemctl", "is-failed", apply, intake); err == nil {
		m.t.Errorf("a stop is no orderly one: %s", out)
	}
}
