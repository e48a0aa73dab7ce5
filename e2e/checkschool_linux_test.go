package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollbridge/agent/check"
	"rollbridge/agent/outbox"
	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// allIsWell is what a check says where nothing is wrong, apart from the service.
var allIsWell = good(check.Settings, check.Version, check.Directory, check.Access, check.Disk, check.Standing, check.Proxy, check.Name, check.Route,
	check.TLS, check.Collector, check.Clock, check.MIS, check.Right, check.Dataset, check.Queue, check.LastSync, check.Holds, check.Scope)

// An enrolledCheck is a school that is enrolled, with a clock of its own.
type enrolledCheck struct {
	*checkWorld
	clock string
}

func (w *enrolledCheck) set(by string) {
	w.t.Helper()
	w.must(os.WriteFile(w.clock, []byte(by), 0o644))
}

func (w *enrolledCheck) checks(want ...wanted) {
	w.t.Helper()
	checks(w.t, w.agent, nil, want...)
}

func (w *enrolledCheck) command(args ...string) {
	w.t.Helper()
	_, err := w.agent.Command(w.ctx, args...)
	w.must(err)
}

// TestCheckTheSchool takes one school through the days on which somebody runs a
// check.
func TestCheckTheSchool(t *testing.T) {
	t.Parallel()
	w := &enrolledCheck{checkWorld: newCheckWorld(t, stack.CollectorOptions{}), clock: filepath.Join(t.TempDir(), "clock")}
	w.set("+0h")
	w.enrolAt(stack.Folder("csv", w.folder()), w.code.String(), stack.AgentOptions{Clock: w.clock})
	w.checks(warned(check.LastSync, "never"), bad(check.Service, "not_running", "school IT"))
	w.sync()
	w.checks(append(allIsWell, bad(check.Service, "not_running", "not installed"))...)
	for _, day := range []struct {
		name string
		do   func(*enrolledCheck)
	}{
		{"the service", withService}, {"no collector", withoutCollector}, {"the clock", withWrongClock},
		{"a read that failed", afterFailedRead}, {"a damaged queue", withDamagedQueue}, {"many who left", withHold}, {"revoked", afterRevoke},
	} {
		t.Run(day.name, func(t *testing.T) {
			w.t = t
			day.do(w)
		})
	}
	w.t = t
}

func withService(w *enrolledCheck) {
	p, err := w.agent.Start(w.ctx)
	w.must(err)
	w.must(stack.Await(w.ctx, "the service to have the school open", func() (bool, error) {
		_, err := w.agent.Command(w.ctx, "status")
		return err == nil, err
	}))
	w.checks(append(allIsWell, good(check.Service)...)...)

	other, err := stack.NewAgent(programs, w.agent.Dir, stack.Folder("csv", w.folder()), stack.AgentOptions{Clock: w.clock, Env: []string{"ROLLBRIDGE_LOG_LEVEL=warn"}})
	w.must(err)
	checks(w.t, other, nil, append(good(check.Collector, check.Service), warned(check.Settings, "service_differs", "restart"))...)

	w.command("pause")
	w.checks(append(append(good(check.Collector, check.Service), skipped("paused", check.MIS, check.Right, check.Dataset)...), warned(check.Standing, "paused", "resume"))...)
	w.command("resume")

	w.command("scope", "deny", w.school.Authorities()[0]+".contact")
	w.checks(wanted{id: check.Scope, cause: check.Good, state: check.OK, subject: "contact", words: []string{"said no"}})
	w.command("scope", "allow", w.school.Authorities()[0]+".contact")
	_, err = w.collector.Command(w.ctx, "school", "provision", schoolID, "--authority", w.school.Authorities()[0],
		"--dataset", "pupil", "--dataset", "contact", "--dataset", "attendance", "--dataset", "behaviour")
	w.must(err)
	w.must(stack.Await(w.ctx, "the wider ask to be heard", func() (bool, error) {
		if _, err := w.agent.Command(w.ctx, "sync"); err != nil {
			return false, err
		}
		out, err := w.agent.Command(w.ctx, "status", "--json")
		return strings.Contains(out, `"behaviour"`), err
	}))
	w.checks(warned(check.Scope, "not_given", "behaviour", "scope accept").of("behaviour"))

	w.must(syscall.Kill(p.PID(), syscall.SIGSTOP))
	w.checks(append(skipped("does not answer", check.Collector, check.Queue), bad(check.Service, "silent", "restart"))...)
	w.must(syscall.Kill(p.PID(), syscall.SIGCONT))
	w.command("sync")
	w.must(w.agent.Close())
}

