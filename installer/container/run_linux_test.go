package container

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A place is what a container engine makes of compose.yaml: a network with nothing in it,
// the directory beside the file, and the image.
type place struct {
	t     *testing.T
	dir   string // where ./data and ./secrets are
	image string // what the Containerfile copies
	composition
}

// newPlace gives this goroutine's thread, and what it starts, a network of its own, in
// which PostgreSQL's port is free whatever else runs here. The thread ends with the test.
func newPlace(t *testing.T) *place {
	t.Helper()
	if len(postgres("postgres")) == 0 {
		t.Skip("PostgreSQL is not installed") //ci:needs postgres
	}
	if os.Geteuid() != 0 {
		t.Skip("containers are made as root") //ci:needs postgres
	}
	runtime.LockOSThread()
	p := &place{t: t, composition: readCompose(t)}
	p.must(unix.Unshare(unix.CLONE_NEWNET))
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	p.must(err)
	lo, err := unix.NewIfreq("lo")
	p.must(err)
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	p.must(unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo))
	p.must(unix.Close(fd))

	// Users that are nobody here must be able to get in.
	p.dir = t.TempDir()
	for dir := p.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		p.must(os.Chmod(dir, 0o755))
	}
	p.image = filepath.Join(p.dir, "image")
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(p.dir, "context", "rollbridge-collector"), "rollbridge/collector")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make does: the image has no library
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, from := range map[string]string{"LICENSE": "../../LICENSE", "collector.yaml": "../../configs/collector.yaml"} {
		content, err := os.ReadFile(from)
		p.must(err)
		p.must(os.WriteFile(filepath.Join(p.dir, "context", name), content, 0o644))
	}
	for _, c := range readImage(t).copies {
		to := filepath.Join(p.image, c[1])
		p.must(os.MkdirAll(filepath.Dir(to), 0o755))
		p.must(os.Rename(filepath.Join(p.dir, "context", c[0]), to))
	}
	return p
}

