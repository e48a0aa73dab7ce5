package mis

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// A cells reads the values of one admitted row. The first fault stays in err
// and every later value is empty, so that a record is built in one go.
type cells struct {
	r     *reading
	d     record.Dataset
	about *description
	raw   rawRow
	at    place
	err   error
}

func (r *reading) cells(d record.Dataset, raw rawRow, at place) *cells {
	return &cells{r: r, d: d, about: r.plan.datasets[d].about, raw: raw, at: at}
}

func (c *cells) fail(field int, text string) {
	if c.err == nil {
		c.err = c.r.fieldFault(c.d, c.at, field, text)
	}
}

func (c *cells) warn(field int, code string) { c.r.warn(c.d, c.about.names[field], code) }

// text is a value as the MIS has it, trimmed, copied out of its row.
func (c *cells) text(field int) string {
	return c.printable(field, c.bounded(field, c.raw[field]))
}

// printable refuses control characters: they come of a damaged file, and are
// shown differently by everything that shows them.
func (c *cells) printable(field int, s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		c.fail(field, "there is a control character in it: correct the value in the MIS")
		return ""
	}
	return s
}

func (c *cells) bounded(field int, s string) string {
	if len(s) > c.r.limit.textBytes {
		c.fail(field, "it is far longer than such a value can be: check that the right column is read")
		return ""
	}
	return strings.Clone(s)
}

// lines is a value that may be several lines, in one cell or parted by commas.
func (c *cells) lines(field int) []string {
	s := c.bounded(field, c.raw[field])
	var lines []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		lines = append(lines, c.printable(field, part))
	}
	return lines
}

// date is a day in the declared form and no other: 3/4 is never guessed.
func (c *cells) date(field int) record.Date {
	s := c.raw[field]
	if s == "" {
		return ""
	}
	d, ok := readDate(s, c.r.plan.layout)
	if !ok {
		c.fail(field, c.r.badDate())
	}
	return d
}

func (r *reading) badDate() string {
	if r.plan.driver == driverSQL {
		return "it is not a date from 1900 on: correct it in the MIS, or have the query give a column of a date type"
	}
	return "it is not a date of the form " + r.plan.dates + ": correct it in the MIS, or set dates to the form that the file has"
}

func readDate(s, layout string) (record.Date, bool) {
	t, err := time.Parse(layout, s)
	if err != nil || t.Year() < 1900 {
		return "", false
	}
	return record.DateOf(t), true
}

// yesNo is an optional yes or no; U and blank are neither.
func (c *cells) yesNo(field int) *bool {
	yes, known := readBool(c.raw[field])
	if known {
		return &yes
	}
	if s := c.raw[field]; s != "" && !strings.EqualFold(s, "u") {
		c.warn(field, WarnNotUnderstood)
	}
	return nil
}

// number is an optional whole number within bounds. Databases write one of a
// decimal type with places.
func (c *cells) number(field, low, high int) int {
	s := c.raw[field]
	if s == "" {
		return 0
	}
	if whole, places, found := strings.Cut(s, "."); found && strings.Trim(places, "0") == "" {
		s = whole
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		c.warn(field, WarnNotUnderstood)
		return 0
	}
	return n
}

// upn is the UPN in its one written form. An invalid one is kept as it is,
// since only the collector judges, but it makes no identity.
func (c *cells) upn(field int) string {
	s := c.text(field)
	u, err := codes.ParseUPN(s)
	switch {
	case s == "":
		return ""
	case errors.Is(err, codes.ErrUnknownAuthority):
		c.warn(field, WarnUnknownCode)
	case err != nil:
		c.warn(field, WarnInvalid)
		return s
	}
	return u.Reveal()
}

// formerUPN is carried only if it was temporary: a permanent one would lead
// from a child's new identity back to the old (design.md §4).
func (c *cells) formerUPN(field int) string {
	u, err := codes.ParseUPN(c.raw[field])
	if err != nil && !errors.Is(err, codes.ErrUnknownAuthority) {
		if c.raw[field] != "" {
			c.warn(field, WarnNotUnderstood)
		}
		return ""
	}
	if !u.Temporary() {
		return ""
	}
	return u.Reveal()
}

func (c *cells) uln(field int) string {
	s := c.text(field)
	if s == "" {
		return ""
	}
	if _, err := codes.ParseULN(s); errors.Is(err, codes.ErrReservedULN) {
		return ""
	} else if err != nil {
		c.warn(field, WarnInvalid)
	}
	return s
}

// yearForm is how MISs write a year group: "7", "Year  7", "Yr 7", "Y7".
var yearForm = regexp.MustCompile(`(?i)^(?:year|yr|y)?\s*([0-9]{1,2}|[a-z][0-9]?)$`)

// year is the national curriculum year as its code.
func (c *cells) year(field int) string {
	s := c.ruled(field, c.text(field))
	if s == "" {
		return ""
	}
	if strings.EqualFold(s, "reception") {
		return "R"
	}
	if m := yearForm.FindStringSubmatch(s); m != nil {
		code := strings.ToUpper(m[1])
		if trimmed := strings.TrimLeft(code, "0"); trimmed != "" {
			code = trimmed
		}
		if _, ok := codes.Lookup("nc_year", code); ok {
			return code
		}
	}
	c.warn(field, WarnUnknownCode)
	return s
}

// misspeltUPN says whether a raw value is there and cannot be a UPN.
func misspeltUPN(s string) bool {
	_, err := codes.ParseUPN(s)
	return strings.TrimSpace(s) != "" && err != nil && !errors.Is(err, codes.ErrUnknownAuthority)
}

// permanentUPN is the permanent UPN in a raw value, "" if there is none.
func permanentUPN(s string) string {
	u, err := codes.ParseUPN(s)
	if err != nil && !errors.Is(err, codes.ErrUnknownAuthority) || u.Temporary() {
		return ""
	}
	return u.Reveal()
}
