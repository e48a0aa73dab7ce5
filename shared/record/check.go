package record

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollbridge/shared/codes"
)

// Limits of texts and lists. They are far above what a MIS holds, and keep a
// shifted column or a pasted document out.
const (
	MaxTextBytes    = 400
	MaxCommentBytes = 4000 // free text, which may also have line breaks
	MaxListItems    = 40
)

// Check says what is wrong with a record on a day (the day it was read, at the
// school). Only what is there is judged: a field that is empty may have been
// left out by the school's scope. No fault with SeverityError means that the
// record may be stored.
//
// What is true of every field of a kind (ids, dates, codes, texts) is checked
// from the types here; what is true of one dataset, in its check method.
func Check(r Record, day Date) []Fault {
	c := &checker{day: day}
	r.check(c)
	k := byName[r.Dataset()]
	v := reflect.ValueOf(r).Elem()
	for i, f := range k.fields {
		if f.Name == pupilField || f.Name == string(k.name) {
			c.id(f.Name, v.Field(i).String())
		}
		c.field = f.Name
		c.value(v.Field(i), f.Codeset)
	}
	return c.faults
}

type checker struct {
	day    Date
	field  string // the outermost field that value is in
	faults []Fault
}

func (c *checker) fail(field string, code FaultCode, sentence string) {
	c.add(Fault{field, code, SeverityError, sentence})
}

func (c *checker) warn(field string, code FaultCode, sentence string) {
	c.add(Fault{field, code, SeverityWarning, sentence})
}

// add says each thing once: a wrong column would otherwise give a sentence for
// every entry of a list.
func (c *checker) add(f Fault) {
	for _, g := range c.faults {
		if g == f {
			return
		}
	}
	c.faults = append(c.faults, f)
}

func (c *checker) id(field, id string) {
	if !PupilID(id).Valid() {
		c.fail(field, FaultMalformed, "An id in "+field+" is not 32 hexadecimal digits: the agent must be updated.")
	}
}

var dateType = reflect.TypeFor[Date]()

// value checks a value however deep, under the name of its outermost field.
func (c *checker) value(v reflect.Value, codeset string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == dateType {
			c.date(Date(v.String()))
		}
		c.listed(codeset, v.String())
		c.text(v.String())
	case reflect.Slice:
		if v.Len() > MaxListItems {
			c.fail(c.field, FaultTooLong, fmt.Sprintf("%s has more than %d entries: check that the right column is read.", c.field, MaxListItems))
			return
		}
		for i := range v.Len() {
			c.value(v.Index(i), codeset)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			c.value(v.Field(i), v.Type().Field(i).Tag.Get("codes"))
		}
	}
}

func (c *checker) date(d Date) {
	if d != "" && d.Time().IsZero() {
		c.fail(c.field, FaultNotADate, c.field+" is not a date of the form CCYY-MM-DD: correct it in the MIS, or the date format in the profile.")
	}
}

// listed warns of a code that is not in its code set.
func (c *checker) listed(codeset, code string) {
	if codeset == "" || code == "" {
		return
	}
	if _, ok := codes.Lookup(codeset, code); !ok {
		c.warn(c.field, FaultUnknown, c.field+" holds a code that is not in the list: it is kept as it is; check it in the MIS.")
	}
}

func (c *checker) text(s string) {
	limit := MaxTextBytes
	if c.field == commentsField {
		limit = MaxCommentBytes
	}
	switch {
	case len(s) > limit:
		c.fail(c.field, FaultTooLong, fmt.Sprintf("%s is longer than %d bytes: check that the right column is read.", c.field, limit))
	case !utf8.ValidString(s):
		c.fail(c.field, FaultControl, c.field+" is not valid text: check the file's encoding in the profile.")
	case c.field == commentsField && strings.IndexFunc(s, unprintable) >= 0:
		c.fail(c.field, FaultControl, c.field+" holds a control character that is no line break: correct it in the MIS.")
	case c.field != commentsField && strings.IndexFunc(s, unicode.IsControl) >= 0:
		c.fail(c.field, FaultControl, c.field+" holds a line break or another control character: correct it in the MIS.")
	}
}

// unprintable is a control character that people do not write in free text.
func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// order warns where two dates are both known and the wrong way round.
func (c *checker) order(first Date, field string, second Date) {
	if second < first && !second.Time().IsZero() && !first.Time().IsZero() {
		c.warn(field, FaultOrder, field+" comes before the date it should follow: check both in the MIS.")
	}
}

// past warns of a date that has not come, of a thing that has happened.
func (c *checker) past(field string, d Date) {
	if d > c.day && !d.Time().IsZero() {
		c.warn(field, FaultFuture, field+" lies in the future, and the record is of something that has happened: check it in the MIS.")
	}
}

// authority warns of a code that is not one present authority.
func (c *checker) authority(field, code string) {
	if code == "" {
		return
	}
	if _, err := codes.ResolveAuthority(code, c.day.Time()); err != nil {
		c.warn(field, FaultUnknown, field+" is not the code of one present authority: correct it in the MIS.")
	}
}

// digits warns of a number that does not have exactly n digits.
func (c *checker) digits(field, s string, n int) {
	if s != "" && (len(s) != n || strings.Trim(s, "0123456789") != "") {
		c.warn(field, FaultMalformed, fmt.Sprintf("%s is not %d digits: correct it in the MIS.", field, n))
	}
}

// inRange warns of a number that is not what the field counts.
func (c *checker) inRange(field string, n, low, high int) {
	if n < low || n > high {
		c.warn(field, FaultRange, fmt.Sprintf("%s is not between %d and %d: check it in the MIS.", field, low, high))
	}
}
