package overview

import (
	"rollbridge/collector/calendar"
	"rollbridge/shared/status"
)

// calendarWords says why no register is expected. A weekend is explained by
// shared/status.
var calendarWords = map[calendar.Why]string{
	calendar.Why(calendar.INSET):    "INSET day, from the school's calendar.",
	calendar.Why(calendar.Holiday):  "School holiday, from the school's calendar.",
	calendar.Why(calendar.Weather):  "Closed because of the weather, from the school's calendar.",
	calendar.Why(calendar.Building): "Closed because of a fault in the building, from the school's calendar.",
	calendar.Why(calendar.Strike):   "Closed by industrial action, from the school's calendar.",
	calendar.Why(calendar.Polling):  "Closed because people vote there, from the school's calendar.",
	calendar.Why(calendar.Closed):   "Closed, from the school's calendar.",
	calendar.BankHoliday:            "Bank holiday.",
	calendar.Between:                "Between two terms, from the school's calendar. The next begins {{.Day}}.",
	calendar.Summer:                 "Summer holiday: the last term in the school's calendar has ended.",
}

// closedUntil ends what is said of a closure of several days.
const closedUntil = "Until {{.Day}}."

// CalendarWords says why no register is expected of a session; nothing where one
// is, or where the day says it itself.
func CalendarWords(s calendar.Session) []status.Part {
	text, known := calendarWords[s.Why]
	if s.InSession || !known {
		return nil
	}
	p := status.Part{Key: "status.calendar." + string(s.Why), English: text}
	switch {
	case s.Entry == nil:
	case s.Why == calendar.Between:
		p.Values = map[string]status.Value{"Day": {Time: s.Entry.First.Time(), Day: true}}
	case s.Entry.Kind.Closure() && s.Entry.Last > s.Entry.First:
		return []status.Part{p, {Key: "status.calendar.until", English: closedUntil,
			Values: map[string]status.Value{"Day": {Time: s.Entry.Last.Time(), Day: true}}}}
	}
	return []status.Part{p}
}

func calendarTexts() map[string]string {
	texts := map[string]string{"status.calendar.until": closedUntil}
	for why, text := range calendarWords {
		texts["status.calendar."+string(why)] = text
	}
	return texts
}
