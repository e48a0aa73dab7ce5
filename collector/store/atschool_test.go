package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// When registers came, and what came, is told from the deliveries; each part with the
// receipt that intake signed.
func TestDeliveriesAndTheirReceipts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := newShelf(t, db), t.Context()
		start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		agent := []byte("0123456789abcdef")
		s.exec("INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state, created_at) VALUES ('oak', ?, 1, ?, ?, ?, 'a', 'confirmed', 1)",
			agent, []byte("k"), []byte("k"), []byte("k"))
		digest := func(n int) (d envelope.Digest) { copy(d[:], fmt.Sprintf("digest of batch %d", n)); return d }
		for n := 1; n <= 5; n++ {
			at := start.Add(time.Duration(n) * time.Hour)
			payload, err := json.Marshal(protocol.Receipt{Message: protocol.MessageBatch, Sequence: uint64(n), Digest: digest(n), Received: at})
			s.must(err)
			receipt, err := json.Marshal(protocol.Signed{Payload: payload})
			s.must(err)
			d := digest(n)
			state := "applied"
			if n == 4 {
				state = "withdrawn"
			}
			s.exec(`INSERT INTO inbox (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, receipt, state)
				VALUES ('oak', ?, 1, ?, ?, ?, 1, 1, ?, 100, ?, ?)`, agent, n, d[:], make([]byte, 32), database.Micros(at), receipt, state)
		}
		// Batch 1 alone with registers, 2 and 3 together without, 5 after 4 was withdrawn.
		for _, d := range []Delivery{
			{First: 1, Sequence: 1, Received: start.Add(time.Hour), AttendanceAsAt: start.Add(30 * time.Minute)},
			{First: 2, Sequence: 3, Received: start.Add(3 * time.Hour), Upserts: 7},
			{First: 4, Sequence: 5, Received: start.Add(5 * time.Hour), AttendanceAsAt: start.Add(4 * time.Hour)},
		} {
			s.must(s.store.Write(ctx, func(tx *Tx) error {
				return tx.Writer(s.vault, Arrival{School: "oak", Generation: 1, Sequence: d.Sequence, Received: d.Received, Now: d.Received}, record.Digest{}).Deliver(ctx, d)
			}))
		}
		reads, began, err := s.store.RegisterReads(ctx, "oak", start.Add(2*time.Hour))
		s.must(err)
		if len(reads) != 1 || !reads[0].Received.Equal(start.Add(5*time.Hour)) || !reads[0].RegistersAsAt.Equal(start.Add(4*time.Hour)) || !began.Equal(start.Add(time.Hour)) {
			t.Errorf("registers: %+v since %s", reads, began)
		}
		if reads, began, err := s.store.RegisterReads(ctx, "elm", start); err != nil || len(reads) != 0 || !began.IsZero() {
			t.Errorf("another school: %v %s %v", reads, began, err)
		}
		list, total, err := s.store.DeliveriesFrom(ctx, "oak", start.Add(2*time.Hour), 1, 5)
		s.must(err)
		if total != 2 || len(list) != 1 || list[0].Sequence != 3 || list[0].Upserts != 7 {
			t.Errorf("the second newest: %+v of %d", list, total)
		}
		for sequence, want := range map[uint64][]int{1: {1}, 3: {2, 3}, 5: {5}} {
			d, batches, err := s.store.Delivery(ctx, "oak", 1, sequence)
			s.must(err)
			if d.Sequence != sequence || len(batches) != len(want) {
				t.Fatalf("delivery %d: %+v", sequence, batches)
			}
			for i, n := range want {
				if b := batches[i]; b.Sequence != uint64(n) || b.Digest != digest(n) || b.Receipt.Digest != digest(n) || !b.Receipt.Received.Equal(b.Received) {
					t.Errorf("delivery %d: %+v", sequence, b)
				}
			}
		}
		for _, of := range []struct {
			school     string
			generation uint32
			sequence   uint64
		}{{"elm", 1, 1}, {"oak", 2, 1}, {"oak", 1, 2}} {
			if _, _, err := s.store.Delivery(ctx, of.school, of.generation, of.sequence); !errors.Is(err, ErrNotFound) {
				t.Errorf("%+v: %v", of, err)
			}
		}
	})
}

