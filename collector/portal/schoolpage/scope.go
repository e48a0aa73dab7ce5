package schoolpage

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"rollbridge/collector/audit"
	"rollbridge/collector/hosted"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A scopePage is what is asked and what may leave.
type scopePage struct {
	Operator string
	Asks     []asked
	News     []hosted.News
	Waits    bool
	Hash     string
	Handling protocol.Handling
}

// asked is what one authority asks for.
type asked struct {
	Name, Code, Why string
	Datasets        []datasetLine
}

// A datasetLine is one dataset that is asked for: what of it leaves and what does not.
type datasetLine struct {
	Name, Why               string
	Dataset                 record.Dataset
	Leaves, Waiting, Denied []fieldLine
	// Deny and Allow are the pages on which the school decides about what leaves, and
	// about what does not.
	Deny, Allow string
}

// A fieldLine is a field with what it means; Sensitive ones are never asked by default.
type fieldLine struct {
	Name, What string
	Sensitive  bool
}

func (c *section) scope(v *web.Visit) error {
	if err := c.log(v, audit.SchoolViewed, "scope"); err != nil {
		return err
	}
	s, err := c.Agents.Scope(v.Context(), v.User.School)
	if err != nil {
		return c.away(v, err)
	}
	return v.Show(pages, web.Page{Name: "scope", Title: v.T("school.scope.title"), Data: scopeOf(v, s)})
}

func scopeOf(v *web.Visit, s hosted.Scope) scopePage {
	ask := s.Ask.Plain()
	p := scopePage{Operator: ask.Operator, News: s.News, Waits: len(s.Waiting()) > 0 || len(s.News) > 0, Hash: s.Hash}
	if ask.Handling != nil {
		p.Handling = *ask.Handling
	}
	for _, r := range ask.Requests {
		a := asked{Name: r.Name, Code: r.Code, Why: r.Why}
		for _, d := range record.Datasets() {
			if _, wanted := r.Datasets[d]; wanted {
				a.Datasets = append(a.Datasets, datasetOf(v, s, r.Code, d))
			}
		}
		p.Asks = append(p.Asks, a)
	}
	return p
}

func datasetOf(v *web.Visit, s hosted.Scope, authority string, d record.Dataset) datasetLine {
	l := datasetLine{Name: datasetName(v, d), Why: datasetWhy(v, d), Dataset: d}
	allowed, leaves := s.Allowed[authority][d]
	for _, f := range record.Fields(d) {
		if leaves && (f.Always || slices.Contains(allowed, f.Name)) {
			l.Leaves = append(l.Leaves, lineOf(v, d, f))
		}
	}
	if leaves {
		l.Deny = changePath("deny", hosted.Part{Authority: authority, Dataset: d})
	}
	var gone []hosted.Part
	for _, g := range s.NotGiven {
		if g.Authority != authority || g.Dataset != d {
			continue
		}
		if gone = append(gone, g.Parts()...); g.Denied {
			l.Denied = append(l.Denied, linesOf(v, g)...)
		} else {
			l.Waiting = append(l.Waiting, linesOf(v, g)...)
		}
	}
	if len(gone) > 0 {
		l.Allow = changePath("allow", gone...)
	}
	return l
}

// linesOf are the fields of a gap: all but what comes with it where none is named.
func linesOf(v *web.Visit, g hosted.Gap) (list []fieldLine) {
	for _, f := range record.Fields(g.Dataset) {
		if slices.Contains(g.Fields, f.Name) || len(g.Fields) == 0 && f.Always {
			list = append(list, lineOf(v, g.Dataset, f))
		}
	}
	return list
}

func lineOf(v *web.Visit, d record.Dataset, f record.Field) fieldLine {
	return fieldLine{f.Name, fieldWhat(v, d, f), f.Sensitive}
}

// changePath is the page of a decision. It is of no person, so that an address may say it.
func changePath(what string, parts ...hosted.Part) string {
	q := url.Values{"what": {what}}
	for _, p := range parts {
		q.Add("part", p.String())
	}
	return Home + "/scope/change?" + q.Encode()
}

func parseParts(texts []string) (list []hosted.Part, good bool) {
	for _, text := range texts {
		p, good := hosted.ParsePart(text)
		if !good {
			return nil, false
		}
		list = append(list, p)
	}
	return list, len(list) > 0
}

// An acceptPage shows everything that waits for a yes.
type acceptPage struct {
	Shown string
	Gaps  []gapLine
	News  []hosted.News
}

type gapLine struct {
	Authority, Name, Why string
	Fields               []fieldLine
	Gained               bool
}

