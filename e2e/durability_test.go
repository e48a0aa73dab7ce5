package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"rollbridge/collector/database/dbtest"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
)

// TestKillSweep ends both programs at random moments as a power cut of the
// process would, on a line that loses answers and repeats requests, while the
// school changes between syncs: promise 4 (nothing acknowledged is lost,
// nothing is counted twice).
func TestKillSweep(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		sweep(t, "", 100)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		sweep(t, dbtest.Postgres(t), 20)
	})
}

// A sweeper is one run: the same seed changes the school and meets the same
// faults in the same order; when a process dies is drawn from it too, but what
// it was doing then is up to the machine.
type sweeper struct {
	*world
	random *rand.Rand
	serves []*serving
	took   time.Duration // an undisturbed sync
	clean  bool          // the last sync ended well
}

// A serving is one process of the collector.
type serving struct {
	*stack.Collector
	roles   string
	process *stack.Process
}

func sweep(t *testing.T, dsn string, kills int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w, gateway := behind(t, small(), stack.CollectorOptions{Database: dsn}, stack.AgentOptions{})
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(t.Context(), 15*time.Minute)
	t.Cleanup(cancel)
	s := &sweeper{world: w, random: rand.New(rand.NewPCG(seed, 3)), clean: true}
	w.sync()
	began := time.Now()
	s.change()
	_, err := w.agent.Command(w.ctx, "sync")
	w.must(err)
	s.took = time.Since(began)
	s.serve(dsn)
	gateway.Decide(fault.Chance(seed, map[fault.Fate]int{
		fault.CutRequest: 8, fault.DropReply: 20, fault.Repeat: 15, fault.Replay: 15, fault.OldReply: 5,
	}))
	rounds := 0
	for left := kills; left > 0; rounds++ {
		if !s.round() {
			continue
		}
		if left--; left%10 == 0 {
			s.sound() // what a kill left is whole before anything repairs it
		}
	}
	t.Logf("%d kills in %d rounds", kills, rounds)
	gateway.Always(fault.Pass)
	w.sync()
	w.sync()
	w.sound()
	appliedOnce(t, w, dsn)
}

// serve starts the collector again: as one process, or, on PostgreSQL, with
// intake apart, as in production.
func (s *sweeper) serve(dsn string) {
	s.t.Helper()
	s.must(s.collector.Close())
	s.serves = []*serving{{Collector: s.collector}}
	if dsn != "" {
		intake, err := s.collector.Member(filepath.Join(s.dir, "intake"), dsn, "intake", "tls")
		s.must(err)
		s.t.Cleanup(func() { _ = intake.Close() })
		s.serves[0].roles = "apply,portal,jobs"
		s.serves = append(s.serves, &serving{Collector: intake, roles: "intake"})
	}
	for _, c := range s.serves {
		c.start(s.world)
	}
}

func (c *serving) start(w *world) {
	w.t.Helper()
	var err error
	c.process, err = c.Start(w.ctx, c.roles)
	w.must(err)
}

// TestKillEnrolment ends `enrol` at random moments, on a line that loses
// answers: the same code goes on with the same keys, and in the end there is
// one agent.
func TestKillEnrolment(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))
	gateway, err := fault.NewGateway()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Close() })
	w, code := newWorld(t, small(), stack.CollectorOptions{PublicURL: gateway.URL()})
	gateway.Serve(w.collector.IntakeAddress(), w.trialCertificate())
	gateway.Decide(fault.Chance(seed, map[fault.Fate]int{fault.DropReply: 30, fault.Repeat: 20, fault.CutRequest: 10}))
	w.agent, err = stack.NewAgent(programs, filepath.Join(w.dir, "agent"), w.source(), stack.AgentOptions{})
	w.must(err)
	for range 12 {
		enrol, err := stack.Start(w.agent.Programs.Agent, w.agent.LogFile(), w.agent.Env(), "enrol", code, "--accept")
		w.must(err)
		select {
		case <-time.After(time.Duration(random.Int64N(int64(400 * time.Millisecond)))):
			enrol.Kill()
		case <-enrol.Exited():
		}
	}
	gateway.Always(fault.Pass)
	phrase, err := w.agent.Enrol(w.ctx, code)
	w.must(err)
	w.confirm(phrase)
	w.sync()
	w.sound()
	var agents int
	w.must(openDatabase(t, w, "").QueryRowContext(w.ctx, "SELECT count(*) FROM agents").Scan(&agents))
	if agents != 1 {
		t.Errorf("%d agents came of one code", agents)
	}
}

