package cli_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/collector/cli"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
)

// output collects what a program prints while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// environ is that of a collector in dir, on ports that the system chooses.
func environ(dir string, more ...string) []string {
	return append([]string{
		"ROLLBRIDGE_COLLECTOR_DATA_DIR=" + dir,
		"ROLLBRIDGE_COLLECTOR_INTAKE_LISTEN=127.0.0.1:0",
		"ROLLBRIDGE_COLLECTOR_PORTAL_LISTEN=127.0.0.1:0",
		"ROLLBRIDGE_COLLECTOR_PRIVATE_LISTEN=127.0.0.1:0",
	}, more...)
}

// command runs one command to its end.
func command(t *testing.T, env []string, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e output
	code = cli.Run(t.Context(), args, env, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func must(t *testing.T, env []string, args ...string) {
	t.Helper()
	if code, _, text := command(t, env, args...); code != cli.ExitDone {
		t.Fatalf("%v exits %d: %s", args, code, text)
	}
}

// A service is a running serve.
type service struct {
	t    *testing.T
	log  *output
	stop context.CancelFunc
	code chan int
}

func serve(t *testing.T, env []string, roles string) *service {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &service{t: t, log: &output{}, stop: stop, code: make(chan int, 1)}
	go func() {
		s.code <- cli.Run(ctx, []string{"serve", "--role", roles}, env, strings.NewReader(""), io.Discard, s.log)
	}()
	t.Cleanup(stop)
	return s
}

// address waits until the listener of a name is open, and finds it in the log.
func (s *service) address(name string) string {
	s.t.Helper()
	line := regexp.MustCompile(`msg=listening role=` + name + ` address=(\S+)`)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if m := line.FindStringSubmatch(s.log.String()); m != nil {
			return m[1]
		}
		select {
		case code := <-s.code:
			s.t.Fatalf("serve exits %d: %s", code, s.log)
		default:
		}
	}
	s.t.Fatalf("%s does not listen: %s", name, s.log)
	return ""
}

func (s *service) end() {
	s.t.Helper()
	s.stop()
	select {
	case code := <-s.code:
		if code != cli.ExitDone {
			s.t.Errorf("serve exits %d: %s", code, s.log)
		}
	case <-time.After(30 * time.Second):
		s.t.Errorf("serve does not end: %s", s.log)
	}
}

func fetch(t *testing.T, address string) (code int, body string) {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(text)
}

func TestServeAllRolesAndEndInOrder(t *testing.T) {
	env := environ(filepath.Join(t.TempDir(), "data"))
	must(t, env, "init", "--public-url", "https://127.0.0.1:8443")
	for range 2 { // the second start finds what the first has left
		s := serve(t, env, "intake,apply,portal,jobs")
		private := "http://" + s.address("private")
		for path, want := range map[string]string{
			"/livez": "alive", "/readyz": "ready", "/metrics": "rollbridge_keyring_expires_timestamp_seconds",
		} {
			if code, body := fetch(t, private+path); code != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d", path, code)
			}
		}
		if code, _ := fetch(t, "https://"+s.address("portal")+"/"); code != http.StatusSeeOther {
			t.Errorf("portal: %d", code)
		}
		if code, _ := fetch(t, "https://"+s.address("intake")+"/v1/batch"); code != http.StatusMethodNotAllowed {
			t.Errorf("intake: %d", code)
		}
		if code, _ := fetch(t, "https://"+s.address("intake")+"/sign-in"); code != http.StatusNotFound {
			t.Errorf("intake shows pages: %d", code)
		}
		if !strings.Contains(s.log.String(), "for trials") {
			t.Error("all roles in one process, and nothing is said")
		}
		s.end()
	}
	must(t, env, "fsck")
}

