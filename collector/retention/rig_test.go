package retention

import (
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// start is when the tests begin: in the academic year of recordtest's weeks.
var start = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

const (
	hour = time.Hour
	day  = 24 * hour
	year = 366 * day
)

// A rig is a collector's store and vault on one database.
type rig struct {
	*testing.T
	db      *database.DB
	store   *store.Store
	vault   *vault.Vault
	job     *Job
	schools int
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	r := &rig{T: t, db: db, store: store.New(db)}
	r.job = &Job{Store: r.store, Periods: settings.Defaults().Retention}
	if err := vault.Init(dir); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.vault, err = vault.Open(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.vault.Close() })
	return r
}

// A shelf is one school's part of it; now is its clock.
type shelf struct {
	*rig
	t     tester
	id    string
	now   time.Time
	batch uint64
}

func (r *rig) school(t tester) *shelf {
	t.Helper()
	r.schools++
	s := &shelf{rig: r, t: t, id: fmt.Sprintf("school-%d", r.schools), now: start}
	s.must(r.store.AddSchool(r.Context(), store.School{ID: s.id, Name: "School"}))
	public := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	s.must(r.store.Write(r.Context(), func(tx *store.Tx) error {
		return tx.Begin(r.Context(), store.Agent{School: s.id, ID: envelope.AgentOf(public), Generation: 1})
	}))
	return s
}

func (s *shelf) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// write does what apply does with a batch.
func (s *shelf) write(f func(w *store.Writer) error) {
	s.t.Helper()
	s.batch++
	s.must(s.store.Write(s.Context(), func(tx *store.Tx) error {
		p, err := tx.Position(s.Context(), s.id)
		if err != nil {
			return err
		}
		w := tx.Writer(s.vault, store.Arrival{School: s.id, Generation: 1, Sequence: s.batch, Received: s.now, Now: s.now}, p.State)
		if err := f(w); err != nil {
			return err
		}
		to := p
		to.State = w.State
		return tx.Advance(s.Context(), p, to)
	}))
}

func pupilID(n int) record.PupilID { return record.PupilID(fmt.Sprintf("%032x", n)) }

func version(s *shelf, r record.Record) store.Version {
	text, err := record.Encode(r)
	s.must(err)
	ref := store.Ref{Dataset: r.Dataset(), Key: r.Key()}
	return store.Version{Ref: ref, Canonical: text, Tag: record.NewTag([]byte("id key"), ref.Dataset, ref.Key, text), AsAt: s.now}
}

