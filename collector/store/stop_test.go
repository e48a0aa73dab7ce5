package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

const day = 24 * time.Hour

// stop stops a school as enrolment does, and says how.
func (s *shelf) stop(school string, now time.Time) Stop {
	s.Helper()
	now = now.Truncate(time.Microsecond)
	stop := Stop{School: school, Source: protocol.StoppedByAgent, Said: now, Hidden: now, Destroy: now.Add(protocol.DestroyAfter)}
	s.must(s.store.Write(s.Context(), func(tx *Tx) (err error) {
		if stop.Generation, err = tx.Newest(s.Context(), school); err != nil {
			return err
		}
		stop.Generation++ // no agent of the tests is stored
		h, err := s.vault.NewHold(vault.Hold{School: school, Generation: stop.Generation, Created: now})
		if err != nil {
			return err
		}
		stop.Hold = h.ID
		return tx.StopSchool(s.Context(), s.vault, h, stop)
	}))
	return stop
}

// full puts a record of every dataset, one refused one and a roster entry.
func (s *shelf) full(children int) {
	s.Helper()
	for n := range children {
		id := record.PupilID(fmt.Sprintf("%032x", n+1))
		var list []record.Record
		for _, d := range record.Datasets() {
			if d.OfPupils() {
				list = append(list, recordtest.Make(d, id, 1, 1))
			}
		}
		s.put(list...)
	}
	staff := recordtest.Make(record.DatasetStaff, "", 1, 1)
	s.put(staff, thePupil(2))
	s.write(func(w *Writer) error {
		v := versionOf(s.T, recordtest.Make(record.DatasetBehaviour, onePupil, 7, 1))
		return w.Refuse(s.Context(), v.Ref, v.Canonical, v.Tag, []string{"code"})
	})
}

func (s *shelf) opens(what string, want error) {
	s.Helper()
	err := s.store.Read(s.Context(), func(tx *Tx) error {
		_, err := tx.openKeys(s.Context(), "oak", s.vault)
		return err
	})
	if !errors.Is(err, want) {
		s.Errorf("%s: the keys open: %v, want %v", what, err, want)
	}
}

func TestStoppedSchoolWaitsUnderItsHoldKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		s.full(3)
		s.opens("before", nil)
		records, children := s.count("SELECT COUNT(*) FROM records"), s.count("SELECT COUNT(*) FROM pupils")
		stop := s.stop("oak", clock.Now())
		s.opens("stopped", vault.ErrHeld)
		s.fsck()
		list, err := s.store.Stops(t.Context())
		s.must(err)
		if len(list) != 1 || list[0].Records != records || list[0].Children != children || !list[0].Hidden.Equal(stop.Hidden) || !list[0].Destroyed.IsZero() {
			t.Errorf("%+v of %d records and %d children", list, records, children)
		}
		// Epoch keys come and go; none wraps what is held.
		now := clock.Now()
		for range 16 {
			now = now.Add(day + time.Minute)
			_, err := s.store.Rotate(t.Context(), s.vault, now)
			s.must(err)
		}
		if old := s.count("SELECT COUNT(*) FROM pupils WHERE epoch <> 0"); old != 0 {
			t.Errorf("%d held keys are under an epoch key", old)
		}
		if left, err := s.vault.Epochs(); err != nil || left[0] == 1 {
			t.Errorf("epochs %v, %v", left, err)
		}
		s.fsck()
		if due, err := s.store.DueStops(t.Context(), stop.Destroy.Add(-time.Second)); err != nil || len(due) != 0 {
			t.Errorf("due on day 29: %+v, %v", due, err)
		}
		if due, err := s.store.DueStops(t.Context(), stop.Destroy); err != nil || len(due) != 1 {
			t.Errorf("due on day 30: %+v, %v", due, err)
		}
	})
}

func TestDestroyInPieces(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		s.full(30)
		stop := s.stop("oak", clock.Now())
		hold := vault.Hold{ID: stop.Hold, School: "oak", Created: stop.Hidden}
		s.must(s.vault.DestroyHold(hold))
		s.must(s.store.Write(t.Context(), func(tx *Tx) error { return tx.KeyDestroyed(t.Context(), stop, clock.Now()) }))
		s.fsck()
		pieces := 0
		for {
			var n int64
			s.must(s.store.Write(t.Context(), func(tx *Tx) (err error) {
				n, err = tx.DestroyPiece(t.Context(), stop)
				return err
			}))
			s.fsck()
			if n == 0 {
				break
			}
			if n > maxDestroyed {
				t.Errorf("a piece of %d rows", n)
			}
			pieces++
		}
		if pieces < 6 {
			t.Errorf("%d pieces", pieces)
		}
		for _, of := range ofASchool {
			if n := s.count("SELECT COUNT(*) FROM " + of.table); n != 0 {
				t.Errorf("%d rows of %s are left", n, of.table)
			}
		}
	})
}

// A school that has begun anew, and even stopped again, keeps what it sent since.
func TestOldStopTakesNothingNew(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		s.full(1)
		old := s.stop("oak", clock.Now().Add(-40*day))
		s.must(s.store.Write(t.Context(), func(tx *Tx) error { return tx.ForgetSchool(t.Context(), "oak") }))
		again := func(what string) {
			t.Helper()
			s.must(s.store.Write(t.Context(), func(tx *Tx) error {
				n, err := tx.DestroyPiece(t.Context(), old)
				if n != 0 {
					t.Errorf("%s: %d rows went", what, n)
				}
				return err
			}))
		}
		s.state = record.Digest{}
		s.must(s.store.Write(t.Context(), func(tx *Tx) error { return tx.Begin(t.Context(), Agent{School: "oak", Generation: 1}) }))
		s.full(1)
		again("begun anew")
		s.opens("begun anew", nil)
		s.stop("oak", clock.Now())
		again("stopped again")
		s.opens("stopped again", vault.ErrHeld)
	})
}

func TestFsckFindsFaultsOfAStop(t *testing.T) {
	for name, spoil := range map[string]func(s *shelf, stop Stop){
		"a hold key that is gone": func(s *shelf, stop Stop) {
			s.must(s.vault.DestroyHold(vault.Hold{ID: stop.Hold, School: "oak"}))
		},
		"a school that is shown":   func(s *shelf, _ Stop) { s.exec("UPDATE schools SET revoked_at = NULL") },
		"a stop without a hold":    func(s *shelf, _ Stop) { s.exec("DELETE FROM stops") },
		"a day that has passed":    func(s *shelf, _ Stop) { s.exec("UPDATE stops SET destroy_at = 1") },
		"a key of another":         func(s *shelf, _ Stop) { s.exec("UPDATE pupils SET key = (SELECT key FROM stops)") },
		"pupils left":              func(s *shelf, _ Stop) { s.exec("UPDATE stops SET destroyed_at = 1") },
		"a key not under the hold": func(s *shelf, _ Stop) { s.exec("UPDATE pupils SET epoch = 1") },
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				s := newShelf(t, db)
				s.full(1)
				stop := s.stop("oak", clock.Now())
				spoil(s, stop)
				found, err := s.store.Fsck(t.Context(), s.vault)
				s.must(err)
				if len(found) == 0 {
					t.Error("nothing is found")
				}
			})
		})
	}
}
