package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// A collector that had pupils, contacts and marks before there were staff keeps
// them, gives nobody anything of the school's, and takes staff from then on.
func TestMigrationToStaffKeepsWhatIsThere(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newShelf(t, db)
		for _, d := range []record.Dataset{record.DatasetPupil, record.DatasetContact, record.DatasetAttendance} {
			s.put(recordtest.Make(d, onePupil, 1, 1))
		}
		before := s.all()
		s.exec("ALTER TABLE positions DROP COLUMN given")
		s.exec("DELETE FROM goose_db_version WHERE version_id = 7")
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
