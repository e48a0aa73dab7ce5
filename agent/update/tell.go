package update

import (
	"time"

	"rollbridge/agent/event"
	"rollbridge/shared/logkey"
)

// How long before the end of what people must sign anew somebody is told.
var remind = []int{90, 60, 30}

// warn tells once at each threshold that people must sign the root anew, and the
// last of them of the list of releases, which lives for no longer than the first.
func (u *Updater) warn(m *memory, now time.Time) {
	left := int(m.RootEnds.Sub(now) / (24 * time.Hour))
	if list := int(m.TargetsEnds.Sub(now) / (24 * time.Hour)); list < remind[len(remind)-1] {
		left = min(left, list)
	}
	told := 0
	for _, days := range remind {
		if left <= days {
			told = days
		}
	}
	if told != 0 && told != m.Told {
		u.o.Log.Warn("the metadata of updates end soon", logkey.Event, event.NearEnd, logkey.Count, left)
	}
	m.Told = told
}

// silentFor is how long no check may succeed before somebody is told.
const silentFor = 4 * 24 * time.Hour

// quiet tells once that nothing could be looked for in days.
func (u *Updater) quiet(m *memory, now time.Time) {
	since := m.Checked
	if since.IsZero() {
		since = m.First
	}
	if m.Silent || since.IsZero() || now.Sub(since) < silentFor {
		return
	}
	m.Silent = true
	u.o.Log.Warn("no update could be looked for in days", logkey.Event, event.NoUpdates, logkey.Reason, string(m.Problem.Kind), logkey.Error, m.Problem.Text, logkey.Since, since)
}
