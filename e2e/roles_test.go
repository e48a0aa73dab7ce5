package e2e

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/keys"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

var dsnUser = regexp.MustCompile(`user=[^&\s]+`)

// TestIntakeAlone runs intake as its own process with its own keys and its own
// PostgreSQL role, takes batches while nothing can open them, and lets a process
// with role apply work them off later. Then intake's keys fall into the wrong
// hands.
func TestIntakeAlone(t *testing.T) {
	t.Parallel()
	owner := dbtest.Postgres(t)
	w := splitWorld(t, owner)
	limited := dsnUser.ReplaceAllString(owner, "user=rollbridge_intake")
	if limited == owner {
		t.Fatal("the test does not know how to change the user in the database's address")
	}
	db, err := database.Connect(w.ctx, owner)
	w.must(err)
	defer db.Close()
	w.must(db.Write(w.ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(w.ctx, `DO $$ BEGIN CREATE ROLE rollbridge_intake LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`)
		return err
	}))
	_, err = w.collector.Command(w.ctx, "migrate", "--intake-role", "rollbridge_intake")
	w.must(err)

	intake, err := w.collector.Member(filepath.Join(w.dir, "intake"), limited, "intake", "tls")
	w.must(err)
	t.Cleanup(func() { w.must(intake.Close()) })
	_, err = intake.Start(w.ctx, "intake")
	w.must(err)
	apply, err := w.collector.Start(w.ctx, "apply,jobs")
	w.must(err)
	w.enrol()
	w.sync()

	w.must(apply.Stop())
	for range 3 {
		w.must(w.school.ChangeMark(w.school.LookedAfter()[1].ID, w.school.Today(), demoschool.AM, map[bool]string{true: "I", false: "M"}[time.Now().UnixNano()%2 == 0]))
		w.write()
		_, err := w.agent.Command(w.ctx, "sync")
		w.must(err)
	}
	if n := w.number(db, "SELECT COUNT(*) FROM inbox WHERE state = 'waiting' AND envelope IS NOT NULL"); n != 3 {
		t.Fatalf("%d batches wait sealed while nobody can open them, want 3", n)
	}
	apply, err = w.collector.Start(w.ctx, "apply,jobs")
	w.must(err)
	w.same()

	t.Run("rights", func(t *testing.T) { intakeCanDoNoMore(t, w, limited) })
	t.Run("forged statements", func(t *testing.T) { forgedStatementsChangeNothing(t, w, db) })
	w.must(apply.Stop())
	w.sound()
}

// splitWorld is a world whose collector does not run yet.
func splitWorld(t *testing.T, dsn string) *world {
	t.Helper()
	w := emptyWorld(t, small())
	w.setUpMIS(w.school.TablesSQL, stack.MISOptions{})
	var err error
	w.collector, err = stack.NewCollector(w.ctx, programs, filepath.Join(w.dir, "collector"), stack.CollectorOptions{Database: dsn})
	w.must(err)
	t.Cleanup(func() { w.must(w.collector.Close()) })
	return w
}

func (w *world) enrol() {
	w.t.Helper()
	code, err := w.collector.AddSchool(w.ctx, stack.School{ID: schoolID, Name: demoschool.SchoolName, Authorities: w.school.Authorities()})
	w.must(err)
	w.enrolAt(w.source(), code, stack.AgentOptions{})
}