func (p *place) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// postgres is the path of one of its programs, "" if it is not installed.
func postgres(name string) string {
	if path, err := exec.LookPath(name); err == nil && name != "psql" {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// database starts an empty one as the image of PostgreSQL does, and has it run the
// script that compose.yaml gives it.
func (p *place) database() {
	p.t.Helper()
	const nobody = 65534
	s := p.Services["database"]
	data := filepath.Join(p.dir, "pg")
	p.must(os.Mkdir(data, 0o700))
	p.must(os.Chown(data, nobody, nobody))
	as := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
	initdb := exec.Command(postgres("initdb"), "-D", filepath.Join(data, "db"), "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, data
	if out, err := initdb.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	server := exec.Command(postgres("postgres"), "-D", filepath.Join(data, "db"), "-k", data, "-c", "listen_addresses=127.0.0.1", "-p", "5432", "-c", "fsync=off")
	server.SysProcAttr, server.Dir = as, data
	p.start(server, syscall.SIGINT)
	p.await("PostgreSQL", func() error {
		return exec.Command(postgres("pg_isready"), s.Healthcheck.Test[2:]...).Run()
	})
	name := s.Environment["POSTGRES_DB"]
	if out, err := exec.Command(postgres("createdb"), "-h", data, "-U", "postgres", name).CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	script, err := filepath.Abs("database-roles.sh")
	p.must(err)
	secrets := ""
	for _, secret := range s.Secrets {
		secrets += fmt.Sprintf("cp '%s' /run/secrets/%s\n", filepath.Join(p.dir, p.Secrets[secret].File), secret)
	}
	roles := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec", "mount -t tmpfs t /run; mkdir /run/secrets\n"+secrets+`exec bash "$0"`, script)
	roles.Env = append(os.Environ(), "POSTGRES_DB="+name, "PGHOST="+data, "PATH="+filepath.Dir(postgres("psql"))+":"+os.Getenv("PATH"))
	if out, err := roles.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
}

// enter is a shell's way into a container: $0 is the image, what stands before it has laid
// the volumes. The root is read-only then, the user has no right and can gain none.
const enter = `mount -t tmpfs t "$0/tmp"
mount -o remount,bind,ro "$0"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid -- chroot --userspec="$user" "$0" "$@"
`

// command is a service's container, with other arguments if any are given.
func (p *place) command(name string, args ...string) *exec.Cmd {
	p.t.Helper()
	s, i := p.Services[name], readImage(p.t)
	if len(args) == 0 {
		args = s.Command
	}
	script := `mount --bind "$0" "$0"; mkdir -p "$0/etc" "$0/tmp" "$0/run/secrets"; echo "127.0.0.1 database localhost" >"$0/etc/hosts"` + "\n"
	lay := func(from, to string) {
		script += fmt.Sprintf("mkdir -p \"$0%s\"; mount --bind '%s' \"$0%s\"\n", to, from, to)
	}
	for _, v := range s.Volumes {
		from, to, _ := strings.Cut(v, ":")
		if to, _ = strings.CutSuffix(to, ":ro"); strings.HasPrefix(from, ".") {
			from = filepath.Join(p.dir, from)
		}
		lay(from, to)
	}
	for _, secret := range s.Secrets {
		script += fmt.Sprintf("cp '%s' \"$0/run/secrets/%s\"\n", filepath.Join(p.dir, p.Secrets[secret].File), secret)
	}
	c := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-ec", script + enter, p.image}, append(i.entrypoint, args...)...)...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "user=" + s.User}
	for key, value := range s.Environment {
		c.Env = append(c.Env, key+"="+value)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

func (p *place) run(name string, args ...string) string {
	p.t.Helper()
	out, err := p.command(name, args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start runs until the test ends, which asks it to end and wants no error.
func (p *place) start(c *exec.Cmd, end syscall.Signal) {
	p.t.Helper()
	log := &strings.Builder{}
	c.Stdout, c.Stderr = log, log
	p.must(c.Start())
	p.t.Cleanup(func() {
		if err := c.Process.Signal(end); err != nil {
			p.t.Error(err)
		}
		if err := c.Wait(); err != nil || p.t.Failed() {
			p.t.Errorf("%s: %v\n%s", c.Path, err, log)
		}
	})
}

func (p *place) await(what string, there func() error) {
	p.t.Helper()
	const patience = 2 * time.Minute
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = there(); err == nil {
			return
		}
	}
	p.t.Fatalf("wait for %s: %v", what, err)
}

// TestTheServicesRun sets up what docs/operator.md says and runs what compose.yaml says.
func TestTheServicesRun(t *testing.T) {
	p := newPlace(t)
	p.must(os.MkdirAll(filepath.Join(p.dir, "secrets"), 0o700))
	for name, text := range map[string]string{
		"postgres": "unused-here", "collector_database": "database:5432:rollbridge:rollbridge:it's-one\n", "intake_database": "database:5432:rollbridge:rollbridge_intake:another\n",
	} {
		p.must(os.WriteFile(filepath.Join(p.dir, "secrets", name), []byte(text), 0o444))
	}
	owned := func(dir string, uid int) {
		t.Helper()
		p.must(os.MkdirAll(filepath.Join(p.dir, dir), 0o700))
		p.must(os.Chown(filepath.Join(p.dir, dir), uid, uid))
	}
	const collector, intake = 10001, 10002
	owned("data", 0)
	owned("data/collector", collector)
	owned("data/collector/releases", collector)
	owned("data/collector/releases/public", collector)
	p.must(os.Chmod(filepath.Join(p.dir, "data/collector/releases/public"), 0o755))
	owned("data/intake", intake)
	owned("data/intake/keys", intake)
	p.database()

	out := p.run("collector", "init", "--public-url", "https://collector.example.org")
	if !strings.Contains(out, "one-time password") {
		t.Errorf("init says\n%s", out)
	}
	p.run("collector", "migrate", "--intake-role", "rollbridge_intake")
	for _, role := range []string{"intake", "tls"} {
		to := filepath.Join(p.dir, "data/intake/keys", role)
		p.must(os.CopyFS(to, os.DirFS(filepath.Join(p.dir, "data/collector/keys", role))))
		found, err := filepath.Glob(to + "/*")
		p.must(err)
		for _, f := range append(found, to) {
			p.must(os.Chown(f, intake, intake))
			if f != to {
				p.must(os.Chmod(f, 0o600))
			}
		}
	}
	p.must(os.WriteFile(filepath.Join(p.dir, "data/collector/releases/public/1.root.json"), []byte("{}"), 0o644))
	for _, name := range []string{"collector", "intake"} {
		p.start(p.command(name), syscall.SIGTERM)
	}
	for what, address := range map[string]string{"collector": "127.0.0.1:8445", "intake": "127.0.0.1:8446"} {
		p.await(what, func() error { return get("http://" + address + "/readyz") })
	}
	p.await("the portal", func() error { return get("https://127.0.0.1:8444/") })
	p.await("intake", func() error { return get("https://127.0.0.1:8443/updates/1.root.json") })
	if out := p.run("collector", "fsck"); strings.Contains(out, "fault") && !strings.Contains(out, "no fault") {
		t.Errorf("fsck says\n%s", out)
	}
}

// get asks in this thread, whose network it is. The certificate is the trial's.
func get(address string) error {
	d := net.Dialer{Timeout: 5 * time.Second}
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	c, err := d.Dial("tcp4", host)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if scheme == "https" {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	}
	req, err := http.NewRequest(http.MethodGet, "/"+path, nil)
	if err != nil {
		return err
	}
	req.Host = host
	if err := req.Write(c); err != nil {
		return err
	}
	buf := make([]byte, 16)
	if _, err := c.Read(buf); err != nil {
		return err
	}
	if status := string(buf[9:12]); status != "200" && status != "303" && status != "302" {
		return fmt.Errorf("%s answers %s", address, status)
	}
	return nil
}
