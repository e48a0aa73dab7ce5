package console_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/alarm"
	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/console"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/release"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
	signed "rollbridge/shared/release"
	"rollbridge/shared/status"
)

// sources are of a collector with something of everything.
func sources() console.Sources {
	now := portaltest.Now()
	return console.Sources{
		Alarms: func(context.Context, time.Time) ([]status.Part, error) {
			return []status.Part{alarm.Say(alarm.KeyringExpires, map[string]status.Value{"Day": alarm.Day(now.AddDate(0, 0, 9)), "Days": {Text: "9"}})}, nil
		},
		Audit: func(context.Context, time.Time) (audit.State, error) {
			return audit.State{Checkpoint: now, Verified: now, Chains: 7}, nil
		},
		Programs: func(context.Context) ([]release.Program, error) {
			return []release.Program{
				{School: "ash", Version: "1.2.0", Ring: signed.Early, Heard: now},
				{School: "birch", Version: "1.1.0", Ring: signed.General, Heard: now, Skipped: []release.Skip{{Version: "1.2.0", Reason: "crashed", Since: now}}},
			}, nil
		},
		Releases: func() (release.State, error) {
			return release.State{Metadata: []release.Role{{Role: "root", Version: 1, Expires: now.AddDate(1, 0, 0)}, {Role: "timestamp", Version: 9, Expires: now.AddDate(0, 0, 5)}},
				Releases: []release.Standing{{Version: "1.2.0", Platforms: []string{"linux-amd64"}, Published: now, Security: true, Stage: &signed.Stage{Ring: signed.Early, Percent: 100}}},
				Draft:    &release.Waiting{Versions: []string{"1.3.0"}}}, nil
		},
		Expiries: func(context.Context) ([]console.Expiry, error) {
			return []console.Expiry{
				{What: console.Keyring, Ends: now.AddDate(0, 0, 40), Renewal: console.ByKeyringRenew}, {What: console.PortalCertificate, Renewal: console.ByItself},
			}, nil
		},
		Jobs: func() ([]console.Job, error) { return []console.Job{{Name: "audit", Last: now}}, nil },
	}
}

// A rig is the console over a collector with a school of every kind.
type rig struct {
	*testing.T
	world  *portaltest.World
	site   *web.Site
	server *webtest.Server
	b      *webtest.Browser
}

func newRig(t *testing.T, db *database.DB, from console.Sources) *rig {
	t.Helper()
	r := &rig{T: t}
	dir := t.TempDir()
	r.must(vault.Init(dir))
	v, err := vault.Open(dir)
	r.must(err)
	t.Cleanup(func() { _ = v.Close() })
	r.world = portaltest.Fill(t, db, v)
	// What the pages must not show is on every record of these authorities and in every reason.
	r.site = &web.Site{DB: db, Store: store.New(db), Vault: v, Accounts: account.Open(db, v), Audit: audit.New(db, v),
		Menu: console.Menu(), Home: console.Home, Now: portaltest.Now}
	r.server = webtest.Serve(t, r.site, console.Routes(r.site, from))
	r.b = r.server.As(r.person(account.Operator))
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) person(role account.Role) account.User {
	r.Helper()
	p := account.Person{Name: string(role), Role: role}
	switch {
	case role.OfAuthority():
		p.Authorities = []string{portaltest.Busy}
	case role == account.SchoolRole:
		p.School = r.world.Child.School
	}
	return accounttest.Join(r, r.site.Accounts, p).User
}

func (r *rig) page(path string) string {
	r.Helper()
	a := r.b.Get(path)
	if a.Code != http.StatusOK || strings.Contains(a.Body, "<no value>") {
		r.Fatalf("GET %s: %d\n%s", path, a.Code, a.Body)
	}
	_, main, _ := strings.Cut(a.Body, "<main")
	_, main, _ = strings.Cut(main, ">")
	main, _, _ = strings.Cut(main, "</main>")
	return main
}

var paths = []string{"/console", "/console/schools", "/console/agents", "/console/batches", "/console/codes", "/console/releases", "/console/upkeep"}

// No page is left out of what is tried here, and none is for anybody else.
func TestEveryPageIsTried(t *testing.T) {
	var all []string
	for _, r := range console.Routes(&web.Site{}, console.Sources{}) {
		if r.Method != http.MethodGet || r.Right != account.Console {
			t.Errorf("%s %s is for %q: the console shows, to operators", r.Method, r.Path, r.Right)
		}
		if r.Path != "/{$}" {
			all = append(all, r.Path)
		}
	}
	if !slices.Equal(all, paths) {
		t.Errorf("the console has %v, tried are %v", all, paths)
	}
}