func (s *shelf) put(records ...record.Record) {
	s.t.Helper()
	s.write(func(w *store.Writer) error {
		var list []store.Version
		for _, r := range records {
			list = append(list, version(s, r))
		}
		if err := w.Store(s.Context(), list); err != nil {
			return err
		}
		for _, r := range records {
			if p, ok := r.(*record.Pupil); ok {
				if err := w.Describe(s.Context(), p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// all is one record of each dataset, of a child or of nobody.
func all(child record.PupilID, thing, version int) (list []record.Record) {
	for _, d := range record.Datasets() {
		if d.OfPupils() == (child != "") {
			list = append(list, recordtest.Make(d, child, thing, version))
		}
	}
	return list
}

func refOf(r record.Record) store.Ref { return store.Ref{Dataset: r.Dataset(), Key: r.Key()} }

// rows calls f for every row of a child; of everybody without an id.
func (s *shelf) rows(child record.PupilID, f func(w *store.Writer, row store.Row) error) {
	s.t.Helper()
	s.write(func(w *store.Writer) error {
		found, err := w.All(s.Context())
		if err != nil {
			return err
		}
		var list []store.Row
		for _, row := range found {
			if child == "" || row.Pupil() == child {
				list = append(list, row)
			}
		}
		for _, row := range list {
			if err := f(w, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// leave takes a child off the list, as apply does: with everything but the weeks
// that do not count any more.
func (s *shelf) leave(child record.PupilID) {
	s.t.Helper()
	s.rows(child, func(w *store.Writer, row store.Row) error {
		if row.Dataset == record.DatasetPupil {
			if err := w.Leave(s.Context(), child); err != nil {
				return err
			}
		}
		if !row.Counted {
			return nil
		}
		return w.Remove(s.Context(), row, "left")
	})
}

// rename gives a child another id, as apply does.
func (s *shelf) rename(from, to record.PupilID) {
	s.t.Helper()
	s.write(func(w *store.Writer) error { return w.Follow(s.Context(), to, from) })
	s.put(recordtest.Make(record.DatasetPupil, to, 1, 1))
	s.rows(from, func(w *store.Writer, row store.Row) error { return w.Remove(s.Context(), row, "renamed") })
}

func (s *shelf) refuse(r record.Record) {
	s.t.Helper()
	s.write(func(w *store.Writer) error {
		v := version(s, r)
		return w.Refuse(s.Context(), v.Ref, v.Canonical, v.Tag, []string{"key"})
	})
}

// mark sets the rows of a child that are of certain weeks, or all, in a hold or
// out of the count.
func (s *shelf) mark(child record.PupilID, counted bool, held string, d ...record.Dataset) {
	s.t.Helper()
	s.rows(child, func(w *store.Writer, row store.Row) error {
		for _, one := range d {
			if row.Dataset == one {
				return w.Mark(s.Context(), row, counted, held)
			}
		}
		return nil
	})
}

// counts is how much is kept, by dataset, table and child.
func (s *shelf) counts() map[string]int {
	s.t.Helper()
	found := map[string]int{}
	s.must(s.db.Read(s.Context(), func(tx *database.Tx) error {
		clear(found)
		for table, query := range map[string]string{
			"records":    "SELECT dataset, pupil FROM records WHERE school = ?",
			"history":    "SELECT dataset, pupil FROM record_history WHERE school = ?",
			"quarantine": "SELECT dataset, substr(key, 1, 32) FROM quarantine WHERE school = ? AND length(body) > 0",
			"pupils":     "SELECT '', pupil FROM pupils WHERE school = ?",
			"was":        "SELECT '', pupil FROM pupils WHERE school = ? AND was IS NOT NULL",
		} {
			rows, err := tx.Query(s.Context(), query, s.id)
			if err != nil {
				return err
			}
			for rows.Next() {
				var d, pupil string
				if err := rows.Scan(&d, &pupil); err != nil {
					return err
				}
				found[table+" "+d+" "+pupil]++
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	}))
	return found
}

func (s *shelf) position() (p store.Position) {
	s.t.Helper()
	s.must(s.store.Read(s.Context(), func(tx *store.Tx) (err error) {
		p, err = tx.Position(s.Context(), s.id)
		return err
	}))
	return p
}

func (s *shelf) fsck() {
	s.t.Helper()
	found, err := s.store.Fsck(s.Context(), s.vault)
	s.must(err)
	for _, f := range found {
		s.t.Errorf("fsck: %+v", f)
	}
}

// end takes the school away, so that the next does not wait for it.
func (s *shelf) end() {
	s.t.Helper()
	s.must(s.store.Write(s.Context(), func(tx *store.Tx) error {
		if err := tx.ForgetSchool(s.Context(), s.id); err != nil {
			return err
		}
		_, err := tx.Exec(s.Context(), "DELETE FROM schools WHERE school = ?", s.id)
		return err
	}))
}

// run runs the job at a time and gives what it forgot of this school.
func (s *shelf) run(now time.Time) store.Forgotten {
	s.t.Helper()
	before := s.position()
	due, err := s.job.Due(s.Context(), now)
	s.must(err)
	done, err := s.job.Run(s.Context(), now)
	s.must(err)
	s.fsck()
	if after := s.position(); after.State != before.State || after.Link != before.Link {
		s.t.Errorf("the position has moved")
	}
	for i, one := range done {
		if one.School == s.id && due[i].School == s.id {
			if due[i].None() != one.None() {
				s.t.Errorf("%v was due, %v went", due[i].Forgotten, one.Forgotten)
			}
			return one.Forgotten
		}
	}
	s.t.Fatalf("nothing is said of %s", s.id)
	return nil
}
