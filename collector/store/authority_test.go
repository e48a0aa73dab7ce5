package store

import (
	"strings"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/record"
)

// Somebody of one authority must not learn how many children of another are at
// a school, refused or missing.
func TestAnAuthorityIsToldOfItsOwnChildrenOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := New(db), t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.AddSchool(ctx, School{ID: "oak", Name: "Oak"}))
		for _, code := range []string{"855", "856"} {
			must(s.PutAuthority(ctx, Authority{Code: code, Why: "a reason"}))
			must(s.SetProvision(ctx, Provision{School: "oak", Authority: code, Datasets: map[record.Dataset][]string{record.DatasetPupil: {}}}))
		}
		must(s.Write(ctx, func(tx *Tx) error {
			for i, authority := range []string{"855", "856", "856", "856"} {
				pupil := strings.Repeat(string(rune('a'+i)), 32)
				for _, q := range []struct {
					text string
					args []any
				}{
					{"INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('oak', ?, ?, ?, 1, 1)", []any{pupil, authority, []byte("k")}},
					{`INSERT INTO records (school, dataset, key, pupil, version, tag, counted, refused, generation, sequence, received_at, as_at)
						VALUES ('oak', 'contact', ?, ?, 1, ?, TRUE, TRUE, 1, 1, 1, 1)`, []any{pupil + "/1", pupil, make([]byte, 32)}},
					{"INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES ('oak', 'contact', ?, 1, '[]', ?, 1)", []any{pupil + "/1", []byte("b")}},
				} {
					if _, err := tx.Exec(ctx, q.text, q.args...); err != nil {
						return err
					}
				}
			}
			for code, of := range map[string][]any{"A": {"pupil", "856"}, "B": {"contact", ""}} {
				if _, err := tx.Exec(ctx, "INSERT INTO holds (school, code, dataset, authority, gone, of_, since, origin) VALUES ('oak', ?, ?, ?, 17, 19, 1, 'agent')",
					code, of[0], of[1]); err != nil {
					return err
				}
			}
			return nil
		}))
		for _, c := range []struct {
			authority      string
			refused, holds int
		}{{"", 4, 2}, {"855", 1, 1}, {"856", 3, 2}} {
			list, err := s.Schools(ctx, c.authority)
			must(err)
			got := list[0]
			if got.Quarantined != c.refused || len(got.Holds) != c.holds {
				t.Errorf("authority %q: %d refused, %d holds", c.authority, got.Quarantined, len(got.Holds))
			}
			if h, held := got.Held(); c.authority == "855" && (!held || h.Gone != 0 || h.Of != 0) {
				t.Errorf("authority 855 is told %+v", h)
			}
		}
	})
}
