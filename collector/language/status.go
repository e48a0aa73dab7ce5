package language

import (
	"strings"
	"time"

	"rollbridge/shared/status"
)

// Word says a status word. In English it is the word itself.
func (p *Printer) Word(w status.Word) string {
	return p.T("status.word." + strings.ReplaceAll(strings.ToLower(string(w)), " ", "-"))
}

// Part says one sentence about a school, or who acts, seen from now.
func (p *Printer) Part(part status.Part, now time.Time) string {
	if part.Key == "" {
		return part.Words(now, nil)
	}
	pairs := make([]any, 0, 2*len(part.Values))
	for name, v := range part.Values {
		pairs = append(pairs, name, p.value(v, now))
	}
	return p.T(part.Key, pairs...)
}

func (p *Printer) value(v status.Value, now time.Time) string {
	switch {
	case !v.Time.IsZero() && v.Day:
		return p.dayFrom(v.Time, now)
	case !v.Time.IsZero():
		return p.Moment(v.Time, now)
	case v.Key != "":
		return p.T(v.Key)
	}
	return v.Text
}

// dayFrom is the day of a moment seen from now: "Mon 5 Jan", with the year when it is
// another one.
func (p *Printer) dayFrom(t, now time.Time) string {
	t, now = t.In(status.London()), now.In(status.London())
	if t.Year() != now.Year() {
		return p.ShortDate(t)
	}
	return p.shortDay(t)
}

// Parts says sentences about a school, seen from now.
func (p *Printer) Parts(parts []status.Part, now time.Time) string {
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = p.Part(part, now)
	}
	return strings.Join(texts, " ")
}

// NextStep says what to do about a school. In English it is the verdict's own.
func (p *Printer) NextStep(v status.Verdict) string { return p.Parts(v.Parts, v.At) }

// Acts says who acts. In English it is the verdict's Owner.
func (p *Printer) Acts(v status.Verdict) string { return p.Part(v.Acts, v.At) }
