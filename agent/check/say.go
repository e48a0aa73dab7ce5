package check

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollbridge/shared/clock"
)

// say makes a line of a thing and a cause; the list knows how it is to be
// taken, what to do and whom to ask.
func say(id ID, c Cause, format string, args ...any) Line {
	l := Line{ID: id, Cause: c, State: Bad, What: fmt.Sprintf(format, args...)}
	switch e, known := entry(id, c); {
	case c == Good:
		l.State = OK
	case c == NotTried:
		l.State = Untried
	case known:
		l.State, l.Do, l.Whom = e.State, sentence(e.Do), e.Whom
	}
	return l
}

// untried says why a thing was not looked at.
func untried(id ID, why string) Line { return say(id, NotTried, "Not tried, because %s", why) }

// Skip says of several things why they were not looked at.
func Skip(why string, ids ...ID) []Line {
	var lines []Line
	for _, id := range ids {
		lines = append(lines, untried(id, why))
	}
	return lines
}

// do replaces what to do by something that knows more.
func (l Line) do(text string) Line {
	if text != "" {
		l.Do = sentence(text)
	}
	return l
}

func (l Line) of(subject string) Line {
	l.Subject = subject
	return l
}

func (l Line) count(n int64) Line {
	l.Number = n
	return l
}

// spans are the units of span.
var spans = []struct {
	of   time.Duration
	name string
}{{365 * 24 * time.Hour, "year"}, {24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}

// span is a length of time in its largest unit and, if it has any of it, the
// next one.
func span(d time.Duration) string {
	d = d.Abs().Round(time.Second)
	for i, u := range spans {
		n := d / u.of
		if n == 0 {
			continue
		}
		text := units(n, u.name)
		if i+1 < len(spans) {
			if rest := d % u.of / spans[i+1].of; rest > 0 {
				text += " and " + units(rest, spans[i+1].name)
			}
		}
		return text
	}
	return "0 seconds"
}

func units(n time.Duration, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

func when(t time.Time) string { return t.Local().Format("2 January 2006 15:04") }

// sentence begins with a capital letter, as lines do, unless it begins with a
// name.
func sentence(s string) string {
	first, rest, more := strings.Cut(s, " ")
	if first == "" || strings.ContainsAny(first, ".:_/`[") {
		return s
	}
	r, size := utf8.DecodeRuneInString(first)
	s = string(unicode.ToUpper(r)) + first[size:]
	if more {
		s += " " + rest
	}
	return s
}

// oneLine keeps a name in a sentence, which may be that of any table, from
// making lines of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// now is the time of this computer, which tests move.
func now() time.Time { return clock.Now() }
