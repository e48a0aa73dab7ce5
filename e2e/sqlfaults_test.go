package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/agent/outbox"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/standin"
	"rollbridge/e2e/standin/tds"
	"rollbridge/shared/protocol"
)

// exitMIS is how a command ends when the MIS could not be read.
const exitMIS = 5

// A trouble is something that happens to a school's database.
type trouble struct {
	name string
	// begin makes it happen and returns what puts it right.
	begin   func(f *faulty) (mend func())
	problem protocol.ProblemCode
	says    string // part of what the school is told
}

// A faulty is a world whose database gets into trouble.
type faulty struct {
	*world
	server *standin.Server
	user   string
}

// TestTroubleWithTheDatabase puts the agent's database through everything that
// happens to databases. Each time the sync must fail with a word for it, nothing
// may be sent, and nothing of what the collector holds may go; once it is
// mended, one sync brings what has changed meanwhile.
func TestTroubleWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.setUpMIS(w.school.TablesSQL, stack.MISOptions{Staged: true})
	server := w.mis.Instance.StandIn()
	source := w.mis.Server()
	f := &faulty{world: w, server: server, user: source.User}
	source.CertificateFile = w.pin(source.CertificateFile)
	w.enrolAt(source.Source("sql-views"), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{Env: []string{
		"ROLLBRIDGE_MIS_SERVER_QUERY_SECONDS=2", "ROLLBRIDGE_MIS_SERVER_LOCK_SECONDS=1",
	}})
	w.sync()
	days := w.school.SchoolDays()
	pupil := w.school.LookedAfter()[0].ID
	for i, c := range troubles {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			before := w.held()
			// There is something new to send, so that a sync that sends it is seen.
			w.must(w.school.ChangeMark(pupil, days[i%10], demoschool.AM, []string{"I", "/"}[i/10%2]))
			w.write()
			mend := c.begin(f)
			f.fails(c)
			w.must(oracle.Same(before, w.held()))
			mend()
			w.sync()
			f.well()
		})
	}
	w.t = t
	w.sound()
}

// pin copies a certificate, as school IT does, so that it stays what it was.
func (w *world) pin(file string) string {
	w.t.Helper()
	text, err := os.ReadFile(file)
	w.must(err)
	pinned := filepath.Join(w.dir, "pinned.pem")
	w.must(os.WriteFile(pinned, text, 0o644))
	return pinned
}

func (w *world) held() oracle.Lines {
	w.t.Helper()
	got, err := w.collector.Records(w.ctx, schoolID)
	w.must(err)
	return got
}

// fails runs a sync that must end with the trouble's word.
func (f *faulty) fails(c trouble) {
	f.t.Helper()
	sealed := f.lastRead().Sealed
	r, err := f.agent.Try(f.ctx, "sync")
	f.must(err)
	if r.Code != exitMIS || !strings.Contains(r.Stderr, c.says) {
		f.t.Errorf("sync ended with %d, want %d, and said:\n%s\nwant in it: %s", r.Code, exitMIS, r.Stderr, c.says)
	}
	if strings.Contains(r.Stdout+r.Stderr, "CANARY") {
		f.t.Errorf("the server's own words were passed on:\n%s", r.Stderr)
	}
	last := f.lastRead()
	if last.Problem != c.problem || last.Sealed != sealed {
		f.t.Errorf("the agent noted problem %q and batch %d, want %q and %d", last.Problem, last.Sealed.Sequence, c.problem, sealed.Sequence)
	}
}

// well says that the agent has no complaint of the MIS any more.
func (f *faulty) well() {
	f.t.Helper()
	if last := f.lastRead(); last.Problem != "" {
		f.t.Errorf("the agent still notes %q: %s", last.Problem, last.Text)
	}
}

func (w *world) lastRead() outbox.ReadResult {
	w.t.Helper()
	out, err := w.agent.Command(w.ctx, "status", "--json")
	w.must(err)
	var s struct {
		LastRead outbox.ReadResult `json:"last_read"`
	}
	w.must(json.Unmarshal([]byte(out), &s))
	return s.LastRead
}

// stage is a trouble that the stand-in makes while it answers.
func stage(fault standin.Fault) func(*faulty) func() {
	return func(f *faulty) func() { return f.server.Stage(fault) }
}

