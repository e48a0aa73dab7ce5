package reports

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// A pair is what a child has reached and what was hoped for, in one thing.
type pair struct{ value, target string }

// A verdict compares a pair.
type verdict int

const (
	noTarget verdict = iota
	reached
	below
	incomparable
)

// judge compares two figures, or two grades that are the same. Grades that differ are
// not compared: no list says which of a school's words is the higher.
func (p pair) judge() verdict {
	value, target := strings.TrimSpace(p.value), strings.TrimSpace(p.target)
	if target == "" {
		return noTarget
	}
	a, okA := figure(value)
	b, okB := figure(target)
	switch {
	case okA && okB && a >= b, strings.EqualFold(value, target):
		return reached
	case okA && okB:
		return below
	}
	return incomparable
}

func figure(s string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(strings.ReplaceAll(s, ",", ""), "%"), 64)
	return f, err == nil && f == f && f < 1e15 && f > -1e15
}

// A progress counts children by how far they are.
type progress struct{ children, reached, below, incomparable int }

func (c *progress) add(v verdict) {
	c.children++
	switch v {
	case reached:
		c.reached++
	case below:
		c.below++
	case incomparable:
		c.incomparable++
	}
}

// thing is what is measured: the same words are the same thing, at every school.
type thing struct{ stage, name string }

// progress is how far children are against what was hoped for: by key stage, of the
// schools' own key figures and of assessments that have a target or an estimate.
func (p pages) progress(v *web.Visit) (report, error) {
	listed, err := p.site.Store.Children(v.Context(), p.site.Vault, v.Sight())
	if err != nil {
		return report{}, err
	}
	stage := make(map[store.Child]string, len(listed))
	for _, l := range listed {
		if l.Standing == store.StandingOn || l.Standing == store.StandingHeld {
			stage[l.Child] = stageOf(l.Pupil)
		}
	}
	figures, err := p.figures(v, stage)
	if err != nil {
		return report{}, err
	}
	results, err := p.results(v, stage)
	if err != nil {
		return report{}, err
	}
	supplies, err := p.site.Store.Supplies(v.Context(), v.Authority.Code)
	if err != nil {
		return report{}, err
	}
	r := report{Period: v.T("reports.progress.period", "Until", v.Date(v.Now)), Lines: []sentence{say(v.T("reports.progress.how"))}}
	captions := []string{v.T("reports.progress.figures"), v.T("reports.progress.results")}
	for i, d := range []record.Dataset{record.DatasetKPI, record.DatasetAssessmentResult} {
		r.Lines = append(r.Lines, say(captions[i]+": "+known(v, supplies, d).Text))
	}
	sums := sumsOf(stage, figures, results)
	r.Tables = []table{stageSums(v, sums), progressTable(v, "figures", captions[0], figures.count(stage)), progressTable(v, "results", captions[1], results.count(stage))}
	r.Plot = stagePlot(v, sums)
	if len(figures)+len(results) == 0 {
		r.Lines = append(r.Lines, say(v.T("reports.progress.none")))
	}
	return r, nil
}

// byChild keeps, for each child, the newest record of each thing.
type byChild map[store.Child]map[string]newest

type newest struct {
	day record.Date
	pair
}

func (b byChild) keep(c store.Child, name string, n newest) {
	if b[c] == nil {
		b[c] = map[string]newest{}
	}
	if old, known := b[c][name]; !known || n.day >= old.day {
		b[c][name] = n
	}
}

func (b byChild) count(stage map[store.Child]string) map[thing]*progress {
	counts := map[thing]*progress{}
	for c, things := range b {
		for name, n := range things {
			t := thing{stage[c], name}
			if counts[t] == nil {
				counts[t] = &progress{}
			}
			counts[t].add(n.judge())
		}
	}
	return counts
}

func (p pages) figures(v *web.Visit, stage map[store.Child]string) (byChild, error) {
	found := byChild{}
	err := p.site.Store.EachRecord(v.Context(), p.site.Vault, v.Sight(), record.DatasetKPI, "", func(l store.Listing, r store.Stored) error {
		k := r.Record.(*record.KPI)
		if _, on := stage[l.Child]; on && k.Name != "" && k.Value != "" {
			found.keep(l.Child, k.Name, newest{k.Date, pair{k.Value, k.Target}})
		}
		return nil
	})
	return found, err
}

