package schoolpage_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/disclosure"
	"rollbridge/collector/hosted/hostedtest"
	"rollbridge/collector/language"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/schoolpage"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func TestMain(m *testing.M) { os.Exit(hostedtest.Main(m)) }

const (
	oak   = "oak-lane"
	elm   = "elm-road"
	shown = "0123456789abcdef"
)

// A rig is a portal with two schools whose agents are hosted, and people of every role.
type rig struct {
	*testing.T
	site   *web.Site
	place  *hostedtest.Place
	server *webtest.Server
	now    time.Time
	head   account.User
}

const scopeJSON = `{"ask":{"school":"oak-lane","school_name":"Oak Lane","operator":"The Operator","requests":[
	{"code":"855","name":"Leicestershire","why":"Promote education","datasets":{"pupil":["Surname"],"contact":["Surname","Phones"],"sen":["SENneeds"]}}],
	"handling":{"stored_in":"Leeds","contact":"dpo@example.org"}},
	"allowed":{"855":{"pupil":["Surname"],"contact":["Surname"]}},
	"not_given":[{"authority":"855","name":"Leicestershire","dataset":"contact","fields":["Phones"]},
		{"authority":"855","name":"Leicestershire","dataset":"sen","fields":["SENneeds"],"denied":true}],
	"hash":"aaaaaaaa","shown":"` + shown + `"}`

func newRig(t *testing.T) *rig {
	t.Helper()
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	dir := filepath.Join(t.TempDir(), "vault")
	r := &rig{T: t, now: time.Date(2026, 11, 23, 10, 16, 0, 0, time.UTC)}
	r.must(vault.Init(dir))
	v, err := vault.Open(dir)
	r.must(err)
	t.Cleanup(func() { _ = v.Close() })
	r.site = &web.Site{DB: db, Store: store.New(db), Vault: v, Accounts: account.Open(db, v), Audit: audit.New(db, v), Now: func() time.Time { return r.now }}
	r.must(r.site.Store.PutAuthority(t.Context(), store.Authority{Code: "855", Why: "A reason"}))
	place, agents := hostedtest.New(t)
	r.place = place
	for _, id := range []string{oak, elm} {
		r.must(r.site.Store.AddSchool(t.Context(), store.School{ID: id, Name: "School " + id}))
		for words, answer := range map[string]hostedtest.Answer{
			"status":       {Out: `{"state":"active","school":"` + id + `","not_given":[{"dataset":"contact"}]}`},
			"pause":        {},
			"resume":       {},
			"revoke":       {},
			"scope":        {},
			"scope show":   {Out: scopeJSON},
			"log":          {Out: `{"at":"2026-11-23T09:31:00Z","kind":"sealed","text":"1 pupil's marks."}` + "\n"},
			"log --verify": {Out: `{"entries":9,"sealed":[{}],"receipted":1,"problems":[]}`},
			"preview": {Out: `{"masked":true,"changes":[{"authority":"855","of":"pupil","name":"J. E.","upn":"…001","dataset":"pupil","what":"new","values":[{"field":"Surname","text":"E."}]},
				{"authority":"855","of":"gone","id":"bbbbbbbb","dataset":"pupil","what":"removed","why":"left"}]}`},
			"preview --json --reveal": {Out: `{"masked":false,"changes":[{"authority":"855","of":"pupil","name":"Jordan Example","upn":"H801200001001","dataset":"pupil","what":"new"}]}`},
		} {
			place.Answer(id, words, answer)
		}
	}
	r.server = webtest.Serve(t, r.site, schoolpage.Routes(r.site, schoolpage.Parts{
		Agents: agents, Operator: "The Operator", PublicURL: "https://collector.example.org", Notice: disclosure.Notice{Contact: "mailto:security@example.org"},
		Handling: protocol.Handling{StoredIn: "Leeds", Keeps: map[record.Rule]int{record.RuleLeft: 123, record.RuleMarks: 1}},
	}))
	r.head = r.join(account.Person{Name: "head", Role: account.SchoolRole, School: oak})
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) join(p account.Person) account.User {
	r.Helper()
	return accounttest.Join(r.T, r.site.Accounts, p).User
}

