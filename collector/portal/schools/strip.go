package schools

import (
	"time"

	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// strip is what became of the sessions of the last days: a drawing, whose cells
// differ in sign as well as in colour, and a table that says the same in words.
type strip struct {
	Width, Height int
	Summary       string // what the drawing shows, for whoever does not see it
	Rows          []stripRow
	Days          []stripDay
	Legend        []legend
}

// stripRow is a row of the drawing, stripDay one of the table.
type stripRow struct {
	Label string
	Y     int
	Cells []cell
}

type cell struct {
	X, Middle    int
	Fill, Sign   string
	Outcome, Day string
}

type stripDay struct {
	Day    record.Date
	AM, PM string
}

type legend struct{ Sign, Text string }

// looks are a sign and a colour for each outcome; the text colour is black on all.
var looks = map[overview.Outcome]struct{ sign, fill string }{
	overview.OnTime:       {"✓", "#cce2d8"},
	overview.Late:         {"L", "#fff7bf"},
	overview.Later:        {"L+", "#fcd6c3"},
	overview.Missing:      {"✗", "#f4cdc6"},
	overview.Awaited:      {"…", "#ffffff"},
	overview.NotInSession: {"–", "#e5e6e7"},
	overview.Before:       {"·", "#ffffff"},
	overview.Phoned:       {"T", "#d4ecea"},
}

// The measures of the drawing.
const (
	labelWidth = 92
	cellWidth  = 44
	cellHeight = 34
	headHeight = 20
)

func newStrip(v *web.Visit, past []overview.PastSession) *strip {
	s := &strip{Height: headHeight + 2*cellHeight, Rows: []stripRow{{Label: v.T("schools.am"), Y: headHeight}, {Label: v.T("schools.pm"), Y: headHeight + cellHeight}}}
	counts := map[overview.Outcome]int{}
	for i, p := range past {
		counts[p.Outcome]++
		look := looks[p.Outcome]
		x := labelWidth + i/2*cellWidth
		row := &s.Rows[i%2]
		row.Cells = append(row.Cells, cell{X: x, Middle: x + cellWidth/2, Fill: look.fill, Sign: look.sign, Outcome: v.T("schools.outcome." + string(p.Outcome)), Day: p.Day.Time().Format("2")})
		if p.Session == status.AM {
			s.Days = append(s.Days, stripDay{Day: p.Day, AM: outcomeWords(v, p)})
		} else {
			s.Days[len(s.Days)-1].PM = outcomeWords(v, p)
		}
	}
	s.Width = labelWidth + len(past)/2*cellWidth
	for _, o := range overview.Outcomes() {
		if counts[o] > 0 {
			s.Legend = append(s.Legend, legend{looks[o].sign, v.N("schools.legend."+string(o), counts[o])})
		}
	}
	parts := make([]string, len(s.Legend))
	for i, l := range s.Legend {
		parts[i] = l.Text
	}
	s.Summary = v.List(parts...)
	return s
}

// outcomeWords says what became of a session, and when its register came.
func outcomeWords(v *web.Visit, p overview.PastSession) string {
	text := v.T("schools.outcome." + string(p.Outcome))
	switch p.Outcome {
	case overview.OnTime, overview.Late, overview.Later:
		return v.T("schools.outcome.at", "Outcome", text, "When", v.Moment(p.Received, midday(p.Day)))
	case overview.NotInSession:
		if why := overview.CalendarWords(p.Expected); len(why) > 0 {
			return v.Parts(why, v.Now)
		}
	}
	return text
}

// midday is a moment on a day, from which others of the same day are told by time
// alone.
func midday(d record.Date) time.Time {
	y, m, n := d.Time().Date()
	return time.Date(y, m, n, 12, 0, 0, 0, status.London())
}