// results sets the newest result of each subject beside its newest target, or estimate
// where there is no target.
func (p pages) results(v *web.Visit, stage map[store.Child]string) (byChild, error) {
	by := map[string]byChild{"R": {}, "P": {}, "I": {}, "T": {}, "E": {}}
	err := p.site.Store.EachRecord(v.Context(), p.site.Vault, v.Sight(), record.DatasetAssessmentResult, "", func(l store.Listing, r store.Stored) error {
		a := r.Record.(*record.AssessmentResult)
		kept, known := by[cmp.Or(a.ResultStatus, "R")]
		name := cmp.Or(a.Subject, a.Aspect)
		if _, on := stage[l.Child]; on && known && name != "" && a.Result != "" {
			kept.keep(l.Child, name, newest{a.ResultDate, pair{value: a.Result}})
		}
		return nil
	})
	found := byChild{}
	for _, status := range []string{"I", "P", "R"} { // a result stands before a provisional one
		for c, things := range by[status] {
			for name, n := range things {
				n.day = "" // whatever its day
				n.target = cmp.Or(by["T"][c][name].value, by["E"][c][name].value)
				found.keep(c, name, n)
			}
		}
	}
	return found, err
}

func progressTable(v *web.Visit, id, caption string, counts map[thing]*progress) table {
	t := table{ID: id, Caption: caption, Adds: true, Head: []column{{v.T("reports.stage"), false}, {v.T("reports.progress.what-head"), false},
		{v.T("reports.children-head"), true}, {v.T("reports.progress.reached"), true}, {v.T("reports.progress.below"), true},
		{v.T("reports.progress.incomparable"), true}, {v.T("reports.progress.no-target"), true}, {v.T("reports.progress.share"), true}}}
	list := make([]thing, 0, len(counts))
	for one := range counts {
		list = append(list, one)
	}
	order := stageNames()
	slices.SortFunc(list, func(a, b thing) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.stage), slices.Index(order, b.stage)), strings.Compare(a.name, b.name))
	})
	left := 0
	if len(list) > maxThings {
		left, list = len(list)-maxThings, list[:maxThings]
	}
	for _, one := range list {
		c := counts[one]
		compared := c.reached + c.below
		t.Rows = append(t.Rows, []cell{text(v.T("reports.stage." + one.stage)), text(one.name), children(c.children), part(c.reached), part(c.below),
			part(c.incomparable), part(c.children - compared - c.incomparable), shareOf(v, c.reached, compared, compared)})
	}
	if left > 0 {
		t.Caption += " (" + v.N("reports.progress.more", left) + ")"
	}
	return t
}

// maxThings bounds a table: schools name their figures as they like.
const maxThings = 200

// A stageSum is how much of all that could be compared was reached in a key stage, and of
// how many children.
type stageSum struct{ children, reached, below int }

func sumsOf(stage map[store.Child]string, all ...byChild) map[string]stageSum {
	compared := map[store.Child]bool{}
	sums := map[string]stageSum{}
	for _, found := range all {
		for c, things := range found {
			s := sums[stage[c]]
			for _, n := range things {
				switch n.judge() {
				case reached:
					s.reached++
				case below:
					s.below++
				default:
					continue
				}
				if !compared[c] {
					compared[c] = true
					s.children++
				}
			}
			sums[stage[c]] = s
		}
	}
	return sums
}

func stageSums(v *web.Visit, sums map[string]stageSum) table {
	t := table{ID: "sums", Adds: true, Caption: v.T("reports.progress.sums"), Head: []column{{v.T("reports.stage"), false}, {v.T("reports.children-head"), true},
		{v.T("reports.progress.reached"), true}, {v.T("reports.progress.below"), true}, {v.T("reports.progress.share"), true}}}
	for _, name := range stageNames() {
		if s := sums[name]; s.children > 0 {
			t.Rows = append(t.Rows, []cell{text(v.T("reports.stage." + name)), children(s.children), part(s.reached), part(s.below), shareOf(v, s.reached, s.reached+s.below, s.children)})
		}
	}
	return t
}

// stagePlot draws, by key stage, how much of all that could be compared was reached.
func stagePlot(v *web.Visit, sums map[string]stageSum) *plot {
	var points []point
	any := false
	for _, name := range stageNames() {
		s := sums[name]
		one := point{label: v.T("reports.stage-short." + name), known: s.children >= fewest}
		if one.known {
			one.value, any = s.reached*1000/(s.reached+s.below), true
		}
		points = append(points, one, point{}) // room for the label
	}
	if !any {
		return nil
	}
	return draw(v.T("reports.progress.plot"), points, 1000, percent)
}
