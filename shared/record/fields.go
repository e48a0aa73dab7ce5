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
	// confidential placement, a comment may say anything).
	Sensitive bool
	// Codeset is the list of shared/codes that the field's codes are of, or "".
	Codeset string
	// What says what the field is, in words for whoever decides whether it may
	// leave.
	What string
	// CBDS is the item's number in the DfE's Common Basic Data Set, the number
	// of its code set (CS...) where only that is published, or "".
	CBDS string
}

// pupilField is the name of the pupil's id in every dataset of pupils.
const pupilField = "pupil"

var always = map[string]bool{
	pupilField: true, "week": true, "InCare": true, "ByRoster": true, "CareAuthority": true, "am": true, "pm": true,
}

var sensitive = map[string]bool{"Addresses": true, commentsField: true}

// commentsField is the name of free text in whatever dataset has it.
const commentsField = "Comments"

func newField(d Dataset, f reflect.StructField) Field {
	name := fieldName(f)
	field := Field{
		Name: name,
		// The id of a thing has the name of its dataset.
		Always:    always[name] || name == string(d),
		Sensitive: sensitive[name],
		Codeset:   codeset(f),
	}
	for _, m := range meanings[d].fields {
		if m.name == name {
			field.What, field.CBDS = m.what, m.cbds
		}
	}
	return field
}

// Fields lists the fields of a dataset in the order of the encoding; nil for
// an unknown dataset. The list is the caller's own.
func Fields(d Dataset) []Field {
	k := byName[d]
	if k == nil {
		return nil
	}
	return append([]Field(nil), k.fields...)
}

// Keep empties every field of r that allowed refuses; fields marked Always
// stay. It changes r.
func Keep(r Record, allowed func(field string) bool) {
	v := reflect.ValueOf(r).Elem()
	for i, f := range byName[r.Dataset()].fields {
		if !f.Always && !allowed(f.Name) {
			v.Field(i).SetZero()
		}
	}
}

// codeset is the code set of a field or, of a list of things, of the part of
// them that is a code.
func codeset(f reflect.StructField) string {
	set := f.Tag.Get("codes")
	if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
		for i := range f.Type.Elem().NumField() {
			set += f.Type.Elem().Field(i).Tag.Get("codes")
		}
	}
	return set
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
