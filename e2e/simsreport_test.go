package e2e

import (
	"net"
	"os"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/reporter"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// attendanceRange is the id of the parameter of the attendance report.
const attendanceRange = "{6F9619FF} a'b"

// A sims is a world whose MIS is SIMS, read by its reports.
type sims struct {
	*world
	db      reporter.Database
	program stack.Reporter
}

// newSIMS is a school that has built the reports of the page, with a column for
// every field.
func newSIMS(t *testing.T, config demoschool.Config) *sims {
	t.Helper()
	w := emptyWorld(t, config)
	w.asked = record.Datasets()
	w.must(os.Mkdir(w.folder(), 0o755))
	path, err := stack.BuildReporter(w.ctx, w.dir)
	w.must(err)
	db, captions, err := stack.Reports(attendanceRange)
	w.must(err)
	db.Users = map[string]string{"rollbridge": `pass"word ` + canary}
	s := &sims{world: w, db: db, program: stack.Reporter{
		Path: path, Server: w.folder(), Database: db.Name, AttendanceRange: attendanceRange, Columns: captions,
	}}
	s.write()
	return s
}

// write makes SIMS hold what the school is now.
func (s *sims) write() {
	s.t.Helper()
	s.must(s.school.WriteCSV(s.folder()))
	s.must(s.db.Write(s.folder()))
}

// TestSIMSReports takes every dataset over the reports of SIMS: what is there at
// first, what is added, changed and taken away, a child who comes into care and
// one who leaves it.
func TestSIMSReports(t *testing.T) {
	t.Parallel()
	s := newSIMS(t, small())
	s.enrolAt(s.program.Source("sims-report"), s.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	tested, err := s.agent.Command(s.ctx, "profile", "test")
	s.must(err)
	if !strings.Contains(tested, "looked after (by authority") {
		t.Errorf("profile test says:\n%s", tested)
	}
	s.sync()

	cared := s.school.LookedAfter()
	s.turnPages(cared[0].ID, cared[1].ID)
	s.must(s.school.ChangeMark(cared[0].ID, s.school.Today(), demoschool.AM, "I"))
	s.write()
	s.sync()

	s.must(s.school.EnterCare(s.school.NotLookedAfter()[0].ID, s.school.Authorities()[1], s.school.Today()))
	s.must(s.school.LeaveCare(cared[2].ID, s.school.Today()))
	s.write()
	s.sync()
	s.sound()
}

// TestTroubleWithSIMSReports puts the agent through what CommandReporter does
// when something is wrong, exit code 0 and all: each time the sync fails with a
// sentence, no pupil is named, and nothing of what the collector holds goes.
func TestTroubleWithSIMSReports(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	s := newSIMS(t, config)
	s.program.User, s.program.Password = "rollbridge", s.db.Users["rollbridge"]
	s.db.Trusted = false
	s.write()
	s.enrolAt(s.program.Source("sims-report"), s.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	s.sync()
	const pupils, contacts = "Rollbridge pupil", "Rollbridge contact"
	trouble := func(report string, is reporter.Trouble) func(*reporter.Database) {
		return func(d *reporter.Database) { d.Troubles = map[string]reporter.Trouble{report: is} }
	}
	const data, down, right = protocol.ProblemMISData, protocol.ProblemMISDown, protocol.ProblemRightMissing
	for _, c := range []struct {
		name    string
		begin   func(d *reporter.Database)
		env     string
		problem protocol.ProblemCode
		says    string
	}{
		{"an error, exit code 0", trouble(pupils, reporter.Refused), "", data, "answered the report"},
		{"nothing printed", trouble(contacts, reporter.Silent), "", data, "printed no XML"},
		{"a sentence", trouble(pupils, reporter.Words), "", data, "printed no XML"},
		{"cut short", trouble(contacts, reporter.Cut), "", data, "cut short"},
		{"an exit code", trouble(contacts, reporter.ExitCode), "", down, "said that it failed"},
		{"a byte now and then", trouble(pupils, reporter.Drip), "ROLLBRIDGE_MIS_COMMAND_REPORT_SECONDS=2", down, "not finished after 2 seconds"},
		{"no ids", func(d *reporter.Database) { d.ThirdParty = false }, "", protocol.ProblemIdentifier, "Third Party Reporter"},
		{"no right to the marker", func(d *reporter.Database) { d.Hidden = []string{"In Care"} }, "", right, `"In Care"`},
		{"another password", func(d *reporter.Database) { d.Users = map[string]string{"rollbridge": "new"} }, "", data, "answered the report"},
		{"a report renamed", func(d *reporter.Database) { d.Reports = map[string]reporter.Report{pupils: d.Reports[pupils]} }, "", data, "answered the report"},
		{"a parameter renamed", func(d *reporter.Database) {
			reports := map[string]reporter.Report{}
			for name, r := range d.Reports {
				if r.Range != "" {
					r.Range = "new"
				}
				reports[name] = r
			}
			d.Reports = reports
		}, "", data, "answered the report"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			before, sealed := s.held(), s.lastRead().Sealed
			well := s.db
			c.begin(&s.db)
			s.write()
			r, err := stack.Run(s.ctx, s.agent.Programs.Agent, "", append(s.agent.Env(), c.env), "sync")
			s.must(err)
			if r.Code != exitMIS || !strings.Contains(r.Stderr, c.says) {
				t.Errorf("sync ended with %d, want %d, and said:\n%s\nwant in it: %s", r.Code, exitMIS, r.Stderr, c.says)
			}
			last := s.lastRead()
			for _, found := range marks([]byte(r.Stdout + r.Stderr + last.Text)) {
				t.Errorf("%s was said", found)
			}
			if last.Problem != c.problem || last.Sealed != sealed {
				t.Errorf("the agent noted problem %q and batch %d, want %q and %d", last.Problem, last.Sealed.Sequence, c.problem, sealed.Sequence)
			}
			s.must(oracle.Same(before, s.held()))
			s.db = well
		})
	}
	s.t = t
	s.write()
	s.sync()
	s.sound()
}

// TestPauseEndsAReport: a pause ends the program that makes a report, and its
// children; after the pause all is as before.
func TestPauseEndsAReport(t *testing.T) {
	t.Parallel()
	s := newSIMS(t, small())
	s.enrolAt(s.program.Source("sims-report"), s.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	s.sync()
	before := s.held()
	watch, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	t.Cleanup(func() { _ = watch.Close() })
	well := s.db
	s.db.Watch, s.db.Troubles = watch.Addr().String(), map[string]reporter.Trouble{"Rollbridge contact": reporter.Hang}
	s.write()
	both := make(chan []net.Conn, 1)
	go func() {
		var all []net.Conn
		for len(all) < 2 {
			c, err := watch.Accept()
			if err != nil {
				return
			}
			all = append(all, c)
		}
		both <- all
	}()
	ended := make(chan stack.Result, 1)
	go func() {
		r, err := s.agent.Try(s.ctx, "sync")
		if err != nil {
			t.Error(err)
		}
		ended <- r
	}()
	var programs []net.Conn
	select {
	case programs = <-both:
	case r := <-ended:
		t.Fatalf("the sync ended by itself: %s", r.Stderr)
	case <-s.ctx.Done():
		t.Fatal("the report was never begun")
	}
	_, err = s.agent.Command(s.ctx, "pause")
	s.must(err)
	select {
	case r := <-ended:
		if r.Code != 3 || !strings.Contains(r.Stderr, "paused") {
			t.Errorf("the sync ended with %d, want 3, and said:\n%s", r.Code, r.Stderr)
		}
	case <-s.ctx.Done():
		t.Fatal("the sync did not end with the pause")
	}
	deadline, _ := s.ctx.Deadline()
	for _, c := range programs {
		s.must(c.SetReadDeadline(deadline))
		if _, err := c.Read(make([]byte, 1)); os.IsTimeout(err) {
			t.Error("the program, or its child, outlived the pause")
		}
		s.must(c.Close())
	}
	s.db = well
	s.write()
	s.must(oracle.Same(before, s.held()))
	_, err = s.agent.Command(s.ctx, "resume")
	s.must(err)
	s.sync()
}
