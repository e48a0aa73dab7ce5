package mis

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/shared/record"
)

// ownRowsOf is a file of a demo school, and which of its rows are of pupils who
// are admitted (or of staff).
type ownRowsOf struct {
	path    string
	d       record.Dataset
	heads   []string
	all     [][]string
	own     []int
	columns map[string]string
}

func ownRows(t testing.TB, dir, name string, d record.Dataset, s *demoschool.School) *ownRowsOf {
	t.Helper()
	made := &ownRowsOf{path: filepath.Join(dir, name), d: d, columns: demoProfile(nil).Datasets[d].Columns}
	f, err := os.Open(made.path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(f).ReadAll()
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	made.heads, made.all = rows[0], rows[1:]
	of := map[string]bool{}
	for _, p := range s.LookedAfter(s.Authorities()...) {
		of[p.ID] = true
	}
	for i, row := range made.all {
		if !d.OfPupils() || of[row[made.column("pupil")]] {
			made.own = append(made.own, i)
		}
	}
	return made
}

func (o *ownRowsOf) column(field string) int { return slices.Index(o.heads, o.columns[field]) }

func (o *ownRowsOf) write(t testing.TB) {
	t.Helper()
	f, err := os.Create(o.path)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	err = errors.Join(w.Write(o.heads), w.WriteAll(o.all))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// jsonOf is a field of a record as it is encoded, "" if it is empty.
func jsonOf(v reflect.Value) (string, error) {
	if v.IsZero() {
		return "", nil
	}
	text, err := json.Marshal(v.Interface())
	return string(text), err
}
