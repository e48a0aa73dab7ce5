package people

import (
	"rollbridge/collector/audit"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
)

// maxLabel is how long a classification may be: it stands in the head of each page.
const maxLabel = 80

func (p *pages) showLabel(v *web.Visit) error {
	return v.Show(templates, web.Page{Name: "label", Title: v.T("people.label.title"), Data: v.Authority.Label})
}

func (p *pages) setLabel(v *web.Visit) error {
	form := v.Form()
	label := form.Required("label", "people.label.label", "people.label.enter", maxLabel)
	if !form.OK() {
		return v.Show(templates, web.Page{Name: "label", Title: v.T("people.label.title"), Problems: form.Problems(), Data: v.Authority.Label})
	}
	err := p.Store.Write(v.Context(), func(tx *store.Tx) error {
		if err := tx.SetLabel(v.Context(), v.Authority.Code, label); err != nil {
			return err
		}
		// Any text may be a classification, so it is kept like a reason.
		return p.Audit.AddIn(v.Context(), tx.Tx, v.Entry(audit.LabelChanged, audit.Subject{Reason: v.Authority.Label + " > " + label}))
	})
	if err != nil {
		return err
	}
	v.Flash("people.label.done")
	return v.Redirect("/people/classification")
}
