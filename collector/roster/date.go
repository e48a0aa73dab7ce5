package roster

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollbridge/shared/record"
)

// A dateOrder is what the dates of a column, taken together, say about the
// order of day and month.
type dateOrder struct {
	// dayFirst and monthFirst: some date of the column can only be read so.
	dayFirst, monthFirst bool
	// real: some date of the column was a date to the spreadsheet.
	real bool
}

var (
	isoForm   = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?$`)
	slashForm = regexp.MustCompile(`^(\d{1,2})([/.-])(\d{1,2})([/.-])(\d{4})(?: 00:00(?::00)?)?$`)
	wordForm  = regexp.MustCompile(`^(\d{1,2})[ -]([A-Za-z]{3,9})[ -](\d{4})$`)
)

// orderOf looks at every date of a table.
func orderOf(t Table) (o dateOrder) {
	for _, r := range t.Rows {
		o.real = o.real || r.RealDate
		if first, second, _, ok := slashed(r.Cells[DOB]); ok {
			o.dayFirst = o.dayFirst || first > 12
			o.monthFirst = o.monthFirst || second > 12
		}
	}
	return o
}

func slashed(text string) (first, second, year int, ok bool) {
	m := slashForm.FindStringSubmatch(text)
	if m == nil || m[2] != m[4] {
		return 0, 0, 0, false
	}
	first, _ = strconv.Atoi(m[1]) // the form has digits only
	second, _ = strconv.Atoi(m[3])
	year, _ = strconv.Atoi(m[5])
	return first, second, year, true
}

// oldest is how many years ago the oldest pupil was born: 25 is the end of an
// education, health and care plan.
const oldest = 26

func (p *parser) dob(r Row) record.Date {
	d, text := p.date(r)
	if text == "" && d > p.today {
		text = "it lies in the future: correct it"
	}
	if text == "" && d.Time().Before(p.today.Time().AddDate(-oldest, 0, 0)) {
		text = "it lies more than 26 years back, so it is not a pupil's: correct it"
	}
	if text != "" {
		p.fault(r, DOB, "%s", text)
		return ""
	}
	return d
}

// date reads a date, or says what is wrong with it. Day and month as numbers
// are believed only where another date of the column shows their order: a
// spreadsheet of another country swaps them without a word.
func (p *parser) date(r Row) (d record.Date, wrong string) {
	const form = "it is not a date: write it as CCYY-MM-DD"
	text := r.Cells[DOB]
	if text == "" {
		return "", "it is empty: give the date of birth as CCYY-MM-DD"
	}
	if m := isoForm.FindStringSubmatch(text); m != nil {
		return existing(m[1] + "-" + m[2] + "-" + m[3])
	}
	if m := wordForm.FindStringSubmatch(text); m != nil {
		word := strings.ToUpper(m[2][:1]) + strings.ToLower(m[2][1:])
		for _, layout := range []string{"2 Jan 2006", "2 January 2006"} {
			if t, err := time.Parse(layout, m[1]+" "+word+" "+m[3]); err == nil {
				return record.DateOf(t), ""
			}
		}
		return "", form
	}
	first, second, year, ok := slashed(text)
	if !ok {
		return "", form
	}
	switch {
	case p.order.real:
		return "", "other cells of the column are dates and this one is text, so the spreadsheet may have swapped day and month in those: write the whole column as CCYY-MM-DD, from the source"
	case p.order.dayFirst && p.order.monthFirst:
		return "", "some dates of the column put the day first and others the month: write the whole column as CCYY-MM-DD"
	case p.order.monthFirst:
		first, second = second, first
	case !p.order.dayFirst && first != second:
		return "", "the day and the month could be swapped, and no date of the column shows which comes first: write the whole column as CCYY-MM-DD"
	}
	if first > 31 || second > 12 {
		return "", form
	}
	return existing(time.Date(year, time.Month(second), first, 0, 0, 0, 0, time.UTC).Format("2006-01-02"), first)
}

// existing refuses days that do not exist; day, where given, is what the date
// must still have.
func existing(text string, day ...int) (record.Date, string) {
	d, err := record.ParseDate(text)
	if err != nil || len(day) > 0 && d.Time().Day() != day[0] {
		return "", "there is no such day: correct it"
	}
	return d, ""
}
