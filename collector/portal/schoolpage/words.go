package schoolpage

import (
	"rollbridge/collector/portal/web"
	"rollbridge/shared/record"
)

// datasetName is a dataset as a head teacher calls it.
func datasetName(v *web.Visit, d record.Dataset) string { return v.T("school.dataset." + string(d)) }

// datasetWhy is what a dataset is needed for. In English it is record.Why.
func datasetWhy(v *web.Visit, d record.Dataset) string { return v.T("school.why." + string(d)) }

// fieldWhat is what a field of a dataset is. In English it is the field's own What.
func fieldWhat(v *web.Visit, d record.Dataset, f record.Field) string {
	return v.T("school.field." + string(d) + "." + f.Name)
}

// ruleWords say what is forgotten and when. In English it is the rule's own.
func ruleWords(v *web.Visit, k record.Keeping) string { return v.T("school.keep." + string(k.Rule)) }
