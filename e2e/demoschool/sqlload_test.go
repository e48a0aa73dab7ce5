package demoschool

import (
	"database/sql"
	"testing"
	"time"

	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

func emptyDatabase(t *testing.T) *sql.DB {
	t.Helper()
	i, err := instance.New(t.Context(), t.TempDir(), standin.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, i.Close()) })
	d, err := i.NewDatabase(t.Context(), "School")
	must(t, err)
	return d.Admin()
}

func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	must(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

func TestLoadReplacesEverything(t *testing.T) {
	db := emptyDatabase(t)
	s := New(Config{Seed: 3, Pupils: 150, LookedAfterShare: 0.1, UnknownMarkers: 2})
	child := s.LookedAfter()[0]
	const name = "O'Brien-𝒜ñ 名"
	must(t, s.Rename(child.ID, NewName{Surname: name}))
	must(t, Load(t.Context(), db, s.TablesSQL()))
	rows := 0
	for range s.attendanceRows() {
		rows++
	}
	var surname string
	var born time.Time
	row := db.QueryRowContext(t.Context(), "SELECT LegalSurname, DateOfBirth FROM mis.Student WHERE StudentID = "+child.ID)
	must(t, row.Scan(&surname, &born))
	if surname != name || !born.Equal(child.DOB) {
		t.Errorf("the pupil came back as %q, born %s", surname, born)
	}
	unknown := "SELECT COUNT(*) FROM mis.StudentCare WHERE InCare IS NULL"
	if got := count(t, db, "SELECT COUNT(*) FROM mis.SessionMark"); got != rows || count(t, db, unknown) != 2 {
		t.Errorf("%d marks, want %d; %d unclear markers, want 2", got, rows, count(t, db, unknown))
	}

	must(t, s.LeaveRoll(child.ID, s.Today().AddDate(0, 0, -1)))
	must(t, Load(t.Context(), db, s.TablesSQL()))
	if n := count(t, db, "SELECT COUNT(*) FROM mis.Student"); n != 149 {
		t.Errorf("%d pupils after one has left, want 149", n)
	}
}

// A load that fails half-way leaves what was there.
func TestLoadIsWholeOrNothing(t *testing.T) {
	db := emptyDatabase(t)
	s := New(Config{Seed: 3, Pupils: 50})
	must(t, Load(t.Context(), db, s.TablesSQL()))
	broken := New(Config{Seed: 4, Pupils: 20}).TablesSQL()
	rows := broken[2].Rows
	broken[2].Rows = func(yield func([]any) bool) {
		for range 2 {
			for row := range rows {
				if !yield(row) {
					return
				}
			}
		}
	}
	if err := Load(t.Context(), db, broken); err == nil {
		t.Fatal("the same key twice was loaded")
	}
	if n := count(t, db, "SELECT COUNT(*) FROM mis.Student"); n != 50 {
		t.Errorf("%d pupils after a load that failed, want the 50 of before", n)
	}
}

func TestLoadSIMS(t *testing.T) {
	db := emptyDatabase(t)
	north, south := New(Config{Seed: 1, Pupils: 60, LookedAfterShare: 0.1}), New(Config{Seed: 2, Pupils: 60})
	must(t, Load(t.Context(), db, TablesSIMS(SIMSSchool{north, 1, true}, SIMSSchool{south, 2, true})))
	var first time.Time
	must(t, db.QueryRowContext(t.Context(), "SELECT MIN(session_start) FROM sims.att_mark_normalised").Scan(&first))
	if want := north.days[0].date.Add(morningStart); !first.Equal(want) {
		t.Errorf("the first session is at %s, want %s", first, want)
	}
	if n := count(t, db, "SELECT COUNT(*) FROM sims.sims_person"); n != 120 {
		t.Errorf("%d persons, want 120", n)
	}
}