func withoutCollector(w *enrolledCheck) {
	stopped := bad(check.Service, "not_running")
	w.must(w.collector.Close())
	w.must(w.school.ChangeMark(w.school.LookedAfter()[0].ID, w.school.Today(), demoschool.AM, "I"))
	w.must(w.school.WriteCSV(w.folder()))
	_, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	away := bad(check.Route, check.Refused, "refused the connection")
	w.checks(stopped, away, wanted{id: check.Queue, cause: check.Good, state: check.OK, words: []string{"wait"}}) // the service may have sealed one more before it ended
	w.set("+2h")
	w.checks(stopped, away, warned(check.Queue, "waiting", "2 hours"))
	w.set("+30h")
	w.checks(stopped, away, bad(check.Queue, check.Old, "1 day and 6 hours"))
	w.set("-48h")
	w.checks(stopped, away, bad(check.Clock, check.Wrong, "at least", "behind"))
	w.set("+0h")
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	w.command("sync")
}

func withWrongClock(w *enrolledCheck) {
	stopped := bad(check.Service, "not_running")
	for by, words := range map[string]string{"+24h": "1 day", "-24h": "1 day", "+9600h": "1 year and 35 days"} {
		w.set(by)
		want := []wanted{stopped, bad(check.Clock, check.Wrong, words)}
		if by == "+9600h" {
			want = append(want, skipped("a clock that is right", check.Collector)...)
		}
		w.checks(want...)
	}
	w.set("+0h")
	w.checks(append(good(check.Collector, check.Clock), stopped)...)
}

func afterFailedRead(w *enrolledCheck) {
	pupils := filepath.Join(w.folder(), demoschool.PupilsCSV)
	w.must(os.Rename(pupils, pupils+".away"))
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code != exitMIS {
		w.t.Fatalf("a sync without pupils ended with %d", r.Code)
	}
	w.checks(bad(check.Service, "not_running"), bad(check.LastSync, check.Failed, demoschool.PupilsCSV), bad(check.Dataset, "data", demoschool.PupilsCSV, "missing").of("pupil"))
	w.must(os.Rename(pupils+".away", pupils))
	w.checks(append(good(check.MIS, check.Dataset), bad(check.Service, "not_running"), bad(check.LastSync, check.Failed, demoschool.PupilsCSV))...)
	w.command("sync")
}

func withDamagedQueue(w *enrolledCheck) {
	state := filepath.Join(w.agent.Dir, outbox.FileName)
	whole, err := os.ReadFile(state)
	w.must(err)
	w.must(os.WriteFile(state, whole[:len(whole)/2], 0o600))
	w.checks(append(append(good(check.MIS), skipped("cannot be opened", check.Collector, check.Queue)...),
		bad(check.Service, "not_running"), bad(check.Standing, "damaged", outbox.FileName))...)
	w.must(os.WriteFile(state, whole, 0o600))
}

func withHold(w *enrolledCheck) {
	for _, p := range w.school.LookedAfter()[:8] {
		w.must(w.school.LeaveCare(p.ID, w.school.Today()))
	}
	w.must(w.school.WriteCSV(w.folder()))
	_, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	w.checks(bad(check.Service, "not_running"), warned(check.Holds, "held"))
}

func afterRevoke(w *enrolledCheck) {
	r, err := stack.Run(w.ctx, programs.Agent, "y\n", w.agent.Env(), "revoke", "--yes")
	w.must(err)
	if r.Code != 0 {
		w.t.Fatalf("revoke ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	w.checks(append(skipped("stopped", check.Proxy, check.Route, check.Collector, check.MIS, check.Dataset), warned(check.Standing, "revoked"))...)
}

// TestCheckTheDatabase puts rights and the server of a database out of order.
func TestCheckTheDatabase(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.setUpMIS(w.school.TablesSQL, stack.MISOptions{Staged: true})
	source := w.mis.Server()
	f := &faulty{world: w, server: w.mis.Instance.StandIn(), user: source.User}
	source.CertificateFile = w.pin(source.CertificateFile)
	a, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), source.Source("sql-views"), stack.AgentOptions{})
	w.must(err)
	checks(t, a, nil, good(check.MIS, check.Right, check.Excess)...)
	known := func(name string) func(*faulty) func() {
		for _, c := range troubles {
			if c.name == name {
				return c.begin
			}
		}
		t.Fatalf("there is no trouble %s", name)
		return nil
	}
	pupil := "[rollbridge].[pupil]"
	dbAdmin := "the database administrator"
	for _, c := range []struct {
		name  string
		begin func(*faulty) func()
		want  []wanted
	}{
		{"server down", known("server down"), append(skipped("cannot be read", check.Right, check.Excess, check.Dataset), bad(check.MIS, "down", "cannot be reached", dbAdmin))},
		{"certificate changed", known("certificate changed"), []wanted{bad(check.MIS, "down", "certificate")}},
		{"wrong password", known("wrong password"), []wanted{bad(check.Right, check.Missing, "does not let the login", dbAdmin).of("sign_in")}},
		{"login disabled", known("login disabled"), []wanted{bad(check.Right, check.Missing, "disabled", "ENABLE").of("sign_in")}},
		{"database renamed", known("database renamed"), append(skipped("cannot be read", check.Right), bad(check.MIS, "down", "database", "is not there", dbAdmin))},
		{"view missing", func(f *faulty) func() {
			f.run("DROP VIEW rollbridge.contact")
			return func() {
				f.run(strings.Replace(f.viewText("contact"), "ALTER", "CREATE", 1))
				f.run("GRANT SELECT ON rollbridge.contact TO LOGIN_NAME")
			}
		}, []wanted{bad(check.Right, check.Missing, "does not exist", dbAdmin).of("[rollbridge].[contact]")}},
		{"view denied", known("permission revoked"), []wanted{bad(check.Right, check.Missing, "may not", "T-SQL", dbAdmin).of(pupil)}},
		{"column denied", known("column denied"), []wanted{bad(check.Right, check.Missing, "[Phone]", "DENY", dbAdmin).of(pupil)}},
		{"identifiers empty", known("identifiers empty"), []wanted{bad(check.Right, check.Missing, "[pupil] is empty").of(pupil)}},
		{"a login that reads allIsWell", script("ALTER ROLE db_datareader ADD MEMBER LOGIN_NAME", "ALTER ROLE db_datareader DROP MEMBER LOGIN_NAME"),
			append(good(check.Right, check.MIS), warned(check.Excess, "too_much", "db_datareader", dbAdmin))},
		{"a login that may write", script("GRANT UPDATE ON rollbridge.pupil TO LOGIN_NAME", "REVOKE UPDATE ON rollbridge.pupil FROM LOGIN_NAME"),
			append(good(check.Right, check.MIS), warned(check.Excess, "too_much", "UPDATE", pupil))},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			mend := c.begin(f)
			checks(t, a, nil, c.want...)
			mend()
		})
	}
	w.t = t
	checks(t, a, nil, good(check.MIS, check.Right, check.Excess)...)
}

