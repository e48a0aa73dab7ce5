package calendar

import (
	"slices"
	"sync"
	"time"

	"rollbridge/shared/record"
)

// IsBankHoliday says whether a day is a bank holiday of England and Wales by the
// rules of the Banking and Financial Dealings Act 1971 and custom. A holiday that
// is proclaimed for one year only is entered as a closure.
func IsBankHoliday(day record.Date) bool {
	t := day.Time()
	if t.IsZero() {
		return false
	}
	days, known := holidays.Load(t.Year())
	if !known {
		days, _ = holidays.LoadOrStore(t.Year(), bankHolidays(t.Year()))
	}
	return slices.Contains(days.([]record.Date), day)
}

// holidays are the bank holidays of the years that were asked for: each look at the
// schools asks for each school.
var holidays sync.Map // int to []record.Date

func bankHolidays(year int) []record.Date {
	on := func(m time.Month, d int) time.Time { return time.Date(year, m, d, 0, 0, 0, 0, time.UTC) }
	easter := easterSunday(year)
	christmas := []time.Time{on(time.December, 25), on(time.December, 26)}
	switch christmas[0].Weekday() {
	case time.Friday: // Boxing Day is a Saturday
		christmas[1] = on(time.December, 28)
	case time.Saturday, time.Sunday:
		christmas = []time.Time{on(time.December, 27), on(time.December, 28)}
		if on(time.December, 25).Weekday() == time.Sunday {
			christmas[0] = on(time.December, 26)
			christmas[1] = on(time.December, 27)
		}
	}
	days := append(christmas,
		nextWorkingDay(on(time.January, 1)), easter.AddDate(0, 0, -2), easter.AddDate(0, 0, 1),
		nextMonday(on(time.May, 1)), nextMonday(on(time.May, 25)), nextMonday(on(time.August, 25)))
	dates := make([]record.Date, len(days))
	for i, d := range days {
		dates[i] = record.DateOf(d)
	}
	return dates
}

// nextMonday is the first Monday at or after a day.
func nextMonday(t time.Time) time.Time {
	for t.Weekday() != time.Monday {
		t = t.AddDate(0, 0, 1)
	}
	return t
}

func nextWorkingDay(t time.Time) time.Time {
	if t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		return nextMonday(t)
	}
	return t
}

// easterSunday is the Gregorian computus as Meeus, Jones and Butcher give it.
func easterSunday(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 19*l) / 433
	month := (h + l - 7*m + 90) / 25
	day := (h + l - 7*m + 33*month + 19) % 32
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}
