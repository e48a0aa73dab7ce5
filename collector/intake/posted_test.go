package intake_test

import (
	"bytes"
	"crypto/ed25519"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func (s *sender) idOf(p ed25519.PublicKey) [16]byte { return envelope.AgentOf(p) }

// An agent keeps its roster in memory only: each time it says that it holds none
// it is given the newest, and never one before that.
func TestNewestRosterIsRelayedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		given := func(serial uint64) (serials []uint64) {
			t.Helper()
			got := w.post(protocol.MessageCheckin, a.checkin(protocol.Have{Serials: map[protocol.StatementKind]uint64{protocol.KindRoster: serial}}))
			got.mustReceipt(t)
			for _, s := range got.reply.Statements {
				st, err := protocol.VerifyStatement(s, w.made.Keyring)
				if err != nil {
					t.Fatal(err)
				}
				if st.Kind == protocol.KindRoster {
					serials = append(serials, st.Serial)
				}
			}
			return serials
		}
		if n := given(0); len(n) != 0 {
			t.Errorf("a roster comes from nowhere: %v", n)
		}
		w.state(a.id, protocol.KindRoster, protocol.RosterStatement{Sealed: []byte("one")})
		first := w.serial
		w.state(a.id, protocol.KindRoster, protocol.RosterStatement{Sealed: []byte("two")})
		newest := w.serial
		for range 2 {
			if n := given(0); !slices.Equal(n, []uint64{newest}) {
				t.Errorf("an agent without a roster is given %v, want %d", n, newest)
			}
		}
		if n := given(first); !slices.Equal(n, []uint64{newest}) {
			t.Errorf("an agent with the first is given %v, want %d", n, newest)
		}
		if n := given(newest); len(n) != 0 {
			t.Errorf("an agent with the newest is given %v", n)
		}
	})
}

func TestCheckinBringsWhatIsNewer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.agent("confirmed", false), w.agent("confirmed", false)
		w.state(a.id, protocol.KindEnrolled, protocol.Enrolled{School: school})
		w.state(other.id, protocol.KindEnrolled, protocol.Enrolled{School: school})
		w.state(a.id, protocol.KindOutcome, protocol.Outcome{First: 1, Last: 1})
		known := w.serial
		w.state(a.id, protocol.KindOutcome, protocol.Outcome{First: 2, Last: 2})
		got := w.post(protocol.MessageCheckin, a.checkin(protocol.Have{}))
		got.mustReceipt(t)
		if got.reply.Keyring == nil || len(got.kinds(w)) != 4 {
			t.Errorf("an agent that has nothing got %v, keyring %v", got.kinds(w), got.reply.Keyring != nil)
		}
		have := protocol.Have{Epoch: w.made.Keyring.Epoch, Serials: map[protocol.StatementKind]uint64{
			protocol.KindSealingKey: 1, protocol.KindEnrolled: 1 << 63, protocol.KindOutcome: known,
		}}
		frame := a.checkin(have)
		got = w.post(protocol.MessageCheckin, frame)
		got.mustReceipt(t)
		if k := got.kinds(w); got.reply.Keyring != nil || len(k) != 1 || k[0] != protocol.KindOutcome {
			t.Errorf("an agent that lacks one outcome got %v, keyring %v", k, got.reply.Keyring != nil)
		}
		if n := w.count("SELECT COUNT(*) FROM attempts WHERE checkin = ?", frame); n != 1 {
			t.Error("the check-in is not stored")
		}
		w.post(protocol.MessageCheckin, frame).mustLater(t, protocol.LaterCounter)
		for range 80 {
			w.state(a.id, protocol.KindOutcome, protocol.Outcome{First: 3, Last: 3})
		}
		got = w.post(protocol.MessageCheckin, a.checkin(have))
		if n := len(got.reply.Statements); n != 64 {
			t.Errorf("%d statements in one reply, want it bounded", n)
		}
		first, err := protocol.VerifyStatement(got.reply.Statements[0], w.made.Keyring)
		if err != nil || first.Serial != known+1 {
			t.Errorf("the first is %d (%v), want the oldest, %d", first.Serial, err, known+1)
		}
	})
}

