package record

import (
	"reflect"
	"strings"
)

// A Field is one named part of a dataset that a provision may ask for and a
// school may allow.
type Field struct {
	// Name is the field's name in the encoding.
	Name string
	// Always marks what makes a record usable at all (ids, the week, the marker
	// and its authority); it leaves whenever the dataset leaves.
	Always bool
	// Sensitive marks what is never part of a default ask (an address may be a
	// confidential placement).
	Sensitive bool
}

var always = map[string]bool{
	"pupil": true, "contact": true, "week": true, "InCare": true, "CareAuthority": true,
	"am": true, "pm": true,
}

var sensitive = map[string]bool{"Addresses": true}

// Fields lists the fields of a dataset in the order of the encoding.
func Fields(d Dataset) []Field {
	r, err := New(d)
	if err != nil {
		return nil
	}
	t := reflect.TypeOf(r).Elem()
	fields := make([]Field, 0, t.NumField())
	for i := range t.NumField() {
		name := fieldName(t.Field(i))
		fields = append(fields, Field{Name: name, Always: always[name], Sensitive: sensitive[name]})
	}
	return fields
}

// Keep empties every field of r that allowed refuses; fields marked Always
// stay. It changes r.
func Keep(r Record, allowed func(field string) bool) {
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		name := fieldName(v.Type().Field(i))
		if !always[name] && !allowed(name) {
			v.Field(i).SetZero()
		}
	}
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