// TestCheckTheWebInterface lets a MIS in the cloud refuse.
func TestCheckTheWebInterface(t *testing.T) {
	t.Parallel()
	o := newWonde(t, small())
	a, err := stack.NewAgent(programs, filepath.Join(o.dir, "agent"), o.api.Source("wonde"), stack.AgentOptions{})
	o.must(err)
	checks(t, a, nil, good(check.MIS, check.Right, check.Dataset)...)
	for _, c := range []struct {
		name  string
		fault cloud.Fault
		want  []wanted
	}{
		{"key refused", cloud.Fault{Kind: cloud.Status(401)}, append(skipped("first", check.Dataset), bad(check.Right, check.Missing, "HTTP 401", "the MIS administrator").of("sign_in"))},
		{"a list refused", cloud.Fault{Path: "/v1.0/schools/A1930499544/behaviours", Kind: cloud.Status(403)}, []wanted{bad(check.Dataset, "stopped", "HTTP 403").of("behaviour")}},
		{"asked too often", cloud.Fault{Kind: cloud.Status(429), Seconds: 7200}, append(skipped("cannot be read", check.Right, check.Dataset), bad(check.MIS, "down", "HTTP 429", "2h0m0s"))},
		{"a filter's page", cloud.Fault{Kind: cloud.Login}, []wanted{{id: check.MIS, cause: "data", state: check.Bad}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.server.Stage(c.fault)
			checks(t, a, nil, c.want...)
			o.server.Calm()
		})
	}
}

// TestCheckTheFiles damages an export.
func TestCheckTheFiles(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	a, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), stack.Folder("csv", w.folder()), stack.AgentOptions{})
	w.must(err)
	pupils := filepath.Join(w.folder(), demoschool.PupilsCSV)
	for _, c := range []struct {
		name string
		do   func() error
		want []wanted
	}{
		{"folder gone", func() error { return os.RemoveAll(w.folder()) }, []wanted{bad(check.Dataset, "data", "missing from the folder").of("pupil")}},
		{"half a file", func() error {
			text, err := os.ReadFile(pupils)
			if err != nil {
				return err
			}
			return os.WriteFile(pupils, text[:len(text)/2], 0o644)
		}, []wanted{bad(check.Dataset, "data", demoschool.PupilsCSV).of("pupil")}},
		{"an old export", func() error {
			long := time.Now().Add(-72 * time.Hour)
			return os.Chtimes(pupils, long, long)
		}, append(good(check.MIS), warned(check.Dataset, check.Old, "every morning").of("pupil"))},
		{"no such profile", func() error {
			return os.WriteFile(filepath.Join(a.Dir, "agent.yaml"), fmt.Appendf(nil, "mis:\n  profile: cvs\n  folder: %s\n", w.folder()), 0o600)
		}, append(skipped("settings of the MIS", check.Right, check.Dataset), bad(check.MIS, "settings", "no MIS profile of that name", "csv"))},
		{"settings that are none", func() error {
			return os.WriteFile(filepath.Join(a.Dir, "agent.yaml"), []byte("mis:\n  profil: csv\n"), 0o600)
		}, append(skipped("the settings cannot be used", check.Disk, check.MIS, check.Collector), bad(check.Settings, check.Wrong, "profil", "config explain"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.must(os.MkdirAll(w.folder(), 0o755))
			w.must(w.school.WriteCSV(w.folder()))
			w.must(c.do())
			checks(t, a, nil, c.want...)
		})
	}
}