// intakeCanDoNoMore tries what a broken-into intake would like to do.
func intakeCanDoNoMore(t *testing.T, w *world, dsn string) {
	db, err := database.Connect(w.ctx, dsn)
	w.must(err)
	defer db.Close()
	for _, query := range []string{
		"SELECT envelope FROM inbox", "SELECT frame FROM requests", "SELECT * FROM records", "SELECT * FROM pupils",
		"SELECT * FROM quarantine", "SELECT * FROM record_history", "SELECT id_key FROM schools", "SELECT * FROM school_keys",
		"SELECT receive_key FROM agents", "SELECT id_key FROM agents", "SELECT * FROM users", "SELECT * FROM sessions",
		"UPDATE inbox SET state = 'applied'", "UPDATE agents SET state = 'confirmed'", "UPDATE attempts SET agent = agent",
		"DELETE FROM inbox", "DELETE FROM requests", "DELETE FROM attempts", "DELETE FROM statements", "DELETE FROM records",
		"INSERT INTO statements SELECT * FROM statements", "INSERT INTO keyrings SELECT * FROM keyrings", "INSERT INTO attempts SELECT * FROM attempts",
		"SELECT code FROM stop_requests", "UPDATE stop_requests SET code = ''", "DELETE FROM stop_requests", "SELECT hold FROM stops", "SELECT key FROM stops",
		"INSERT INTO stops SELECT * FROM stops", "UPDATE stops SET destroy_at = 1", "DELETE FROM stops", "INSERT INTO certificates SELECT * FROM certificates",
		"DELETE FROM certificates", "UPDATE agents SET revocation = ''", "UPDATE schools SET revoked_at = NULL",
		"DROP TABLE inbox", "TRUNCATE inbox", "CREATE TABLE mine (n INT)",
	} {
		err := db.Write(w.ctx, func(tx *database.Tx) error {
			_, err := tx.Exec(w.ctx, query)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("intake's role was not denied %q: %v", query, err)
		}
	}
}

// forgedStatementsChangeNothing plays a thief who has the intake key and writes
// to the database: a wider provision and a sealing key of the thief's own, each
// signed in the wrong role, are relayed and refused.
func forgedStatementsChangeNothing(t *testing.T, w *world, db *database.DB) {
	held, err := keys.OpenIntake(filepath.Join(w.collector.Dir, "keys"))
	w.must(err)
	thief, err := envelope.GenerateKey()
	w.must(err)
	now := time.Now()
	public := thief.PublicKey().Bytes()
	ask := protocol.Ask{School: schoolID, SchoolName: demoschool.SchoolName, Requests: []protocol.AuthorityAsk{{
		Code: w.school.OtherAuthority(), Name: "Thief", Why: "none", Datasets: map[record.Dataset][]string{record.DatasetPupil: {"Surname"}},
	}}}
	key := protocol.SealingKey{ID: envelope.KeyIDOf(public), Public: public, Created: now, Retires: now.AddDate(1, 0, 0), Destroyed: now.AddDate(2, 0, 0)}
	var agent envelope.AgentID
	w.must(db.Read(w.ctx, func(tx *database.Tx) error {
		var raw []byte
		err := tx.QueryRow(w.ctx, "SELECT agent FROM agents").Scan(&raw)
		copy(agent[:], raw)
		return err
	}))
	serial := uint64(now.AddDate(1, 0, 0).UnixMilli())
	for _, f := range []struct {
		kind protocol.StatementKind
		to   envelope.AgentID
		slug string
		body any
	}{
		{protocol.KindProvision, agent, schoolID, ask},
		{protocol.KindSealingKey, envelope.AgentID{}, "", key},
		{protocol.KindRefusal, agent, schoolID, protocol.Refusal{Reason: protocol.RefusalRevoked}},
	} {
		body, err := json.Marshal(f.body)
		w.must(err)
		signed, err := protocol.Sign(held[0], protocol.DomainStatement, protocol.Statement{Kind: f.kind, Agent: f.to, Serial: serial, Issued: now, Body: body})
		w.must(err)
		stored, err := json.Marshal(signed)
		w.must(err)
		w.must(db.Write(w.ctx, func(tx *database.Tx) error {
			_, err := tx.Exec(w.ctx, "INSERT INTO statements (school, agent, kind, serial, generation, issued_at, signed) VALUES (?, ?, ?, ?, 0, ?, ?)",
				f.slug, f.to[:], string(f.kind), int64(serial), database.Micros(now), stored)
			return err
		}))
	}
	w.must(w.school.ChangeMark(w.school.LookedAfter()[0].ID, w.school.Today(), demoschool.AM, "M"))
	w.write()
	for range 2 {
		_, err := w.agent.Command(w.ctx, "sync")
		w.must(err)
	}
	w.same()
	shown, err := w.agent.Command(w.ctx, "scope", "show")
	w.must(err)
	if strings.Contains(shown, "Thief") {
		t.Error("a provision signed with the intake key was obeyed")
	}
	if n := w.number(db, "SELECT COUNT(*) FROM inbox WHERE state IN ('set_aside', 'refused')"); n != 0 {
		t.Errorf("%d batches could not be opened: a sealing key signed with the intake key was obeyed", n)
	}
}