// The pages say how everything stands.
func TestPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db, sources())
		for path, texts := range map[string][]string{
			"/console":          {"The keyring expires on", "days left: 9", ">key keyring renew</code>", "Not received", "Stopped by school", "Barking and Dagenham", "Agents to confirm"},
			"/console/schools":  {"Last heard from", "Last register received", "asked by 301", "Received"},
			"/console/agents":   {"1.2.0", "1.1.0", "It ended too often while on probation.", "Early ring"},
			"/console/batches":  {"Held by a safety rule"},
			"/console/codes":    {"72 hours"},
			"/console/releases": {"1.2.0", "early 100 %", "linux-amd64", "security", "A draft waits", "1.3.0"},
			"/console/upkeep":   {"Keyring", "40 days", "Is fetched anew by itself", "as it was written", "audit"},
		} {
			body := r.page(path)
			if !strings.Contains(body, "orrect at "+language.In(language.English).Time(portaltest.Now())) {
				t.Errorf("%s does not say for when it is true", path)
			}
			for _, text := range texts {
				if !strings.Contains(body, text) {
					t.Errorf("%s does not say %q:\n%s", path, text, body)
				}
			}
		}
		if a := r.b.Get("/"); a.Location != console.Home {
			t.Errorf("/ leads to %q", a.Location)
		}
		list, _, err := r.site.Audit.Read(t.Context(), audit.Query{Chain: audit.Operator, Action: audit.ConsoleViewed})
		r.must(err)
		if len(list) != len(paths) {
			t.Errorf("%d looks are in the log", len(list))
		}
	})
}

func TestSchoolsAreNarrowedAndSorted(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), sources())
	if body := r.page("/console/schools?word=Stopped+by+school"); !strings.Contains(body, "Stopped by school</strong>") || strings.Contains(body, ">Received</strong>") {
		t.Errorf("by word:\n%s", body)
	}
	if body := r.page("/console/schools?authority=" + portaltest.Good); strings.Count(body, "<tr class") != 3 {
		t.Errorf("by authority:\n%s", body)
	}
	if body := r.page("/console/schools?authority=" + portaltest.Empty); !strings.Contains(body, "No school is like that") {
		t.Errorf("of none:\n%s", body)
	}
	for _, by := range []string{"name", "-name", "heard", "-register", "waiting", "refused", "nonsense"} {
		r.page("/console/schools?sort=" + by + "&page=2")
	}
	if a := r.b.Get("/console/schools?word=Fine"); a.Code != 422 {
		t.Errorf("an unknown word: %d", a.Code)
	}
}

// Codes, backlogs and refused records are shown in counts and words.
func TestWhatWaits(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db, sources())
		now := portaltest.Now()
		school := r.world.Child.School
		at := func(d time.Duration) int64 { return database.Micros(now.Add(d)) }
		for n, ends := range []time.Duration{time.Hour, -time.Hour, -30 * 24 * time.Hour} {
			r.world.Exec("INSERT INTO codes (school, code_id, public_key, offer, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)", school, []byte{byte(0xa0 + n)}, []byte("k"), []byte("o"), at(-time.Hour), at(ends))
		}
		for n, state := range []string{"waiting", "waiting", "set_aside"} {
			r.world.Exec(`INSERT INTO inbox (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, receipt, state)
				VALUES (?, ?, 1, ?, ?, ?, 1, 1, ?, 3000, ?, ?)`, school, []byte("a"), n+100, []byte{byte(n)}, []byte{0}, at(-time.Hour), []byte("r"), state)
		}
		r.world.Exec("DELETE FROM quarantine")
		for _, key := range []string{"k1", "k2"} {
			r.world.Exec(`INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES (?, 'contact', ?, 1, '["Phones:too_long"]', ?, ?)`, school, key, []byte("x"), at(-time.Hour))
		}
		codes := r.page("/console/codes")
		if !strings.Contains(codes, "a0") || !strings.Contains(codes, "Ran out unused") || !strings.Contains(codes, ">a1") || strings.Contains(codes, ">a2") {
			t.Errorf("codes:\n%s", codes)
		}
		batches := r.page("/console/batches")
		for _, text := range []string{">2<span", "6 KB", ">1</td>", "contact", "Phones is too long.", ">2</td>"} {
			if !strings.Contains(batches, text) {
				t.Errorf("batches do not say %q:\n%s", text, batches)
			}
		}
		for n, f := range record.Fields(record.DatasetPupil) {
			r.world.Exec(`INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES (?, 'pupil', ?, 1, ?, ?, ?)`,
				school, fmt.Sprint(n), `["`+f.Name+`:too_long"]`, []byte("x"), at(-time.Hour))
		}
		first, second := r.page("/console/batches"), r.page("/console/batches?page=2")
		if n := strings.Count(first, " is too long.<"); n != 25 || !strings.Contains(first, "page=2") || !strings.Contains(second, " is too long.<") {
			t.Errorf("%d reasons are on the first page:\n%s", n, second)
		}
	})
}

