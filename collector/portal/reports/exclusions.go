package reports

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// The categories of an exclusion as they are counted: what was called a fixed period is
// a suspension now, and an unknown code is counted by itself.
const (
	suspension = "SUSP"
	permanent  = "PERM"
	lunchtime  = "LNCH"
	another    = ""
)

func categoryOf(code string) string {
	switch code {
	case suspension, permanent, lunchtime:
		return code
	case "FIXD":
		return suspension
	}
	return another
}

// An exclusionCount counts the exclusions of a month or of a key stage.
type exclusionCount struct {
	by       map[string]int
	sessions int
	children map[store.Child]bool
}

func (c *exclusionCount) add(child store.Child, e *record.Exclusion) {
	if c.by == nil {
		c.by, c.children = map[string]int{}, map[store.Child]bool{}
	}
	c.by[categoryOf(e.Category)]++
	c.sessions += max(e.Sessions, 0)
	c.children[child] = true
}

// arrivedFor is how long an exclusion that has arrived is named.
const arrivedFor = 7 * 24 * time.Hour

// exclusions are those that began in an academic year, with those of children who have
// left the list since, and by name those that arrived in the last week.
func (p pages) exclusions(v *web.Visit) (report, error) {
	this := record.DateOf(v.Now.In(status.London())).AcademicYearStart()
	before := this.AddDays(-1).AcademicYearStart()
	options := []web.Option{{Value: string(this), Text: yearName(this)}, {Value: string(before), Text: yearName(before)}}
	start := record.Date(option(v, "year", options))
	end := start.AddDays(366).AcademicYearStart()
	listed, err := p.site.Store.Children(v.Context(), p.site.Vault, v.Sight())
	if err != nil {
		return report{}, err
	}
	pupils := make(map[store.Child]*record.Pupil, len(listed))
	for _, l := range listed {
		pupils[l.Child] = l.Pupil
	}
	months, byStage := map[string]*exclusionCount{}, map[string]*exclusionCount{}
	var all exclusionCount
	undated := 0
	err = p.site.Store.EachRecord(v.Context(), p.site.Vault, v.Sight(), record.DatasetExclusion, "", func(l store.Listing, r store.Stored) error {
		e := r.Record.(*record.Exclusion)
		if e.StartDate == "" {
			undated++
			return nil
		}
		if e.StartDate < start || e.StartDate >= end {
			return nil
		}
		all.add(l.Child, e)
		countOf(months, string(e.StartDate[:7])).add(l.Child, e)
		countOf(byStage, stageOf(pupils[l.Child])).add(l.Child, e)
		return nil
	})
	if err != nil {
		return report{}, err
	}
	r := report{Choice: []choice{{"year", "reports.year", string(start), options}}, about: string(start)}
	r.Period = v.T("reports.exclusions.period", "Year", yearName(start))
	supplies, err := p.site.Store.Supplies(v.Context(), v.Authority.Code)
	if err != nil {
		return report{}, err
	}
	r.Lines = []sentence{say(v.T("reports.exclusions.sum", "Suspensions", v.Number(all.by[suspension]), "Permanent", v.Number(all.by[permanent]), "Lunchtime", v.Number(all.by[lunchtime]),
		"Children", v.N("reports.children", len(all.children)), "Sessions", v.Number(all.sessions)),
		all.by[suspension], all.by[permanent], all.by[lunchtime], len(all.children))}
	if undated > 0 {
		r.Lines = append(r.Lines, say(v.N("reports.exclusions.undated", undated), undated))
	}
	r.Lines = append(r.Lines, known(v, supplies, record.DatasetExclusion), say(v.T("reports.exclusions.how")))
	r.Tables = []table{monthTable(v, months), exclusionStages(v, byStage)}
	r.Plot = monthPlot(v, months, start, all)
	r.Named, err = p.arrived(v, pupils)
	return r, err
}

// yearName is "2026/27" of the academic year that begins on a day.
func yearName(start record.Date) string {
	next := start.AddDays(366).AcademicYearStart()
	return string(start[:4]) + "/" + string(next[2:4])
}

