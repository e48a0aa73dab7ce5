package mis

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// Things that only their content tells apart have the same ids in every read,
// whatever the order of the rows, and go on having them when one is changed.
func TestThingsAlikeHaveTheSameIDsInEveryRead(t *testing.T) {
	rows := []string{"p1,01/09/2026,Zqjx,1\n", "p1,01/09/2026,Zqjx,2\n", "p1,01/09/2026,Zqjx,3\n", "p1,02/09/2026,Zqjx,1\n", "p2,01/09/2026,Zqjx,1\n", "p1,01/09/2026,Zqjx,2\n"}
	const head = "pupil,Date,Type,Points\n"
	var first map[string]string
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		got, err := things(t, record.DatasetBehaviour, head+strings.Join(rows, ""), nil)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got.Lines
		}
		wantDiff(t, first, got.Lines)
		wantDiff(t, map[string]int{"behaviour.behaviour.alike": 3, "behaviour.behaviour.repeated": 1}, warnings(got.Report))
	}
	if len(first) != 5 {
		t.Errorf("%d records, want 5", len(first))
	}
	changed, err := things(t, record.DatasetBehaviour, head+strings.ReplaceAll(strings.Join(rows, ""), "Zqjx,3", "Zqjx,9"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(changed.Lines)); !slices.Equal(a, b) {
		t.Error("a change of one of them changes ids")
	}
}

// Where a pupil can have one record only, two that differ are both left out,
// nothing of the dataset is removed, and everything else goes.
func TestConflictLeavesOnePupilOut(t *testing.T) {
	got, err := things(t, record.DatasetWelfare, "pupil,YoungCarer\np1,P\np2,N\np1,N\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.records) != 1 || got.Report.Datasets[0].Complete {
		t.Errorf("%d records, complete %v", len(got.records), got.Report.Datasets[0].Complete)
	}
}
