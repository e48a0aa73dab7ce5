package schoolpage

import (
	"rollbridge/collector/audit"
	"rollbridge/collector/hosted"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/protocol"
)

// A heldLine is what one safety stop keeps back.
type heldLine struct {
	Why, Next, Means string
	Authority        string
	// Code releases it; empty where no yes helps.
	Code string
}

func heldLineOf(v *web.Visit, h protocol.Hold) heldLine {
	l := heldLine{Why: v.Part(overview.HoldWords(h).Why, v.Now)}
	if h.Authority != "" {
		l.Authority = authorityName(v, h.Authority, h.Dataset)
	}
	switch h.Reason() {
	case protocol.WhyDisappearance:
		l.Next, l.Means = v.T("school.held.next.disappearance"), v.T("school.held.means.disappearance")
	case protocol.WhyReturned:
		l.Next, l.Means = v.T("school.held.next.returned"), v.T("school.held.means.returned")
	case protocol.WhySchema:
		l.Next, l.Means = v.T("school.held.next.schema"), v.T("school.held.means.schema")
	case protocol.WhyPermission, protocol.WhyIdentifier:
		l.Next = v.T("school.held.next.access")
	default:
		l.Next = v.T("school.held.next.other")
	}
	if l.Means != "" {
		l.Code = h.Code
	}
	return l
}

// held shows what a safety stop keeps back, and asks whether it is right. Its code is of
// no person, so that an address may say it.
func (c *section) held(v *web.Visit) error {
	if err := c.log(v, audit.SchoolViewed, "what is held"); err != nil {
		return err
	}
	return c.showHeld(v, v.Form().Raw("code"), nil)
}

func (c *section) showHeld(v *web.Visit, code string, problems web.Problems) error {
	s, err := c.Agents.Status(v.Context(), v.User.School)
	if err != nil {
		return c.away(v, err)
	}
	h, held := s.Held(code)
	l := heldLineOf(v, h)
	if !held || l.Code == "" {
		return c.away(v, &hosted.Fault{Kind: hosted.Changed})
	}
	return v.Show(pages, web.Page{Name: "held", Title: v.T("school.held.title"), Problems: problems, Data: l})
}

func (c *section) postHeld(v *web.Visit) error {
	f := v.Form()
	code := f.Raw("code")
	if !f.Has("sure") {
		f.Add("sure", "school.held.say-so")
		return c.showHeld(v, code, f.Problems())
	}
	done, err := c.do(v, audit.HoldReleased, "code "+holdWord(code), func() error { return c.Agents.Release(v.Context(), v.User.School, code) })
	if !done {
		return err
	}
	v.Flash("school.held.done")
	return v.Redirect(Home)
}

// holdWord is a code as the audit chain may hold it; what is none is not repeated.
func holdWord(text string) string {
	if !hosted.GoodHold(text) {
		return "nothing"
	}
	return text
}
