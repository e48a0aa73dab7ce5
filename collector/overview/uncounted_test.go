package overview_test

import (
	"reflect"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/overview"
	"rollbridge/collector/register/registertest"
	"rollbridge/shared/record"
)

// The look without counts says the same as the one with them, but for these.
func TestUncountedIsTheSame(t *testing.T) {
	r := registertest.New(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	for i, id := range []string{"ash", "birch", "cedar"} {
		r.School(id, id)
		r.AsAt(id, registertest.At(9, 35))
		r.Today(r.Pupil(id, record.Pupil{ID: registertest.PupilID(i + 1), Surname: "Surname", CareAuthority: registertest.Northshire}), "/")
	}
	r.Exec("UPDATE schools SET revoked_at = 1 WHERE school = 'birch'")
	r.Exec("INSERT INTO holds (school, code, why, dataset, authority, gone, of_, since, origin) VALUES ('cedar', 'ABCD', 'disappearance', 'pupil', ?, 3, 4, ?, 'agent')",
		registertest.Northshire, database.Micros(registertest.At(8, 0)))
	counted := r.Overview(registertest.Northshire, registertest.At(10, 0))
	got, err := overview.ReadUncounted(t.Context(), r.Store, registertest.Northshire, registertest.At(10, 0))
	r.Must(err)
	children := 0
	for i := range counted.Schools {
		s := &counted.Schools[i]
		children += s.Children
		s.Counts, s.Waiting, s.SetAside, s.Quarantined, s.Children, s.Left = nil, 0, 0, 0, 0, 0
	}
	if children != 2 {
		t.Errorf("%d children are counted", children)
	}
	if len(got.Schools) != 3 || !reflect.DeepEqual(got, counted) {
		t.Errorf("%+v, want %+v", got, counted)
	}
}