func (r *rig) browser() *webtest.Browser { r.Helper(); return r.server.As(r.head) }

// audited are the actions of a school's chain with what they are about.
func (r *rig) audited(school string) (list []string) {
	r.Helper()
	records, _, err := r.site.Audit.Read(r.Context(), audit.Query{Chain: audit.OfSchool(school)})
	r.must(err)
	for _, e := range records {
		if e.Action != audit.PersonInvited {
			list = append(list, strings.TrimSpace(string(e.Action)+" "+e.About))
		}
	}
	return list
}

func (r *rig) wasAudited(want string) {
	r.Helper()
	for _, got := range r.audited(oak) {
		if got == want {
			return
		}
	}
	r.Errorf("the chain has no %q: %q", want, r.audited(oak))
}

func (r *rig) says(a webtest.Answer, code int, words ...string) {
	r.Helper()
	if a.Code != code {
		r.Errorf("HTTP %d, want %d\n%s", a.Code, code, a.Body)
	}
	for _, w := range words {
		if !strings.Contains(a.Body, w) {
			r.Errorf("the page does not say %q:\n%s", w, a.Body)
		}
	}
}

// Only a school's own person reaches its page and its agent. Whoever widened a scope in
// the school's place would break promise 2.
func TestOnlyTheSchoolItself(t *testing.T) {
	r := newRig(t)
	others := map[string]*webtest.Browser{"nobody": r.server.Anybody(), "operator": r.server.As(r.join(account.Person{Name: "operator", Role: account.Operator}))}
	for _, role := range []account.Role{account.Administrator, account.Caller, account.Viewer, account.Caseload} {
		others[string(role)] = r.server.As(r.join(account.Person{Name: string(role), Role: role, Authorities: []string{"855"}}))
	}
	for who, b := range others {
		for _, route := range schoolpage.Routes(r.site, schoolpage.Parts{}) {
			if !strings.HasPrefix(route.Path, schoolpage.Home) {
				continue
			}
			a := b.Do(route.Method, route.Path, nil)
			if a.Code != http.StatusForbidden && a.Location != "/sign-in" {
				t.Errorf("%s: %s %s answers %d", who, route.Method, route.Path, a.Code)
			}
		}
		b.Post("/school/scope/accept", "shown", shown)
		b.Post("/school/scope/change", "what", "allow", "part", "855.sen")
	}
	if n := len(r.place.Asked(oak)) + len(r.place.Asked(elm)); n > 0 {
		t.Errorf("an agent was asked %d times", n)
	}
	if a := r.audited(oak); len(a) > 0 {
		t.Errorf("the chain says %q", a)
	}
	// A person of a school reaches that school's agent only, whatever is sent.
	b := r.browser()
	b.Post("/school/pause?school="+elm, "school", elm, "how", "open")
	if len(r.place.Asked(elm)) > 0 || r.place.Last(oak) != "pause" {
		t.Errorf("asked of the other school %v, of the own %q", r.place.Asked(elm), r.place.Last(oak))
	}
}

func TestHome(t *testing.T) {
	r := newRig(t)
	r.says(r.browser().Get("/school"), 200, "School oak-lane", "Not set up yet", "One thing more could leave", "Last heard from", "Last register received", "Stop for good",
		"Who acts: School IT and the operator")
	r.wasAudited("school_viewed own page")
	// What cannot be asked does not keep the rest from being shown.
	r.place.Answer(oak, "status", hostedtest.Answer{Code: 1, Err: "disk full"})
	r.says(r.browser().Get("/school"), 200, "School oak-lane", "The operator has been told")
	if log := r.server.Log.String(); !strings.Contains(log, "disk full") || !strings.Contains(log, "school=oak-lane") {
		t.Errorf("the operator is not told: %s", log)
	}
	r.must(os.RemoveAll(filepath.Join(r.place.Dir, oak)))
	r.says(r.browser().Get("/school"), 200, "does not host an agent")
	for _, path := range []string{"/school/scope", "/school/preview", "/school/log", "/school/pause", "/school/revoke"} {
		r.says(r.browser().Get(path), 404, "hosts no agent for your school")
	}
}