// A school may say stop before its agent has heard which generation it is.
func TestEarlyRevoke(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		body := a.posted(protocol.DomainRevoke, protocol.Revoke{Agent: a.id, Time: time.Now()}, protocol.Have{})
		w.post(protocol.MessageRevoke, a.frame(protocol.MessageRevoke, body)).mustReceipt(t)
	})
}

func TestRequestsInTheWrongRole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.agent("confirmed", false), w.agent("confirmed", false)
		c := w.code(time.Hour)
		checkin := protocol.Checkin{Agent: a.id, Generation: 1}
		bad := map[string]struct {
			from    *sender
			message protocol.Message
			body    []byte
		}{
			"no JSON":                           {a, protocol.MessageCheckin, []byte("x")},
			"nothing signed":                    {a, protocol.MessageCheckin, []byte("{}")},
			"check-in signed as a revoke":       {a, protocol.MessageCheckin, a.posted(protocol.DomainRevoke, checkin, protocol.Have{})},
			"check-in signed by another agent":  {a, protocol.MessageCheckin, other.posted(protocol.DomainCheckin, checkin, protocol.Have{})},
			"check-in of another agent":         {a, protocol.MessageCheckin, a.posted(protocol.DomainCheckin, protocol.Checkin{Agent: other.id, Generation: 1}, protocol.Have{})},
			"check-in of another generation":    {a, protocol.MessageCheckin, a.posted(protocol.DomainCheckin, protocol.Checkin{Agent: a.id, Generation: 2}, protocol.Have{})},
			"revoke signed as a check-in":       {a, protocol.MessageRevoke, a.posted(protocol.DomainCheckin, protocol.Revoke{Agent: a.id, Generation: 1}, protocol.Have{})},
			"revoke of another agent":           {a, protocol.MessageRevoke, a.posted(protocol.DomainRevoke, protocol.Revoke{Agent: other.id, Generation: 1}, protocol.Have{})},
			"revoke of another generation":      {a, protocol.MessageRevoke, a.posted(protocol.DomainRevoke, protocol.Revoke{Agent: a.id, Generation: 2}, protocol.Have{})},
			"offer signed as an enrolment":      {c, protocol.MessageOffer, c.posted(protocol.DomainEnrol, protocol.OfferRequest{Code: protocol.CodeID(c.id)}, protocol.Have{})},
			"offer for another code":            {c, protocol.MessageOffer, c.posted(protocol.DomainOffer, protocol.OfferRequest{}, protocol.Have{})},
			"enrolment signed by the agent":     {c, protocol.MessageEnrol, a.posted(protocol.DomainEnrol, protocol.EnrolRequest{Code: protocol.CodeID(c.id), Sign: a.public()}, protocol.Have{})},
			"enrolment without a key":           {c, protocol.MessageEnrol, c.posted(protocol.DomainEnrol, protocol.EnrolRequest{Code: protocol.CodeID(c.id)}, protocol.Have{})},
			"enrolment for another code":        {c, protocol.MessageEnrol, c.posted(protocol.DomainEnrol, protocol.EnrolRequest{Sign: a.public()}, protocol.Have{})},
			"enrolment that is only an offer's": {c, protocol.MessageEnrol, c.posted(protocol.DomainOffer, protocol.OfferRequest{Code: protocol.CodeID(c.id)}, protocol.Have{})},
		}
		for name, b := range bad {
			if got := w.post(b.message, b.from.frame(b.message, b.body)); got.answer == nil || got.answer.Why != protocol.LaterBad {
				t.Errorf("%s: HTTP %d %s", name, got.status, got.raw)
			}
		}
		if n := w.count("SELECT COUNT(*) FROM requests"); n != 0 {
			t.Errorf("%d requests are kept", n)
		}
		if n := w.count("SELECT COUNT(*) FROM attempts WHERE checkin IS NOT NULL"); n != 0 {
			t.Errorf("%d check-ins are kept", n)
		}
	})
}

func TestRevokeIsKeptOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		body := a.revoke()
		frame := a.frame(protocol.MessageRevoke, body)
		first := w.post(protocol.MessageRevoke, frame)
		if r := first.mustReceipt(t); r.Agent != a.id {
			t.Errorf("receipt %+v", r)
		}
		for range 2 { // also without a counter that rises
			if got := w.post(protocol.MessageRevoke, frame); !bytes.Equal(got.raw, first.raw) {
				t.Errorf("a repeat got %s", got.raw)
			}
		}
		if n := w.count("SELECT COUNT(*) FROM requests WHERE message = 'revoke' AND frame = ? AND sender = ?", frame, a.id[:]); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestOfferAndEnrol(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.code(time.Hour)
		offer := func(c *sender) answer {
			return w.post(protocol.MessageOffer, c.frame(protocol.MessageOffer, c.posted(protocol.DomainOffer, protocol.OfferRequest{Code: protocol.CodeID(c.id)}, protocol.Have{})))
		}
		for range 2 { // it burns nothing
			got := offer(c)
			got.mustReceipt(t)
			if k := got.kinds(w); len(k) != 2 || k[0] != protocol.KindOffer || k[1] != protocol.KindSealingKey || got.reply.Keyring == nil {
				t.Errorf("an offer brings %v, keyring %v", k, got.reply.Keyring != nil)
			}
		}
		agentKey := w.newSender(c.idOf)
		enrol := func(c, a *sender) []byte {
			return c.posted(protocol.DomainEnrol, protocol.EnrolRequest{Code: protocol.CodeID(c.id), Sign: a.public()}, protocol.Have{})
		}
		body := enrol(c, agentKey)
		first := w.post(protocol.MessageEnrol, c.frame(protocol.MessageEnrol, body))
		if r := first.mustReceipt(t); r.Agent != agentKey.id {
			t.Errorf("receipt %+v, want it to name the agent", r)
		}
		if got := w.post(protocol.MessageEnrol, c.frame(protocol.MessageEnrol, body)); !bytes.Equal(got.raw, first.raw) {
			t.Errorf("the same request again got %s", got.raw)
		}
		if n := w.count("SELECT COUNT(*) FROM requests WHERE message = 'enrol' AND school = ?", school); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}

		// Control accepts it: the code is used, and a repeat brings the statement.
		w.exec("UPDATE codes SET used_by = ?, expires_at = 0 WHERE code_id = ?", agentKey.id[:], c.id[:])
		w.exec("UPDATE requests SET state = 'done'")
		w.state(agentKey.id, protocol.KindEnrolled, protocol.Enrolled{School: school})
		got := w.post(protocol.MessageEnrol, c.frame(protocol.MessageEnrol, body))
		got.mustReceipt(t)
		if k := got.kinds(w); len(k) != 2 || k[0] != protocol.KindEnrolled {
			t.Errorf("after the decision came %v", k)
		}
		thief := w.newSender(c.idOf)
		impostor := w.newSender(c.idOf) // has seen the code's id and its request, not its seed
		impostor.id = c.id
		if got := w.post(protocol.MessageEnrol, impostor.frame(protocol.MessageEnrol, body)); got.status != http.StatusForbidden {
			t.Errorf("an impostor of the code: HTTP %d %s", got.status, got.raw)
		}
		w.post(protocol.MessageEnrol, c.frame(protocol.MessageEnrol, enrol(c, thief))).mustLater(t, protocol.LaterExpired)
		offer(c).mustLater(t, protocol.LaterExpired)

		late := w.code(-time.Second)
		offer(late).mustLater(t, protocol.LaterExpired)
		w.post(protocol.MessageEnrol, late.frame(protocol.MessageEnrol, enrol(late, thief))).mustLater(t, protocol.LaterExpired)

		refused := w.code(time.Hour)
		body = enrol(refused, thief)
		w.post(protocol.MessageEnrol, refused.frame(protocol.MessageEnrol, body)).mustReceipt(t)
		w.exec("UPDATE codes SET expires_at = 0 WHERE code_id = ?", refused.id[:])
		w.post(protocol.MessageEnrol, refused.frame(protocol.MessageEnrol, body)).mustReceipt(t) // asked in time
		w.exec("UPDATE requests SET state = 'refused' WHERE state = 'waiting'")
		w.post(protocol.MessageEnrol, refused.frame(protocol.MessageEnrol, body)).mustLater(t, protocol.LaterExpired)
	})
}

