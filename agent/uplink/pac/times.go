package pac

import (
	"slices"
	"strings"
	"time"

	"github.com/dop251/goja"
)

// timed makes a function of the script that is asked with the time now: here,
// or in GMT if the last argument says so.
func (h *helpers) timed(in func(now time.Time, args []any) bool) func(goja.FunctionCall) goja.Value {
	return func(call goja.FunctionCall) goja.Value {
		now := h.script.now().Local()
		var args []any
		for _, a := range call.Arguments {
			args = append(args, a.Export())
		}
		if n := len(args); n > 0 && args[n-1] == "GMT" {
			now, args = now.UTC(), args[:n-1]
		}
		return h.vm.ToValue(in(now, args))
	}
}

var (
	days   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
	months = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
)

func named(list []string, v any) int {
	s, ok := v.(string)
	if !ok {
		return -1
	}
	return slices.Index(list, strings.ToUpper(s))
}

// between says whether v is in a range that may go over the end (Friday to
// Monday).
func between(from, v, to int) bool {
	if from <= to {
		return from <= v && v <= to
	}
	return v >= from || v <= to
}

func weekdayRange(now time.Time, args []any) bool {
	if len(args) == 0 || len(args) > 2 {
		return false
	}
	from, to := named(days, args[0]), named(days, args[len(args)-1])
	return from >= 0 && to >= 0 && between(from, int(now.Weekday()), to)
}

// dateRange takes a day, month or year, alone or in a row, once or twice (from
// and to).
func dateRange(now time.Time, args []any) bool {
	n := len(args)
	switch n {
	case 1:
		args = []any{args[0], args[0]}
	case 2, 4, 6:
	default:
		return false
	}
	half := len(args) / 2
	var from, to, at int
	hasYear := false
	for i := range half {
		weight, value, ok := datePart(args[i], now)
		weightTo, _, okTo := datePart(args[half+i], now)
		if !ok || !okTo || weight != weightTo {
			return false
		}
		from += weight * number(args[i])
		to += weight * number(args[half+i])
		at += weight * value
		hasYear = hasYear || weight == yearWeight
	}
	if hasYear {
		return from <= at && at <= to
	}
	return between(from, at, to)
}

const yearWeight = 10_000

// datePart says what an argument is, by its weight, and what that is now.
func datePart(v any, now time.Time) (weight, value int, ok bool) {
	n := number(v)
	switch {
	case named(months, v) >= 0:
		return 100, int(now.Month()), true
	case n >= 1 && n <= 31:
		return 1, now.Day(), true
	case n > 31:
		return yearWeight, now.Year(), true
	}
	return 0, 0, false
}

// number is what an argument counts: a number, or a month from 1.
func number(v any) int {
	switch v := v.(type) {
	case int64:
		return int(v)
	case float64:
		return int(v)
	}
	return named(months, v) + 1
}

// timeRange takes an hour, two hours, or twice hour and minute, or twice hour,
// minute and second. The end goes to its last second.
func timeRange(now time.Time, args []any) bool {
	var n []int
	for _, a := range args {
		n = append(n, number(a))
	}
	at := now.Hour()*3600 + now.Minute()*60 + now.Second()
	switch len(n) {
	case 1:
		return now.Hour() == n[0]
	case 2:
		return between(n[0]*3600, at, n[1]*3600+3599)
	case 4:
		return between(n[0]*3600+n[1]*60, at, n[2]*3600+n[3]*60+59)
	case 6:
		return between(n[0]*3600+n[1]*60+n[2], at, n[3]*3600+n[4]*60+n[5])
	}
	return false
}
