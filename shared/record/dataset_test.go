package record

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/shared/codes"
)

func anyDataset() *rapid.Generator[Dataset] { return rapid.SampledFrom(Datasets()) }

func TestTableOfDatasets(t *testing.T) {
	want := strings.Fields(`pupil school_history sen welfare pep contact agency_contact attendance behaviour achievement
		detention exclusion exam_result assessment_result kpi staff`)
	var got []string
	for _, d := range Datasets() {
		got = append(got, string(d))
		r, err := New(d)
		if err != nil || r.Dataset() != d {
			t.Errorf("%s: New gives a %T, %v", d, r, err)
		}
		if d.OfPupils() != (d != DatasetStaff) {
			t.Errorf("%s: OfPupils is %v", d, d.OfPupils())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("datasets %q", got)
	}
	if _, err := New("staffs"); err == nil || Fields("staffs") != nil || Dataset("staffs").OfPupils() {
		t.Error("a dataset that does not exist is known")
	}
}

// The fields that Fields lists are those of the encoding, in its order.
func TestFieldsAreThoseOfTheEncoding(t *testing.T) {
	for _, d := range Datasets() {
		r, _ := New(d)
		fill(reflect.ValueOf(r).Elem(), "1")
		line, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, f := range Fields(d) {
			next := bytes.Index(line[at:], fmt.Appendf(nil, "%q:", f.Name))
			if next < 0 {
				t.Fatalf("%s.%s is not in the encoding, or not in the order of the fields", d, f.Name)
			}
			at += next
		}
		if len(Fields(d)) != reflect.TypeOf(r).Elem().NumField() {
			t.Errorf("%s: %d fields", d, len(Fields(d)))
		}
	}
}

func TestKeepEmptiesWhatIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDataset().Draw(t, "dataset")
		r := drawn(t, d)
		before := reflect.ValueOf(r).Elem()
		was := reflect.New(before.Type()).Elem()
		was.Set(before)
		allowed := map[string]bool{}
		for _, f := range Fields(d) {
			allowed[f.Name] = rapid.Bool().Draw(t, f.Name)
		}
		Keep(r, func(name string) bool { return allowed[name] })
		for i, f := range Fields(d) {
			now := before.Field(i)
			switch {
			case f.Always || allowed[f.Name]:
				if !reflect.DeepEqual(now.Interface(), was.Field(i).Interface()) {
					t.Errorf("%s.%s was allowed and changed", d, f.Name)
				}
			case !now.IsZero():
				t.Errorf("%s.%s was refused and is still there", d, f.Name)
			}
		}
	})
}

// What makes a record usable leaves with it, and what may say anything leaves
// only by name.
func TestAlwaysAndSensitive(t *testing.T) {
	for _, d := range Datasets() {
		for _, f := range Fields(d) {
			always := f.Name == "pupil" || f.Name == string(d) || slices.Contains([]string{"week", "am", "pm", "InCare", "ByRoster", "CareAuthority"}, f.Name)
			sensitive := f.Name == "Addresses" || f.Name == "Comments"
			if f.Always != always || f.Sensitive != sensitive {
				t.Errorf("%s.%s: always %v, sensitive %v", d, f.Name, f.Always, f.Sensitive)
			}
		}
	}
}

func TestSetPupilMovesARecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDataset().Draw(t, "dataset")
		r := drawn(t, d)
		key := r.Key()
		from, to := r.Pupil(), PupilID(strings.Repeat("0b", 16))
		SetPupil(r, to)
		if d == DatasetStaff {
			if r.Pupil() != "" || r.Key() != key {
				t.Error("a member of staff became a pupil's")
			}
			return
		}
		if r.Pupil() != to || r.Key().Pupil() != to {
			t.Errorf("%s: the record did not move", d)
		}
		if rest := strings.TrimPrefix(string(key), string(from)); string(r.Key()) != string(to)+rest {
			t.Errorf("%s: more of the key changed than the pupil", d)
		}
	})
}

func TestKeysTellRecordsApart(t *testing.T) {
	one := map[Dataset]bool{DatasetPupil: true, DatasetWelfare: true, DatasetAttendance: true}
	for _, d := range Datasets() {
		r, _ := New(d)
		SetPupil(r, checkID)
		var ids []string
		for i, f := range Fields(d) {
			if f.Name == string(d) && d != DatasetPupil {
				sub := NewSubID([]byte("key"), d, "1")
				reflect.ValueOf(r).Elem().Field(i).SetString(sub)
				ids = append(ids, sub)
			}
		}
		want := string(checkID)
		switch {
		case d == DatasetAttendance:
			want += "/"
		case one[d]:
		case len(ids) != 1:
			t.Fatalf("%s has %d ids of its own", d, len(ids))
		case d == DatasetStaff:
			want = ids[0]
		default:
			want += "/" + ids[0]
		}
		if string(r.Key()) != want || len(want) > MaxKeyBytes {
			t.Errorf("%s: key %s", d, r.Key())
		}
	}
}

// A code that is known for certain of each set: a set that is misspelt in a
// type would warn of every value.
func TestCodesetsExist(t *testing.T) {
	example := map[string]string{
		"sex": "F", "nc_year": "7", "enrolment_status": "C", "pupil_premium_indicator": "LAP", "leaving_reason": "PM", "sen_provision": "K",
		"sen_type": "MLD", "young_carer_indicator": "P", "post_looked_after_arrangement": "A", "kinship_care_indicator": "KF",
		"service_child_indicator": "Y", "disability": "MOB", "contact_relationship": "FOF", "phone_type": "M", "suspension_category": "SUSP",
		"suspension_reason": "PP", "exclusion_review_result": "HWD", "assessment_stage": "KS2", "assessment_locale": "ENG",
		"result_status": "R", "result_qualifier": "NL",
	}
	used := map[string]bool{}
	var note func(reflect.Type)
	note = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			used[f.Tag.Get("codes")] = true
			if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
				note(f.Type.Elem())
			}
		}
	}
	for _, k := range kinds {
		note(k.typ)
	}
	delete(used, "")
	for set := range used {
		if _, ok := codes.Lookup(set, example[set]); !ok {
			t.Errorf("code set %s is not carried", set)
		}
		delete(example, set)
	}
	if len(example) > 0 {
		t.Errorf("no field has a code of %v", example)
	}
}