func TestScopeIsShownAndAccepted(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	r.says(b.Get("/school/scope"), 200, "Leicestershire (855)", "Promote education", "Leaves", "Legal surname", "Waits for your yes", "Telephone numbers", "Denied by your school",
		"Types of need", "dpo@example.org", "aaaaaaaa", `href="/school/scope/change?part=855.contact.Phones&amp;what=allow"`, `href="/school/scope/change?part=855.contact&amp;what=deny"`)
	r.wasAudited("school_viewed scope")
	page := b.Get("/school/scope/accept")
	r.says(page, 200, "Telephone numbers", `name="shown" value="`+shown+`"`, "Yes, our school agrees")
	if strings.Contains(page.Body, "Types of need") {
		t.Error("what was denied by name is accepted with the rest")
	}
	a := b.Post("/school/scope/accept", "shown", shown)
	if a.Location != "/school/scope" || r.place.Last(oak) != "scope accept --hash "+shown {
		t.Errorf("%d to %q after %q", a.Code, a.Location, r.place.Last(oak))
	}
	r.wasAudited("scope_accepted shown " + shown)
	r.says(b.Get("/school/scope"), 200, "Your school&#39;s yes is kept")
	// What has changed since it was shown is not said yes to.
	r.place.Answer(oak, "scope accept", hostedtest.Answer{Code: 3, Err: "nothing was changed"})
	r.says(b.Post("/school/scope/accept", "shown", "bbbbbbbbbbbbbbbb"), 409, "not what stands there now")
	r.wasAudited("scope_accepted not done: changed")
	for _, bad := range []string{"", "--yes", "x; true"} {
		r.says(b.Post("/school/scope/accept", "shown", bad), 409, "not what stands there now")
	}
	r.wasAudited("scope_accepted shown nothing")
}

func TestPartsAreDecided(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	r.says(b.Get("/school/scope/change?what=allow&part=855.contact.Phones"), 200, "Telephone numbers", `name="part" value="855.contact.Phones"`, "Yes, this may leave")
	r.says(b.Get("/school/scope/change?what=deny&part=855.contact"), 200, "All of it", "No, this does not leave")
	if a := b.Post("/school/scope/change", "what", "allow", "part", "855.contact.Phones"); a.Location != "/school/scope" || r.place.Last(oak) != "scope allow 855.contact.Phones" {
		t.Errorf("%d after %q", a.Code, r.place.Last(oak))
	}
	r.wasAudited("scope_changed allow 855.contact.Phones")
	b.Post("/school/scope/change", "what", "deny", "part", "855.contact")
	if r.place.Last(oak) != "scope deny 855.contact" {
		t.Errorf("asked %q", r.place.Last(oak))
	}
	r.wasAudited("scope_changed deny 855.contact")
	// What nobody asks for, and what is none, is not there.
	asked := len(r.place.Asked(oak))
	for _, query := range []string{"", "what=allow", "what=widen&part=855.contact", "what=allow&part=--yes", "what=allow&part=855.nothing"} {
		r.says(b.Get("/school/scope/change?"+query), 404)
		r.says(b.Do(http.MethodPost, "/school/scope/change?"+query, nil), 404)
	}
	if len(r.place.Asked(oak)) != asked {
		t.Error("the agent was asked for nonsense")
	}
	for _, query := range []string{"what=allow&part=856.contact", "what=allow&part=855.welfare", "what=allow&part=855.contact.Emails"} {
		r.says(b.Get("/school/scope/change?"+query), 404)
	}
}

// Many parts stand in the chain one by one, in as many entries as it takes.
func TestManyPartsAreAudited(t *testing.T) {
	r := newRig(t)
	form := []string{"what", "allow"}
	for _, f := range record.Fields(record.DatasetPupil) {
		form = append(form, "part", "855.pupil."+f.Name)
	}
	r.browser().Post("/school/scope/change", form...)
	all := strings.Join(r.audited(oak), " ") + " "
	for _, f := range record.Fields(record.DatasetPupil) {
		if !strings.Contains(all, " 855.pupil."+f.Name+" ") {
			t.Errorf("%s is not in the chain: %s", f.Name, all)
		}
	}
}

