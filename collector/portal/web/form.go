package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollbridge/shared/record"
)

// A Problem is one thing that is wrong with a form: a sentence without its full stop.
// Field is the name of the input, and the id that the error summary leads to.
type Problem struct{ Field, Text string }

// Problems are what is wrong with a form, in the order of its fields.
type Problems []Problem

// Of is what is wrong with a field; empty for nothing.
func (p Problems) Of(field string) string {
	for _, problem := range p {
		if problem.Field == field {
			return problem.Text
		}
	}
	return ""
}

// A Form reads what was sent, and collects what is wrong with it. label is the key of the
// text that the field has on the page: problems name the field by it.
type Form struct {
	visit    *Visit
	values   url.Values
	problems Problems
}

// Form reads the form of this visit, which a page shows again with what was typed.
func (v *Visit) Form() *Form {
	if v.form == nil {
		v.form = &Form{visit: v, values: v.R.PostForm}
		if v.R.Method == http.MethodGet {
			v.form.values = v.R.Form
		}
	}
	return v.form
}

// Add says that something is wrong with a field.
func (f *Form) Add(field, key string, pairs ...any) {
	f.problems = append(f.problems, Problem{Field: field, Text: f.visit.T(key, pairs...)})
}

// Problems are what was wrong so far.
func (f *Form) Problems() Problems { return f.problems }

// OK says that nothing was.
func (f *Form) OK() bool { return len(f.problems) == 0 }

// Raw is a value as it was sent: for passwords, and for what only our own pages send.
func (f *Form) Raw(field string) string { return f.values.Get(field) }

// Has says whether a box was ticked.
func (f *Form) Has(field string) bool { return f.values.Get(field) != "" }

// Text is a line of text without white space around it, at most max characters. Control
// characters and line ends are not text.
func (f *Form) Text(field, label string, max int) string {
	return f.text(field, label, max, func(r rune) bool { return unicode.IsControl(r) })
}

// Lines is a text of several lines, at most max characters.
func (f *Form) Lines(field, label string, max int) string {
	return f.text(field, label, max, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

func (f *Form) text(field, label string, max int, bad func(rune) bool) string {
	value := strings.TrimSpace(strings.ReplaceAll(f.values.Get(field), "\r\n", "\n"))
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, bad):
		f.Add(field, "web.form.characters", "Field", f.visit.T(label))
		return ""
	case utf8.RuneCountInString(value) > max:
		f.Add(field, "web.form.long", "Field", f.visit.T(label), "Max", f.visit.Number(max))
	}
	return value
}

// Required is Text that must not be empty; key is of the sentence that asks for it.
func (f *Form) Required(field, label, key string, max int) string {
	value := f.Text(field, label, max)
	if value == "" && f.problems.Of(field) == "" {
		f.Add(field, key)
	}
	return value
}

// Choice is one of the allowed values, or empty where none was chosen.
func (f *Form) Choice(field string, allowed ...string) string {
	value := f.values.Get(field)
	if value != "" && !slices.Contains(allowed, value) {
		f.Add(field, "web.form.choice")
		return ""
	}
	return value
}

// Choices are those of the allowed values that were chosen.
func (f *Form) Choices(field string, allowed ...string) (list []string) {
	for _, value := range f.values[field] {
		if !slices.Contains(allowed, value) {
			f.Add(field, "web.form.choice")
			return nil
		}
		if !slices.Contains(list, value) {
			list = append(list, value)
		}
	}
	return list
}

// Number is a whole number from least to most; given is false where the field is empty.
func (f *Form) Number(field, label string, least, most int) (n int, given bool) {
	value := strings.TrimSpace(f.values.Get(field))
	if value == "" {
		return 0, false
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		f.Add(field, "web.form.number", "Field", f.visit.T(label), "Least", f.visit.Number(least), "Most", f.visit.Number(most))
		return 0, true
	}
	return n, true
}

// Date is the day of the block "date": three inputs, named field-day, field-month and
// field-year. It is zero where all are empty.
func (f *Form) Date(field, label string) record.Date {
	part := func(name string) string { return strings.TrimSpace(f.values.Get(field + "-" + name)) }
	day, month, year := part("day"), part("month"), part("year")
	if day == "" && month == "" && year == "" {
		return ""
	}
	for name, value := range map[string]string{"day": day, "month": month, "year": year} {
		if value == "" {
			f.Add(field, "web.form.date-part."+name, "Field", f.visit.T(label))
			return ""
		}
	}
	d, errDay := strconv.Atoi(day)
	m, errMonth := strconv.Atoi(month)
	y, errYear := strconv.Atoi(year)
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if errDay != nil || errMonth != nil || errYear != nil || y < 1900 || y > 2200 || t.Day() != d || int(t.Month()) != m {
		f.Add(field, "web.form.date", "Field", f.visit.T(label))
		return ""
	}
	return record.DateOf(t)
}

var clockText = regexp.MustCompile(`^(\d{1,2})(?:[:.](\d{2}))?\s*([ap]\.?m\.?|yb|yp|y\.b\.|y\.p\.)?$`)

// ClockTime is a time of day as people write it: 9:45am, 9.45, 14:00, 2pm. given is false
// where the field is empty.
func (f *Form) ClockTime(field, label string) (d time.Duration, given bool) {
	value := strings.ToLower(strings.TrimSpace(f.values.Get(field)))
	if value == "" {
		return 0, false
	}
	d, ok := parseClock(value)
	if !ok {
		f.Add(field, "web.form.time", "Field", f.visit.T(label))
	}
	return d, true
}

func parseClock(value string) (time.Duration, bool) {
	m := clockText.FindStringSubmatch(value)
	if m == nil || m[2] == "" && m[3] == "" {
		return 0, false
	}
	hour, _ := strconv.Atoi(m[1])
	minute, _ := strconv.Atoi(m[2])
	half := strings.ReplaceAll(m[3], ".", "")
	switch {
	case minute > 59, half == "" && hour > 23, half != "" && (hour < 1 || hour > 12):
		return 0, false
	case (half == "pm" || half == "yp") && hour < 12:
		hour += 12
	case (half == "am" || half == "yb") && hour == 12:
		hour = 0
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute, true
}