// No page names a child, whatever a school sent.
func TestNoChildIsOnThePages(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), sources())
	var secrets []string
	for _, code := range []string{portaltest.Busy, portaltest.Other, portaltest.Good} {
		list, err := r.site.Store.Children(t.Context(), r.site.Vault, store.Sight{Authority: code})
		r.must(err)
		for _, l := range list {
			secrets = append(secrets, string(l.Child.Pupil))
			if l.Pupil != nil {
				secrets = append(secrets, l.Pupil.Forename, l.Pupil.Surname, l.Pupil.UPN)
			}
		}
	}
	if len(secrets) < 50 {
		t.Fatalf("only %d names to look for", len(secrets))
	}
	pages := append([]string{"/console/schools?page=2"}, paths...)
	for _, path := range pages {
		body := r.page(path)
		for _, secret := range secrets {
			if len(secret) > 3 && secret != portaltest.Canary && strings.Contains(body, secret) { // a school has that name, too
				t.Errorf("%s shows %q", path, secret)
			}
		}
	}
}

// Nobody but an operator sees the pages, and the portal has none of them.
func TestOnlyOperators(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), sources())
	for _, role := range []account.Role{account.Administrator, account.Caller, account.Viewer, account.Caseload, account.SchoolRole} {
		b := r.server.As(r.person(role))
		for _, path := range paths {
			if a := b.Get(path); a.Code != http.StatusForbidden {
				t.Errorf("%s asks for %s: %d", role, path, a.Code)
			}
		}
	}
	nobody := r.server.Anybody()
	for _, path := range paths {
		if a := nobody.Get(path); a.Code != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
			t.Errorf("a stranger asks for %s: %d", path, a.Code)
		}
	}
	public := &web.Site{DB: r.site.DB, Store: r.site.Store, Vault: r.site.Vault, Accounts: r.site.Accounts, Audit: r.site.Audit, Now: portaltest.Now}
	server := webtest.Serve(t, public, portal.Routes(public, portal.Options{Vault: r.site.Vault}))
	operator, found, err := r.site.Accounts.ByName(t.Context(), "operator")
	r.must(err)
	if !found {
		t.Fatal("there is no operator")
	}
	b := server.As(operator)
	for _, path := range paths {
		if a := b.Get(path); a.Code != http.StatusNotFound {
			t.Errorf("the portal answers %s with %d", path, a.Code)
		}
	}
}

// What cannot be read is said, and the rest of the page stands.
func TestFaults(t *testing.T) {
	from := sources()
	broken := errors.New("the disk is broken")
	from.Releases = func() (release.State, error) { return release.State{}, broken }
	from.Audit = func(context.Context, time.Time) (audit.State, error) { return audit.State{}, broken }
	from.Jobs = func() ([]console.Job, error) { return nil, nil }
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), from)
	for path, text := range map[string]string{"/console/releases": "the disk is broken", "/console/upkeep": ">the disk is broken</code>", "/console/agents": "1.2.0"} {
		if body := r.page(path); !strings.Contains(body, text) {
			t.Errorf("%s:\n%s", path, body)
		}
	}
	if body := r.page("/console/upkeep"); !strings.Contains(body, "has not the role jobs") {
		t.Error(body)
	}
}

// said are the texts of a page, but for code.
func said(body string) map[string]bool {
	list := map[string]bool{}
	for _, piece := range tag.Split(code.ReplaceAllString(body, ""), -1) {
		list[strings.TrimSpace(html.UnescapeString(piece))] = true
	}
	return list
}

var (
	tag  = regexp.MustCompile(`<[^>]*>`)
	code = regexp.MustCompile(`(?s)<code.*?</code>`)
)