func countOf(list map[string]*exclusionCount, key string) *exclusionCount {
	if list[key] == nil {
		list[key] = &exclusionCount{}
	}
	return list[key]
}

func exclusionHead(v *web.Visit, first string) []column {
	return []column{{first, false}, {v.T("reports.children-head"), true}, {v.T("reports.exclusions.suspensions"), true}, {v.T("reports.exclusions.permanent"), true},
		{v.T("reports.exclusions.lunchtime"), true}, {v.T("reports.exclusions.other"), true}, {v.T("reports.exclusions.sessions"), true}}
}

func exclusionRow(first string, c *exclusionCount) []cell {
	return []cell{text(first), children(len(c.children)), part(c.by[suspension]), part(c.by[permanent]), part(c.by[lunchtime]), part(c.by[another]), number(c.sessions)}
}

func monthTable(v *web.Visit, months map[string]*exclusionCount) table {
	t := table{ID: "months", Caption: v.T("reports.exclusions.months"), Head: exclusionHead(v, v.T("reports.month"))}
	list := make([]string, 0, len(months))
	for month := range months {
		list = append(list, month)
	}
	slices.Sort(list)
	for _, month := range list {
		t.Rows = append(t.Rows, exclusionRow(v.T("reports.month."+month[5:])+" "+month[:4], months[month]))
	}
	return t
}

func exclusionStages(v *web.Visit, byStage map[string]*exclusionCount) table {
	t := table{ID: "stages", Caption: v.T("reports.exclusions.stages"), Head: exclusionHead(v, v.T("reports.stage"))}
	for _, name := range stageNames() {
		if c := byStage[name]; c != nil {
			t.Rows = append(t.Rows, exclusionRow(v.T("reports.stage."+name), c))
		}
	}
	return t
}

func monthPlot(v *web.Visit, months map[string]*exclusionCount, start record.Date, all exclusionCount) *plot {
	var points []point
	most := 0
	for n := range 12 {
		month := record.DateOf(start.Time().AddDate(0, n, 0))[:7]
		c := countOf(months, string(month))
		total := c.by[suspension] + c.by[permanent]
		most = max(most, total)
		points = append(points, point{v.T("reports.month." + string(month[5:])), total, true})
	}
	most += most % 2
	return draw(v.T("reports.exclusions.plot", "Suspensions", v.Number(all.by[suspension]), "Permanent", v.Number(all.by[permanent])), points, most, v.Number)
}

// arrived names the children with an exclusion that arrived, or became another kind, in
// the last week.
func (p pages) arrived(v *web.Visit, pupils map[store.Child]*record.Pupil) (list []named, err error) {
	if !v.User.May(account.SeeChildren) {
		return nil, nil
	}
	fresh, err := p.site.Store.NewExclusions(v.Context(), p.site.Vault, v.Sight(), v.Now.Add(-arrivedFor))
	slices.SortFunc(fresh, func(a, b store.NewExclusion) int {
		return cmp.Or(b.Received.Compare(a.Received), strings.Compare(string(a.Child.Pupil), string(b.Child.Pupil)))
	})
	for _, n := range fresh {
		one := named{child: n.Child, Path: "/children/" + n.School + "/" + string(n.Child.Pupil), School: n.SchoolName,
			Name: v.T("reports.name-not-given"), What: label(v, n.Exclusion.Category), When: v.Day(n.Exclusion.StartDate)}
		if pupil := pupils[n.Child]; pupil != nil {
			known := strings.TrimSpace(cmp.Or(pupil.PreferredForename, pupil.Forename) + " " + cmp.Or(pupil.PreferredSurname, pupil.Surname))
			one.Name = cmp.Or(known, one.Name)
		}
		if n.Was != "" {
			one.What += " (" + v.T("reports.exclusions.was", "Before", label(v, n.Was)) + ")"
		}
		list = append(list, one)
	}
	return list, err
}

func label(v *web.Visit, category string) string {
	if _, known := codes.Lookup("suspension_category", category); known {
		return v.T("reports.category." + category)
	}
	return category
}
