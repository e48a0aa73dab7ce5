package today_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

var at = registertest.At

// usual is a morning with a school of every kind.
func usual(t *testing.T, db *database.DB) *rig {
	t.Helper()
	r := newRig(t, db)
	r.received("ash", "Ash School", "/", "I")
	r.received("birch", "Birch School", "N", "/")
	r.received("cedar", "Cedar School", "", "")
	late := r.received("dogwood", "Dogwood School", "/")
	r.AsAt("dogwood", registertest.On(registertest.Monday.AddDate(0, 0, -3), 15, 0))
	r.Heard("dogwood", at(8, 58))
	_ = late
	r.Must(r.Store.AddSchool(t.Context(), store.School{ID: "elm", Name: "Elm School", Phone: "01632 960105"}))
	r.Must(r.Store.SetProvision(t.Context(), store.Provision{School: "elm", Authority: northshire, Datasets: map[record.Dataset][]string{record.DatasetPupil: {"UPN"}}}))
	r.received("fir", "Fir School", "/")
	r.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'fir'", database.Micros(registertest.On(registertest.Monday.AddDate(0, 0, -11), 12, 0)))
	return r
}

// Whoever opens Today reads which schools have not reported, first, with what
// happened, since when, who acts and the number, and no child's name.
func TestWhomToPhone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := usual(t, db)
		b := r.as(account.Caller)
		body := r.page(b, "/")
		if !order(body, "Attendance received this morning", "Monday 23 November 2026. Correct at 10:16am.", "Check again",
			"Schools to phone", ">5<", "Absent, no reason", ">1<", "No mark", ">2<", "Absent with a reason", ">1<", "Present", ">2<", "Not in session", ">0<", "Not received", ">1<",
			"3 schools have not reported:", "Dogwood School, Elm School and Fir School.", "3 of 6 schools received.", "Registers cover 6 of 7 children.", "9:35am",
			"Dogwood School", "Not received", "The agent was last heard from at 8:58am.", "10:15am", "The authority phones", "tel:01632960101", "/calls/new?school=dogwood&amp;session=am", "Record call",
			"Cedar School", "Received", "no mark for any of the 2 children",
			"Elm School", "not known", "Not set up yet",
			"Fir School", "hidden", "Stopped by school", "Stopped Thu 12 Nov.",
			"Birch School", "1 child is absent, and no reason is known.") {
			t.Errorf("the page does not say whom to phone:\n%s", body)
		}
		if strings.Contains(body, "Ash School") {
			t.Error("a school that nobody needs to phone is on the list")
		}
		for _, path := range []string{"/", "/today/print", "/today/schools-to-phone.csv", "/?session=pm"} {
			if body := r.page(b, path); strings.Contains(body, "Forename") || strings.Contains(body, "Surnamely") {
				t.Errorf("%s names a child", path)
			}
		}
		if got := r.page(r.as(account.Viewer), "/"); strings.Contains(got, "Record call") {
			t.Error("a viewer is offered to record a call")
		}
	})
}

