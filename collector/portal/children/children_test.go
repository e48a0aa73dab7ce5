package children_test

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// names are of children as they are.
var names = [][2]string{{"Łukasz", "Ångström"}, {"小明", "王"}, {"محمد", "الفاسي"}, {"נועה", "כהן"}, {"आरव", "शर्मा"}, {"Siân", "ap Rhys-O’Neill"}, {"Zoë", "<script>alert(1)</script>"}, {"N", ""}}

// The list shows the children of one's own sight, and each page is in the audit log
// with whom it names.
func TestList(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		r.School("elm", "Elm School")
		r.School("stopped", canary+" School")
		var ours []store.Child
		for _, n := range names {
			ours = append(ours, r.child("oak", north, n[0], n[1]))
		}
		r.child("oak", south, canary, canary)
		elm := r.child("elm", north, "Elin", "Elmer")
		r.child("stopped", north, canary, canary)
		r.Exec("UPDATE schools SET revoked_at = 1 WHERE school = 'stopped'")
		gone := r.child("elm", north, "Gwen", "Gone")
		r.leave(gone)
		viewer := r.as("viewer", account.Viewer, north)

		body := r.get(viewer, "/children")
		for _, n := range names {
			has(t, body, html.EscapeString(strings.TrimSpace(n[0]+" "+n[1])))
		}
		has(t, body, "Correct at 10:16am.", "9 children are on the list", "1 child has left the list", "Elin Elmer", "<title>Children - Rollbridge</title>")
		lacks(t, body, "Gwen", "<script>alert")
		if list := r.audited(north, audit.ChildrenListed); len(list) != 2 || len(list[0].Children)+len(list[1].Children) != 9 {
			t.Errorf("%d entries tell of the list", len(list))
		}
		body = r.get(viewer, "/children"+query("standing", "left"))
		has(t, body, "Gwen Gone", "Left the list on Monday 23 November 2026")
		lacks(t, body, "Elin")
		body = r.get(viewer, "/children"+query("school", "elm"))
		has(t, body, "Elin Elmer")
		lacks(t, body, "Łukasz")
		r.get(viewer, "/children"+query("school", "stopped", "year", "' OR 1=1 --", "standing", "x", "sort", "-x", "page", "99999"))

		caseload := r.as("caseload", account.Caseload, north, ours[0])
		body = r.get(caseload, "/children")
		has(t, body, "Łukasz Ångström", "1 child is on the list")
		lacks(t, body, "Elin", "Elm School", "Gwen", "小明")
		southern := r.as("south", account.Viewer, south)
		if body := southern.Get("/children").Body; strings.Contains(body, "Elin") || !strings.Contains(body, canary) {
			t.Error("the other authority does not see its own, or sees ours")
		}
		_ = elm
		r.clean()
	})
}

var rowNames = regexp.MustCompile(`<th scope="row"[^>]*><a[^>]*>([^<]*)</a>`)

func listed(body string) (list []string) {
	for _, m := range rowNames.FindAllStringSubmatch(body, -1) {
		list = append(list, html.UnescapeString(m[1]))
	}
	return list
}

// A school with 200 children: 25 on a page, in the order that people look them up.
func TestSortAndPages(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	for n := range 200 {
		r.child("oak", north, fmt.Sprintf("A%03d", 199-n), "Same")
	}
	r.child("oak", north, "Zoe", "Ábel")
	r.child("oak", north, "Zoe", "abel")
	viewer := r.as("viewer", account.Viewer, north)
	first := listed(r.get(viewer, "/children"+query("sort", "name")))
	if len(first) != 25 || !slices.Equal(first[:4], []string{"Zoe abel", "Zoe Ábel", "A000 Same", "A001 Same"}) {
		t.Errorf("the first page has %q", first)
	}
	last := listed(r.get(viewer, "/children"+query("sort", "-name", "page", "9")))
	if len(last) != 2 || last[1] != "Zoe abel" {
		t.Errorf("the last page has %q", last)
	}
	for _, column := range []string{"born", "-born", "year", "-year", "school", "as-at"} {
		if n := len(listed(r.get(viewer, "/children"+query("sort", column)))); n != 25 {
			t.Errorf("sorted by %s: %d", column, n)
		}
	}
	r.clean()
}

