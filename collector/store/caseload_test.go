package store

import (
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/clock"
)

// A caseload names its children by every id that they get, and goes with them.
func TestCaseloadFollowsItsChildren(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		s.put(s.child(1, authority, 1), s.child(2, authority, 2), s.child(3, authority, 3))
		s.exec("INSERT INTO users (id, name, password, role, created_at) VALUES ('u', 'jo', '', 'caseload', 1)")
		for _, n := range []int{1, 2, 3} {
			s.exec("INSERT INTO caseload (school, pupil, user_id, added_at) VALUES ('oak', ?, 'u', 1)", string(childID(n)))
		}
		names := func(n int) int {
			return s.count("SELECT COUNT(*) FROM caseload WHERE pupil = '" + string(childID(n)) + "'")
		}
		s.write(func(w *Writer) error { return w.Follow(s.Context(), childID(11), childID(1)) })
		s.write(func(w *Writer) error { return w.Follow(s.Context(), childID(11), childID(1)) }) // a batch comes twice
		if names(11) != 1 {
			t.Error("the caseload does not name the new id")
		}
		s.remove(childID(2), "left")
		s.exec("DELETE FROM records WHERE pupil = ?", string(childID(2)))
		s.exec("UPDATE pupils SET left_at = 1 WHERE pupil = ?", string(childID(2)))
		s.must(s.store.Write(t.Context(), func(tx *Tx) error {
			_, err := tx.forgetLeft(t.Context(), "oak", clock.Now())
			return err
		}))
		if names(2) != 0 || names(3) != 1 {
			t.Error("a child that is forgotten stays in the caseload, or another goes with it")
		}
		stop := s.stop("oak", clock.Now())
		for {
			var n int64
			s.must(s.store.Write(t.Context(), func(tx *Tx) (err error) {
				n, err = tx.DestroyPiece(t.Context(), stop)
				return err
			}))
			if n == 0 {
				break
			}
		}
		if n := s.count("SELECT COUNT(*) FROM caseload"); n != 0 {
			t.Errorf("%d children of a school whose data are destroyed stay in a caseload", n)
		}
	})
}