// A call that settles takes the school off the list, one that does not is shown
// beside it.
func TestCallsStandBesideTheList(t *testing.T) {
	r := usual(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b := r.as(account.Caller)
	who := accountOf(r)
	record := func(school string, o call.Outcome) {
		t.Helper()
		_, err := r.book.Record(t.Context(), store.Sight{Authority: northshire}, call.Call{ID: call.NewID(), School: school, Day: "2026-11-23", Session: status.AM,
			Outcome: o, By: who.ID, ByName: who.Name, At: r.now}, time.Time{}, nil)
		r.Must(err)
	}
	record("dogwood", call.NoAnswer)
	record("elm", call.Reached)
	body := r.page(b, "/")
	table := body[strings.Index(body, "<table"):]
	if !order(table, "Dogwood School", "no answer", "1 school has been phoned and needs no more.") || strings.Contains(table, "Elm School") {
		t.Errorf("calls are not beside the list:\n%s", body)
	}
	// A school that was phoned has still not reported.
	if !order(body, "2 schools have not reported:</strong> Dogwood School and Fir School.", "1 school has not reported and has been phoned:</strong> Elm School.", "3 of 6 schools received") {
		t.Errorf("it does not say who has not reported:\n%s", body)
	}
}

// Who has not reported is said by name whatever the hour, and of the morning apart from
// the afternoon, which is not due yet.
func TestWhoIsSilentWhen(t *testing.T) {
	r := usual(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	for _, c := range []struct {
		now  time.Time
		says string
		not  string
	}{
		{at(9, 40), "2 schools have not reported:</strong> Elm School and Fir School.", "Dogwood"},
		{at(9, 50), "1 school is late and may still report:</strong> Dogwood School.", "Ash School"},
		{at(10, 15), "3 schools have not reported:</strong> Dogwood School, Elm School and Fir School.", "is late"},
		{at(13, 50), "1 school did not report this morning:</strong> Dogwood School.", "schools are late"},
		{at(14, 5), "schools are late and may still report:</strong> Ash School", ""},
	} {
		r.now = c.now
		body := r.page(r.as(account.Caller), "/")
		for _, table := range []string{"user_recovery", "user_authorities", "users"} {
			r.Exec("DELETE FROM " + table)
		}
		if !strings.Contains(body, c.says) || c.not != "" && strings.Contains(body, c.not) {
			t.Errorf("%s does not say %q, or says %q:\n%s", c.now, c.says, c.not, body)
		}
	}
}

func accountOf(r *rig) account.User {
	r.Helper()
	list, err := r.site.Accounts.List(r.Context())
	r.Must(err)
	return list[0]
}

// Names stand on the lists behind the counts, each child on one list only, and
// who has seen whom is in the audit log.
func TestListsNameChildrenAndAreLogged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := usual(t, db)
		b := r.as(account.Viewer)
		where := map[string]string{}
		for _, c := range []struct{ state, title, school, says string }{
			{"absent_no_reason", "Absent, no reason", "birch", "N: Reason not yet established. Unauthorised."},
			{"no_mark", "No mark", "cedar", "No mark for this session."},
			{"absent_reason", "Absent with a reason", "ash", "I: Illness (not an appointment)."},
			{"present", "Present", "ash", "/: Present, morning session."},
			{"not_received", "Not received", "dogwood", "Not received. The agent was last heard from at 8:58am."},
		} {
			body := r.page(b, "/today/children?session=am&state="+c.state)
			if !order(body, "<h1 class=\"govuk-heading-l portal-close\">"+c.title, "Forename"+c.school, c.says) {
				t.Errorf("%s:\n%s", c.state, body)
			}
			for _, word := range strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune("<> ", r) }) {
				if strings.HasPrefix(word, "Forename") {
					if before := where[word]; before != "" && before != c.state && !strings.HasSuffix(word, "cedar") {
						t.Errorf("%s is %s and %s", word, before, c.state)
					}
					where[word] = c.state
				}
			}
			if strings.Contains(title(body), "Forename") {
				t.Errorf("the title of %s names a child", c.state)
			}
		}
		entries := r.audited(audit.TodayListed)
		children := 0
		for _, e := range entries {
			children += len(e.Children)
			if e.School == "fir" {
				t.Error("a child of a school that has stopped was shown")
			}
		}
		if children != 7 {
			t.Errorf("the audit log has %d looks at a child, want 7", children)
		}
		for _, path := range []string{"/today/children", "/today/children?state=all", "/today/children?state=present%00"} {
			if a := b.Get(path); a.Code != http.StatusNotFound {
				t.Errorf("%s: %d", path, a.Code)
			}
		}
		if strings.Contains(r.server.Log.String(), "Forename") {
			t.Error("a name is in the log")
		}
	})
}

func title(body string) string {
	_, rest, _ := strings.Cut(body, "<title>")
	text, _, _ := strings.Cut(rest, "</title>")
	return text
}

