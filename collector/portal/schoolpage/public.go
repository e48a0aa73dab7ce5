package schoolpage

import (
	"strings"

	"rollbridge/collector/portal/web"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A dataPage says what is taken, for how long it is kept and who handles it.
type dataPage struct {
	Operator string
	Handling protocol.Handling
	Datasets []dataDataset
	Keeps    []keep
}

type dataDataset struct {
	Name, Why string
	Staff     bool
	Fields    []dataField
}

type dataField struct{ What, Leaves string }

type keep struct{ What, Long string }

func (c *section) data(v *web.Visit) error {
	p := dataPage{Operator: c.Operator, Handling: c.Handling, Keeps: c.keeps(v)}
	for _, d := range record.Datasets() {
		set := dataDataset{Name: datasetName(v, d), Why: datasetWhy(v, d), Staff: !d.OfPupils()}
		for _, f := range record.Fields(d) {
			set.Fields = append(set.Fields, dataField{fieldWhat(v, d, f), leavesWord(v, f)})
		}
		p.Datasets = append(p.Datasets, set)
	}
	return v.Show(pages, web.Page{Name: "data", Title: v.T("school.data.title"), Data: p})
}

func leavesWord(v *web.Visit, f record.Field) string {
	switch {
	case f.Always:
		return v.T("school.data.always")
	case f.Sensitive:
		return v.T("school.data.by-name")
	}
	return v.T("school.data.allowed")
}

// keeps are the rules with the periods of this installation.
func (c *section) keeps(v *web.Visit) (list []keep) {
	for _, k := range record.Keepings() {
		period, set := c.Handling.Keeps[k.Rule]
		if !set {
			period = k.Default
		}
		long := v.N("school.data.days", period)
		if k.Rule == record.RuleMarks {
			long = v.N("school.data.years", period)
		}
		list = append(list, keep{ruleWords(v, k), long})
	}
	return list
}

// stop leads to the one page that takes a revocation code. It is intake's, which goes on
// when the portal does not.
func (c *section) stop(v *web.Visit) error {
	if c.PublicURL == "" {
		return web.ErrNotFound
	}
	return v.Redirect(strings.TrimSuffix(c.PublicURL, "/") + "/stop?language=" + string(v.Language()))
}

func (c *section) security(v *web.Visit) error {
	c.Notice.Serve(v.W, v.Now)
	return nil
}
