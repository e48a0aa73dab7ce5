package portal_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
)

// A browser keeps cookies and follows no redirect by itself.
type browser struct {
	t      *testing.T
	client *http.Client
	base   string
	vault  *vault.Vault
}

// site serves a portal on db and returns a browser and what is logged.
func site(t *testing.T, db *database.DB) (*browser, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	dir := filepath.Join(t.TempDir(), "vault")
	if err := vault.Init(dir); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	s := httptest.NewTLSServer(portal.New(db, slog.New(slog.NewTextHandler(&log, nil)), portal.Options{Vault: v}).Handler())
	t.Cleanup(s.Close)
	return newBrowser(t, s, v), &log
}

func newBrowser(t *testing.T, s *httptest.Server, v *vault.Vault) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *s.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t, &client, s.URL, v}
}

type answer struct {
	code     int
	location string
	header   http.Header
	body     string
}

func (b *browser) do(method, path string, form url.Values, header ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{got.StatusCode, got.Header.Get("Location"), got.Header, string(body)}
}

func (b *browser) get(path string) answer { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

// enter adds a person who has set up everything and signs in as them.
func (b *browser) enter(db *database.DB, name, authority string) {
	b.t.Helper()
	person := account.Person{Name: name, Role: account.Operator}
	if authority != "" {
		person = account.Person{Name: name, Role: account.Administrator, Authorities: []string{authority}}
	}
	m := accounttest.Join(b.t, account.Open(db, b.vault), person)
	if a := b.post("/sign-in", "name", name, "password", accounttest.Password); a.location != "/sign-in/code" {
		b.t.Fatalf("password: %d to %q", a.code, a.location)
	}
	// The code that set the second factor up is spent.
	code := accounttest.Code(b.t, m.Key, clock.Now().Add(30*time.Second))
	if a := b.post("/sign-in/code", "code", code); a.location != "/" {
		b.t.Fatalf("code: %d to %q", a.code, a.location)
	}
}

func TestOtherSitesMaySendNothing(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	b, _ := site(t, db)
	b.enter(db, "jo", "")
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://elsewhere.example"}} {
		for _, path := range []string{"/sign-out", "/sign-in", "/password"} {
			a := b.do(http.MethodPost, path, nil, header...)
			if a.code != http.StatusForbidden || !strings.Contains(a.body, "nothing was changed") {
				t.Errorf("%s with %v: %d", path, header, a.code)
			}
		}
	}
	if a := b.get("/"); a.code != http.StatusOK {
		t.Error("another site signed somebody out")
	}
}

func TestHeadersAndPages(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	b, _ := site(t, db)
	b.enter(db, "jo", "")
	for path, code := range map[string]int{"/": 200, "/no-such-page": 404, "/assets/portal.css": 200} {
		a := b.get(path)
		if a.code != code {
			t.Errorf("%s: %d", path, a.code)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if !strings.Contains(a.header.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, a.header.Get(name))
			}
		}
		if strings.HasSuffix(path, ".css") {
			continue
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", path, a.header.Get("Cache-Control"))
		}
		if a.header.Get("Strict-Transport-Security") != "" {
			t.Error("HSTS with a trial certificate")
		}
		for _, want := range []string{`<html lang="en"`, "<title>", `href="#main-content"`, `id="main-content"`, "<h1"} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s has no %s", path, want)
			}
		}
		for _, not := range []string{"<script", "style=", "GOV.UK", "crown"} {
			if strings.Contains(a.body, not) {
				t.Errorf("%s has %s", path, not)
			}
		}
	}
	css, built := web.Stylesheet()
	if a := b.get("/assets/govuk.css"); (a.code == 200) != built || (built && a.body != string(css)) {
		t.Errorf("stylesheet: %d, built %v", a.code, built)
	}
}

func TestDatabaseDown(t *testing.T) {
	db, err := database.Connect(t.Context(), dbtest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, log := site(t, db)
	b.enter(db, "jo", "")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/"); a.code != http.StatusInternalServerError || !strings.Contains(a.body, "problem with the service") || strings.Contains(a.body, "sql") {
		t.Errorf("%d %s", a.code, a.body)
	}
	if !strings.Contains(log.String(), "a session could not be read") {
		t.Error("the operator is not told")
	}
}