func (c *section) accept(v *web.Visit) error {
	if err := c.log(v, audit.SchoolViewed, "scope, what waits"); err != nil {
		return err
	}
	s, err := c.Agents.Scope(v.Context(), v.User.School)
	if err != nil {
		return c.away(v, err)
	}
	if len(s.Waiting()) == 0 && len(s.News) == 0 {
		return v.Redirect(Home + "/scope")
	}
	p := acceptPage{Shown: s.Shown, News: s.News}
	for _, g := range s.Waiting() {
		p.Gaps = append(p.Gaps, gapLine{Authority: g.Name, Name: datasetName(v, g.Dataset), Why: datasetWhy(v, g.Dataset), Fields: linesOf(v, g), Gained: g.Gained})
	}
	title := v.T("school.accept.title")
	if len(p.Gaps) == 0 {
		title = v.T("school.accept.note-title")
	}
	return v.Show(pages, web.Page{Name: "accept", Title: title, Data: p})
}

func (c *section) postAccept(v *web.Visit) error {
	shown := v.Form().Raw("shown")
	done, err := c.do(v, audit.ScopeAccepted, "shown "+hashWord(shown), func() error {
		return c.Agents.Accept(v.Context(), v.User.School, shown)
	})
	if !done {
		return err
	}
	v.Flash("school.accept.done")
	return v.Redirect(Home + "/scope")
}

// hashWord is a hash as the audit chain may hold it; what is none is not repeated.
func hashWord(text string) string {
	if text == "" || len(text) > 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return "nothing"
	}
	return text
}

// A changePage asks whether a decision is meant.
type changePage struct {
	Allow bool
	Parts []string
	Lines []gapLine
}

// change shows what a decision would do. The parts come from the address, and mean nothing
// but what is asked.
func (c *section) change(v *web.Visit) error {
	f := v.Form()
	what, parts, good := changeOf(f, v.R.URL.Query()["part"])
	if !good {
		return web.ErrNotFound
	}
	s, err := c.Agents.Scope(v.Context(), v.User.School)
	if err != nil {
		return c.away(v, err)
	}
	p := changePage{Allow: what == "allow"}
	for _, part := range parts {
		if !isAsked(s.Ask, part) {
			return web.ErrNotFound
		}
		p.Parts = append(p.Parts, part.String())
	}
	p.Lines = changeLines(v, s.Ask, parts)
	title := v.T("school.change.deny-title")
	if p.Allow {
		title = v.T("school.change.allow-title")
	}
	return v.Show(pages, web.Page{Name: "change", Title: title, Data: p})
}

func changeOf(f *web.Form, texts []string) (what string, parts []hosted.Part, good bool) {
	what = f.Raw("what")
	parts, good = parseParts(texts)
	return what, parts, good && (what == "allow" || what == "deny")
}

// isAsked says whether an authority asks for a part.
func isAsked(ask protocol.Ask, p hosted.Part) bool {
	for _, r := range ask.Requests {
		fields, wanted := r.Datasets[p.Dataset]
		if r.Code == p.Authority && (p.Dataset == "" || wanted && (p.Field == "" || slices.Contains(fields, p.Field))) {
			return true
		}
	}
	return false
}

// changeLines say the parts dataset by dataset.
func changeLines(v *web.Visit, ask protocol.Ask, parts []hosted.Part) (list []gapLine) {
	names := map[string]string{}
	for _, r := range ask.Plain().Requests {
		names[r.Code] = r.Name
	}
	by := map[string]map[record.Dataset][]string{}
	for _, p := range parts {
		if by[p.Authority] == nil {
			by[p.Authority] = map[record.Dataset][]string{}
		}
		by[p.Authority][p.Dataset] = append(by[p.Authority][p.Dataset], p.Field)
	}
	for _, authority := range slices.Sorted(maps.Keys(by)) {
		for _, d := range record.Datasets() {
			fields, there := by[authority][d]
			if !there {
				continue
			}
			l := gapLine{Authority: names[authority], Name: datasetName(v, d)}
			for _, f := range record.Fields(d) {
				if slices.Contains(fields, f.Name) {
					l.Fields = append(l.Fields, lineOf(v, d, f))
				}
			}
			list = append(list, l)
		}
	}
	return list
}

func (c *section) postChange(v *web.Visit) error {
	f := v.Form()
	what, parts, good := changeOf(f, v.R.PostForm["part"])
	if !good {
		return web.ErrNotFound
	}
	about := aboutParts(what, parts)
	last := len(about) - 1
	for _, text := range about[:last] {
		if err := c.log(v, audit.ScopeChanged, text); err != nil {
			return err
		}
	}
	done, err := c.do(v, audit.ScopeChanged, about[last], func() error {
		if what == "allow" {
			return c.Agents.Allow(v.Context(), v.User.School, parts)
		}
		return c.Agents.Deny(v.Context(), v.User.School, parts)
	})
	if !done {
		return err
	}
	if what == "allow" {
		v.Flash("school.change.allowed")
	} else {
		v.Flash("school.change.denied")
	}
	return v.Redirect(Home + "/scope")
}

// maxAbout is how much one entry of the audit chain says.
const maxAbout = 180

// aboutParts are the parts as entries of the audit chain, as many as it takes.
func aboutParts(what string, parts []hosted.Part) (list []string) {
	text := what
	for _, p := range parts {
		word := " " + p.String()
		if len(text)+len(word) > maxAbout {
			list, text = append(list, text), what
		}
		text += word
	}
	return append(list, text)
}
