package reports_test

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/reports"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

const (
	north  = registertest.Northshire
	south  = registertest.Southshire
	canary = "Xanary"
)

// A rig is the pages of reports over a collector's data.
type rig struct {
	*registertest.Rig
	site   *web.Site
	server *webtest.Server
	now    time.Time
	pupils int
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	data := registertest.New(t, db)
	r := &rig{Rig: data, now: registertest.At(16, 0)}
	r.site = &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: account.Open(db, data.Vault), Audit: audit.New(db, data.Vault),
		Now: func() time.Time { return r.now }}
	r.server = webtest.Serve(t, r.site, reports.Routes(r.site))
	return r
}

func (r *rig) as(role account.Role, authority string, only ...store.Child) *webtest.Browser {
	r.Helper()
	p := account.Person{Name: string(role) + authority, Role: role, Authorities: []string{authority}, Only: only}
	return r.server.As(accounttest.Join(r, r.site.Accounts, p).User)
}

func (r *rig) child(school, authority, surname, year string) store.Child {
	r.Helper()
	r.pupils++
	return r.Pupil(school, record.Pupil{ID: registertest.PupilID(r.pupils), Forename: "Ann", Surname: surname, CareAuthority: authority, NCYearActual: year})
}

// marks puts a week of marks.
func (r *rig) marks(c store.Child, week record.Date, am, pm string) {
	r.Helper()
	r.Put(c.School, &record.Attendance{PupilID: c.Pupil, Week: week, AM: strings.Split(am, ","), PM: strings.Split(pm, ",")})
}

// reads says of which datasets a school's last read is, and when.
func (r *rig) reads(school string, at time.Time, list ...record.Dataset) {
	r.Helper()
	var parts []string
	for _, d := range list {
		parts = append(parts, fmt.Sprintf("%q:%d", d, at.UnixMicro()))
	}
	r.Exec("UPDATE positions SET reads = ? WHERE school = ?", "{"+strings.Join(parts, ",")+"}", school)
}

func (r *rig) exclusion(c store.Child, thing int, category string, began record.Date, sessions int) {
	r.Helper()
	e := recordtest.Make(record.DatasetExclusion, c.Pupil, thing, 1).(*record.Exclusion)
	e.Category, e.StartDate, e.Sessions = category, began, sessions
	r.Put(c.School, e)
}

func (r *rig) get(b *webtest.Browser, path string) string {
	r.Helper()
	a := b.Get(path)
	if a.Code != 200 || strings.Contains(a.Body, canary) || len(a.Body) > 300<<10 || strings.Contains(a.Body, "reports.") && !strings.Contains(path, ".csv") && strings.Contains(a.Body, ">reports.") {
		r.Fatalf("%s: %d, or it has something of others, or it is too large\n%s\n%s", path, a.Code, r.server.Log, a.Body)
	}
	return a.Body
}

// rows are a file's that begin with a text.
func rows(t *testing.T, file, first string) (found [][]string) {
	t.Helper()
	c := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\uFEFF")))
	c.FieldsPerRecord = -1
	all, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if all[0][0] != "OFFICIAL-SENSITIVE" {
		t.Errorf("the file begins with %q", all[0])
	}
	for _, row := range all {
		if strings.HasPrefix(row[0], first) {
			found = append(found, row)
		}
	}
	return found
}

