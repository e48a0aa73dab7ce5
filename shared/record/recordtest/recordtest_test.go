package recordtest

import (
	"strings"
	"testing"

	"rollbridge/shared/record"
)

func TestMake(t *testing.T) {
	pupil := record.PupilID(strings.Repeat("0a", 16))
	encode := func(r record.Record) string {
		text, err := record.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, d := range record.Datasets() {
		r := Make(d, pupil, 1, 1)
		if r.Dataset() != d || r.Pupil() != pupil && d.OfPupils() || !d.OfPupils() && r.Pupil() != "" {
			t.Errorf("%s: the record is of dataset %s, or of another pupil", d, r.Dataset())
		}
		if encode(r) != encode(Make(d, pupil, 1, 1)) {
			t.Errorf("%s: equal numbers give two records", d)
		}
		next := Make(d, pupil, 1, 2)
		if next.Key() != r.Key() || encode(next) == encode(r) {
			t.Errorf("%s: another version has another key, or the same content", d)
		}
		one := d == record.DatasetPupil || d == record.DatasetWelfare
		if (Make(d, pupil, 2, 1).Key() == r.Key()) != one {
			t.Errorf("%s: another thing has the same key, or a dataset of one record has two", d)
		}
		if len(encode(r)) < 100 {
			t.Errorf("%s: hardly a field is filled: %s", d, encode(r))
		}
		for _, f := range record.Fields(d) {
			if f.Sensitive && !strings.Contains(encode(r), `"`+f.Name+`"`) {
				t.Errorf("%s: the sensitive field %s is not filled", d, f.Name)
			}
		}
	}
}