// A preview is shortened until it is asked for in full, is never at an address of its own,
// and each is in the chain.
func TestPreview(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	r.says(b.Get("/school/preview"), 200, "Nothing is sent or kept", "Show it in full")
	if r.place.Last(oak) != "" {
		t.Errorf("a look at the page asked %q", r.place.Last(oak))
	}
	page := b.Post("/school/preview")
	r.says(page, 200, "J. E., UPN …001", "Registration, new", "Legal surname", "id bbbbbbbb", "no longer in care", "2 changes")
	if r.place.Last(oak) != "preview --json" || !strings.Contains(page.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("asked %q, %v", r.place.Last(oak), page.Header)
	}
	r.wasAudited("school_previewed shortened")
	r.says(b.Post("/school/preview", "reveal", "yes"), 200, "Jordan Example")
	r.wasAudited("school_previewed in full")
	if log := r.server.Log.String(); strings.Contains(log, "Jordan") || strings.Contains(log, "J. E.") {
		t.Error("a pupil is in the log")
	}
	r.place.Answer(oak, "preview", hostedtest.Answer{Code: 5, Out: "Jordan Example", Err: "Jordan Example"})
	r.says(b.Post("/school/preview"), 503, "could not be read")
	r.place.Answer(oak, "preview", hostedtest.Answer{Code: 1, Err: "Jordan Example"})
	if page := b.Post("/school/preview"); strings.Contains(page.Body+r.server.Log.String(), "Jordan") {
		t.Error("what a failed preview said is shown or logged")
	}
	records := 0
	many := `{"masked":true,"full":true,"changes":[`
	for records = 0; records < 500; records++ {
		many += `{"of":"staff","dataset":"staff","what":"again"},`
	}
	r.place.Answer(oak, "preview", hostedtest.Answer{Out: strings.TrimSuffix(many, ",") + "]}"})
	r.says(b.Post("/school/preview"), 200, "500 records", "100 records more are not shown")
}

func TestLogbook(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	r.says(b.Get("/school/log"), 200, "Monday 23 November 2026", "9:31am", "1 pupil&#39;s marks.", "Autumn 2026", "term=autumn-2026", "Spring 2026")
	if got := r.place.Last(oak); got != "log --json --events --since 2026-11-10T00:00:00Z --until 2026-11-24T00:00:00Z" {
		t.Errorf("asked %q", got)
	}
	b.Get("/school/log?back=1")
	if got := r.place.Last(oak); got != "log --json --events --since 2026-10-26T23:00:00Z --until 2026-11-10T00:00:00Z" && got != "log --json --events --since 2026-10-27T00:00:00Z --until 2026-11-10T00:00:00Z" {
		t.Errorf("asked %q", got)
	}
	r.says(b.Get("/school/log?back=-1"), 404)
	r.says(b.Get("/school/log?back=x"), 404)
	r.says(b.Get("/school/log/verify"), 200, "as it was written", "Entries")
	r.place.Answer(oak, "log --verify", hostedtest.Answer{Code: 1, Out: `{"problems":[{"line":3,"what":"an entry was changed"}]}`})
	r.says(b.Get("/school/log/verify"), 200, "not as it was written", "an entry was changed")
	for _, query := range []string{"", "term=autumn-2026/..", "term=autumn-2026&form=exe"} {
		r.says(b.Get("/school/log/statement?"+query), 404)
	}
	r.wasAudited("school_log_viewed logbook")
	r.wasAudited("school_log_viewed verified")
}