// script is a trouble that an administrator makes by T-SQL, and its mending.
func script(trouble, mend string) func(*faulty) func() {
	return func(f *faulty) func() {
		f.t.Helper()
		f.run(trouble)
		return func() { f.run(mend) }
	}
}

// run carries out T-SQL in which LOGIN stands for the agent's login.
func (f *faulty) run(text string) {
	f.t.Helper()
	f.must(f.mis.Run(f.ctx, strings.ReplaceAll(text, "LOGIN_NAME", f.user)))
}

// view is a trouble with a view: it is made again from the page's own text with
// one piece in place of another.
func view(name, from, to string) func(*faulty) func() {
	return func(f *faulty) func() {
		f.t.Helper()
		text := f.viewText(name)
		if !strings.Contains(text, from) {
			f.t.Fatalf("the page's view %s has no %q", name, from)
		}
		f.run(strings.Replace(text, from, to, 1))
		return func() { f.run(text) }
	}
}

// viewText is the page's definition of a view, as ALTER VIEW.
func (f *faulty) viewText(name string) string {
	f.t.Helper()
	for batch := range strings.SplitSeq(f.mis.Script, "\nGO\n") {
		if rest, found := strings.CutPrefix(strings.TrimSpace(batch), "CREATE VIEW rollbridge."+name+" "); found {
			return "ALTER VIEW rollbridge." + name + " " + rest
		}
	}
	f.t.Fatalf("the page makes no view %s", name)
	return ""
}

func serverError(number int32) *tds.Error {
	// The text is what a server may quote; nobody may be shown it.
	return &tds.Error{Number: number, State: 1, Class: 16, Message: "CANARY-OF-A-SERVER'S-WORDS"}
}

const (
	readsWho        = "WHERE InCare = 1"
	readsPupils     = "PreferredForename"
	readsContacts   = "PhoneMobile"
	readsAttendance = "late"
)

