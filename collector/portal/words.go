package portal

import (
	"fmt"
	"time"

	"rollbridge/shared/status"
)

func sessionWords(s status.Session) string {
	if s == status.AM {
		return "morning register"
	}
	return "afternoon register"
}

// longTime is a moment as the head of a page says it: "10:16am Monday 23
// November 2026".
func longTime(t time.Time) string {
	return t.In(status.London()).Format("3:04pm Monday 2 January 2006")
}

// shortTime is a moment seen from now: "9:04am", "Fri 20 Nov at 3:10pm", with
// the year when it is another one.
func shortTime(t, now time.Time) string {
	t, now = t.In(status.London()), now.In(status.London())
	switch {
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return t.Format("3:04pm")
	case t.Year() == now.Year():
		return t.Format("Mon 2 Jan") + " at " + t.Format("3:04pm")
	}
	return t.Format("Mon 2 Jan 2006") + " at " + t.Format("3:04pm")
}

// ago is how long before now a moment was, in the largest unit that says
// enough: "38 minutes ago".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour") + " ago"
	}
	return count(int(d/(24*time.Hour)), "day") + " ago"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