// fixture puts two authorities, three schools and five children in.
func fixture(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := t.Context()
	st := store.New(db)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, code := range []string{"855", "856"} {
		check(st.PutAuthority(ctx, store.Authority{Code: code, Why: "A reason"}))
	}
	for _, s := range []store.School{{ID: "ash", Name: "Ash School", Phone: "01632 960101"}, {ID: "birch", Name: "Birch School"}, {ID: "cedar", Name: "Cedar School"}} {
		check(st.AddSchool(ctx, s))
	}
	for school, authority := range map[string]string{"ash": "855", "birch": "856"} {
		check(st.SetProvision(ctx, store.Provision{School: school, Authority: authority, Datasets: map[record.Dataset][]string{"pupil": {}}}))
	}
	check(st.SetProvision(ctx, store.Provision{School: "ash", Authority: "856", Datasets: map[record.Dataset][]string{"pupil": {}}}))
	now := clock.Now()
	id := []byte("agent-of-ash-000")
	check(db.Write(ctx, func(tx *database.Tx) error {
		for _, s := range []struct {
			text string
			args []any
		}{
			{"INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state, created_at, confirmed_at) VALUES ('ash', ?, 1, ?, ?, ?, 'a', 'confirmed', ?, ?)",
				[]any{id, []byte("k"), []byte("k"), []byte("k"), database.Micros(now), database.Micros(now)}},
			{"INSERT INTO attempts (school, agent, counter, heard_at) VALUES ('ash', ?, 1, ?)", []any{id, database.Micros(now.Add(-5 * time.Minute))}},
			{"INSERT INTO positions (school, agent, generation, sequence, digest, state, pupils_as_at, attendance_as_at, applied_at) VALUES ('ash', ?, 1, 1, ?, ?, ?, ?, ?)",
				[]any{id, make([]byte, 32), make([]byte, 32), database.Micros(now), database.Micros(now), database.Micros(now)}},
		} {
			if _, err := tx.Exec(ctx, s.text, s.args...); err != nil {
				return err
			}
		}
		for i, authority := range []string{"855", "855", "856", "856", "856"} {
			pupil := "pupil" + string(rune('a'+i))
			if _, err := tx.Exec(ctx, "INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('ash', ?, ?, ?, 1, 1)", pupil, authority, []byte("k")); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO records (school, dataset, key, pupil, version, tag, counted, generation, sequence, received_at, as_at)
				VALUES ('ash', 'pupil', ?, ?, 1, ?, ?, 1, 1, 1, 1)`, pupil, pupil, make([]byte, 32), true); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO holds (school, code, dataset, authority, gone, of_, since, origin) VALUES ('ash', 'ABCDEFGH', 'pupil', '856', 31, 33, ?, 'agent')", database.Micros(now))
		return err
	}))
}

func TestEachAuthoritySeesItsOwnOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		fixture(t, db)
		for _, c := range []struct {
			authority string
			children  map[string]int
			held      bool
		}{
			{"", map[string]int{"ash": 5, "birch": 0, "cedar": 0}, true},
			{"855", map[string]int{"ash": 2}, false},
			{"856", map[string]int{"ash": 3, "birch": 0}, true},
		} {
			o, err := overview.Read(t.Context(), store.New(db), c.authority, clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, s := range o.Schools {
				got[s.School.ID] = s.Children
				if s.School.ID == "ash" && (len(s.Holds) > 0) != c.held {
					t.Errorf("authority %q sees holds: %v", c.authority, s.Holds)
				}
			}
			if len(got) != len(c.children) {
				t.Errorf("authority %q sees %v", c.authority, got)
			}
			for school, n := range c.children {
				if got[school] != n {
					t.Errorf("authority %q counts %d children at %s, want %d", c.authority, got[school], school, n)
				}
			}
		}
		b, _ := site(t, db)
		b.enter(db, "jo", "855")
		a := b.get("/")
		if !strings.Contains(a.body, "Ash School") || strings.Contains(a.body, "Birch School") || strings.Contains(a.body, "31 of 33") {
			t.Error("the page shows another authority's schools or children")
		}
		if strings.Contains(a.body, "pupila") {
			t.Error("the page names a child")
		}
	})
}

func TestSchoolsPage(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	b, _ := site(t, db)
	b.enter(db, "jo", "")
	if a := b.get("/"); !strings.Contains(a.body, "No school is connected yet") || strings.Contains(a.body, "<table") {
		t.Error("no schools: the page does not say so")
	}
	fixture(t, db)
	a := b.get("/")
	for _, want := range []string{
		"Correct at ", `role="region" aria-labelledby="schools-caption"`, "<caption", `<th scope="col"`, `<th scope="row"`, "01632 960101",
		`<strong class="govuk-tag govuk-tag--grey">Not set up yet</strong>`, "5 minutes ago", "never", "not received", "Who acts: ",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	ash, birch := strings.Index(a.body, "Ash School"), strings.Index(a.body, "Birch School")
	if ash < 0 || birch < 0 || strings.Index(a.body, "Cedar School") < birch {
		t.Error("schools of one word are not in the order of their names")
	}
}
