package reports

import (
	"cmp"
	"slices"
	"strings"

	"rollbridge/collector/attendance"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A tallied is sessions, and the children whose they are.
type tallied struct {
	attendance.Tally
	children map[store.Child]bool
}

// join adds a week of a child.
func (t *tallied) join(c store.Child, week attendance.Tally) {
	t.Join(week)
	if t.children == nil {
		t.children = map[store.Child]bool{}
	}
	if week.Sessions() > week.Count[attendance.NoMark] {
		t.children[c] = true
	}
}

// attendance is the last weeks, or the academic year so far, week by week and by key
// stage.
func (p pages) attendance(v *web.Visit) (report, error) {
	listed, err := p.site.Store.Children(v.Context(), p.site.Vault, v.Sight())
	if err != nil {
		return report{}, err
	}
	options := []web.Option{{Text: v.T("reports.all-schools")}}
	stage := make(map[store.Child]string, len(listed))
	names := map[string]string{}
	for _, l := range listed {
		stage[l.Child] = stageOf(l.Pupil)
		names[l.School] = l.SchoolName
	}
	for _, id := range byValue(names) {
		options = append(options, web.Option{Value: id, Text: names[id]})
	}
	school := option(v, "school", options)
	times := []web.Option{{Value: "12", Text: v.N("reports.attendance.last", lastWeeks)}, {Value: "year", Text: v.T("reports.attendance.year")}}
	time := option(v, "time", times)
	today := record.DateOf(v.Now.In(status.London()))
	start := today.AcademicYearStart()
	if last := today.AddDays(-7 * (lastWeeks - 1)).Monday(); time == "12" && last > start {
		start = last
	}
	supplies, err := p.site.Store.Supplies(v.Context(), v.Authority.Code)
	if err != nil {
		return report{}, err
	}
	if school != "" {
		supplies = slices.DeleteFunc(supplies, func(s store.Supply) bool { return s.School != school })
	}
	reader, owed := attendance.NewReader(register.NationOf(v.Authority.Code)), owedBy(supplies)
	weeks, byStage, each := map[record.Date]*tallied{}, map[string]*tallied{}, map[store.Child]*tallied{}
	var all tallied
	err = p.site.Store.EachRecord(v.Context(), p.site.Vault, v.Sight(), record.DatasetAttendance, start.Monday(), func(l store.Listing, r store.Stored) error {
		if school != "" && l.School != school {
			return nil
		}
		a := r.Record.(*record.Attendance)
		var own attendance.Tally // a year of an authority is a million sessions: they are joined by the week
		owes := owed[l.School]
		if l.Standing == store.StandingLeft && l.Since.Before(owes.AsAt) {
			owes.AsAt = l.Since
		}
		for _, s := range reader.Sessions(a, owes) {
			if s.Day >= start {
				own.Add(s)
			}
		}
		if own.Sessions() == 0 {
			return nil
		}
		for _, t := range []*tallied{&all, of(weeks, a.Week), of(byStage, stage[l.Child]), of(each, l.Child)} {
			t.join(l.Child, own)
		}
		return nil
	})
	if err != nil {
		return report{}, err
	}
	r := report{Choice: []choice{{"school", "reports.school", school, options}, {"time", "reports.period", time, times}}, about: strings.TrimSpace(time + " " + school)}
	r.Period = v.T("reports.attendance.period", "From", v.Day(start), "Until", v.Date(v.Now))
	r.Lines = append(attendanceLines(v, all, each), known(v, supplies, record.DatasetAttendance), say(v.T("reports.attendance.how")))
	r.Tables = []table{weekTable(v, weeks), stageTable(v, byStage)}
	r.Plot = weekPlot(v, weeks, all)
	return r, nil
}

// lastWeeks are those that a report is of where nobody asks for the whole year, which
// takes its time.
const lastWeeks = 12

// of finds a tally, and makes it.
func of[K comparable](list map[K]*tallied, key K) *tallied {
	if list[key] == nil {
		list[key] = &tallied{}
	}
	return list[key]
}

// byValue are the keys of a map in the order of its values.
func byValue(names map[string]string) []string {
	ids := make([]string, 0, len(names))
	for id := range names {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(strings.Compare(names[a], names[b]), strings.Compare(a, b)) })
	return ids
}

