package portal

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// problemWords says what an agent reports in words for whoever looks at a page.
var problemWords = map[protocol.ProblemCode]string{
	protocol.ProblemMISDown:        "The school's management information system does not answer.",
	protocol.ProblemMISData:        "The data at the school cannot be read as they should be.",
	protocol.ProblemRightMissing:   "The agent lacks a right or a column that it needs at the school, so nothing could be read.",
	protocol.ProblemIdentifier:     "The ids of the pupils are empty at the school, so nothing could be read.",
	protocol.ProblemHeld:           "A safety stop keeps something back at the school until a person has looked.",
	protocol.ProblemScopeNotGiven:  "The school has not yet allowed everything that is asked for.",
	protocol.ProblemIntercepted:    "A filter at the school opens the connection. What is sent stays sealed.",
	protocol.ProblemKeyringExpired: "The agent holds an expired keyring. The operator must renew it.",
	protocol.ProblemDiskFull:       "The disk is full at the school.",
	protocol.ProblemClock:          "The clock at the school is wrong.",
	protocol.ProblemWarnings:       "Some optional values were not understood.",
	protocol.ProblemSilent:         "Nothing could be sent from the school for a day.",
	protocol.ProblemUnreachable:    "What the school sends does not arrive.",
}

// ProblemWords says in a sentence what an agent reports.
func ProblemWords(p protocol.ProblemCode) string {
	if words, ok := problemWords[p]; ok {
		return words
	}
	return "The agent reports a problem that this version does not know."
}

// ProblemNote is ProblemWords with since when and why, where an agent has said so.
func ProblemNote(p protocol.Problem) string {
	words := ProblemWords(p.Code)
	if p.Code != protocol.ProblemSilent {
		return words
	}
	if !p.Since.IsZero() {
		words = "Nothing could be sent from the school since " + longTime(p.Since) + "."
	}
	if p.Cause != "" {
		words += " " + ProblemWords(p.Cause)
	}
	return words
}

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

// spell is a wait in words, rounded up.
func spell(d time.Duration) string {
	if d <= time.Minute {
		return count(int((d+time.Second-1)/time.Second), "second")
	}
	return count(int((d+time.Minute-1)/time.Minute), "minute")
}

// seconds is a wait for the header Retry-After, rounded up.
func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".")
}
