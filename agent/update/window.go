package update

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"rollbridge/shared/clock"
)

// A Window is the part of the day in which the school lets the program be
// replaced, by the clock of the school. The zero value is the whole day.
type Window struct {
	from, to int // minutes after midnight; equal is the whole day
}

// errWindow says what a window looks like.
var errWindow = errors.New("a window is two times of day such as 18:00-05:00, at least half an hour apart")

// ParseWindow reads a window; "" is the whole day.
func ParseWindow(text string) (Window, error) {
	if text == "" {
		return Window{}, nil
	}
	from, to, both := strings.Cut(text, "-")
	a, errA := time.Parse("15:04", strings.TrimSpace(from))
	b, errB := time.Parse("15:04", strings.TrimSpace(to))
	if !both || errA != nil || errB != nil || a.Equal(b) {
		return Window{}, errWindow
	}
	w := Window{from: a.Hour()*60 + a.Minute(), to: b.Hour()*60 + b.Minute()}
	if (w.to-w.from+24*60)%(24*60) < 30 {
		return Window{}, errWindow
	}
	return w, nil
}

// String is the window as ParseWindow reads it.
func (w Window) String() string {
	if w.from == w.to {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.from/60, w.from%60, w.to/60, w.to%60)
}

// london is the place whose calendar school life follows.
var london = func() *time.Location {
	l, err := time.LoadLocation(clock.Location)
	if err != nil {
		panic("update: the time zone of England is not built in: " + err.Error())
	}
	return l
}()

// open says whether the window is open. It goes by what a clock on the wall
// shows, so that a night in which clocks change is longer or shorter.
func (w Window) open(now time.Time) bool {
	at := minuteOf(now)
	switch {
	case w.from == w.to:
		return true
	case w.from < w.to:
		return at >= w.from && at < w.to
	}
	return at >= w.from || at < w.to
}

func minuteOf(t time.Time) int {
	t = t.In(london)
	return t.Hour()*60 + t.Minute()
}

// The morning of a school day, in which registers are taken and offices are
// busiest: nothing is replaced or fetched then. The agent knows no term dates, so
// that every day from Monday to Friday is one.
const (
	morningFrom = 5 * 60
	morningTo   = 12 * 60
)

func morning(now time.Time) bool {
	switch now.In(london).Weekday() {
	case time.Saturday, time.Sunday:
		return false
	}
	at := minuteOf(now)
	return at >= morningFrom && at < morningTo
}

// may says whether a program may be replaced now.
func (w Window) may(now time.Time) bool { return !morning(now) && w.open(now) }

// next is when it may be again: now if it may already. It steps by minutes, so
// that no change of the clocks can put it wrong.
func (w Window) next(now time.Time) time.Time {
	if w.may(now) {
		return now
	}
	t := now.Truncate(time.Minute)
	for range 8 * 24 * 60 { // a window in the morning opens on Saturday
		t = t.Add(time.Minute)
		if w.may(t) {
			return t
		}
	}
	return time.Time{} // one hour in a night that has none of it, each week: never so
}