func TestSearch(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	for _, n := range names {
		r.child("oak", north, n[0], n[1])
	}
	r.child("oak", south, "Łukasz", canary)
	viewer := r.as("viewer", account.Viewer, north)
	for typed, want := range map[string][]string{
		"lukasz": {"Łukasz Ångström"}, "ANGSTROM": {"Łukasz Ångström"}, "oneill": {"Siân ap Rhys-O’Neill"}, "rhys sian": {"Siân ap Rhys-O’Neill"}, "王": {"小明 王"},
		"الفاسي": {"محمد الفاسي"}, "शर्मा": {"आरव शर्मा"}, registertest.UPN(2): {"小明 王"}, " " + strings.ToLower(registertest.UPN(3)) + " ": {"محمد الفاسي"},
		canary: nil, "lukasz x": nil, "%": nil, "'": nil, "<script>": {"Zoë <script>alert(1)</script>"}, registertest.UPN(9): nil,
	} {
		a := viewer.Post("/children/search", "search", typed)
		got := listed(a.Body)
		slices.Sort(got)
		if a.Code != 200 || !slices.Equal(got, want) {
			t.Errorf("%q finds %q, %d", typed, got, a.Code)
		}
		if !strings.Contains(a.Body, "<title>Find a child - Rollbridge</title>") || strings.Contains(strings.ReplaceAll(a.Body, html.EscapeString(typed), ""), canary) {
			t.Errorf("%q: the title is another, or something of others is shown", typed)
		}
	}
	for _, typed := range []string{"", "   ", strings.Repeat("x", 101), "a\x00b"} {
		a := viewer.Post("/children/search", "search", typed)
		if a.Code != 422 || !strings.Contains(a.Body, "<title>Error: ") || len(listed(a.Body)) > 0 {
			t.Errorf("%.10q: %d", typed, a.Code)
		}
	}
	found := r.audited(north, audit.ChildSearched)
	if len(found) != 15 {
		t.Errorf("%d searches are in the audit log", len(found))
	}
	for _, e := range found {
		if e.About != "" || e.Reason != "" {
			t.Errorf("the audit log has what was typed: %q", e.About)
		}
	}
	if a := viewer.Get("/children/search?search=lukasz"); a.Code == 200 {
		t.Error("a name is searched by an address")
	}
	r.clean()
}