// In Welsh everything is said in Welsh: what is the same in both languages is a name or a
// number.
func TestEverythingIsInWelsh(t *testing.T) {
	from := sources()
	from.Expiries = func(context.Context) ([]console.Expiry, error) {
		var list []console.Expiry
		for _, what := range []console.Ending{console.Keyring, console.SealingKey, console.IntakeCertificate, console.PortalCertificate, console.Metadata, console.AllMetadata} {
			list = append(list, console.Expiry{What: what, Role: "root", Ends: portaltest.Now().Add(47 * time.Hour)})
		}
		for _, by := range []console.Renewal{console.ByKeyringRenew, console.ByReleaseRenew, console.ByJobs, console.ByJobsWeekly, console.ByItself, console.ByNewFile, console.TrialOnly,
			console.Unread, console.NoControlKeys, console.NoSealingKeys, console.Damaged} {
			list = append(list, console.Expiry{What: console.Keyring, Renewal: by})
		}
		return list, nil
	}
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), from)
	r.world.Exec("UPDATE agents SET state = 'pending' WHERE school = ?", r.world.Child.School)
	r.world.Exec(`INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES (?, 'contact', 'k', 1, '["Phones:too_long", ":decode", "Notes:new_in_a_later_version"]', ?, 1)`, r.world.Child.School, []byte("x"))
	names := map[string]bool{"": true, "1.2.0": true, "1.1.0": true, "linux-amd64": true, "audit": true, "birch": true}
	schools, err := r.site.Store.Schools(t.Context(), "")
	r.must(err)
	for _, s := range schools {
		names[s.School.Name], names[s.School.ID] = true, true
	}
	authorities, err := r.site.Store.Authorities(t.Context())
	r.must(err)
	for _, a := range authorities {
		names[a.Name], names[a.Code], names[a.Code+" "+a.Name] = true, true, true
	}
	agents, err := r.site.Store.Agents(t.Context(), "")
	r.must(err)
	for _, a := range agents {
		names[a.Phrase] = true
	}
	words := regexp.MustCompile(`[A-Za-z]{2}`)
	var all []string
	for _, path := range append([]string{"/console/schools?page=2", "/console/schools?authority=" + portaltest.Empty}, paths...) {
		r.b.Language = "en"
		english := said(r.page(path))
		r.b.Language = "cy"
		welsh := said(r.page(path))
		for text := range welsh {
			if english[text] && !names[text] && words.MatchString(text) {
				t.Errorf("%s says %q in both languages", path, text)
			}
		}
		all = append(all, slices.Collect(maps.Keys(welsh))...)
	}
	// Each of what is rarely there was there.
	for _, text := range []string{"Asiantau sy'n aros i gael eu cadarnhau", "Dychwelodd oddi wrth fersiwn", "Mae Phones yn rhy hir.", "Ni ellir darllen y cofnod.", "47 awr", "Yn gywir am"} {
		if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, text) }) {
			t.Errorf("no page says %q", text)
		}
	}
}

// The words are those of the portal and of `status`.
func TestTheSameWords(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), sources())
	o, err := overview.Read(t.Context(), r.site.Store, "", portaltest.Now())
	r.must(err)
	body := r.page("/console")
	for _, s := range o.Schools {
		if word := string(s.Now(o.Session).Word); !strings.Contains(body, ">"+word+"</strong>") {
			t.Errorf("%s is missing", word)
		}
	}
}

// Every reason for which an agent leaves a version is said, in both languages.
func TestEveryReasonIsSaid(t *testing.T) {
	source, err := os.ReadFile("../../../agent/slot/state.go")
	if err != nil {
		t.Fatal(err)
	}
	var said []release.Skip
	for _, m := range regexp.MustCompile(`Reason = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		said = append(said, release.Skip{Version: "1.2.0", Reason: m[1]})
	}
	if len(said) < 20 {
		t.Fatalf("agents have only %d reasons", len(said))
	}
	from := sources()
	from.Programs = func(context.Context) ([]release.Program, error) {
		return []release.Program{{School: "birch", Version: "1.1.0", Skipped: said}}, nil
	}
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)), from)
	for l, other := range map[string]string{"en": "does not know", "cy": "yn ei adnabod"} {
		r.b.Language = l
		if body := r.page("/console/agents"); strings.Contains(body, other) || strings.Contains(body, "console.reason") || strings.Count(body, ">birch</th>") != len(said) {
			t.Errorf("in %s:\n%s", l, body)
		}
	}
	said[0].Reason = "new_in_a_later_version"
	r.b.Language = "en"
	if body := r.page("/console/agents"); strings.Count(body, "does not know") != 1 {
		t.Errorf("an unknown reason:\n%s", body)
	}
}
