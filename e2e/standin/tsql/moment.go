package tsql

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/standin/sqltype"
)

// certainMoment is the text of a moment that means the same under every
// setting that SET lets pass: YYYY-MM-DD or YYYYMMDD, and a clock after it.
var certainMoment = regexp.MustCompile(`^(\d{4})(-?)(\d\d)(-?)(\d\d)(?:([ T])(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?$`)

var certainClock = regexp.MustCompile(`^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?$`)

// toMoment converts a text or a moment to a date, a time or a moment.
func toMoment(s string, from, to sqltype.Type) (any, error) {
	switch familyOf(from) {
	case famText:
		return textToMoment(strings.Trim(s, " "), from, to)
	case famMoment, famDate, famTime:
		t, err := time.Parse(layout(from), s)
		if err != nil {
			return nil, refuse("a value of %s that is none", from)
		}
		return storeMoment(t, from, to)
	}
	return nil, refuse("a value of %s as %s", from, to)
}

func textToMoment(s string, from, to sqltype.Type) (any, error) {
	if to.Kind == sqltype.Date && isPlainDate(s) {
		return s, nil // as it lies; a load of marks has thousands of these
	}
	if !strings.ContainsAny(s, "0123456789") && s != "" {
		return nil, notAMoment(from, to)
	}
	var t time.Time
	fraction, ok, valid := "", false, false
	if to.Kind == sqltype.Time {
		t, fraction, ok, valid = clock(s)
	} else {
		t, fraction, ok, valid = dateAndClock(s)
	}
	switch {
	case !ok:
		return nil, refuse("a date or time in text of another form than YYYY-MM-DD or YYYYMMDD and hh:mm:ss")
	case !valid:
		return nil, outOfRange(from, to)
	case to.Kind == sqltype.DateTime && len(fraction) > 3:
		return nil, notAMoment(from, to)
	}
	return storeMoment(t, from, to)
}

// isPlainDate recognises YYYY-MM-DD up to the 28th, which every month has.
func isPlainDate(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' || s[:4] == "0000" {
		return false
	}
	month, day := s[5:7], s[8:]
	return digits(s) == 4 && digits(month) == 2 && digits(day) == 2 &&
		month >= "01" && month <= "12" && day >= "01" && day <= "28"
}

func dateAndClock(s string) (t time.Time, fraction string, ok, valid bool) {
	m := certainMoment.FindStringSubmatch(s)
	if m == nil || m[2] != m[4] || m[6] == "T" && (m[9] == "" || m[2] == "") {
		return t, "", false, false
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
	year, month, day := n(1), n(3), n(5)
	t = time.Date(year, time.Month(month), day, n(7), n(8), n(9), nanoseconds(m[10]), time.UTC)
	valid = year > 0 && t.Year() == year && int(t.Month()) == month && t.Day() == day &&
		n(7) < 24 && n(8) < 60 && n(9) < 60
	return t, m[10], true, valid
}

func clock(s string) (t time.Time, fraction string, ok, valid bool) {
	m := certainClock.FindStringSubmatch(s)
	if m == nil {
		return t, "", false, false
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
	t = time.Date(1, 1, 1, n(1), n(2), n(3), nanoseconds(m[4]), time.UTC)
	return t, m[4], true, n(1) < 24 && n(2) < 60 && n(3) < 60
}

func nanoseconds(fraction string) int {
	n, _ := strconv.Atoi((fraction + "000000000")[:9])
	return n
}

func notAMoment(from, to sqltype.Type) error {
	if to.Kind == sqltype.SmallDateTime {
		return fail(295, "Conversion failed when converting character string to smalldatetime data type.")
	}
	return fail(241, "Conversion failed when converting date and/or time from character string.")
}

// outOfRange: the two old types have an error of their own for a date that
// does not exist.
func outOfRange(from, to sqltype.Type) error {
	if to.Kind == sqltype.DateTime || to.Kind == sqltype.SmallDateTime {
		return fail(242, "The conversion of a %s data type to a %s data type resulted in an out-of-range value.", from.Kind, to.Kind)
	}
	return notAMoment(from, to)
}

var (
	firstDateTime      = time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC)
	firstSmallDateTime = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	lastSmallDateTime  = time.Date(2079, 6, 7, 0, 0, 0, 0, time.UTC)
)

// storeMoment rounds to what the type can hold and checks its range.
func storeMoment(t time.Time, from, to sqltype.Type) (any, error) {
	switch to.Kind {
	case sqltype.DateTime:
		if t.Before(firstDateTime) {
			return nil, outOfRange(from, to)
		}
		day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		ticks := (t.Sub(day).Milliseconds()*3 + 5) / 10 // of 1/300 s
		t = day.Add(time.Duration((ticks*10+1)/3) * time.Millisecond)
	case sqltype.SmallDateTime:
		if t.Before(firstSmallDateTime) || !t.Before(lastSmallDateTime) {
			return nil, outOfRange(from, to)
		}
		if t.Second() != 0 || t.Nanosecond() != 0 {
			return nil, refuse("rounding seconds to smalldatetime")
		}
	case sqltype.DateTime2, sqltype.Time:
		unit := time.Second
		for range to.Scale {
			unit /= 10
		}
		if rounded := t.Round(unit); to.Kind == sqltype.Time && rounded.Day() != t.Day() {
			return nil, refuse("rounding a time up to midnight")
		} else {
			t = rounded
		}
	}
	if t.Year() > 9999 {
		return nil, refuse("rounding up to the year 10000")
	}
	return t.Format(layout(to)), nil
}