// Everything that is held of a child is on its page, with where it is from.
func TestChild(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		r.everything("oak", north)
		r.reads("oak", record.Datasets()...)
		c := r.child("oak", north, "Łukasz", "Ångström")
		r.full(c, "Wordly")
		r.Week(c, []string{"/", "N", "", "XX", "L"}, []string{`\`, "I", "-", "D", ""})
		other := r.child("oak", south, canary, canary)
		r.full(other, canary)
		viewer := r.as("viewer", account.Viewer, north)
		body := r.get(viewer, path(c))
		has(t, body, "Łukasz Ångström", "14 May 2013 (13 years old)", registertest.UPN(1), "From Oak School, as at 9:35am. Received 9:40am, version 1.",
			"Wordly", "Reason not yet established", "Illness (not an appointment)", "A mark that no list explains", `<svg`, `role="img"`,
			"<title>One child - Rollbridge</title>", "8 of 12 possible sessions", "Detentions", "Other professionals", "As at 9:35am.")
		for _, d := range record.Datasets() {
			if d.OfPupils() && d != record.DatasetPupil && !strings.Contains(body, `id="`+string(d)+`"`) {
				t.Errorf("the page has no %s", d)
			}
		}
		entries := r.audited(north, audit.ChildViewed)
		if len(entries) != 1 || !slices.Equal(entries[0].Children, []record.PupilID{c.Pupil}) || entries[0].School != "oak" {
			t.Errorf("the look is logged as %+v", entries)
		}
		for _, bad := range []string{path(other), "/children/oak/" + strings.Repeat("f", 32), "/children/elm/" + string(c.Pupil), "/children/oak/x", path(c) + "0", path(other) + "/export"} {
			a := viewer.Get(bad)
			if a.Code != 404 && a.Code != 403 {
				t.Errorf("%s: %d", bad, a.Code)
			}
			r.seen = append(r.seen, a.Body)
		}
		caseload := r.as("caseload", account.Caseload, north, c)
		r.get(caseload, path(c))
		third := r.child("oak", north, canary, canary)
		if a := caseload.Get(path(third)); a.Code != 404 {
			t.Errorf("a child outside the caseload: %d", a.Code)
		}
		if a := viewer.Get(path(c) + "/export"); a.Code != 403 {
			t.Errorf("a viewer exports: %d", a.Code)
		}
		if a := r.server.Anybody().Get(path(c)); a.Code != 303 || strings.Contains(a.Body, "Łukasz") {
			t.Errorf("nobody sees a child: %d", a.Code)
		}
		r.Exec("UPDATE schools SET revoked_at = 1 WHERE school = 'oak'")
		if a := viewer.Get(path(c)); a.Code != 404 || strings.Contains(a.Body, "Łukasz") {
			t.Errorf("a stopped school's child: %d", a.Code)
		}
		r.clean()
	})
}

// Why something is not there is said in words.
func TestWhatIsMissing(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	r.everything("oak", north)
	c := r.child("oak", north, "Ann", "One")
	viewer := r.as("viewer", account.Viewer, north)
	has(t, r.get(viewer, path(c)), "Asked for. Nothing has arrived yet.")
	r.reads("oak", record.DatasetPupil, record.DatasetSEN)
	has(t, r.get(viewer, path(c)), "The school&#39;s system has none.", "Asked for and not given: the school has not allowed it", "(the school keeps it back, or has nothing there): ")
	r.Must(r.Store.SetProvision(t.Context(), store.Provision{School: "oak", Authority: north, Datasets: map[record.Dataset][]string{record.DatasetPupil: {"Surname"}}}))
	body := r.get(viewer, path(c))
	has(t, body, "Not asked for: your authority does not ask this school for it.", "Not asked for: ")
	lacks(t, body, "Asked for and not given: the school")

	r.full(c, "Wordly")
	r.leave(c)
	body = r.get(viewer, path(c))
	has(t, body, "Left the list on Monday 23 November 2026", "is kept until Tuesday 28 December 2027", "Wordly")
	r.clean()
}

// A child with more than a page can show still has a page.
func TestHugeValues(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	c := r.child("oak", north, strings.Repeat("Long ", 80), strings.Repeat("王", 100))
	for n := range 60 {
		b := recordtest.Make(record.DatasetBehaviour, c.Pupil, n, 1).(*record.Behaviour)
		b.Comments = strings.Repeat("text ", 800)
		k := recordtest.Make(record.DatasetKPI, c.Pupil, n, 1)
		r.Put("oak", b)
		r.Put("oak", k)
	}
	for n := range 40 {
		a := recordtest.Make(record.DatasetAttendance, c.Pupil, n, 1)
		r.Put("oak", a)
	}
	viewer := r.as("viewer", account.Viewer, north)
	body := r.get(viewer, path(c))
	has(t, body, "57 earlier rows are left out here", "10 earlier rows are left out here")
	if n := strings.Count(body, "<rect"); n != 400 {
		t.Errorf("%d sessions are drawn", n)
	}
	r.clean()
}

// What is to come, and what lies after the school's last read, lacks no mark; a week of
// which nothing is held leaves a gap.
func TestMarksToCome(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	r.everything("oak", north)
	r.reads("oak", record.Datasets()...) // on Monday at 9:35am
	c := r.child("oak", north, "Ann", "One")
	r.Put("oak", &record.Attendance{PupilID: c.Pupil, Week: "2026-11-02", AM: []string{"/", "/", "/", "/", "/"}, PM: []string{`\`, `\`, `\`, "", `\`}})
	r.Week(c, []string{"", "", "", "", ""}, []string{"", "", "", "", ""})
	viewer := r.as("viewer", account.Viewer, north)
	body := r.get(viewer, path(c))
	row := regexp.MustCompile(`(?s)No mark\s*</dt>\s*<dd[^>]*>\s*(\d+)`).FindStringSubmatch(body)
	if len(row) != 2 || row[1] != "2" {
		t.Errorf("%q sessions lack a mark, want that of Thursday afternoon and of this morning", row)
	}
	has(t, body, "No mark expected yet", `width="144"`, "Empty columns are weeks of which nothing is held.") // 64 and four weeks of 20
	if n := strings.Count(body, "<rect"); n != 20 {
		t.Errorf("%d sessions are drawn", n)
	}
	r.clean()
}

// Weeks belong to academic years, and each can be looked at.
func TestYearsOfAttendance(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	c := r.child("oak", north, "Ann", "One")
	for week, mark := range map[record.Date]string{"2026-08-31": "/", "2026-07-13": "I", "2023-10-02": "C"} {
		r.Put("oak", &record.Attendance{PupilID: c.Pupil, Week: week, AM: []string{mark, "", "", "", ""}, PM: make([]string, 5)})
	}
	viewer := r.as("viewer", account.Viewer, north)
	body := r.get(viewer, path(c))
	has(t, body, "2026/27", "2025/26", "2023/24", "100.0% attendance: 1 of 1 possible sessions", "from 31 August 2026 to 31 August 2026")
	body = r.get(viewer, path(c)+"?year=2023-09-01")
	has(t, body, "0.0% attendance", "Other authorised circumstances")
	r.get(viewer, path(c)+"?year=9999-99-99")
	r.clean()
}

// The same child at a second school is told where both may be seen.
func TestSameChildElsewhere(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	r.School("elm", "Elm School")
	upn := registertest.UPN(77)
	put := func(school string, n int, authority, name string) store.Child {
		return r.Pupil(school, record.Pupil{ID: registertest.PupilID(n), Surname: name, UPN: upn, CareAuthority: authority})
	}
	one, two := put("oak", 1, north, "One"), put("elm", 2, north, "Two")
	put("elm", 3, south, canary)
	viewer := r.as("viewer", account.Viewer, north)
	has(t, r.get(viewer, path(one)), "Another school in your sight", path(two))
	lacks(t, r.get(r.as("caseload", account.Caseload, north, one), path(one)), "Another school", path(two))
	r.clean()
}

// In Welsh everything is said, and the page says which language it is.
func TestWelsh(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Ysgol Dderwen")
	r.everything("oak", north)
	c := r.child("oak", north, "Siân", "Jones")
	r.full(c, "Gair")
	r.coded(c)
	admin := r.as("admin", account.Administrator, north)
	admin.Language = "cy"
	for _, p := range []string{"/children", path(c), path(c) + "/export", "/children/export", "/children/missing"} {
		body := r.get(admin, p)
		has(t, body, `lang="cy"`)
		if p == "/children" || p == path(c) {
			has(t, body, "Blwyddyn 2")
		}
		if p == path(c) {
			has(t, body, "Mam faeth (FOM)", "Symudol (M): 01632 960001", "Cymorth AAA (K)", "1. Nam ar y clyw (HI)", "Bwlio (BU)", "Rhestr neb (Q)")
		}
		lacks(t, body, "Year 2", "children.", "code.of.", "Illness", "Present, ", "Foster Mother", "Mobile", "SEN support", "Hearing", "Bullying")
	}
	r.clean()
}

// The codes of the lists are said in English as the lists have them, with the code.
func TestCodesOfTheLists(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	r.everything("oak", north)
	c := r.child("oak", north, "Ada", "Jones")
	r.coded(c)
	has(t, r.get(r.as("viewer", account.Viewer, north), path(c)),
		"Foster Mother (FOM)", "Mobile (M): 01632 960001", "SEN support (K)", "1. Hearing Impairment (HI)", "Bullying (BU)", "Rhestr neb (Q)")
	r.clean()
}
