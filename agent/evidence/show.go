package evidence

import (
	"fmt"
	"io"
	"time"

	"rollbridge/agent/outbox"
)

// A Span is a stretch of time; a zero end is open. Until is not in it.
type Span struct{ Since, Until time.Time }

// Has says whether t lies in the span.
func (s Span) Has(t time.Time) bool {
	return (s.Since.IsZero() || !t.Before(s.Since)) && (s.Until.IsZero() || t.Before(s.Until))
}

// ParseSpan reads two days (2026-11-24, both included) or times (RFC 3339);
// empty is open.
func ParseSpan(since, until string) (s Span, err error) {
	if s.Since, err = parseMoment(since, 0); err != nil {
		return s, err
	}
	if s.Until, err = parseMoment(until, 1); err != nil {
		return s, err
	}
	if !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until) {
		return s, fmt.Errorf("the end lies before the beginning")
	}
	return s, nil
}

// parseMoment takes a day as its beginning, or the beginning of one some days
// later.
func parseMoment(text string, daysLater int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, london); err == nil {
		return day.AddDate(0, 0, daysLater), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("give a day such as 2026-11-24, or a time such as 2026-11-24T09:00:00Z")
	}
	return at, nil
}

// A Told is an event with its sentence, as `log --json --events` prints it. Its
// JSON is a contract with scripts.
type Told struct {
	At   time.Time    `json:"at"`
	Kind outbox.Event `json:"kind"`
	Text string       `json:"text"`
}

// Told are the events of a span, in the order in which they happened.
func (s Story) Told(in Span) []Told {
	told := []Told{}
	for _, e := range s.Events {
		if in.Has(e.At) {
			told = append(told, Told{e.At, e.Kind, e.Text()})
		}
	}
	return told
}

// Write says what happened in a span, under a heading for each day.
func (s Story) Write(w io.Writer, in Span) error {
	day := ""
	for _, e := range s.Events {
		if !in.Has(e.At) {
			continue
		}
		if d := Day(e.At); d != day {
			if day != "" {
				d = "\n" + d
			}
			if _, err := fmt.Fprintln(w, d); err != nil {
				return err
			}
			day = Day(e.At)
		}
		if _, err := fmt.Fprintf(w, "  %s  %s\n", clockTime(e.At), e.Text()); err != nil {
			return err
		}
	}
	if day == "" {
		_, err := fmt.Fprintln(w, "The logbook has nothing of that time.")
		return err
	}
	return nil
}