func has(t *testing.T, body string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func (r *rig) audited(action audit.Action) (about []string) {
	r.Helper()
	list, _, err := r.site.Audit.Read(r.Context(), audit.Query{Chain: audit.OfAuthority(north), Action: action, Limit: 1000})
	r.Must(err)
	for _, e := range list {
		about = append(about, fmt.Sprintf("%s %s %d", e.About, e.School, len(e.Children)))
	}
	slices.Sort(about)
	return about
}

func TestAttendance(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		r.School("elm", "Elm School")
		r.School("ash", "Ash School")
		r.School("fir", "Fir School")
		r.reads("oak", registertest.At(9, 35), record.DatasetAttendance)
		r.reads("elm", time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC), record.DatasetAttendance)
		r.reads("ash", registertest.At(9, 35), record.DatasetPupil)
		for n := range 6 {
			c := r.child("oak", north, "One", []string{"7", "8"}[n%2])
			r.marks(c, "2026-11-16", "/,/,/,/,/", `\,\,\,\,\`)
			r.marks(c, "2026-11-09", "/,N,I,,ZZ", `\,N,D,,`)
			r.marks(c, "2026-07-13", "N,N,N,N,N", "N,N,N,N,N") // last year
			r.marks(c, "2026-11-23", ",,,,", ",,,,")           // only Monday morning is over
		}
		few := r.child("elm", north, "Few", "")
		r.marks(few, "2026-11-16", "N,N,N,N,N", "N,N,N,N,N")
		r.marks(r.child("oak", south, canary, "7"), "2026-11-16", "N,N,N,N,N", "N,N,N,N,N")
		viewer := r.as(account.Viewer, north)
		body := r.get(viewer, "/reports/attendance")
		// 6 x (10 + 2 attended of 10 + 5 possible) and 10 of the one.
		has(t, body, "Attendance 72.0%: 72 of 100 possible sessions of 7 children", "Key stage 3", "100.0%", "40.0%", "<svg", `role="img"`, "too few",
			"Not counted: 24 sessions without a mark, and 6 with a mark",
			"2 of 4 schools give what is counted here. 1 does not give it:", "1 has sent none of it yet. The oldest is as at Fri 20 Nov at 3:00pm, from Elm School.", "Persistently absent (a tenth or more missed): 0 children of 7")
		if strings.Contains(body, "Year not given") == false {
			t.Error("who has no year is in no key stage")
		}
		has(t, r.get(viewer, "/reports/attendance?school=elm"), "Attendance too few: 0 of 10 possible sessions of 1 child", "Persistently absent (a tenth or more missed): 0 children of 1.")
		file := r.get(viewer, "/reports/attendance.csv")
		if got := rows(t, file, "16 November 2026"); len(got) != 1 || !slices.Equal(got[0], []string{"16 November 2026", "7", "70", "60", "0", "10", "85.7%"}) {
			t.Errorf("the week is %q", got)
		}
		if got := rows(t, r.get(viewer, "/reports/attendance.csv?school=elm"), "A sentence is left out"); len(got) != 2 {
			t.Errorf("%d sentences of one child are left out of the file", len(got))
		}
		if got := rows(t, file, "Year not given"); len(got) != 1 || !slices.Equal(got[0], []string{"Year not given, or no year", "1 to 4", "", "", "", "", ""}) {
			t.Errorf("of few is told: %q", got)
		}
		if got := r.audited(audit.ReportViewed); !slices.Equal(got, []string{"attendance 12  0", "attendance 12 elm  0"}) {
			t.Errorf("the looks are logged as %q", got)
		}
		if got := r.audited(audit.ReportExported); len(got) != 2 {
			t.Errorf("the files are logged as %q", got)
		}
		r.get(viewer, "/reports/attendance?school=%27+OR+1%3D1&time=x")
		// The year begins on a Tuesday, before the last twelve weeks.
		for _, week := range []record.Date{"2026-08-31", "2026-11-02"} {
			r.marks(few, week, "N,N,N,N,N", "N,N,N,N,N")
		}
		has(t, r.get(viewer, "/reports/attendance?school=elm"), "0 of 20 possible", "From 7 September 2026")
		has(t, r.get(viewer, "/reports/attendance?school=elm&time=year"), "0 of 28 possible", "From 1 September 2026", "Persistently absent (a tenth or more missed): 1 child of 1.")
		r.Exec("UPDATE schools SET revoked_at = 1 WHERE school = 'oak'")
		has(t, r.get(viewer, "/reports/attendance"), "of 1 child", "1 of 3 schools gives what is counted here.")
	})
}

func TestExclusions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		one, two := r.child("oak", north, "Newly", "10"), r.child("oak", north, "Older", "11")
		r.exclusion(one, 1, "SUSP", "2026-11-20", 4)
		r.exclusion(one, 2, "PERM", "2026-10-01", 0) // arrived with the first batch, long after
		r.exclusion(two, 1, "LNCH", "2026-09-10", 1)
		r.exclusion(two, 2, "FIXD", "2026-03-02", 2) // last year
		r.exclusion(two, 3, "SUSP", "", 2)
		r.exclusion(r.child("oak", south, canary, "10"), 1, "PERM", "2026-11-20", 0)
		viewer := r.as(account.Viewer, north)
		body := r.get(viewer, "/reports/exclusions")
		has(t, body, "Suspensions: 1. Permanent exclusions: 1. Lunchtime exclusions: 1. Of 2 children, with sessions: 5.", "1 has no day", "Ann Newly", "/children/oak/"+string(one.Pupil), "Nov 2026", "<svg",
			"0 of 1 school give what is counted here. 1 has sent none of it yet.")
		r.reads("oak", registertest.At(9, 35), record.DatasetExclusion)
		has(t, r.get(viewer, "/reports/exclusions"), "1 of 1 school gives what is counted here. The oldest is as at 9:35am, from Oak School.")
		has(t, r.get(viewer, "/reports/exclusions?year=2025-09-01"), "Suspensions: 1. Permanent exclusions: 0.", "2025/26")
		file := r.get(viewer, "/reports/exclusions.csv")
		if strings.Contains(file, "Newly") || strings.Contains(file, string(one.Pupil)) {
			t.Error("the file names a child")
		}
		if strings.Contains(file, "Suspensions: 1") || len(rows(t, file, "A sentence is left out")) != 2 {
			t.Errorf("the file tells of two children:\n%s", file)
		}
		if got := rows(t, file, "Nov 2026"); len(got) != 1 || got[0][1] != "1 to 4" || got[0][2] != "" {
			t.Errorf("%q", got)
		}
		if got := r.audited(audit.ReportExported); !slices.Equal(got, []string{"exclusions 2026-09-01  0"}) {
			t.Errorf("a file that names nobody is logged as %q", got)
		}
		if got := r.audited(audit.ReportViewed); !slices.Contains(got, "exclusions 2026-09-01 oak 2") {
			t.Errorf("who is named is logged as %q", got)
		}
	})
}

func TestProgress(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		thing := 0
		kpi := func(c store.Child, name, value, target string, day record.Date) {
			thing++
			k := recordtest.Make(record.DatasetKPI, c.Pupil, thing, 1).(*record.KPI)
			k.Name, k.Value, k.Target, k.Date = name, value, target, day
			r.Put(c.School, k)
		}
		result := func(c store.Child, status, subject, value string, day record.Date) {
			thing++
			a := recordtest.Make(record.DatasetAssessmentResult, c.Pupil, thing, 1).(*record.AssessmentResult)
			a.ResultStatus, a.Subject, a.Result, a.ResultDate = status, subject, value, day
			r.Put(c.School, a)
		}
		for n := range 6 {
			c := r.child("oak", north, "One", "9")
			kpi(c, "Attainment 8", fmt.Sprint(40+n), "42.5", "2026-11-01")
			kpi(c, "Attainment 8", "0", "99", "2026-07-01") // older
			kpi(c, "Effort", []string{"Good", "Poor"}[n%2], "good", "2026-11-01")
			result(c, "R", "Maths", fmt.Sprint(n), "2026-10-01")
			result(c, "P", "Maths", "9", "2026-11-01") // a result stands before it
			result(c, "T", "Maths", "3", "2026-09-01")
			result(c, "E", "Maths", "9", "2026-09-01")
			result(c, "R", "Art", "B", "2026-10-01")
		}
		kpi(r.child("oak", north, "Lone", "1"), "Reading", "7", "8", "2026-11-01")
		kpi(r.child("oak", south, canary, "9"), canary, "1", "2", "2026-11-01")
		viewer := r.as(account.Viewer, north)
		body := r.get(viewer, "/reports/progress")
		has(t, body, "Attainment 8", "Effort", "Maths", "Art", "Reading", "too few", "<svg")
		file := r.get(viewer, "/reports/progress.csv")
		want := [][]string{
			{"Key stage 1 (years 1 and 2)", "1 to 4", "", "", ""},
			{"Key stage 3 (years 7 to 9)", "6", "9", "6", "60.0%"},
			{"Key stage 1 (years 1 and 2)", "Reading", "1 to 4", "", "", "", "", ""},
			{"Key stage 3 (years 7 to 9)", "Attainment 8", "6", "1 to 4", "1 to 4", "0", "0", ""},
			{"Key stage 3 (years 7 to 9)", "Effort", "6", "1 to 4", "0", "1 to 4", "0", ""},
			{"Key stage 3 (years 7 to 9)", "Art", "6", "0", "0", "0", "6", ""},
			{"Key stage 3 (years 7 to 9)", "Maths", "6", "1 to 4", "1 to 4", "0", "0", ""},
		}
		got := rows(t, file, "Key stage ")
		got = slices.DeleteFunc(got, func(row []string) bool { return len(row) > 1 && (row[1] == "What" || row[1] == "Children") })
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q", got)
		}
	})
}

func TestTimeliness(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		r.School("elm", "=Elm School")
		r.School("gone", "Gone School")
		r.Exec("UPDATE schools SET revoked_at = 1 WHERE school = 'gone'")
		day := func(d, hour, minute int) int64 {
			return database.Micros(time.Date(2026, 11, d, hour, minute, 0, 0, registertest.Monday.Location()))
		}
		for n, at := range []int64{day(16, 9, 40), day(17, 9, 50), day(18, 11, 0), day(23, 9, 40)} {
			r.Exec(`INSERT INTO deliveries (school, generation, sequence, first_sequence, full_, received_at, applied_at, upserts, removals, refused, unchanged, pupils, bytes, attendance_as_at)
				VALUES ('oak', 1, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?)`, n+1, n+1, n == 0, at, at, at)
		}
		viewer := r.as(account.Viewer, north)
		body := r.get(viewer, "/reports/timeliness")
		has(t, body, "Oak School", "1 school has stopped and is left out.", "<svg", "The 14 days until Monday 23 November 2026.")
		if strings.Contains(body, "Gone School") {
			t.Error("a stopped school owes registers")
		}
		file := r.get(viewer, "/reports/timeliness.csv?days=14")
		if got := rows(t, file, "Oak School"); len(got) != 1 || got[0][2] != "2" || got[0][3] != "1" {
			t.Errorf("%q", got)
		}
		if got := rows(t, file, "Wednesday 18 November 2026"); len(got) != 1 || !slices.Equal(got[0], []string{"Wednesday 18 November 2026", "2", "0", "0", "2", "0", "0.0%"}) {
			t.Errorf("a day is %q", got)
		}
		if got := rows(t, file, "'=Elm School"); len(got) != 1 {
			t.Errorf("a name is a formula, or lost: %q", got)
		}
		for _, days := range []string{"28", "91", "x", "-1"} {
			r.get(viewer, "/reports/timeliness?days="+days)
		}
	})
}

// In a file some of many are as guarded as few, and cannot be worked out.
func TestFewOfMany(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	for n := range 6 {
		c := r.child("oak", north, "One", "9")
		k := recordtest.Make(record.DatasetKPI, c.Pupil, 1, 1).(*record.KPI)
		k.Name, k.Value, k.Target, k.Date = "Effort", fmt.Sprint(min(n, 1)), "1", "2026-11-01" // one is below
		r.Put("oak", k)
		r.exclusion(c, 1, []string{"SUSP", "PERM"}[max(0, n-4)], "2026-11-02", 2)
	}
	lone := r.child("oak", north, "Lone", "1")
	for n := range 9 { // nine figures of one child are no share of five children
		k := recordtest.Make(record.DatasetKPI, lone.Pupil, n, 1).(*record.KPI)
		k.Name, k.Value, k.Target, k.Date = fmt.Sprint("Figure ", n), "1", "1", "2026-11-01"
		r.Put("oak", k)
	}
	viewer := r.as(account.Viewer, north)
	for _, c := range []struct {
		path, first string
		want        []string
	}{
		{"/reports/progress.csv", "Key stage 3", []string{"Key stage 3 (years 7 to 9)", "6", "", "1 to 4", ""}},
		{"/reports/progress.csv", "Key stage 1", []string{"Key stage 1 (years 1 and 2)", "1 to 4", "", "", ""}},
		{"/reports/exclusions.csv", "Nov 2026", []string{"Nov 2026", "6", "5", "1 to 4", "0", "0", "12"}},
	} {
		if got := rows(t, r.get(viewer, c.path), c.first); len(got) == 0 || !slices.Equal(got[0], c.want) {
			t.Errorf("%s: %q", c.path, got)
		}
	}
	if got := rows(t, r.get(viewer, "/reports/progress.csv"), "Key stage 3"); !slices.Equal(got[1], []string{"Key stage 3 (years 7 to 9)", "Effort", "6", "", "1 to 4", "0", "0", ""}) {
		t.Errorf("%q", got)
	}
	body := r.get(viewer, "/reports/progress")
	has(t, body, `id="sums-caption"`, "All that could be compared")
	if n := strings.Count(body, "<rect"); n != 1 {
		t.Errorf("%d key stages are drawn, want that of six children alone", n)
	}
}

// Nothing has arrived: each report says so, in both languages, and who may not see
// reports sees none.
func TestEmptyAndRights(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	c := r.child("oak", north, "One", "9")
	viewer := r.as(account.Viewer, north)
	limited := r.as(account.Caseload, north, c)
	for _, path := range []string{"/reports", "/reports/timeliness", "/reports/attendance", "/reports/exclusions", "/reports/progress",
		"/reports/timeliness.csv", "/reports/attendance.csv", "/reports/exclusions.csv", "/reports/progress.csv"} {
		viewer.Language = "en"
		r.get(viewer, path)
		viewer.Language = "cy"
		if body := r.get(viewer, path); strings.HasSuffix(path, "timeliness") && !strings.Contains(body, "Ni ddisgwylid cofrestr gan unrhyw ysgol") {
			t.Error("it is not said that no register was expected")
		} else if !strings.Contains(path, ".csv") && !strings.Contains(body, `lang="cy"`) {
			t.Errorf("%s is not in Welsh", path)
		}
		if a := limited.Get(path); a.Code != 403 {
			t.Errorf("%s: a caseload gets %d", path, a.Code)
		}
		if a := r.server.Anybody().Get(path); a.Code != 303 {
			t.Errorf("%s: nobody gets %d", path, a.Code)
		}
	}
	if r.server.Log.Len() > 0 {
		t.Errorf("the log says %s", r.server.Log)
	}
}
