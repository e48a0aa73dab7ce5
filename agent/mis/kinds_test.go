package mis

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// one reads one row of a dataset by a profile of every field, dates dd/mm/yyyy,
// of a pupil in care.
func one(t *testing.T, d record.Dataset, cells map[string]string, values map[string]map[string]string) (record.Record, map[string]int, error) {
	t.Helper()
	p := wholeProfile(d, values)
	about := descriptions[d]
	row := make([]string, len(ownNames(d)))
	for i, name := range ownNames(d) {
		row[i] = `"` + strings.ReplaceAll(cells[name], `"`, `""`) + `"`
	}
	if d.OfPupils() {
		row[ofPupilID] = "p1"
	}
	if about.id >= 0 && cells[about.names[about.id]] == "" {
		row[about.id] = "t1"
	}
	files := school{
		"pupil.csv":        "pupil,InCare,CareAuthority\np1,Yes,933\n",
		string(d) + ".csv": strings.Join(ownNames(d), ",") + "\n" + strings.Join(row, ",") + "\n",
	}
	if d == record.DatasetPupil {
		row[pInCare], row[pAuthority] = "Yes", "933"
		files["pupil.csv"] = strings.Join(ownNames(d), ",") + "\n" + strings.Join(row, ",") + "\n"
	}
	s, err := Open(p, site(files.write(t)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := readDatasets(t, s, []record.Dataset{d}, everybody)
	if err != nil {
		return nil, nil, err
	}
	if len(got.records) != 1 {
		t.Fatalf("%d records", len(got.records))
	}
	return got.records[0], warnings(got.Report), nil
}

// wholeProfile reads one dataset beside pupils, with headings that are the names
// of the fields.
func wholeProfile(d record.Dataset, values map[string]map[string]string) *Profile {
	p := demoProfile(nil)
	for other := range p.Datasets {
		if other != d && other != record.DatasetPupil {
			delete(p.Datasets, other)
		}
	}
	columns := map[string]string{}
	for _, name := range ownNames(d) {
		columns[name] = name
	}
	p.Datasets[record.DatasetPupil] = &DatasetProfile{File: "pupil.csv", Evidence: "site",
		Columns: map[string]string{"pupil": "pupil", "InCare": "InCare", "CareAuthority": "CareAuthority"}}
	p.Datasets[d] = &DatasetProfile{File: string(d) + ".csv", Evidence: "site", Columns: columns, Values: values}
	return p
}

// Each kind's values, as they come and as they stand in the record. want is the
// JSON of the field; "" means that it is not there; warned is the code of the
// warning; refused is in the text of the error.
func TestValuesOfEveryKind(t *testing.T) {
	long := strings.Repeat("x", 17<<10)
	rules := map[string]map[string]string{
		"SENprovision": {"EHC Plan": "E"}, "SENneeds": {"Moderate": "MLD"}, "SENtype": {"Moderate": "MLD"}, "Reasons": {"Bully, verbal": "BU", "Theft": "TH"},
		"StartSession": {"Morning": "AM"}, "Season": {"Summer 2026": "2026-06"}, "LEA": {"Somerset": "933"},
	}
	for _, c := range []struct {
		field                        string // dataset.field
		value, want, warned, refused string
	}{
		{field: "pep.Status", value: " In place ", want: `"In place"`},
		{field: "pep.Status", value: "a\x07b", refused: "control character"},
		{field: "pep.Status", value: "a\nb", refused: "control character"},
		{field: "pep.Status", value: long, refused: "longer"},
		{field: "behaviour.Comments", value: "a\r\nb\tc", want: `"a\nb\tc"`},
		{field: "behaviour.Comments", value: "a\x07b\u0085c", want: `"abc"`, warned: WarnCleaned},
		{field: "behaviour.Comments", value: long, want: fmt.Sprintf("%q", long[:record.MaxCommentBytes]), warned: WarnCut},
		{field: "behaviour.Comments", value: "x" + strings.Repeat("é", record.MaxCommentBytes/2), warned: WarnCut,
			want: `"x` + strings.Repeat("é", record.MaxCommentBytes/2-1) + `"`},
		{field: "pep.StartDate", value: "01/09/2026", want: `"2026-09-01"`},
		{field: "pep.StartDate", value: "2026-09-01", refused: "dd/mm/yyyy"},
		{field: "pep.StartDate", value: "01/09/2026 09:30", refused: "dd/mm/yyyy"},
		{field: "pep.StartDate", value: "01/01/1899", refused: "dd/mm/yyyy"},
		{field: "behaviour.Date", value: "01/09/2026", want: `"2026-09-01"`},
		{field: "behaviour.Date", value: "01/09/2026 09:30", want: `"2026-09-01"`},
		{field: "behaviour.Date", value: "01/09/2026T09:30:15", want: `"2026-09-01"`},
		{field: "behaviour.Date", value: "01/09/2026 half nine", refused: "dd/mm/yyyy"},
		{field: "behaviour.Date", value: "09:30", refused: "dd/mm/yyyy"},
		{field: "exam_result.Season", value: "2026-06", want: `"2026-06"`},
		{field: "exam_result.Season", value: "15/06/2026", want: `"2026-06"`},
		{field: "exam_result.Season", value: "summer 2026", want: `"2026-06"`},
		{field: "exam_result.Season", value: "2026-13", want: `"2026-13"`, warned: WarnInvalid},
		{field: "detention.StartTime", value: "15:30", want: `"15:30"`},
		{field: "detention.StartTime", value: "9:05", want: `"09:05"`},
		{field: "detention.StartTime", value: "15:30:59", want: `"15:30"`},
		{field: "detention.StartTime", value: "3:30 pm", want: `"15:30"`},
		{field: "detention.StartTime", value: "01/09/2026 15:30", want: `"15:30"`},
		{field: "detention.StartTime", value: "25:00", warned: WarnNotUnderstood},
		{field: "detention.StartTime", value: "after school", warned: WarnNotUnderstood},
		{field: "detention.Attended", value: "Y", want: `true`},
		{field: "detention.Attended", value: "0", want: `false`},
		{field: "detention.Attended", value: "U"},
		{field: "detention.Attended", value: "excused", warned: WarnNotUnderstood},
		{field: "behaviour.Points", value: "-3", want: `-3`},
		{field: "behaviour.Points", value: "2.00", want: `2`},
		{field: "behaviour.Points", value: "2.5", warned: WarnNotUnderstood},
		{field: "behaviour.Points", value: "100001", warned: WarnNotUnderstood},
		{field: "exclusion.Sessions", value: "-1", warned: WarnNotUnderstood},
		{field: "contact.Order", value: "99", want: `99`},
		{field: "contact.Order", value: "100", warned: WarnNotUnderstood},
		{field: "sen.SENprovision", value: "k", want: `"K"`},
		{field: "sen.SENprovision", value: "ehc plan", want: `"E"`},
		{field: "sen.SENprovision", value: "Z", want: `"Z"`, warned: WarnUnknownCode},
		{field: "sen.SENneeds", value: "2:SEMH; 1:mld", want: `[{"SENtypeRank":1,"SENtype":"MLD"},{"SENtypeRank":2,"SENtype":"SEMH"}]`},
		{field: "sen.SENneeds", value: "Moderate,ASD", want: `[{"SENtype":"ASD"},{"SENtype":"MLD"}]`},
		{field: "sen.SENneeds", value: "x:ASD", want: `[{"SENtype":"ASD"}]`, warned: WarnNotUnderstood},
		{field: "sen.SENneeds", value: "1:ZZ", want: `[{"SENtypeRank":1,"SENtype":"ZZ"}]`, warned: WarnUnknownCode},
		{field: "sen.SENtype", value: "moderate", want: `[{"SENtype":"MLD"}]`},
		{field: "sen.SENtypeRank", value: "1", warned: WarnNotUnderstood},
		{field: "exclusion.Reasons", value: "PP;va, BU\nTheft", want: `["PP","VA","BU","TH"]`},
		{field: "exclusion.Reasons", value: "bully, verbal", want: `["BU"]`},
		{field: "exclusion.Reasons", value: " ; ,"},
		{field: "exclusion.Reasons", value: "ZZ", want: `["ZZ"]`, warned: WarnUnknownCode},
		{field: "exclusion.Reasons", value: "P\x07P", refused: "control character"},
		{field: "exclusion.StartSession", value: "am", want: `"AM"`},
		{field: "exclusion.StartSession", value: "morning", want: `"AM"`},
		{field: "exclusion.StartSession", value: "evening", want: `"evening"`, warned: WarnUnknownCode},
		{field: "school_history.LEA", value: "933", want: `"933"`},
		{field: "school_history.LEA", value: "somerset", want: `"933"`},
		{field: "school_history.LEA", value: "837", want: `"837"`},
		{field: "school_history.LEA", value: "9", want: `"9"`, warned: WarnUnknownCode},
		{field: "welfare.Disabilities", value: "ZZZ", want: `["ZZZ"]`, warned: WarnUnknownCode},
		{field: "contact.Phones.home", value: "01632 960001\n01632 960002", want: `[{"TelephoneType":"H","PhoneNo":"01632 960001"},{"TelephoneType":"H","PhoneNo":"01632 960002"}]`},
		{field: "agency_contact.Phones.other", value: "01632 960001", want: `[{"PhoneNo":"01632 960001"}]`},
		{field: "agency_contact.Emails", value: "a@b.example; c@d.example", want: `["a@b.example","c@d.example"]`},
		{field: "staff.Addresses.lines", value: "1 Mill Lane, Larkfield", want: `[{"AddressLines":["1 Mill Lane","Larkfield"]}]`},
		{field: "staff.Addresses.lines", value: ","},
		{field: "staff.Addresses.PostCode", value: "LA1 1ZZ", want: `[{"PostCode":"LA1 1ZZ"}]`},
		{field: "pupil.NCyearActual", value: "Year 07", want: `"7"`},
		{field: "pupil.InCareAtCurrentSchool", value: "no", want: `false`},
		{field: "pupil.PupilPremiumIndicator", value: "dpp", want: `"DPP"`},
		{field: "pupil.Gender", value: "non-binary", want: `"non-binary"`},
	} {
		t.Run(c.field+" "+fmt.Sprintf("%.20q", c.value), func(t *testing.T) {
			d, name, _ := strings.Cut(c.field, ".")
			f := descriptions[record.Dataset(d)].fields[descriptions[record.Dataset(d)].number(name)]
			var own map[string]map[string]string
			if r, ok := rules[name]; ok {
				own = map[string]map[string]string{name: r}
			}
			cells := map[string]string{name: c.value}
			if len(descriptions[record.Dataset(d)].said) > 0 && name != "Surname" {
				cells["Surname"] = canary
			}
			got, warned, err := one(t, record.Dataset(d), cells, own)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), `column "`+name+`"`) {
					t.Fatalf("error %v, want one that says %q of the column", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonOf(reflect.ValueOf(got).Elem().Field(f.at))
			if err != nil || value != c.want {
				t.Errorf("got %s, want %s, %v", value, c.want, err)
			}
			wanted := map[string]int{}
			if c.warned != "" {
				wanted[c.field+"."+c.warned] = 1
			}
			wantDiff(t, wanted, warned)
		})
	}
}

// Whatever a record can hold, some field of the table puts there, and no two
// put the same.
func TestDescriptionsCoverEveryField(t *testing.T) {
	if len(descriptions) != len(record.Datasets()) {
		t.Errorf("%d datasets are described", len(descriptions))
	}
	for _, d := range record.Datasets() {
		about := descriptions[d]
		if about == nil || about.rows == 0 {
			t.Fatalf("%s is not described", d)
		}
		if len(slices.Compact(slices.Sorted(slices.Values(about.names)))) != len(about.names) {
			t.Errorf("%s has a field twice", d)
		}
		for _, name := range slices.Concat(about.needed, about.identity, about.said) {
			if !slices.Contains(about.names, name) {
				t.Errorf("%s: %s is none of its fields", d, name)
			}
		}
		for _, name := range about.identity {
			if !slices.Contains(about.single(), name) {
				t.Errorf("%s: %s cannot be part of an identity", d, name)
			}
		}
		if d == record.DatasetAttendance {
			continue // a week is made of ten rows
		}
		for i, f := range record.Fields(d) {
			if f.Name == "ByRoster" {
				continue // the gate says so, not the MIS
			}
			if !slices.ContainsFunc(about.fields, func(have field) bool { return have.at == i }) {
				t.Errorf("nothing sets %s.%s", d, f.Name)
			}
		}
	}
}