func TestPauseAndResume(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	r.says(b.Get("/school/pause"), 200, "For how long?")
	day := func(d, m, y string) []string {
		return []string{"how", "until", "day-day", d, "day-month", m, "day-year", y}
	}
	for _, bad := range [][]string{nil, {"how", "for ever"}, {"how", "until"}, day("31", "2", "2027"), day("22", "11", "2026"), day("23", "11", "2026"), day("1", "1", "2029"), day("x", "1", "2027")} {
		a := b.Post("/school/pause", bad...)
		r.says(a, 422, "Error: ")
	}
	if r.place.Last(oak) != "" {
		t.Errorf("the agent was asked %q", r.place.Last(oak))
	}
	if a := b.Post("/school/pause", day("1", "7", "2027")...); a.Location != "/school" || r.place.Last(oak) != "pause --until 2027-06-30T23:00:00Z" {
		t.Errorf("%d, asked %q", a.Code, r.place.Last(oak))
	}
	r.wasAudited("school_paused until 2027-07-01")
	if b.Post("/school/pause", "how", "open"); r.place.Last(oak) != "pause" {
		t.Errorf("asked %q", r.place.Last(oak))
	}
	r.place.Answer(oak, "status", hostedtest.Answer{Out: `{"state":"paused","school":"oak-lane","pause":{"until":"2027-01-05T00:00:00Z"}}`})
	r.says(b.Get("/school"), 200, "Paused until", "Resume")
	if b.Post("/school/resume"); r.place.Last(oak) != "resume" {
		t.Errorf("asked %q", r.place.Last(oak))
	}
	r.wasAudited("school_resumed")
}

func TestRevoke(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	r.says(b.Get("/school/revoke"), 200, "cannot be undone", "Wednesday 23 December 2026", "certificate of deletion")
	r.says(b.Post("/school/revoke"), 422, "Error: ", `href="#sure"`)
	if got := r.place.Last(oak); got != "status --json" {
		t.Errorf("without a yes the agent was asked %q", got)
	}
	if a := b.Post("/school/revoke", "sure", "yes"); a.Location != "/school" || r.place.Last(oak) != "revoke --yes" {
		t.Errorf("%d, asked %q", a.Code, r.place.Last(oak))
	}
	r.wasAudited("school_revoked")
	r.place.Answer(oak, "status", hostedtest.Answer{Out: `{"state":"revoked","revoke_waits":true}`})
	r.says(b.Get("/school"), 200, "It has stopped", "has not been told yet")
	if a := b.Get("/school/revoke"); a.Location != "/school" {
		t.Errorf("it can be revoked twice: %d", a.Code)
	}
	r.says(b.Get("/school/certificate"), 404)
}

// What is taken and kept is for everybody, in both languages, with the periods and the
// words of this collector.
func TestPublicPages(t *testing.T) {
	r := newRig(t)
	b := r.server.Anybody()
	page := b.Get("/data")
	r.says(page, 200, "The Operator", "Leeds", "123 days", "1 academic year", "400 days", "Unique pupil number", "The operator has not said it", `href="/stop"`)
	for _, d := range record.Datasets() {
		for _, f := range record.Fields(d) {
			if !strings.Contains(page.Body, strings.ReplaceAll(strings.ReplaceAll(f.What, "'", "&#39;"), "\"", "&#34;")) {
				t.Errorf("%s.%s is not on the page", d, f.Name)
			}
		}
	}
	if len(page.Body) > 300<<10 {
		t.Errorf("the page has %d bytes", len(page.Body))
	}
	if a := b.Get("/stop"); a.Location != "https://collector.example.org/stop?language=en" {
		t.Errorf("the code is entered at %q", a.Location)
	}
	b.Language = "cy"
	r.says(b.Get("/data"), 200, `<html lang="cy"`, "1 flwyddyn academaidd", "Presenoldeb", "Rhif disgybl unigryw")
	if a := b.Get("/stop"); a.Location != "https://collector.example.org/stop?language=cy" {
		t.Errorf("in Welsh at %q", a.Location)
	}
	r.says(b.Get("/.well-known/security.txt"), 200, "Contact: mailto:security@example.org", "Expires: 2027-02-21T00:00:00Z")
}