// The keys that a role does not need are moved away: it must not miss them.
func TestEachRoleNeedsItsOwnKeysOnly(t *testing.T) {
	for roles, gone := range map[string][]string{
		"intake": {"root", "control", "sealing", "vault"},
		"portal": {"root", "control", "sealing", "intake"},
		"apply":  {"root", "intake", "tls"},
		"jobs":   {"root", "intake", "tls"},
	} {
		t.Run(roles, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			env := environ(dir)
			must(t, env, "init", "--public-url", "https://127.0.0.1:8443")
			for _, d := range gone {
				if err := os.RemoveAll(filepath.Join(dir, "keys", d)); err != nil {
					t.Fatal(err)
				}
			}
			s := serve(t, env, roles)
			if code, _ := fetch(t, "http://"+s.address("private")+"/readyz"); code != http.StatusOK {
				t.Errorf("not ready: %d", code)
			}
			s.end()
		})
	}
}

func TestMissingKeysEndTheStart(t *testing.T) {
	for role, needed := range map[string]string{"intake": "intake", "apply": "sealing", "jobs": "vault", "portal": "tls"} {
		t.Run(role, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			env := environ(dir)
			must(t, env, "init", "--public-url", "https://127.0.0.1:8443")
			if err := os.RemoveAll(filepath.Join(dir, "keys", needed)); err != nil {
				t.Fatal(err)
			}
			code, _, text := command(t, env, "serve", "--role", role)
			if code == cli.ExitDone || !strings.Contains(text, "init") {
				t.Errorf("exits %d: %s", code, text)
			}
			if strings.Contains(text, "msg=listening") {
				t.Error("it listened before it was ready")
			}
		})
	}
}

func TestTakenAddressEndsTheStart(t *testing.T) {
	env := environ(filepath.Join(t.TempDir(), "data"))
	must(t, env, "init", "--public-url", "https://127.0.0.1:8443")
	first := serve(t, env, "portal")
	second := append(env, "ROLLBRIDGE_COLLECTOR_PORTAL_LISTEN="+first.address("portal"))
	code, _, text := command(t, second, "serve", "--role", "portal")
	if code != cli.ExitFailed || !strings.Contains(text, "portal.listen") {
		t.Errorf("exits %d: %s", code, text)
	}
	first.end()
}

// Another collector's database behind these keys is refused before anything
// is signed for it.
func TestKeysAndDatabaseMustBelongTogether(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	must(t, environ(one), "init", "--public-url", "https://127.0.0.1:8443")
	must(t, environ(two), "init", "--public-url", "https://127.0.0.1:8443")
	mixed := environ(one, "ROLLBRIDGE_COLLECTOR_DATABASE=sqlite:"+filepath.Join(two, "collector.db"))
	code, _, text := command(t, mixed, "serve", "--role", "apply")
	if code == cli.ExitDone || !strings.Contains(text, "do not belong together") {
		t.Errorf("exits %d: %s", code, text)
	}
}

func TestPostgres(t *testing.T) {
	dsn := dbtest.Postgres(t)
	dir := filepath.Join(t.TempDir(), "data")
	must(t, environ(dir), "init", "--public-url", "https://127.0.0.1:8443", "--database", dsn)
	db, err := database.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	role := fmt.Sprintf("intake_%d", os.Getpid())
	err = db.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN")
		return err
	})
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	must(t, environ(dir), "migrate", "--intake-role", role)
	if code, _, text := command(t, environ(dir), "init", "--data-dir", dir+"2", "--public-url", "https://127.0.0.1:8443", "--database", dsn); code != cli.ExitRefused || !strings.Contains(text, "a keyring in the database") {
		t.Errorf("a second init on the database exits %d: %s", code, text)
	}
	asIntake := environ(dir, "ROLLBRIDGE_COLLECTOR_DATABASE="+regexp.MustCompile(`user=\w+`).ReplaceAllString(dsn, "user="+role))
	intake, rest := serve(t, asIntake, "intake"), serve(t, environ(dir), "apply,portal,jobs")
	for _, s := range []*service{intake, rest} {
		if code, _ := fetch(t, "http://"+s.address("private")+"/readyz"); code != http.StatusOK {
			t.Errorf("not ready: %d", code)
		}
	}
	if code, _, text := command(t, asIntake, "status"); code == cli.ExitDone {
		t.Errorf("intake's role reads what is known of the schools: %s", text)
	}
	intake.end()
	rest.end()
	must(t, environ(dir), "status")
	must(t, environ(dir), "fsck")
}