// owedBy is what each school owes, by its id.
func owedBy(supplies []store.Supply) map[string]attendance.Owed {
	owed := make(map[string]attendance.Owed, len(supplies))
	for _, s := range supplies {
		owed[s.School] = attendance.Owed{Calendar: s.Calendar, AsAt: s.Reads[record.DatasetAttendance]}
	}
	return owed
}

func attendanceLines(v *web.Visit, all tallied, each map[store.Child]*tallied) []sentence {
	if all.Possible() == 0 {
		return []sentence{say(v.T("reports.attendance.none"))}
	}
	persistent, severe := 0, 0
	for _, t := range each {
		if t.Persistent() {
			persistent++
		}
		if t.Severe() {
			severe++
		}
	}
	lines := []sentence{
		say(v.T("reports.attendance.sum", "Share", shareOf(v, all.Count[attendance.Attended], all.Possible(), len(all.children)).Text,
			"Attended", v.Number(all.Count[attendance.Attended]), "Possible", v.Number(all.Possible()), "Children", v.N("reports.children", len(all.children))), len(all.children)),
		say(v.T("reports.attendance.persistent", "Persistent", v.N("reports.children", persistent), "Severe", v.N("reports.children", severe), "All", v.Number(len(each))),
			persistent, severe, len(each)),
	}
	if n := all.Count[attendance.NoMark] + all.Count[attendance.Unknown]; n > 0 {
		lines = append(lines, say(v.T("reports.attendance.uncounted", "NoMark", v.Number(all.Count[attendance.NoMark]), "Unknown", v.Number(all.Count[attendance.Unknown])), len(all.children)))
	}
	return lines
}

func attendanceHead(v *web.Visit, first string) []column {
	return []column{{first, false}, {v.T("reports.children-head"), true}, {v.T("reports.attendance.possible"), true}, {v.T("reports.attendance.attended"), true},
		{v.T("reports.attendance.authorised"), true}, {v.T("reports.attendance.unauthorised"), true}, {v.T("reports.attendance.share"), true}}
}

func attendanceRow(v *web.Visit, first string, t *tallied) []cell {
	n := len(t.children)
	return []cell{text(first), children(n), number(t.Possible()), number(t.Count[attendance.Attended]), number(t.Count[attendance.Authorised]),
		number(t.Count[attendance.Unauthorised]), shareOf(v, t.Count[attendance.Attended], t.Possible(), n)}
}

// counted are the weeks in which anything was possible, in their order.
func counted(weeks map[record.Date]*tallied) (list []record.Date) {
	for week, t := range weeks {
		if t.Possible() > 0 {
			list = append(list, week)
		}
	}
	slices.Sort(list)
	return list
}

func weekTable(v *web.Visit, weeks map[record.Date]*tallied) table {
	t := table{ID: "weeks", Caption: v.T("reports.attendance.weeks"), Head: attendanceHead(v, v.T("reports.week"))}
	for _, week := range counted(weeks) {
		t.Rows = append(t.Rows, attendanceRow(v, v.Day(week), weeks[week]))
	}
	return t
}

func stageTable(v *web.Visit, byStage map[string]*tallied) table {
	t := table{ID: "stages", Caption: v.T("reports.attendance.stages"), Head: attendanceHead(v, v.T("reports.stage"))}
	for _, name := range stageNames() {
		if s := byStage[name]; s != nil && s.Possible() > 0 {
			t.Rows = append(t.Rows, attendanceRow(v, v.T("reports.stage."+name), s))
		}
	}
	return t
}

func stageNames() (list []string) {
	for _, s := range stages {
		list = append(list, s.name)
	}
	return append(list, noStage)
}

func weekPlot(v *web.Visit, weeks map[record.Date]*tallied, all tallied) *plot {
	var points []point
	month := ""
	list := counted(weeks)
	for _, week := range list {
		label := ""
		if m := string(week[:7]); m != month {
			month = m
			label = v.T("reports.month." + m[5:])
		}
		t := weeks[week]
		value, _ := t.PerMille()
		points = append(points, point{label, value, len(t.children) >= fewest})
	}
	if len(list) == 0 {
		return nil
	}
	return draw(v.T("reports.attendance.plot", "Weeks", v.N("reports.weeks", len(list)), "Share", shareOf(v, all.Count[attendance.Attended], all.Possible(), len(all.children)).Text), points, 1000, percent)
}