// A caseload sees its own children and their schools only, and others see nothing
// of the authority.
func TestWhoSeesWhat(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	list := r.received("ash", "Ash School", "N", "/")
	r.received("birch", "Birch School", "N")
	r.received("cedar", "Cedar School", "", "")
	b := r.as(account.Caseload, list[0])
	body := r.page(b, "/")
	if !order(body, "Absent, no reason", ">1<", "Ash School") || strings.Contains(body, "Birch") || strings.Contains(body, "Cedar") || strings.Contains(body, "/schools/") {
		t.Errorf("a caseload sees:\n%s", body)
	}
	if got := r.page(b, "/today/children?state=present"); strings.Contains(got, "Forename") {
		t.Error("a caseload sees another child of its school")
	}
	if got := r.page(b, "/today/schools-to-phone.csv"); strings.Contains(got, "Birch") {
		t.Error("a caseload gets a file with other schools")
	}
	other := r.server.As(join(r, account.Person{Name: "south", Role: account.Administrator, Authorities: []string{registertest.Southshire}}))
	for _, path := range []string{"/", "/today/print", "/today/schools-to-phone.csv", "/today/children?state=absent_no_reason"} {
		if got := r.page(other, path); strings.Contains(got, "Forename") || strings.Contains(got, "1 child is absent") {
			t.Errorf("another authority sees children on %s", path)
		}
	}
	operator := r.server.As(join(r, account.Person{Name: "op", Role: account.Operator}))
	for _, path := range []string{"/", "/today/print", "/today/children?state=present", "/today/schools-to-phone.csv", "/today/schools-to-phone.xlsx"} {
		want := http.StatusForbidden
		if path == "/" { // which leads to the operator's own first page
			want = http.StatusSeeOther
		}
		if a := operator.Get(path); a.Code != want {
			t.Errorf("an operator gets %d on %s", a.Code, path)
		}
		if a := r.server.Anybody().Get(path); a.Code != http.StatusSeeOther {
			t.Errorf("somebody who is not signed in gets %d on %s", a.Code, path)
		}
	}
}

// A list begins with what nobody must miss, however long it is, and a page stays
// small.
func TestManySchools(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b := r.as(account.Administrator)
	if body := r.page(b, "/"); !strings.Contains(body, "No school is connected yet.") {
		t.Errorf("without schools:\n%s", body)
	}
	for i := range 30 {
		id := fmt.Sprintf("s%03d", i)
		r.School(id, fmt.Sprintf("School %03d with a name that is rather longer than most of them are", i))
		r.AsAt(id, at(8, 0))
		r.child(id, "Forename")
	}
	var marks []string
	for range 200 {
		marks = append(marks, "/")
	}
	r.received("large", "A large school", marks...)
	body := r.page(b, "/")
	table := body[strings.Index(body, "<table"):]
	if !order(body, "30 schools have not reported:", "School 000", "School 029", "<table", "School 000", "School 024", "Showing") || strings.Contains(table, "School 025") || !strings.Contains(r.page(b, "/?page=2"), "School 029") {
		t.Errorf("30 schools:\n%s", body)
	}
	list := r.page(b, "/today/children?state=present")
	if n := strings.Count(list, "Forenamelarge"); n != 25 {
		t.Errorf("a page of 200 children names %d", n)
	}
	if looks := r.audited(audit.TodayListed); len(looks) != 1 || len(looks[0].Children) != 25 {
		t.Errorf("%d looks are logged", len(looks))
	}
	for _, text := range []string{body, list, r.page(b, "/today/print")} {
		if len(text) > 300<<10 {
			t.Errorf("a page of %d bytes", len(text))
		}
	}
	if got := strings.Count(r.page(b, "/today/print"), "School 0"); got != 30 {
		t.Errorf("%d schools are printed", got)
	}
}

