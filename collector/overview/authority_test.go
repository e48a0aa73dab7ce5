package overview_test

import (
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/overview"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
)

// fixture puts two authorities, three schools and five children in.
func fixture(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := t.Context()
	st := store.New(db)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, code := range []string{"855", "856"} {
		check(st.PutAuthority(ctx, store.Authority{Code: code, Why: "A reason"}))
	}
	for _, s := range []store.School{{ID: "ash", Name: "Ash School", Phone: "01632 960101"}, {ID: "birch", Name: "Birch School"}, {ID: "cedar", Name: "Cedar School"}} {
		check(st.AddSchool(ctx, s))
	}
	for school, authority := range map[string]string{"ash": "855", "birch": "856"} {
		check(st.SetProvision(ctx, store.Provision{School: school, Authority: authority, Datasets: map[record.Dataset][]string{"pupil": {}}}))
	}
	check(st.SetProvision(ctx, store.Provision{School: "ash", Authority: "856", Datasets: map[record.Dataset][]string{"pupil": {}}}))
	now := clock.Now()
	id := []byte("agent-of-ash-000")
	check(db.Write(ctx, func(tx *database.Tx) error {
		for _, s := range []struct {
			text string
			args []any
		}{
			{"INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state, created_at, confirmed_at) VALUES ('ash', ?, 1, ?, ?, ?, 'a', 'confirmed', ?, ?)",
				[]any{id, []byte("k"), []byte("k"), []byte("k"), database.Micros(now), database.Micros(now)}},
			{"INSERT INTO attempts (school, agent, counter, heard_at) VALUES ('ash', ?, 1, ?)", []any{id, database.Micros(now.Add(-5 * time.Minute))}},
			{"INSERT INTO positions (school, agent, generation, sequence, digest, state, pupils_as_at, attendance_as_at, applied_at) VALUES ('ash', ?, 1, 1, ?, ?, ?, ?, ?)",
				[]any{id, make([]byte, 32), make([]byte, 32), database.Micros(now), database.Micros(now), database.Micros(now)}},
		} {
			if _, err := tx.Exec(ctx, s.text, s.args...); err != nil {
				return err
			}
		}
		for i, authority := range []string{"855", "855", "856", "856", "856"} {
			pupil := "pupil" + string(rune('a'+i))
			if _, err := tx.Exec(ctx, "INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('ash', ?, ?, ?, 1, 1)", pupil, authority, []byte("k")); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO records (school, dataset, key, pupil, version, tag, counted, generation, sequence, received_at, as_at)
				VALUES ('ash', 'pupil', ?, ?, 1, ?, ?, 1, 1, 1, 1)`, pupil, pupil, make([]byte, 32), true); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO holds (school, code, dataset, authority, gone, of_, since, origin) VALUES ('ash', 'ABCDEFGH', 'pupil', '856', 31, 33, ?, 'agent')", database.Micros(now))
		return err
	}))
}

func TestEachAuthoritySeesItsOwnOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		fixture(t, db)
		for _, c := range []struct {
			authority string
			children  map[string]int
			held      bool
		}{
			{"", map[string]int{"ash": 5, "birch": 0, "cedar": 0}, true},
			{"855", map[string]int{"ash": 2}, false},
			{"856", map[string]int{"ash": 3, "birch": 0}, true},
		} {
			o, err := overview.Read(t.Context(), store.New(db), c.authority, clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, s := range o.Schools {
				got[s.School.ID] = s.Children
				if s.School.ID == "ash" && (len(s.Holds) > 0) != c.held {
					t.Errorf("authority %q sees holds: %v", c.authority, s.Holds)
				}
			}
			if len(got) != len(c.children) {
				t.Errorf("authority %q sees %v", c.authority, got)
			}
			for school, n := range c.children {
				if got[school] != n {
					t.Errorf("authority %q counts %d children at %s, want %d", c.authority, got[school], school, n)
				}
			}
		}
	})
}