var troubles = []trouble{
	{"server down", func(f *faulty) func() {
		f.must(f.server.Stop())
		return func() { f.must(f.server.Restart()) }
	}, protocol.ProblemMISDown, "cannot be reached"},
	{"cut while it says who", stage(standin.Fault{Contains: readsWho, AtRow: 2, Cut: true}), protocol.ProblemMISDown, "lost"},
	{"cut in the middle of the pupils", stage(standin.Fault{Contains: readsPupils, AtRow: 3, Cut: true}), protocol.ProblemMISDown, "lost"},
	{"cut in the middle of the contacts", stage(standin.Fault{Contains: readsContacts, AtRow: 4, Cut: true}), protocol.ProblemMISDown, "lost"},
	{"cut in the middle of the marks", stage(standin.Fault{Contains: readsAttendance, AtRow: 700, Cut: true}), protocol.ProblemMISDown, "lost"},
	{"wrong password", func(f *faulty) func() {
		f.run("ALTER LOGIN LOGIN_NAME WITH PASSWORD = N'another-one-2'")
		return func() { f.run("ALTER LOGIN LOGIN_NAME WITH PASSWORD = N'" + f.mis.Server().Password + "'") }
	}, protocol.ProblemRightMissing, "password"},
	{"login disabled", script("ALTER LOGIN LOGIN_NAME DISABLE", "ALTER LOGIN LOGIN_NAME ENABLE"), protocol.ProblemRightMissing, "disabled"},
	{"login locked", func(f *faulty) func() {
		f.must(f.server.Lock(f.user, true))
		return func() { f.must(f.server.Lock(f.user, false)) }
	}, protocol.ProblemRightMissing, "locked"},
	{"password expired", func(f *faulty) func() {
		f.must(f.server.ExpirePassword(f.user))
		return func() { f.run("ALTER LOGIN LOGIN_NAME WITH PASSWORD = N'" + f.mis.Server().Password + "'") }
	}, protocol.ProblemRightMissing, "expired"},
	{"database renamed", func(f *faulty) func() {
		name := f.mis.Database.Name()
		f.must(f.mis.Database.Rename(f.ctx, "SchoolMIS2027"))
		return func() { f.must(f.mis.Database.Rename(f.ctx, name)) }
	}, protocol.ProblemMISDown, "database"},
	{"view missing", func(f *faulty) func() {
		f.run("DROP VIEW rollbridge.pupil")
		return func() {
			f.run(strings.Replace(f.viewText("pupil"), "ALTER", "CREATE", 1))
			f.run("GRANT SELECT ON rollbridge.pupil TO LOGIN_NAME")
		}
	}, protocol.ProblemRightMissing, "[rollbridge].[pupil]"},
	{"column of another type", view("pupil", "s.DateOfBirth AS DOB", "s.Phone AS DOB"), protocol.ProblemMISData, "DOB"},
	{"permission revoked", script("REVOKE SELECT ON rollbridge.pupil FROM LOGIN_NAME", "GRANT SELECT ON rollbridge.pupil TO LOGIN_NAME"),
		protocol.ProblemRightMissing, "GRANT SELECT ON [rollbridge].[pupil]"},
	{"column denied", script("DENY SELECT ON rollbridge.pupil (Phone) TO LOGIN_NAME", "REVOKE SELECT ON rollbridge.pupil (Phone) FROM LOGIN_NAME"),
		protocol.ProblemRightMissing, "[rollbridge].[pupil]"},
	{"lock time-out", stage(standin.Fault{Contains: readsPupils, AtRow: 1, Error: serverError(1222)}), protocol.ProblemMISDown, "lock"},
	{"deadlock victim", stage(standin.Fault{Contains: readsAttendance, AtRow: 50, Error: serverError(1205)}), protocol.ProblemMISDown, "blocked each other"},
	{"error after half the marks", stage(standin.Fault{Contains: readsAttendance, AtRow: 500, Error: serverError(823)}), protocol.ProblemMISDown, "823"},
	{"a value that does not convert", stage(standin.Fault{Contains: readsContacts, AtRow: 2, Error: serverError(245)}), protocol.ProblemMISData, "245"},
	{"a result that never ends", stage(standin.Fault{Contains: readsAttendance, AtRow: 5, Endless: true}), protocol.ProblemMISDown, "2s"},
	{"an answer that never comes", stage(standin.Fault{Contains: readsContacts, AtRow: 1, Hang: true}), protocol.ProblemMISDown, "2s"},
	{"certificate changed", func(f *faulty) func() {
		text, err := os.ReadFile(f.server.CertificateFile())
		f.must(err)
		f.must(f.server.Renew())
		return func() {
			// School IT has compared the new one with the administrator and pins it.
			now, err := os.ReadFile(f.server.CertificateFile())
			f.must(err)
			if string(now) == string(text) {
				f.t.Error("the certificate did not change")
			}
			f.pin(f.server.CertificateFile())
		}
	}, protocol.ProblemMISDown, "certificate"},
	{"rows withheld", view("pupil", "c.InCare <> 'N'", "c.InCare <> 'N' AND s.Sex = 'F'"), protocol.ProblemRightMissing, "withheld"},
	{"nobody on roll", view("school", "(SELECT COUNT(*) FROM mis.Student)", "0"), protocol.ProblemRightMissing, "on roll"},
	{"two schools in one view", script("INSERT INTO mis.School (SchoolID, Name) VALUES (999, N'Another Fictional School')", "DELETE FROM mis.School WHERE SchoolID = 999"),
		protocol.ProblemMISData, "school"},
	{"identifiers empty", view("pupil", "s.StudentID AS pupil", "CAST(NULL AS int) AS pupil"), protocol.ProblemIdentifier, "empty"},
	{"a pupil twice", view("pupil", "LEFT JOIN mis.StudentCare AS c ON", "LEFT JOIN (SELECT StudentID, InCare, CareAuthority, StartDate, EndDate, PEP, InCareHere FROM mis.StudentCare UNION ALL SELECT StudentID, InCare, CareAuthority, StartDate, EndDate, PEP, InCareHere FROM mis.StudentCare) AS c ON"),
		protocol.ProblemMISData, "again"},
}

// revokedAt takes a right away while another view is read.
func revokedAt(contains string, row int) func(*faulty) func() {
	return func(f *faulty) func() {
		undo := f.server.Stage(standin.Fault{Contains: contains, AtRow: row, Times: 1, Do: func() {
			f.run("REVOKE SELECT ON rollbridge.attendance FROM LOGIN_NAME")
		}})
		return func() {
			undo()
			f.run("GRANT SELECT ON rollbridge.attendance TO LOGIN_NAME")
		}
	}
}

