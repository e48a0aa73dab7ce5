package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// natural are the fields that tell one pupil's records of a dataset apart, in
// the demo school at least.
var natural = map[record.Dataset][]string{
	record.DatasetSchoolHistory:    {"EntryDate", "LeavingDate"},
	record.DatasetSEN:              {"StartDate"},
	record.DatasetPEP:              {"StartDate"},
	record.DatasetContact:          {"Surname", "Forename", "Relationship", "Order"},
	record.DatasetAgencyContact:    {"Agency", "Role", "Surname", "Forename"},
	record.DatasetAttendance:       {"week"},
	record.DatasetBehaviour:        {"Date", "Type"},
	record.DatasetAchievement:      {"Date", "Type"},
	record.DatasetDetention:        {"Date", "StartTime"},
	record.DatasetExclusion:        {"StartDate", "Category"},
	record.DatasetExamResult:       {"Season", "Qualification", "Subject", "Component"},
	record.DatasetAssessmentResult: {"Stage", "Year", "Subject", "Method", "Component", "ResultStatus", "ResultDate", "ResultSet", "Aspect"},
	record.DatasetKPI:              {"Name", "Period", "Date"},
	record.DatasetStaff:            {"Role", "Surname", "Forename"},
}

// whoIs identifies a pupil in the school.
func whoIs(p *record.Pupil) string {
	return p.UPN + "|" + p.Surname + "|" + p.Forename + "|" + string(p.DOB)
}

// keyOf is the dataset, the pupil, and what tells this record from the others.
func keyOf(who string, r record.Record) string {
	parts := []string{string(r.Dataset()), who}
	for _, name := range natural[r.Dataset()] {
		parts = append(parts, fmt.Sprint(field(r, name)))
	}
	return strings.Join(parts, "|")
}

// field is the value of the field of that name in the encoding.
func field(r record.Record, name string) reflect.Value {
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// withoutIDs empties what only the agent can make, and puts telephone numbers
// in order.
func withoutIDs(r record.Record) {
	for _, name := range []string{"pupil", string(r.Dataset())} {
		if v := field(r, name); v.IsValid() {
			v.SetZero()
		}
	}
	if v := field(r, "Phones"); v.IsValid() {
		slices.SortFunc(v.Interface().([]record.Phone), func(a, b record.Phone) int { return strings.Compare(a.Type+a.Number, b.Type+b.Number) })
	}
}
