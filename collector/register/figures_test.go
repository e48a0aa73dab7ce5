package register

import (
	"fmt"
	"strings"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// Who sees one child is not told how many others a safety stop was counted over.
func TestACaseloadHasNoFiguresOfOthers(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.school("ash")
	child := r.pupil("ash", 1, northshire, "")
	r.Exec("INSERT INTO holds (school, code, why, dataset, authority, gone, of_, since, origin) VALUES ('ash', 'ABCD', 'disappearance', 'pupil', ?, 37, 41, ?, 'agent')",
		northshire, database.Micros(at(8, 0)))
	figures := func(sight store.Sight) bool {
		s := r.read(sight, at(10, 0), status.AM).Schools[0]
		text := fmt.Sprintf("%v %v %v %v", s.Holds, s.Verdict, s.AM, s.PM)
		if s.Verdict.Word != s.AM.Word {
			t.Errorf("%s, and in the overview %s", s.Verdict.Word, s.AM.Word)
		}
		return strings.Contains(text, "37") || strings.Contains(text, "41")
	}
	if !figures(store.Sight{Authority: northshire}) {
		t.Error("the authority is not told how many")
	}
	if figures(store.Sight{Authority: northshire, Only: []store.Child{child}}) {
		t.Error("a caseload is told how many")
	}
}
