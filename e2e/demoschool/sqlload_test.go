package demoschool

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// A Loader writes only what has changed, and ends with the same tables as a
// load of everything.
func TestLoaderWritesChanges(t *testing.T) {
	db := emptyDatabase(t)
	s := New(Config{Seed: 3, Pupils: 120, LookedAfterShare: 0.1})
	var l Loader
	must(t, l.Load(t.Context(), db, s.TablesSQL()))
	cared := s.LookedAfter()
	must(t, s.ChangeMark(cared[0].ID, s.Today(), AM, "N"))
	must(t, s.LeaveRoll(cared[1].ID, s.Today().AddDate(0, 0, -1)))
	must(t, s.EnterCare(s.NotLookedAfter()[0].ID, "933", s.Today()))
	must(t, s.RemoveContact(cared[2].ID, s.contacts[s.byID[cared[2].ID]][0].ID))
	statements := 0
	for _, table := range s.TablesSQL() {
		must(t, table.update(l.written[table.Name], table.sums(), func(text string) error {
			if statements++; len(text) > 100_000 {
				t.Errorf("a statement of %d bytes for a few changes", len(text))
			}
			return nil
		}))
	}
	if statements == 0 || statements > len(s.TablesSQL())+6 {
		t.Errorf("%d statements for changes of few pupils", statements)
	}
	must(t, l.Load(t.Context(), db, s.TablesSQL()))
	fresh := emptyDatabase(t)
	must(t, Load(t.Context(), fresh, s.TablesSQL()))
	for _, table := range s.TablesSQL() {
		if diff := cmp.Diff(stored(t, fresh, table), stored(t, db, table)); diff != "" {
			t.Errorf("%s differs from a load of everything:\n%s", table.Name, diff)
		}
	}

	_, err := db.ExecContext(t.Context(), "DELETE FROM mis.Student")
	must(t, err)
	l.Forget()
	must(t, l.Load(t.Context(), db, s.TablesSQL()))
	if n := count(t, db, "SELECT COUNT(*) FROM mis.Student"); n != 119 {
		t.Errorf("%d pupils after a load that forgot, want 119", n)
	}
}

// stored are the rows that a database has of a table.
func stored(t *testing.T, db *sql.DB, table Table) (all []string) {
	t.Helper()
	names := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		names[i] = c.Name
	}
	rows, err := db.QueryContext(t.Context(), "SELECT "+strings.Join(names, ", ")+" FROM "+table.Name+" ORDER BY "+table.Key)
	must(t, err)
	defer rows.Close()
	cells, into := make([]any, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		must(t, rows.Scan(into...))
		all = append(all, fmt.Sprint(cells...))
	}
	must(t, rows.Err())
	return all
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
