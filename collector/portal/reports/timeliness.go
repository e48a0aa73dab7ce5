package reports

import (
	"cmp"
	"slices"
	"strings"

	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/record"
)

// periods are the days that timeliness can be of.
var periods = []string{"14", "28", "91"}

var periodDays = map[string]int{"14": 14, "28": 28, "91": 91}

// A timely counts what became of sessions.
type timely struct{ onTime, late, later, missing int }

func (t *timely) add(o overview.Outcome) {
	switch o {
	case overview.OnTime:
		t.onTime++
	case overview.Late:
		t.late++
	case overview.Later:
		t.later++
	case overview.Missing:
		t.missing++
	}
}

// expected are the sessions whose register was owed and whose time is over.
func (t timely) expected() int { return t.onTime + t.late + t.later + t.missing }

// timeliness says of each school how many of its registers came in time. A school that
// has stopped owes none; one that reports by phone owes none on those days.
func (p pages) timeliness(v *web.Visit) (report, error) {
	var options []web.Option
	for _, days := range periods {
		options = append(options, web.Option{Value: days, Text: v.N("reports.days", periodDays[days])})
	}
	chosen := option(v, "days", options)
	days := periodDays[chosen]
	o, err := overview.Read(v.Context(), p.site.Store, v.Authority.Code, v.Now)
	if err != nil {
		return report{}, err
	}
	r := report{Choice: []choice{{"days", "reports.period", chosen, options}}, about: chosen}
	var all timely
	byDay := map[record.Date]*timely{}
	t := table{ID: "schools", Long: true, Caption: v.T("reports.timeliness.caption"), Head: timelyHead(v, v.T("reports.school"))}
	stopped := 0
	slices.SortFunc(o.Schools, func(a, b overview.School) int {
		return cmp.Or(strings.Compare(a.School.Name, b.School.Name), strings.Compare(a.School.ID, b.School.ID))
	})
	for _, s := range o.Schools {
		if !s.School.Stopped.IsZero() {
			stopped++
			continue
		}
		sessions, err := overview.Past(v.Context(), p.site.Store, s.School.ID, s.Calendar, v.Now, days)
		if err != nil {
			return r, err
		}
		var own timely
		for _, one := range sessions {
			own.add(one.Outcome)
			all.add(one.Outcome)
			if byDay[one.Day] == nil {
				byDay[one.Day] = &timely{}
			}
			byDay[one.Day].add(one.Outcome)
		}
		t.Rows = append(t.Rows, own.row(s.School.Name))
	}
	owing := owingDays(byDay)
	byDays := table{ID: "days", Caption: v.T("reports.timeliness.days"), Head: timelyHead(v, v.T("reports.timeliness.day"))}
	for _, day := range owing {
		byDays.Rows = append(byDays.Rows, byDay[day].row(v.Date(day.Time())))
	}
	r.Tables = []table{t, byDays}
	r.Period = v.N("reports.timeliness.period", days, "Until", v.Date(v.Now))
	if all.expected() == 0 {
		r.Lines = append(r.Lines, say(v.T("reports.timeliness.none")))
	} else {
		r.Lines = append(r.Lines, say(v.T("reports.timeliness.sum", "Share", share(all.onTime, all.expected()).Text, "OnTime", v.Number(all.onTime), "Expected", v.Number(all.expected()))))
	}
	if stopped > 0 {
		r.Lines = append(r.Lines, say(v.N("reports.timeliness.stopped", stopped)))
	}
	r.Lines = append(r.Lines, say(v.T("reports.timeliness.how")))
	r.Plot = timelyPlot(v, owing, byDay, all)
	return r, nil
}

func timelyHead(v *web.Visit, first string) []column {
	return []column{{first, false}, {v.T("reports.timeliness.expected"), true}, {v.T("reports.timeliness.on-time"), true}, {v.T("reports.timeliness.late"), true},
		{v.T("reports.timeliness.later"), true}, {v.T("reports.timeliness.missing"), true}, {v.T("reports.timeliness.share"), true}}
}

func (t timely) row(first string) []cell {
	return []cell{text(first), number(t.expected()), number(t.onTime), number(t.late), number(t.later), number(t.missing), share(t.onTime, t.expected())}
}

// owingDays are the days on which a register was owed, in their order.
func owingDays(byDay map[record.Date]*timely) (days []record.Date) {
	for day, t := range byDay {
		if t.expected() > 0 {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	return days
}

// timelyPlot draws the share in time of each of these days.
func timelyPlot(v *web.Visit, days []record.Date, byDay map[record.Date]*timely, all timely) *plot {
	var points []point
	for i, day := range days {
		label := ""
		if i%5 == 0 {
			label = v.Day(day)
			label = label[:strings.LastIndex(label, " ")]
		}
		points = append(points, point{label, byDay[day].onTime * 1000 / byDay[day].expected(), true})
	}
	return draw(v.T("reports.timeliness.plot", "Share", share(all.onTime, all.expected()).Text), points, 1000, percent)
}