// Intake does all it has to with the rights of its PostgreSQL role.
func TestAllMessagesWithIntakesRole(t *testing.T) {
	dsn := dbtest.Postgres(t)
	db := dbtest.Migrated(t, dsn)
	const role = "intake_messages"
	for _, q := range []string{"CREATE ROLE " + role + " LOGIN"} {
		if err := db.Write(t.Context(), func(tx *database.Tx) error { _, err := tx.Exec(t.Context(), q); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.GrantIntake(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	served, err := database.Open(t.Context(), strings.Replace(dsn, "user=postgres", "user="+role, 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { served.Close() })
	newWorld(t, db, served).allMessages(t)
}

// What is asked for one message costs the same however many schools there are.
func TestNoStatementWalksATable(t *testing.T) {
	dsn := dbtest.SQLite(t)
	db := dbtest.Migrated(t, dsn)
	served, err := database.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { served.Close() })
	newWorld(t, db, served).allMessages(t)
	dbtest.NoWalks(t, served, 12)
}

func (w *world) allMessages(t *testing.T) {
	t.Helper()
	c := w.code(time.Hour)
	w.post(protocol.MessageOffer, c.frame(protocol.MessageOffer, c.posted(protocol.DomainOffer, protocol.OfferRequest{Code: protocol.CodeID(c.id)}, protocol.Have{}))).mustReceipt(t)
	a := w.agent("confirmed", false)
	body := c.posted(protocol.DomainEnrol, protocol.EnrolRequest{Code: protocol.CodeID(c.id), Sign: a.public()}, protocol.Have{})
	for range 2 {
		w.post(protocol.MessageEnrol, c.frame(protocol.MessageEnrol, body)).mustReceipt(t)
	}
	batch := a.seal()
	for range 2 {
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, batch)).mustReceipt(t)
	}
	a.head = envelope.Link{}
	w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal())).mustLater(t, protocol.LaterChain)
	w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal(func(h *envelope.Header) { h.SealingKey = envelope.KeyID{} })))
	w.post(protocol.MessageCheckin, a.checkin(protocol.Have{})).mustReceipt(t)
	w.post(protocol.MessageRevoke, a.frame(protocol.MessageRevoke, a.revoke())).mustReceipt(t)
	if log := w.log.String(); log != "" {
		t.Errorf("something went wrong: %s", log)
	}
	_, code := w.safe()
	for _, action := range []string{"status", "revoke", "revoke"} {
		w.form("/stop", "code", code.Reveal(), "action", action).says(t, http.StatusOK)
	}
	w.form("/stop/certificate", "code", code.Reveal()).says(t, http.StatusConflict)
}

func TestOtherAddresses(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	w := newWorld(t, db, db)
	for path, want := range map[string]int{"/": http.StatusNotFound, "/v1/other": http.StatusNotFound, "/v1/batch": http.StatusMethodNotAllowed} {
		res, err := w.client.Get(w.address + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("GET %s: HTTP %d, want %d", path, res.StatusCode, want)
		}
	}
}