// TestOnlyTheAdmittedCross counts what crosses the wire to the MIS: the rows of
// those who may leave, and of everybody else not even a name.
func TestOnlyTheAdmittedCross(t *testing.T) {
	config := small()
	config.Pupils, config.LookedAfterShare = 400, 0.04
	w, code := newWorldOn(t, config, stack.CollectorOptions{}, stack.MISOptions{Staged: true})
	w.enrolAt(w.source(), code, stack.AgentOptions{})
	server := w.mis.Instance.StandIn()
	_, before := server.Bytes()
	w.sync()
	_, after := server.Bytes()
	moved := after - before

	marks, contacts, who := 0, 0, 0
	admitted := w.school.LookedAfter()
	for _, p := range admitted {
		for range w.school.Marks(p.ID) {
			marks++
		}
		for range w.school.Contacts(p.ID) {
			contacts++
		}
	}
	for p := range w.school.Pupils() {
		if p.InCare || p.InCareUnknown {
			who++
		}
	}
	cost := w.lastRead().Cost
	if cost == nil {
		t.Fatal("the agent does not say what it asked of the MIS")
	}
	// The look at the columns brings as many rows as the contract has columns,
	// and two answers are about the database itself.
	const columns, own = 5 + 32 + 15 + 5, 2
	if want := int64(marks + contacts + len(admitted) + who + columns + own); cost.Rows > want {
		t.Errorf("%d rows crossed the wire, want at most %d", cost.Rows, want)
	}
	_, before = server.Bytes()
	for _, table := range []string{"mis.Student", "mis.StudentCare", "mis.StudentContact", "mis.SessionMark"} {
		rows, err := w.mis.Database.Admin().QueryContext(w.ctx, "SELECT * FROM "+table)
		w.must(err)
		for rows.Next() {
		}
		w.must(rows.Err())
		w.must(rows.Close())
	}
	_, after = server.Bytes()
	if whole := after - before; moved*5 > whole {
		t.Errorf("a read of %d of %d pupils moved %d bytes; the whole tables are %d", len(admitted), config.Pupils, moved, whole)
	}
	for _, s := range server.Statements() {
		if s.Login == w.mis.Server().User && !strings.HasPrefix(strings.TrimSpace(s.Text), "SELECT") && !strings.HasPrefix(s.Text, "SET NOCOUNT ON\n") {
			t.Errorf("the agent sent %q", s.Text)
		}
	}
}

// TestPauseEndsAReading: a pause does not wait for the database. The query under
// way is cancelled, nothing of it is used, and after the pause all is as before.
func TestPauseEndsAReading(t *testing.T) {
	t.Parallel()
	w, code := newWorldOn(t, small(), stack.CollectorOptions{}, stack.MISOptions{Staged: true})
	w.enrolAt(w.source(), code, stack.AgentOptions{Env: []string{"ROLLBRIDGE_MIS_SERVER_QUERY_SECONDS=600"}})
	w.sync()
	before := w.held()
	server := w.mis.Instance.StandIn()
	asked := make(chan struct{})
	undo := server.Stage(standin.Fault{Contains: readsContacts, AtRow: 1, Hang: true, Times: 1, Do: func() { close(asked) }})
	ended := make(chan stack.Result, 1)
	go func() {
		r, err := w.agent.Try(w.ctx, "sync")
		if err != nil {
			t.Error(err)
		}
		ended <- r
	}()
	select {
	case <-asked:
	case <-w.ctx.Done():
		t.Fatal("the contacts were never asked for")
	}
	_, err := w.agent.Command(w.ctx, "pause")
	w.must(err)
	select {
	case r := <-ended:
		if r.Code != 3 || !strings.Contains(r.Stderr, "paused") {
			t.Errorf("the sync ended with %d, want 3, and said:\n%s", r.Code, r.Stderr)
		}
	case <-w.ctx.Done():
		t.Fatal("the sync did not end with the pause")
	}
	undo()
	w.must(oracle.Same(before, w.held()))
	_, err = w.agent.Command(w.ctx, "resume")
	w.must(err)
	w.sync()
}