// Names of every script, and those that look like code, come out as they are.
func TestNamesOfEveryScript(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	names := []string{"Łukasz Ñandú", "Ἀλέξανδρος", "محمد", "王小明", "नेहा", "ᚠᚢᚦ", `<script>alert("1")</script>`, "O'Brien & Sons", "=1+1", "\u202egnol", "Zoë\u0301"}
	for i, name := range names {
		id := fmt.Sprintf("s%02d", i)
		r.School(id, strings.ReplaceAll(name, "\u202e", ""))
		r.Today(r.child(id, name), "N")
		r.AsAt(id, at(9, 35))
	}
	b := r.as(account.Administrator)
	list := r.page(b, "/today/children?state=absent_no_reason")
	for _, name := range names {
		want := strings.NewReplacer("+", "&#43;", "&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(name)
		if !strings.Contains(list, want) {
			t.Errorf("%s is not on the list", name)
		}
	}
	if strings.Contains(list, "<script>alert") || strings.Contains(r.page(b, "/"), "<script>alert") {
		t.Error("a name is code")
	}
	read := csv.NewReader(strings.NewReader(strings.TrimPrefix(r.page(b, "/today/schools-to-phone.csv"), "\ufeff")))
	read.FieldsPerRecord = -1 // the first says what the file is
	rows, err := read.ReadAll()
	r.Must(err)
	if len(rows) != len(names)+2 {
		t.Fatalf("%d rows in the CSV", len(rows))
	}
	if got := strings.Join(rows[0], "|"); !order(got, "Attendance received this morning", "Monday 23 November 2026. Correct at 10:16am.") {
		t.Errorf("the CSV does not say of when it is: %s", got)
	}
	for _, row := range rows {
		if strings.HasPrefix(row[0], "=") {
			t.Errorf("%q is a formula", row[0])
		}
	}
	a := b.Get("/today/schools-to-phone.xlsx")
	f, err := excelize.OpenReader(strings.NewReader(a.Body))
	r.Must(err)
	defer func() { _ = f.Close() }()
	sheet := f.GetSheetName(0)
	cells, err := f.GetRows(sheet)
	r.Must(err)
	found := false
	for i, row := range cells {
		for j, cell := range row {
			found = found || cell == "=1+1"
			name, _ := excelize.CoordinatesToCellName(j+1, i+1)
			if formula, _ := f.GetCellFormula(sheet, name); formula != "" {
				t.Errorf("%s is a formula", name)
			}
		}
	}
	if !found || len(r.audited(audit.TodayExported)) != 2 {
		t.Errorf("the workbook is wrong, or not logged:\n%v", cells)
	}
	if got := a.Header.Get("Content-Disposition"); got != "attachment; filename=schools-to-phone.xlsx" {
		t.Errorf("the file is %s", got)
	}
}

// The days on which nothing is as always.
func TestOtherDays(t *testing.T) {
	r := usual(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	for _, c := range []struct {
		what string
		now  time.Time
		path string
		says []string
		not  []string
	}{
		{"a Saturday", registertest.On(registertest.Monday.AddDate(0, 0, 5), 10, 0), "/",
			[]string{"No school is in session. Saturday: no register is expected.", "Not in session", ">7<"}, []string{"Schools to phone</caption>", "not known", "schools received"}},
		{"before the register", at(8, 0), "/", []string{"0 of 6 schools received", "Absent, no reason", "not known", "Fir School"}, []string{"Dogwood School"}},
		{"the afternoon, looked at in the morning", at(10, 0), "/?session=pm", []string{"Attendance received this afternoon", "0 of 6"}, []string{"Dogwood School"}},
		{"the afternoon", at(14, 31), "/", []string{"Attendance received this afternoon", "0 of 6 schools received", "Ash School", "Dogwood School"}, nil},
		{"the morning, looked at in the afternoon", at(14, 31), "/?session=am", []string{"Attendance received this morning", "3 of 6 schools received"}, []string{"Ash School"}},
		{"a session that is none", at(10, 16), "/?session=%3Cscript%3E", []string{"Attendance received this morning"}, []string{"<script>al"}},
		{"the day after the clocks changed", registertest.On(time.Date(2026, 10, 26, 0, 0, 0, 0, status.London()), 10, 16), "/", []string{"Correct at 10:16am", "0 of 6"}, nil},
	} {
		r.now = c.now
		if c.now.Before(registertest.Monday) {
			for _, id := range []string{"ash", "birch", "cedar", "dogwood"} {
				r.AsAt(id, c.now.AddDate(0, 0, -3))
			}
		}
		body := r.page(r.as(account.Caller), c.path)
		r.Exec("DELETE FROM user_recovery")
		r.Exec("DELETE FROM user_authorities")
		r.Exec("DELETE FROM users")
		for _, want := range c.says {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not say %q:\n%s", c.what, want, body)
			}
		}
		for _, bad := range c.not {
			if strings.Contains(body, bad) {
				t.Errorf("%s says %q:\n%s", c.what, bad, body)
			}
		}
	}
}

// At most one banner, and only where the whole picture is wrong.
func TestBanner(t *testing.T) {
	r := usual(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b := r.as(account.Caller)
	const banner = "govuk-notification-banner__heading"
	for _, id := range []string{"ash", "birch", "cedar"} {
		r.Heard(id, at(10, 0))
	}
	if strings.Contains(r.page(b, "/"), banner) {
		t.Error("a usual morning has a banner")
	}
	for _, id := range []string{"ash", "birch", "cedar", "dogwood"} {
		r.Heard(id, at(6, 0))
	}
	if body := r.page(b, "/"); strings.Count(body, banner) != 1 || !strings.Contains(body, "heard from any school since 6:00am") {
		t.Errorf("all schools are silent:\n%s", body)
	}
	r.Exec(`INSERT INTO inbox (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, receipt)
		SELECT school, agent, 1, 9, agent, agent, 1, ?, ?, 1, agent FROM agents WHERE school = 'ash'`, database.Micros(at(8, 50)), database.Micros(at(8, 50)))
	if body := r.page(b, "/"); strings.Count(body, banner) != 1 || !strings.Contains(body, "What 1 school has sent has waited here to be checked since 8:50am") {
		t.Errorf("a delivery waits:\n%s", body)
	}
}

// A new suspension is flagged, and its list names the child.
func TestNewExclusion(t *testing.T) {
	r := usual(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b := r.as(account.Viewer)
	if strings.Contains(r.page(b, "/"), "new suspension") {
		t.Error("a suspension where there is none")
	}
	c := r.child("ash", "Forenameash")
	r.Put("ash", &record.Exclusion{PupilID: c.Pupil, ID: "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", Category: "SUSP", StartDate: "2026-11-23"})
	if body := r.page(b, "/"); !order(body, "New", "1 new suspension or exclusion since Fri 20 Nov 2026") {
		t.Errorf("it is not flagged:\n%s", body)
	}
	if body := r.page(b, "/today/children?state=excluded"); !order(body, "New suspensions and exclusions", "Forenameash", "Suspension. From 23 November 2026.") {
		t.Errorf("the list:\n%s", body)
	}
}

// Everything is said in Welsh too.
func TestWelsh(t *testing.T) {
	r := usual(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b := r.as(account.Administrator)
	b.Language = "cy"
	for path, want := range map[string]string{
		"/": "Presenoldeb a dderbyniwyd y bore yma", "/today/print": "Ysgolion i&#39;w ffonio", "/today/children?state=absent_reason": "I: Salwch (nid apwyntiad).",
		"/today/children?state=not_received": "Heb ei dderbyn",
	} {
		body := r.page(b, path)
		if !strings.Contains(body, want) || !strings.Contains(body, `lang="cy"`) {
			t.Errorf("%s does not say %s:\n%s", path, want, body)
		}
		body = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, "")
		for _, english := range []string{"Phone", "The agent", "Schools to", "received", "Stopped"} {
			if strings.Contains(body, english) {
				t.Errorf("%s says %q:\n%s", path, english, body)
			}
		}
	}
}
