package mis

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// A kind says how a value of the MIS becomes a part of a record.
type kind struct {
	// set puts the value of a field that is not empty where it belongs; nil
	// where other code does.
	set func(c *cells, field int, to reflect.Value)
	// holds is the type that set needs.
	holds reflect.Type
	// part is the field of the record, where it has another name.
	part string
	// coded: value rules apply.
	coded bool
	// single: one text, which may be part of an identity.
	single bool
	// day: databases write "no date" as a day long ago. clock: of a moment the
	// time is wanted.
	day, clock bool
	// id: what the thing's own id is made of.
	id bool
	// free: text of any length, of which the beginning is kept.
	free bool
}

var (
	stringType = reflect.TypeFor[string]()
	dateType   = reflect.TypeFor[record.Date]()
)

// asText makes a kind whose field is one text.
func asText(read func(c *cells, field int) string) kind {
	return kind{set: func(c *cells, i int, to reflect.Value) { to.SetString(read(c, i)) }, holds: stringType, single: true}
}

func asDay(read func(c *cells, field int) record.Date) kind {
	return kind{set: func(c *cells, i int, to reflect.Value) { to.SetString(string(read(c, i))) }, holds: dateType, single: true, day: true}
}

// withRules is a kind to which value rules apply.
func (k kind) withRules() kind {
	k.coded = true
	return k
}

// Kinds that are set by the code of pupils, of attendance, or of every record.
var (
	owner         = kind{}                            // the pupil's id in the MIS
	ownID         = kind{id: true, holds: stringType} // the thing's
	marker        = kind{}
	careAuthority = kind{coded: true}
	ofSession     = kind{}
	codeOfSession = kind{coded: true}
)

// Kinds of one value.
var (
	text    = asText((*cells).text)
	comment = func() kind {
		k := asText((*cells).comment)
		k.free = true
		return k
	}()
	upn       = asText((*cells).upn)
	formerUPN = asText((*cells).formerUPN)
	uln       = asText((*cells).uln)
	code      = asText((*cells).listed).withRules()
	yearGroup = asText((*cells).year).withRules()
	authority = asText((*cells).authority).withRules()
	halfDay   = asText((*cells).halfDay).withRules()
	month     = asText((*cells).month).withRules()
	date      = asDay((*cells).date)
	moment    = asDay((*cells).moment)
	clockTime = func() kind {
		k := asText((*cells).clock)
		k.clock = true
		return k
	}()
	yesNo = kind{
		set:   func(c *cells, i int, to reflect.Value) { to.Set(reflect.ValueOf(c.yesNo(i))) },
		holds: reflect.TypeFor[*bool](),
	}
	whole = kind{
		set: func(c *cells, i int, to reflect.Value) {
			f := c.about.fields[i]
			to.SetInt(int64(c.number(i, f.low, f.high)))
		},
		holds: reflect.TypeFor[int](), single: true,
	}
)

// Kinds of a list, or of a part of its entries.
var (
	codeList = kind{
		set:   func(c *cells, i int, to reflect.Value) { to.Set(reflect.ValueOf(c.codes(i))) },
		holds: reflect.TypeFor[[]string](), coded: true,
	}
	emails = kind{
		set:   func(c *cells, i int, to reflect.Value) { to.Set(reflect.ValueOf(c.emails(i))) },
		holds: reflect.TypeFor[[]string](),
	}
	addressLines = kind{
		set: func(c *cells, i int, to reflect.Value) {
			if lines := c.lines(i); len(lines) > 0 {
				address(to).Lines = lines
			}
		},
		holds: addressesType,
	}
	postcode = kind{set: func(c *cells, i int, to reflect.Value) { address(to).PostCode = c.text(i) }, holds: addressesType}

	addressesType = reflect.TypeFor[[]record.Address]()
)

// phone makes the kind of a telephone number of a CBDS type. A cell of the CTF
// route holds several numbers of one type on lines of their own.
func phone(of string) kind {
	return kind{
		set: func(c *cells, i int, to reflect.Value) {
			for number := range strings.SplitSeq(c.bounded(i, c.raw[i]), "\n") {
				if number = strings.TrimSpace(number); number != "" {
					to.Set(reflect.Append(to, reflect.ValueOf(record.Phone{Type: of, Number: c.printable(i, number)})))
				}
			}
		},
		holds: reflect.TypeFor[[]record.Phone](),
	}
}

// address is the one address that a row has.
func address(to reflect.Value) *record.Address {
	if to.Len() == 0 {
		to.Set(reflect.ValueOf([]record.Address{{}}))
	}
	return to.Index(0).Addr().Interface().(*record.Address)
}