// Why records are refused is counted by reason, of the authority's own children and of
// the staff that it is given; of a school that has stopped nobody is told.
func TestRefusals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := newShelf(t, db), t.Context()
		for n, of := range []string{authority, authority, "302"} {
			pupil := strings.Repeat(fmt.Sprint(n), 32)
			s.exec("INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('oak', ?, ?, ?, 1, 1)", pupil, of, []byte("k"))
			s.exec(`INSERT INTO records (school, dataset, key, pupil, version, tag, counted, refused, generation, sequence, received_at, as_at)
				VALUES ('oak', 'contact', ?, ?, 1, ?, TRUE, TRUE, 1, 1, 1, 1)`, pupil+"/1", pupil, make([]byte, 32))
			s.exec("INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES ('oak', 'contact', ?, 1, ?, ?, ?)",
				pupil+"/1", `["Surname:too_long","Surname:too_long","decode"]`, []byte("b"), database.Micros(time.Unix(int64(100-n), 0)))
		}
		s.exec("INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES ('oak', 'staff', 's', 1, ?, ?, 1)", `["Email:malformed"]`, []byte("b"))
		if got, err := s.store.Refusals(ctx, "oak", authority); err != nil || len(got) != 2 {
			t.Errorf("before staff are given: %+v %v", got, err)
		}
		s.write(func(*Writer) error { return nil }) // gives staff to 301 and 302, with Surname at least, and to 303 with nothing more
		field := Refusals{Dataset: "contact", Field: "Surname", Code: record.FaultTooLong}
		whole := Refusals{Dataset: "contact", Code: record.FaultDecode}
		staff := Refusals{Dataset: "staff", Field: "Email", Code: record.FaultMalformed}
		for of, want := range map[string]map[Refusals]int{
			"": {field: 3, whole: 3, staff: 1}, authority: {field: 2, whole: 2, staff: 1}, "302": {field: 1, whole: 1, staff: 1}, "999": {},
		} {
			list, err := s.store.Refusals(ctx, "oak", of)
			s.must(err)
			got := map[Refusals]int{}
			for _, r := range list {
				if r.Since.IsZero() {
					t.Errorf("%q: %+v has no time", of, r)
				}
				got[Refusals{Dataset: r.Dataset, Field: r.Field, Code: r.Code}] = r.Records
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q is told %v, want %v", of, got, want)
			}
		}
		s.exec("UPDATE schools SET revoked_at = 1 WHERE school = 'oak'")
		if got, err := s.store.Refusals(ctx, "oak", ""); err != nil || len(got) != 0 {
			t.Errorf("of a school that has stopped: %v %v", got, err)
		}
	})
}

// An authority sees the staff that a school has given it, with the fields that it was
// given, and nobody's of a school that has stopped.
func TestStaff(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := newShelf(t, db), t.Context()
		s.put(recordtest.Make(record.DatasetStaff, "", 1, 1))
		staff := func(of string) []record.Staff {
			t.Helper()
			list, err := s.store.Staff(ctx, s.vault, "oak", of)
			s.must(err)
			return list
		}
		one, two := staff(authority), staff("302")
		if len(one) != 1 || one[0].Surname == "" || one[0].Email != "" || len(two) != 1 || two[0].Email == "" {
			t.Errorf("301 sees %+v, 302 %+v", one, two)
		}
		if got := staff("999"); len(got) != 0 {
			t.Errorf("an authority that was given nothing sees %+v", got)
		}
		s.stop("oak", clock.Now())
		// A call to the school, say, gives it a key of its own again.
		s.must(s.store.Write(ctx, func(tx *Tx) error { _, err := tx.SchoolKey(ctx, s.vault, "oak"); return err }))
		if got := staff(authority); len(got) != 0 {
			t.Errorf("of a school that has stopped: %+v", got)
		}
	})
}
