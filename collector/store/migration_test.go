package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// back takes a database back to before a migration.
func back(s *shelf, version int) {
	s.Helper()
	undo := map[int][]string{
		18: {"ALTER TABLE positions DROP COLUMN reads", "DROP INDEX records_exclusion"},
		17: {"DROP TABLE alerts"},
		16: {"DROP TABLE call_claims", "DROP TABLE calls"},
		15: {"DROP TABLE by_phone", "DROP TABLE calendar_entries", "DROP TABLE session_times", "DROP INDEX deliveries_received"},
		14: {"DROP INDEX provisions_authority"},
		13: {"DROP TABLE audit", "DROP TABLE audit_chains", "DROP TABLE authority_keys", "ALTER TABLE authorities DROP COLUMN label"},
		// Nobody signs in here: what the people were is not put back.
		12: {"DROP TABLE caseload", "DROP TABLE user_recovery", "DROP TABLE user_authorities", "DROP TABLE users",
			`CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL, must_change BOOLEAN NOT NULL,
				one_time_until BIGINT, authority TEXT REFERENCES authorities (code), created_at BIGINT NOT NULL, disabled_at BIGINT)`},
		11: {"DROP TABLE certificates", "DROP TABLE stop_requests", "DROP TABLE stops", "DROP INDEX agents_revocation",
			"ALTER TABLE schools DROP COLUMN signatory_name", "ALTER TABLE schools DROP COLUMN signatory_role",
			"ALTER TABLE schools DROP COLUMN signatory_phone", "ALTER TABLE schools DROP COLUMN signatory_email"},
		10: {"ALTER TABLE positions DROP COLUMN history_from", "DROP INDEX record_history_replaced"},
		9: {"DROP TABLE roster", "DROP TABLE roster_told", "DROP TABLE roster_use",
			"ALTER TABLE authorities DROP COLUMN roster_edition", "ALTER TABLE authorities DROP COLUMN roster_at"},
		8: {"ALTER TABLE holds DROP COLUMN why"},
		7: {"ALTER TABLE positions DROP COLUMN given"},
	}
	for v := 18; v >= version; v-- {
		for _, q := range undo[v] {
			s.exec(q)
		}
		s.exec("DELETE FROM goose_db_version WHERE version_id = ?", v)
	}
}

// A collector that had pupils, contacts and marks before there were staff keeps
// them, gives nobody anything of the school's, and takes staff from then on.
func TestMigrationToStaffKeepsWhatIsThere(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		for _, d := range []record.Dataset{record.DatasetPupil, record.DatasetContact, record.DatasetAttendance} {
			s.put(recordtest.Make(d, onePupil, 1, 1))
		}
		before := s.all()
		back(s, 7)
		s.must(db.Migrate(t.Context()))
		after := s.all()
		for i := range before {
			before[i].Given = nil
		}
		if diff := cmp.Diff(before, after); diff != "" || len(after) != 3 {
			t.Errorf("%d records after the migration: %s", len(after), diff)
		}
		if list, err := s.store.Schools(t.Context(), authority); err != nil || len(list) > 1 {
			t.Errorf("the state of the schools is %+v, %v", list, err)
		}
		s.fsck()
		s.put(recordtest.Make(record.DatasetStaff, "", 1, 1))
		if all := s.all(); len(all) != 4 || len(all[3].Given) != 3 {
			t.Errorf("%d records after staff came", len(all))
		}
		s.fsck()
	})
}