// listed is a code of the field's code set.
func (c *cells) listed(field int) string {
	return c.code(field, c.ruled(field, c.text(field)))
}

// ruled applies the value rules of a field.
func (c *cells) ruled(field int, value string) string {
	return c.r.plan.datasets[c.d].code(field, value)
}

// code is a code of the field's code set; one that the set does not know is
// kept and warned about.
func (c *cells) code(field int, s string) string {
	set := c.about.fields[field].codeset
	if s == "" {
		return ""
	}
	if _, ok := codes.Lookup(set, s); ok {
		return s
	}
	if upper := strings.ToUpper(s); upper != s {
		if _, ok := codes.Lookup(set, upper); ok {
			return upper
		}
	}
	c.warn(field, WarnUnknownCode)
	return s
}

// codes is a list of codes of the field's code set. A list as a whole may be one
// value of the rules: an MIS may call two reasons by one name.
func (c *cells) codes(field int) []string {
	var list []string
	for _, part := range c.parts(field, c.ruled(field, c.bounded(field, c.raw[field]))) {
		list = append(list, c.code(field, c.ruled(field, part)))
	}
	return slices.Clip(list)
}

// parts are the entries of a list in one cell.
func (c *cells) parts(field int, s string) []string {
	var parts []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(";,\n\r", r) }) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, c.printable(field, part))
		}
	}
	return parts
}

func (c *cells) emails(field int) []string {
	return c.parts(field, c.bounded(field, c.raw[field]))
}

// authority is the code of a local authority, of today or of the past.
func (c *cells) authority(field int) string {
	s := c.ruled(field, c.text(field))
	if _, ok := codes.LookupAuthority(s); !ok && s != "" {
		c.warn(field, WarnUnknownCode)
	}
	return s
}

// halfDay is AM or PM.
func (c *cells) halfDay(field int) string {
	s := c.ruled(field, c.text(field))
	if upper := strings.ToUpper(s); upper == "AM" || upper == "PM" {
		return upper
	}
	if s != "" {
		c.warn(field, WarnUnknownCode)
	}
	return s
}

// comment is free text, which may have line breaks and tabs. Whatever stands in
// it ends no read: it is excluded unless it was asked for and allowed, and what
// somebody pasted into a note must not keep a register from going.
func (c *cells) comment(field int) string {
	s := strings.ReplaceAll(c.raw[field], "\r\n", "\n")
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, s)
	if len(clean) < len(s) {
		c.warn(field, WarnCleaned)
	}
	if len(clean) > record.MaxCommentBytes {
		end := record.MaxCommentBytes
		for !utf8.RuneStart(clean[end]) {
			end--
		}
		clean = clean[:end]
		c.warn(field, WarnCut)
	}
	return strings.Clone(clean)
}

// moment is the day of a value that may have a time of day behind the date.
func (c *cells) moment(field int) record.Date {
	if d, ok := readDate(c.raw[field], c.r.plan.layout); ok {
		return d
	}
	day, clock := cutMoment(c.raw[field])
	d, ok := readDate(day, c.r.plan.layout)
	if _, fits := readClock(clock); !ok || !fits {
		c.fail(field, c.r.badDate())
		return ""
	}
	return d
}

// cutMoment parts a date from the time behind it.
func cutMoment(s string) (day, clock string) {
	at := strings.IndexAny(s, " T")
	if at < 0 {
		return s, ""
	}
	return s[:at], strings.TrimSpace(s[at+1:])
}

// clock is a time of day as HH:MM; a day before it is passed over.
func (c *cells) clock(field int) string {
	s := c.raw[field]
	t, ok := readClock(s)
	if !ok {
		day, rest := cutMoment(s)
		if _, dated := readDate(day, c.r.plan.layout); dated {
			t, ok = readClock(rest)
		}
	}
	if !ok {
		c.warn(field, WarnNotUnderstood)
	}
	return t
}

// clockForms are the ways of writing a time of day that can mean one time only.
var clockForms = []string{"15:04", "15:04:05", "15:04:05.999999999", "3:04 PM", "3:04PM", "3:04:05 PM"}

func readClock(s string) (string, bool) {
	for _, form := range clockForms {
		if t, err := time.Parse(form, strings.ToUpper(s)); err == nil {
			return t.Format("15:04"), true
		}
	}
	return "", false
}

// month is CCYY-MM; of a date its month. Anything else is kept, since only the
// collector judges.
func (c *cells) month(field int) string {
	s := c.ruled(field, c.text(field))
	if _, err := time.Parse("2006-01", s); err == nil || s == "" {
		return s
	}
	if d, ok := readDate(s, c.r.plan.layout); ok {
		return string(d[:len("2006-01")])
	}
	c.warn(field, WarnInvalid)
	return s
}
