package mis

import (
	"regexp"
	"slices"
	"time"

	"rollbridge/shared/record"
)

// Placeholders beside the names of a school.
const (
	fillUser     = "user"
	fillPassword = "password"
	fillToken    = "token"
	fillPupil    = "pupil"
	fillPupils   = "pupils"
	fillKey      = "key"
	fillPage     = "page"
	fillFrom     = "from"
	fillTo       = "to"
	fillSince    = "since"
	fillToday    = "today"
	fillYearEnd  = "year_end"
)

// fillWords are names that a school's own may not have.
var fillWords = []string{fillUser, fillPassword, fillToken, fillPupil, fillPupils, fillKey, fillPage, fillFrom, fillTo, fillSince, fillToday, fillYearEnd}

// dayWords are those of days that every request may have.
var dayWords = []string{fillSince, fillToday, fillYearEnd}

// fillForm is one placeholder. Anything else in braces stands for itself, so
// that {page:{page}} becomes {page:1}.
var fillForm = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

var fillName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// placeholders are those of a text, each once.
func placeholders(text string) []string {
	var names []string
	for _, m := range fillForm.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// filled puts values where placeholders stand; one without a value stays.
func filled(text string, values map[string]string, escape func(string) string) string {
	return fillForm.ReplaceAllStringFunc(text, func(found string) string {
		value, ok := values[found[1:len(found)-1]]
		switch {
		case !ok:
			return found
		case escape == nil:
			return value
		}
		return escape(value)
	})
}

// queryDateLayouts are the forms of days in paths and queries.
var queryDateLayouts = map[string]string{"yyyy-mm-dd": "2006-01-02", "dd/mm/yyyy": "02/01/2006", "dd-mm-yyyy": "02-01-2006", "mm/dd/yyyy": "01/02/2006", "yyyymmdd": "20060102"}

// yearEnd is the last day of the academic year that begins on a day.
func yearEnd(since record.Date) record.Date {
	return record.DateOf(since.Time().AddDate(1, 0, -1))
}

// A span is a range of days, both among them.
type span struct{ from, to record.Date }

// spans part a range of days into slices of so many days at most.
func spans(all span, days int) []span {
	var parts []span
	for from := all.from; from <= all.to; {
		to := min(from.AddDays(days-1), all.to)
		parts = append(parts, span{from, to})
		from = to.AddDays(1)
	}
	return parts
}

func dayText(d record.Date, layout string) string { return d.Time().In(time.UTC).Format(layout) }
