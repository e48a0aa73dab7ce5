package mis

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// conductFile writes what a behaviour system holds of a school: a year of
// entries of every pupil.
func conductFile(pupils, each int) string {
	var b strings.Builder
	b.WriteString("behaviour,pupil,Date,Type,Points,Comments\n")
	for i := range pupils {
		for n := range each {
			fmt.Fprintf(&b, "%d,%d,%02d/%02d/2026,Low-level disruption,%d,Out of seat again in the second lesson of the day\n",
				i*each+n, i, n%28+1, n%12+1, n%5)
		}
	}
	return b.String()
}

// behaviourSource is a school of pupils, one of every part in care.
func behaviourSource(tb testing.TB, pupils, each, part int) *Source {
	tb.Helper()
	var p strings.Builder
	p.WriteString("pupil,InCare,CareAuthority\n")
	for i := range pupils {
		care := "No,"
		if i%part == 0 {
			care = "Yes,933"
		}
		fmt.Fprintf(&p, "%d,%s\n", i, care)
	}
	profile := wholeProfile(record.DatasetBehaviour, nil)
	profile.Datasets[record.DatasetBehaviour].Columns = map[string]string{
		"behaviour": "behaviour", "pupil": "pupil", "Date": "Date", "Type": "Type", "Points": "Points", "Comments": "Comments",
	}
	s, err := Open(profile, site(school{"pupil.csv": p.String(), "behaviour.csv": conductFile(pupils, each)}.write(tb)))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// heldAt is how much is held when the last of the records is given out.
func heldAt(tb testing.TB, s *Source, records int) int64 {
	tb.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	given := 0
	_, err := s.Read(context.Background(), Ask{Datasets: []record.Dataset{record.DatasetBehaviour}, Today: "2027-05-31", IDKey: idKey}, everybody, func(Row) error {
		if given++; given == records {
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	if given != records {
		tb.Fatalf("%d records, want %d", given, records)
	}
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// Records are given out as they are read: what is kept of each is a hash, and of
// pupils who are not admitted nothing at all.
func TestRecordsAreNotKept(t *testing.T) {
	const each = 200
	// A hash of what it is and of what it was, its line, and the map around them.
	const perRecord = 100
	small, large := heldAt(t, behaviourSource(t, 200, each, 20), 10*each), heldAt(t, behaviourSource(t, 200, each, 2), 100*each)
	if grown := large - small; grown > 90*each*perRecord {
		t.Errorf("%d more records took %d bytes", 90*each, grown)
	}
	// Twenty times the rows of others take the hashes of their pupils.
	if others := heldAt(t, behaviourSource(t, 2000, 20, 200), 10*20); others > 1<<20 {
		t.Errorf("a school of 2,000 pupils of whom ten are in care took %d bytes", others)
	}
}

func BenchmarkBehaviour(b *testing.B) {
	const pupils, each = 2000, 100
	for name, part := range map[string]int{"one in 25": 25, "everybody": 1} {
		s := behaviourSource(b, pupils, each, part)
		b.Run(name, func(b *testing.B) {
			var most int64
			for b.Loop() {
				most = max(most, heldAt(b, s, pupils/part*each))
			}
			b.ReportMetric(float64(pupils*each)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(most)/(1<<20), "MiB-held")
		})
	}
}