// TestPartsTogether cuts a read that is too large for one batch between its
// parts: nothing of it is applied until all of it is there.
func TestPartsTogether(t *testing.T) {
	t.Parallel()
	config := small()
	config.Pupils, config.LookedAfterShare = 2600, 0.6
	w, gateway := behind(t, config, stack.CollectorOptions{}, stack.AgentOptions{})
	batches := 0
	gateway.Decide(func(s fault.Seen) fault.Fate {
		if s.Message == protocol.MessageBatch {
			batches++
		}
		if batches > 1 {
			return fault.CutRequest
		}
		return fault.Pass
	})
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 || batches < 2 {
		t.Fatalf("the read was not cut between its parts: code %d, %d batches tried\n%s", r.Code, batches, r.Stdout)
	}
	digests, states, _ := inboxRows(t, w)
	if len(digests) != 1 || states[0] != "waiting" {
		t.Errorf("the first part alone is %v", states)
	}
	out, err := w.collector.Records(w.ctx, schoolID)
	if err != nil || len(out) > 0 {
		t.Errorf("%d records of a read that has not all arrived are there: %v", len(out), err)
	}
	gateway.Always(fault.Pass)
	w.sync()
	appliedOnce(t, w, "")
	w.sound()
}

// behind is enrolled with a gateway in front of the collector that has the
// collector's own certificate, so that the agent notices nothing.
func behind(t *testing.T, config demoschool.Config, o stack.CollectorOptions, a stack.AgentOptions) (*world, *fault.Gateway) {
	t.Helper()
	gateway, err := fault.NewGateway()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Close() })
	if o.PublicURL == "" {
		o.PublicURL = gateway.URL()
	}
	w, code := newWorld(t, config, o)
	gateway.Serve(w.collector.IntakeAddress(), w.trialCertificate())
	a.Clock = o.Clock
	w.enrolAt(w.source(), code, a)
	return w, gateway
}

func (w *world) trialCertificate() tls.Certificate {
	w.t.Helper()
	dir := filepath.Join(w.collector.Dir, "keys", "tls")
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	w.must(err)
	return cert
}

// round changes the school, begins a sync, and ends one of the programs
// somewhere in it; false if the agent had ended by itself before its moment.
func (s *sweeper) round() (killed bool) {
	s.t.Helper()
	s.change()
	switch s.random.IntN(6) {
	case 0:
		return s.killService()
	case 1, 2:
		return s.killSync()
	default:
		return s.killCollector()
	}
}

func (s *sweeper) begin(args ...string) *stack.Process {
	s.t.Helper()
	p, err := stack.Start(s.agent.Programs.Agent, s.agent.LogFile(), s.agent.Env(), args...)
	s.must(err)
	s.clean = false
	return p
}

// moment is drawn from the seed; it is not waited for anything.
func (s *sweeper) moment(longest time.Duration) <-chan time.Time {
	return time.After(time.Duration(s.random.Int64N(int64(longest))))
}

func (s *sweeper) killSync() bool {
	sync := s.begin("sync")
	select {
	case <-s.moment(s.took):
		sync.Kill()
		return true
	case <-sync.Exited():
		s.clean = sync.Err() == nil
		return false
	}
}

// killService ends the running service, which leaves its socket and its lock
// behind, while a command talks to it or waits for it.
func (s *sweeper) killService() bool {
	service, sync := s.begin("run"), s.begin("sync")
	<-s.moment(2 * s.took)
	service.Kill()
	s.end(sync)
	return true
}

// killCollector ends a process of the collector during the sync or a little
// later, when the batch is being applied. While it is away the agent meets a
// closed door; then it comes back.
func (s *sweeper) killCollector() bool {
	sync := s.begin("sync")
	victim := s.serves[s.random.IntN(len(s.serves))]
	<-s.moment(s.took + s.took/2)
	victim.process.Kill()
	victim.start(s.world)
	s.end(sync)
	return true
}

// end waits for a sync as long as one may take, and no longer.
func (s *sweeper) end(sync *stack.Process) {
	select {
	case <-sync.Exited():
		s.clean = sync.Err() == nil
	case <-time.After(2 * s.took):
		sync.Kill()
	}
}

// change does to the school what an office does between two syncs. Care ends
// for at most one pupil between two reads that ended well, because more at once
// are rightly held for a person.
func (s *sweeper) change() {
	s.t.Helper()
	cared := s.school.LookedAfter()
	pupil := cared[s.random.IntN(len(cared))]
	day := s.school.Today()
	var err error
	switch n := s.random.IntN(6); {
	case n == 0:
		others := s.school.NotLookedAfter()
		all := s.school.Authorities()
		err = s.school.EnterCare(others[s.random.IntN(len(others))].ID, all[s.random.IntN(len(all))], day)
	case n == 1 && s.clean && len(s.school.LookedAfter(pupil.CareAuthority)) > 3:
		err = s.school.LeaveCare(pupil.ID, day)
	case n == 2:
		err = s.school.Rename(pupil.ID, demoschool.NewName{Surname: fmt.Sprintf("Renamed%d", s.random.IntN(1000))})
	case n == 3:
		_, err = s.school.AddContact(pupil.ID, demoschool.Contact{Forename: "New", Surname: fmt.Sprintf("Contact%d", s.random.IntN(1_000_000)), Relationship: "SWR"})
	default:
		marks := []string{"/", "L", "I", "C", "N"}
		err = s.school.ChangeMark(pupil.ID, day, demoschool.AM, marks[s.random.IntN(len(marks))])
	}
	s.must(err)
	s.write()
}

