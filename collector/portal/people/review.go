package people

import (
	"errors"
	"slices"

	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
)

// reviewPage lists whose access is to be looked at, those first for whom it is due.
type reviewPage struct {
	Rows []person
	Days int // how often
	// Ticked are those that were ticked in a form that was refused.
	Ticked []string
}

func (p *pages) reviewPage(v *web.Visit) (page reviewPage, err error) {
	all, err := p.here(v)
	for _, u := range all {
		if c := personOf(v, u); !c.Ended {
			page.Rows = append(page.Rows, c)
		}
	}
	slices.SortStableFunc(page.Rows, func(a, b person) int { return a.ReviewDue().Compare(b.ReviewDue()) })
	page.Days = int(account.ReviewEvery.Hours() / 24)
	return page, err
}

func (p *pages) showReview(v *web.Visit) error {
	page, err := p.reviewPage(v)
	if err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "review", Title: v.T("people.review.title"), Data: page})
}

// review notes whose access is still right. Each is noted by itself: what is refused of one
// does not take back the others.
func (p *pages) review(v *web.Visit) error {
	page, err := p.reviewPage(v)
	if err != nil {
		return err
	}
	var ids []string
	for _, c := range page.Rows {
		ids = append(ids, c.ID)
	}
	form := v.Form()
	page.Ticked = form.Choices("person", ids...)
	if !form.OK() {
		return web.ErrNotFound
	}
	if len(page.Ticked) == 0 {
		form.Add("person", "people.review.choose")
	}
	for _, id := range page.Ticked {
		err := p.Accounts.Confirm(v.Context(), v.User, id)
		if errors.Is(err, account.ErrSelf) {
			form.Add("person", "people.refused.review-self")
			continue
		}
		if err != nil {
			return err
		}
	}
	if !form.OK() {
		return v.Show(templates, web.Page{Name: "review", Title: v.T("people.review.title"), Problems: form.Problems(), Data: page})
	}
	v.Flash("people.review.done", "Number", v.Number(len(page.Ticked)))
	return v.Redirect("/people/review")
}

// Has says whether a person was ticked.
func (r reviewPage) Has(id string) bool { return slices.Contains(r.Ticked, id) }
