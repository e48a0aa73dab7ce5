package server

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/keys"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// newProcess is a collector as init leaves it, with all that its roles open.
func newProcess(t *testing.T) (*process, keys.Made) {
	t.Helper()
	s := settings.Defaults()
	s.DataDir = t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := keys.Init(s.Keys(), []string{"127.0.0.1"}, clock.Now())
	must(err)
	must(WriteRoot(s.Keys(), made.Root))
	dir := filepath.Join(s.Keys(), "vault")
	must(vault.Init(dir))
	v, err := vault.Open(dir)
	must(err)
	t.Cleanup(func() { _ = v.Close() })
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	p := &process{Config: Config{Settings: s, Log: slog.New(slog.DiscardHandler)}, db: db, store: store.New(db), vault: v, metrics: prometheus.NewRegistry()}
	must(p.store.PutKeyring(t.Context(), made.Keyring, made.Signed))
	return p, made
}

// An operator signs in on the private listener, over plain HTTP, and sees how the
// collector stands; a process that opens nothing has no such pages.
func TestTheOperatorsPagesAreOnThePrivateListener(t *testing.T) {
	p, _ := newProcess(t)
	member := accounttest.Join(t, account.Open(p.db, p.vault), account.Person{Name: "op", Role: account.Operator})
	newJobs(jobs{}, p.metrics).done.WithLabelValues("audit").SetToCurrentTime()
	server := httptest.NewServer(private(p.db, p.metrics, p.console()))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	get := func(path string) (int, string) {
		t.Helper()
		a, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, a)
	}
	post := func(path string, pairs ...string) (int, string) {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		a, err := client.PostForm(server.URL+path, form)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, a)
	}
	if code, body := get("/console"); code != 200 || !strings.Contains(body, "Sign in") {
		t.Errorf("a stranger: %d\n%s", code, body)
	}
	if code, body := post("/sign-in", "name", "op", "password", accounttest.Password); code != 200 || strings.Contains(body, "Error:") {
		t.Fatalf("the password: %d\n%s", code, body)
	}
	// The code of the first sign-in was taken: the next half-minute has another.
	code, body := post("/sign-in/code", "code", accounttest.Code(t, member.Key, clock.Now().Add(30e9)))
	if code != 200 || !strings.Contains(body, "All authorities") {
		t.Fatalf("the code: %d\n%s", code, body)
	}
	for path, text := range map[string]string{
		"/console/upkeep": "get one of a public authority", "/console/releases": "No release is kept here", "/console": "No alarm", "/livez": "alive", "/metrics": "rollbridge_job",
	} {
		if code, body := get(path); code != 200 || !strings.Contains(body, text) {
			t.Errorf("%s: %d\n%s", path, code, body)
		}
	}
	if _, body := get("/console/upkeep"); !strings.Contains(body, "Keyring") || !strings.Contains(body, "audit</th>") || strings.Contains(body, "Cannot be read") {
		t.Errorf("upkeep:\n%s", body)
	}
	if code, body := post("/language", "language", "cy", "back", "/console/upkeep"); code != 200 || !strings.Contains(body, `<html lang="cy"`) || !strings.Contains(body, "Cylch allweddi") {
		t.Errorf("in Welsh: %d\n%s", code, body)
	}
	if code, body := get("/cookies"); code != 200 || !strings.Contains(body, ">rollbridge-plain<") || strings.Contains(body, "__Host-") {
		t.Errorf("the cookies: %d\n%s", code, body)
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range jar.Cookies(u) {
		if strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("%s can not be a cookie of plain HTTP", c.Name)
		}
	}
	p.vault = nil
	bare := httptest.NewServer(private(p.db, p.metrics, p.console()))
	defer bare.Close()
	if a, err := http.Get(bare.URL + "/console"); err != nil || a.StatusCode != http.StatusNotFound {
		t.Errorf("a process without a vault: %v %v", a, err)
	}
}

// The job signs how far the audit log goes; what is taken out of it is an alarm and a
// metric.
func TestTheAuditJob(t *testing.T) {
	p, made := newProcess(t)
	held, err := keys.OpenControl(p.Settings.Keys())
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	registry := prometheus.NewRegistry()
	j := newJobs(jobs{store: p.store, root: made.Root, log: slog.New(slog.NewTextHandler(&log, nil)),
		audited: audited{settings: p.Settings, log: audit.New(p.db, p.vault), key: held[0]}}, registry)
	for range 3 {
		if err := j.audited.log.Add(t.Context(), audit.Entry{User: audit.ByCommand, Action: audit.AuditExported}); err != nil {
			t.Fatal(err)
		}
	}
	run := func(faults string) {
		t.Helper()
		if err := j.audit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := metric(t, registry, "rollbridge_audit_faults"); got != faults {
			t.Errorf("%s faults, want %s", got, faults)
		}
	}
	run("0")
	newest, err := audit.At(p.Settings.AuditDir(), made.Root).Newest()
	if err != nil || newest.Marks[audit.Operator].Seq != 3 || log.Len() > 0 {
		t.Fatalf("%+v %v %s", newest, err, &log)
	}
	alarms := func() int {
		t.Helper()
		list, err := Alarms(t.Context(), p.Settings, p.store, audit.New(p.db, nil), clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := alarms(); n != 0 {
		t.Errorf("%d alarms", n)
	}
	for _, q := range []string{"DROP TRIGGER audit_kept", "DROP TRIGGER audit_chain_grows", "DELETE FROM audit WHERE seq = 3",
		"UPDATE audit_chains SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)"} {
		execute(t, p, q)
	}
	run("1")
	if !strings.Contains(log.String(), "not as it was written") || alarms() != 1 {
		t.Errorf("%s", &log)
	}
}

func read(t *testing.T, a *http.Response) (int, string) {
	t.Helper()
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(body)
}

func metric(t *testing.T, registry *prometheus.Registry, name string) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return strconv.FormatFloat(f.GetMetric()[0].GetGauge().GetValue(), 'f', -1, 64)
		}
	}
	return ""
}

func execute(t *testing.T, p *process, query string) {
	t.Helper()
	err := p.db.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Of each school whose data should be gone there is one alarm, however many agents it had.
func TestDataThatShouldBeGoneAreAnAlarm(t *testing.T) {
	p, _ := newProcess(t)
	now := clock.Now()
	for _, id := range []string{"oak", "elm", "ash"} {
		if err := p.store.AddSchool(t.Context(), store.School{ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range []struct {
		school     string
		generation int
		late       time.Duration
	}{{"oak", 1, 50 * time.Hour}, {"elm", 1, 30 * time.Hour}, {"oak", 2, 30 * time.Hour}, {"ash", 1, time.Hour}} {
		execute(t, p, fmt.Sprintf("INSERT INTO stops (school, generation, source, said_at, hidden_at, destroy_at, hold, records, children) VALUES ('%s', %d, 'agent', 1, 1, %d, x'%02x', 0, 0)",
			s.school, s.generation, database.Micros(now.Add(-s.late)), i))
	}
	list, err := Alarms(t.Context(), p.Settings, p.store, audit.New(p.db, nil), now)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	for i, school := range []string{"elm", "oak"} {
		if got := list[i].Words(now, nil); !strings.HasPrefix(got, "What "+school+" had sent was to be destroyed on ") {
			t.Errorf("%d: %q", i, got)
		}
	}
}
