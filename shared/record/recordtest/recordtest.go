// Package recordtest makes fictional records of every dataset for tests that
// care how a record travels and not what it says. Every field is filled, and
// every record passes record.Check, whatever datasets and rules there are.
//
// It never makes anything that could be taken for a person's. Start reading at
// Make.
package recordtest

import (
	"fmt"
	"reflect"
	"strings"

	"rollbridge/shared/record"
)

// idKey makes the ids of things; it is no school's.
var idKey = []byte("the id key of no school at all..")

// Day is the day on which the records are right.
const Day = record.Date("2026-11-21")

// weeks are the weeks that records of attendance can be of, in an academic year.
const weeks = 40

// Make is the record of one thing of a pupil in one version. Equal numbers give
// equal records; another thing has another key, except in datasets that have one
// record for each pupil; another version has the same key and other content.
// Staff are nobody's: pupil is not used.
func Make(d record.Dataset, pupil record.PupilID, thing, version int) record.Record {
	r, err := record.New(d)
	if err != nil {
		panic(err)
	}
	f := filler{dataset: d, pupil: pupil, thing: thing, version: version}
	f.record(reflect.ValueOf(r).Elem())
	if a, ok := r.(*record.Attendance); ok {
		f.week(a)
	}
	// What this package does not know to make right, it leaves out.
	for range record.Fields(d) {
		for _, fault := range record.Check(r, Day) {
			if fault.Severity == record.SeverityError {
				empty(r, fault.Field)
			}
		}
	}
	if faults := record.Check(r, Day); record.Refused(faults) {
		panic(fmt.Sprintf("recordtest: a %s record is refused: %v", d, faults))
	}
	return r
}

func empty(r record.Record, field string) {
	record.Keep(r, func(name string) bool { return name != field })
}

type filler struct {
	dataset        record.Dataset
	pupil          record.PupilID
	thing, version int
}

func (f filler) record(v reflect.Value) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == string(f.dataset) && name != string(record.DatasetPupil) {
			v.Field(i).SetString(record.NewSubID(idKey, f.dataset, fmt.Sprint(f.thing)))
			continue
		}
		f.value(name, v.Field(i))
	}
}

func (f filler) value(name string, v reflect.Value) {
	switch v.Interface().(type) {
	case record.PupilID:
		v.Set(reflect.ValueOf(f.pupil))
		return
	case record.Date:
		v.Set(reflect.ValueOf(record.Date("2014-01-06").AddDays(f.version % 1000)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("Fictional %s %d", name, f.version))
	case reflect.Int:
		v.SetInt(int64(1 + f.version%9))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		v.Elem().SetBool(f.version%2 == 0)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.value(name, v.Index(0))
	case reflect.Struct:
		f.record(v)
	default:
		panic("recordtest: a field of a kind that no record had before: " + name)
	}
}

// week makes an attendance record right: its lists have a place for each day.
func (f filler) week(a *record.Attendance) {
	*a = record.Attendance{PupilID: f.pupil, Week: record.Date("2026-08-31").AddDays(7 * (f.thing % weeks)),
		AM: []string{"/", "L", "N", "/", ""}, PM: []string{"\\", "\\", "N", "", ""},
		LocalAM: []string{fmt.Sprint(f.version % 100), "L", "N", "/", ""}, LateAM: []int{0, 1 + f.version%60, 0, 0, 0}}
}
