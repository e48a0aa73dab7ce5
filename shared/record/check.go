package record

import (
	"fmt"
	"reflect"
	"slices"
	"unicode"
	"unicode/utf8"
)

// A Severity says what a Fault means for the record.
type Severity string

// An error keeps the record out of the store: it is quarantined, and the last
// good version stays. A warning is counted and the record is stored as it is,
// because no list of codes is complete enough to drop a record for.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// A FaultCode says what is wrong with a field; the list is closed.
type FaultCode string

// The codes of faults.
const (
	FaultMalformed FaultCode = "malformed"         // not of the form that the field has
	FaultCheck     FaultCode = "check_character"   // a check letter or digit does not fit
	FaultNotADate  FaultCode = "not_a_date"        //
	FaultFuture    FaultCode = "future"            // a day that has not come
	FaultOrder     FaultCode = "order"             // dates in the wrong order
	FaultNotMonday FaultCode = "not_a_monday"      //
	FaultLength    FaultCode = "length"            // a list of the wrong length
	FaultTooLong   FaultCode = "too_long"          // a text or list over its limit
	FaultControl   FaultCode = "control_character" // a text with line breaks or the like
	FaultRange     FaultCode = "range"             // a number that cannot be
	FaultUnknown   FaultCode = "unknown_code"      // not in the code list
	FaultPermanent FaultCode = "permanent"         // a permanent UPN where it must not be kept
	// FaultKey and FaultDecode are found by who reads a batch, before Check.
	FaultKey    FaultCode = "key"    // the record's key is not the one it was sent under
	FaultDecode FaultCode = "decode" // not readable as a record of its dataset
)

// A Fault is one thing wrong with a record. It holds no value of the record:
// Sentence names field and remedy only.
type Fault struct {
	Field    string // name in the encoding
	Code     FaultCode
	Severity Severity
	Sentence string
}

// Reason is dataset-free text for outcomes and counts: "field:code".
func (f Fault) Reason() string { return f.Field + ":" + string(f.Code) }

// Limits of texts and lists. They are far above what a MIS holds, and keep a
// shifted column or a pasted document out.
const (
	MaxTextBytes = 400
	MaxListItems = 40
)

// Check says what is wrong with a record on a day (the day it was read, at the
// school). Only what is there is judged: a field that is empty may have been
// left out by the school's scope. No fault with SeverityError means that the
// record may be stored.
func Check(r Record, day Date) []Fault {
	c := &checker{day: day}
	switch r := r.(type) {
	case *Pupil:
		c.pupil(r)
	case *Contact:
		c.contact(r)
	case *Attendance:
		c.attendance(r)
	}
	c.texts(reflect.ValueOf(r).Elem())
	return c.faults
}

// Refused says whether faults keep a record out of the store.
func Refused(faults []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return f.Severity == SeverityError })
}

type checker struct {
	day    Date
	faults []Fault
}

func (c *checker) fail(field string, code FaultCode, sentence string) {
	c.faults = append(c.faults, Fault{field, code, SeverityError, sentence})
}

func (c *checker) warn(field string, code FaultCode, sentence string) {
	c.faults = append(c.faults, Fault{field, code, SeverityWarning, sentence})
}

func (c *checker) id(field string, id PupilID) {
	if !id.Valid() {
		c.fail(field, FaultMalformed, "The pupil's id is not 32 hexadecimal digits: the agent must be updated.")
	}
}

// date reports a Date that is no date; it says whether d is one.
func (c *checker) date(field string, d Date) bool {
	if d == "" {
		return false
	}
	if _, err := ParseDate(string(d)); err != nil {
		c.fail(field, FaultNotADate, field+" is not a date of the form CCYY-MM-DD: correct it in the MIS, or the date format in the profile.")
		return false
	}
	return true
}

// order warns where two dates are both known and the wrong way round.
func (c *checker) order(first Date, field string, second Date) {
	if first != "" && second != "" && second < first {
		c.warn(field, FaultOrder, field+" comes before the date it should follow: check both in the MIS.")
	}
}

// texts checks every text of a record, however deep, under the name of its
// outermost field.
func (c *checker) texts(v reflect.Value) {
	for i := range v.NumField() {
		c.text(fieldName(v.Type().Field(i)), v.Field(i))
	}
}

func (c *checker) text(field string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		c.one(field, v.String())
	case reflect.Slice:
		if v.Len() > MaxListItems {
			c.fail(field, FaultTooLong, fmt.Sprintf("%s has more than %d entries: check that the right column is read.", field, MaxListItems))
			return
		}
		for i := range v.Len() {
			c.text(field, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			c.text(field, v.Field(i))
		}
	}
}

func (c *checker) one(field, s string) {
	switch {
	case len(s) > MaxTextBytes:
		c.fail(field, FaultTooLong, fmt.Sprintf("%s is longer than %d bytes: check that the right column is read.", field, MaxTextBytes))
	case !utf8.ValidString(s):
		c.fail(field, FaultControl, field+" is not valid text: check the file's encoding in the profile.")
	default:
		for _, r := range s {
			if unicode.IsControl(r) {
				c.fail(field, FaultControl, field+" holds a line break or another control character: correct it in the MIS.")
				return
			}
		}
	}
}