// In English the page says what shared/record says, word for word.
func TestWordsAreThoseOfTheRecords(t *testing.T) {
	p := language.In(language.English)
	for _, d := range record.Datasets() {
		if got := p.T("school.why." + string(d)); got != record.Why(d) {
			t.Errorf("%s: %q, want %q", d, got, record.Why(d))
		}
		for _, f := range record.Fields(d) {
			key := "school.field." + string(d) + "." + f.Name
			if got := p.T(key); got != f.What {
				t.Errorf("%s: %q, want %q", key, got, f.What)
			}
			if got := language.In(language.Welsh).T(key); got == f.What {
				t.Errorf("%s is in English in Welsh", key)
			}
		}
	}
	for _, k := range record.Keepings() {
		if got := p.T("school.keep." + string(k.Rule)); got != k.What {
			t.Errorf("%s: %q, want %q", k.Rule, got, k.What)
		}
	}
}

// A certificate that there is comes as the file that the agent's program verifies.
func TestCertificate(t *testing.T) {
	r := newRig(t)
	want := protocol.CertificateFile{Certificate: protocol.Signed{Payload: json.RawMessage(`{"school":"Oak Lane"}`)}}
	r.must(r.site.Store.Write(t.Context(), func(tx *store.Tx) error {
		a := store.Agent{School: oak, Generation: 1, State: store.AgentRevoked, Created: r.now}
		a.ID[0] = 7
		a.Sign, a.Receive, a.Revocation = make([]byte, 32), make([]byte, 32), make([]byte, 32)
		if err := tx.AddAgent(t.Context(), a); err != nil {
			return err
		}
		return tx.AddCertificate(t.Context(), a, want)
	}))
	a := r.browser().Get("/school/certificate")
	var got protocol.CertificateFile
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil || string(got.Certificate.Payload) != string(want.Certificate.Payload) || !strings.Contains(a.Header.Get("Content-Disposition"), "rollbridge-deletion-certificate.json") {
		t.Errorf("%v %v %s", err, a.Header, a.Body)
	}
	r.wasAudited("school_log_viewed certificate")
}

// Every page is there in Welsh, and no text of any is missing in either language.
func TestEveryPageInBothLanguages(t *testing.T) {
	r := newRig(t)
	r.place.Answer(oak, "scope show", hostedtest.Answer{Out: strings.Replace(scopeJSON, `"hash"`, `"news":[{"what":"Where it is stored","before":"Leeds","now":"York"}],"hash"`, 1)})
	b := r.browser()
	for _, l := range []string{"en", "cy"} {
		b.Language = l
		for _, path := range []string{"/school", "/school/scope", "/school/scope/accept", "/school/scope/change?what=deny&part=855.contact", "/school/scope/change?what=allow&part=855.sen.SENneeds",
			"/school/preview", "/school/log", "/school/log/verify", "/school/pause", "/school/revoke", "/data"} {
			r.whole(path, l, b.Get(path))
		}
		r.whole("preview", l, b.Post("/school/preview"))
		r.whole("preview in full", l, b.Post("/school/preview", "reveal", "yes"))
		r.whole("no yes", l, b.Post("/school/revoke"))
		r.whole("no day", l, b.Post("/school/pause", "how", "until"))
	}
	for kind, code := range map[string]int{"version": 2, "refused": 3, "unreachable": 4, "mis": 5, "failed": 1} {
		r.place.Answer(oak, "resume", hostedtest.Answer{Code: code})
		for _, l := range []string{"en", "cy"} {
			b.Language = l
			r.whole(kind, l, b.Post("/school/resume"))
		}
	}
}

// whole says whether a page is in a language, under 300 kB, and says no key in place of a
// text.
func (r *rig) whole(what, l string, a webtest.Answer) {
	r.Helper()
	if a.Code >= 500 && a.Code != http.StatusServiceUnavailable || a.Code == http.StatusNotFound {
		r.Errorf("%s: HTTP %d", what, a.Code)
	}
	if !strings.Contains(a.Body, `<html lang="`+l+`"`) || len(a.Body) > 300<<10 || !strings.Contains(a.Body, "<h1") {
		r.Errorf("%s is not a page in %s of %d bytes", what, l, len(a.Body))
	}
	for _, key := range []string{">school.", " school.", ">stop.", ">status.", "<no value>"} {
		if strings.Contains(a.Body, key) {
			r.Errorf("%s in %s: a text is missing (%s)", what, l, key)
		}
	}
}