// appliedOnce checks in the database that every batch that was taken belongs to
// exactly one delivery and that every version of a record was made once.
func appliedOnce(t *testing.T, w *world, dsn string) {
	t.Helper()
	db := openDatabase(t, w, dsn)
	w.await("everything to be decided", func() error {
		var waiting int
		err := db.QueryRowContext(w.ctx, "SELECT count(*) FROM inbox WHERE state = 'waiting'").Scan(&waiting)
		if err == nil && waiting > 0 {
			err = fmt.Errorf("%w: %d batches wait", errNotYet, waiting)
		}
		return err
	})
	covered := deliveries(t, w.ctx, db)
	rows, err := db.QueryContext(w.ctx, "SELECT generation, sequence, state FROM inbox ORDER BY generation, sequence")
	w.must(err)
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var b batch
		var state string
		w.must(rows.Scan(&b.generation, &b.sequence, &state))
		counts[state]++
		c := covered[b]
		// What a full batch withdraws is decided with it and not applied.
		good := state == "applied" && c.times == 1 || state == "withdrawn" && c.times == 1 && c.full
		if !good {
			t.Errorf("batch %d of generation %d is %s and was decided %d times", b.sequence, b.generation, state, c.times)
		}
		delete(covered, b)
	}
	w.must(rows.Err())
	for b, c := range covered {
		if !c.full { // a full batch also withdraws what never arrived
			t.Errorf("batch %d of generation %d was applied and never taken", b.sequence, b.generation)
		}
	}
	if counts["applied"] < 2 || counts["waiting"]+counts["set_aside"]+counts["refused"] > 0 {
		t.Errorf("what became of the batches: %v", counts)
	}
	t.Logf("batches: %v", counts)
	var wrong int
	w.must(db.QueryRowContext(w.ctx, `SELECT count(*) FROM records r WHERE r.version <> 1 +
		(SELECT count(*) FROM record_history h WHERE h.school = r.school AND h.dataset = r.dataset AND h.key = r.key)`).Scan(&wrong))
	if wrong > 0 {
		t.Errorf("%d records have another number of versions than were made", wrong)
	}
}

type batch struct{ generation, sequence int64 }

// A cover says how often a batch was decided, and whether a full batch did it.
type cover struct {
	times int
	full  bool
}

// deliveries says what each batch was decided by.
func deliveries(t *testing.T, ctx context.Context, db *sql.DB) map[batch]cover {
	t.Helper()
	covered := map[batch]cover{}
	rows, err := db.QueryContext(ctx, "SELECT generation, first_sequence, sequence, full_ FROM deliveries")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var generation, first, last int64
		var full bool
		if err := rows.Scan(&generation, &first, &last, &full); err != nil {
			t.Fatal(err)
		}
		for n := first; n <= last; n++ {
			b := batch{generation, n}
			covered[b] = cover{covered[b].times + 1, full}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return covered
}

// openDatabase opens the collector's database for looking only.
func openDatabase(t *testing.T, w *world, dsn string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if dsn == "" {
		driver, dsn = "sqlite", "file:"+w.collector.DatabaseFile()+"?mode=ro&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, dsn)
	w.must(err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// inboxRows are digest and state of all batches, in order.
func inboxRows(t *testing.T, w *world) (digests [][]byte, states []string, types []int) {
	t.Helper()
	rows, err := openDatabase(t, w, "").QueryContext(w.ctx, "SELECT digest, state, type FROM inbox ORDER BY generation, sequence")
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var digest []byte
		var state string
		var kind int
		w.must(rows.Scan(&digest, &state, &kind))
		digests, states, types = append(digests, digest), append(states, state), append(types, kind)
	}
	w.must(rows.Err())
	return digests, states, types
}

func containsDigest(all [][]byte, one []byte) bool {
	return slices.ContainsFunc(all, func(d []byte) bool { return bytes.Equal(d, one) })
}

// await is stack.Await with the test's own end.
func (w *world) await(what string, done func() error) {
	w.t.Helper()
	w.must(stack.Await(w.ctx, what, func() (bool, error) {
		err := done()
		return err == nil, err
	}))
}

var errNotYet = errors.New("not yet")

// holds returns nil if the collector holds what the MIS holds now.
func (w *world) holds() error {
	want, err := oracle.Expected(w.school)
	if err != nil {
		return err
	}
	got, err := w.collector.Records(w.ctx, schoolID)
	if err != nil {
		return err
	}
	return oracle.Same(want, got)
}
