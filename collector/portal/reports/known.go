package reports

import (
	"strings"
	"time"

	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// known says how many schools a report counts anything of, why it counts nothing of the
// others, and how old the oldest of it is: a school that gives nothing is not one where
// nothing happened.
func known(v *web.Visit, supplies []store.Supply, d record.Dataset) sentence {
	giving, notAsked, notGiven, waiting := 0, 0, 0, 0
	var oldest store.Supply
	var at time.Time
	for _, s := range supplies {
		_, asked := s.Asked[d]
		read, given := s.Reads[d]
		switch {
		case !asked:
			notAsked++
		case len(s.Reads) > 0 && !given:
			notGiven++
		case read.IsZero():
			waiting++
		default:
			giving++
			if at.IsZero() || read.Before(at) {
				oldest, at = s, read
			}
		}
	}
	lines := []string{v.N("reports.known.giving", giving, "All", v.N("reports.known.schools", len(supplies)))}
	for _, left := range []struct {
		key string
		n   int
	}{{"reports.known.not-asked", notAsked}, {"reports.known.not-given", notGiven}, {"reports.known.waiting", waiting}} {
		if left.n > 0 {
			lines = append(lines, v.N(left.key, left.n))
		}
	}
	if giving > 0 {
		lines = append(lines, v.T("reports.known.oldest", "School", oldest.Name, "When", v.Moment(at, v.Now)))
	}
	return say(strings.Join(lines, " "))
}
