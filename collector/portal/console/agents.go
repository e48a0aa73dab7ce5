package console

import (
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/release"
	"rollbridge/collector/store"
	signed "rollbridge/shared/release"
)

// silentAfter is how long an agent may say nothing: it checks in every half hour.
const silentAfter = 2 * time.Hour

// agentsPage is which agents there are and what they run.
type agentsPage struct {
	Versions []release.Adoption
	Silent   []agentLine
	Pending  []agentLine
	Returned []returnLine
	Frozen   []agentLine
	Hours    int
}

// An agentLine is one agent; its phrase only while it waits for the operator.
type agentLine struct {
	School, ID string
	Heard      time.Time
	Since      time.Time
	Phrase     string
	Version    string
	Ring       string
}

// A returnLine is an agent that went back from a version.
type returnLine struct {
	School, Version, Runs, Reason string
	Since                         time.Time
}

func (p *pages) agents(v *web.Visit) error {
	programs, err := p.Programs(v.Context())
	if err != nil {
		return err
	}
	page := agentsPage{Versions: release.Count(programs), Hours: int(silentAfter / time.Hour)}
	for i, a := range page.Versions {
		page.Versions[i].Version = version(v, a.Version)
	}
	running := map[string]release.Program{}
	state, err := p.Sources.Releases()
	for _, r := range programs {
		running[r.School] = r
		for _, s := range r.Skipped {
			if s.Version != r.Version {
				page.Returned = append(page.Returned, returnLine{r.School, version(v, s.Version), version(v, r.Version), reason(v, s.Reason), s.Since})
			}
		}
		if err == nil && state.Frozen(r, v.Now) {
			page.Frozen = append(page.Frozen, agentLine{School: r.School, Heard: r.Heard, Version: version(v, r.Version)})
		}
	}
	if err := p.fillAgents(v, &page, running); err != nil {
		return err
	}
	return show(v, "agents", "console.menu.agents", page)
}

func (p *pages) fillAgents(v *web.Visit, page *agentsPage, running map[string]release.Program) error {
	names, err := p.names(v)
	if err != nil {
		return err
	}
	all, err := p.Store.Agents(v.Context(), "")
	if err != nil {
		return err
	}
	for _, a := range all {
		r := running[a.School]
		l := agentLine{School: names[a.School], ID: a.School, Heard: a.Heard, Since: a.Created, Version: version(v, r.Version), Ring: ring(v.Printer, r.Ring)}
		switch {
		case a.State == store.AgentPending:
			l.Phrase = a.Phrase
			page.Pending = append(page.Pending, l)
		case a.State == store.AgentConfirmed && v.Now.Sub(a.Heard) > silentAfter:
			page.Silent = append(page.Silent, l)
		}
	}
	slices.SortStableFunc(page.Silent, func(a, b agentLine) int { return a.Heard.Compare(b.Heard) })
	return nil
}

// version keeps what is shown of a check-in to a version.
func version(v *web.Visit, s string) string {
	if s != "" && signed.Valid(s) != nil {
		return v.T("console.version.unknown")
	}
	return s
}

// ring is the name of a ring; an agent that has not spoken has none.
func ring(p *language.Printer, r signed.Ring) string {
	switch r {
	case signed.Early:
		return p.T("console.ring.early")
	case signed.General:
		return p.T("console.ring.general")
	}
	return ""
}

// reasons are why an agent leaves a version: the closed list of what agents say.
var reasons = []string{
	"ended", "crashed", "not_ready", "self_test", "silent", "unchecked", "flooding", "attempts", "unstartable", "asked", "vanished", "altered",
	"not_released", "no_proof", "unreadable", "below_floor", "older", "skipped", "no_previous", "here",
}

func reason(v *web.Visit, said string) string {
	if !slices.Contains(reasons, said) {
		said = "other"
	}
	return v.T("console.reason." + said)
}

// names are the schools' names by their ids.
func (p *pages) names(v *web.Visit) (map[string]string, error) {
	list, err := p.Store.Schools(v.Context(), "")
	found := map[string]string{}
	for _, s := range list {
		found[s.School.ID] = s.School.Name
	}
	return found, err
}

// batchesPage is what is not shown to anybody yet, and why.
type batchesPage struct {
	Holds   []holdLine
	Backlog []backlogLine
	Refused []refusedLine // those of a page: schools can have many reasons each
	Paging  web.Paging
}

type holdLine struct {
	School, ID, Note, Authority string
	Since                       time.Time
}

type backlogLine struct {
	store.Unapplied
	Name string
}

type refusedLine struct {
	School, ID, Dataset, What string
	Records                   int
	Since                     time.Time
}

func (p *pages) batches(v *web.Visit) error {
	list, err := p.Store.Schools(v.Context(), "")
	if err != nil {
		return err
	}
	var page batchesPage
	names := map[string]string{}
	for _, s := range list {
		names[s.School.ID] = s.School.Name
		for _, h := range s.Holds {
			page.Holds = append(page.Holds, holdLine{s.School.Name, s.School.ID, v.Parts(overview.HoldParts(h.Hold), v.Now), h.Authority, h.Since})
		}
		if s.Quarantined == 0 {
			continue
		}
		refused, err := p.Store.Refusals(v.Context(), s.School.ID, "")
		if err != nil {
			return err
		}
		for _, r := range refused {
			page.Refused = append(page.Refused, refusedLine{s.School.Name, s.School.ID, v.T("status.dataset." + string(r.Dataset)), v.Refused(r.Code, r.Field), r.Records, r.Since})
		}
	}
	page.Paging = v.Paging(len(page.Refused))
	page.Refused = page.Refused[page.Paging.From():page.Paging.To()]
	slices.SortStableFunc(page.Holds, func(a, b holdLine) int { return a.Since.Compare(b.Since) })
	backlog, err := p.Store.Unapplied(v.Context())
	if err != nil {
		return err
	}
	for _, b := range backlog {
		page.Backlog = append(page.Backlog, backlogLine{b, names[b.School]})
	}
	return show(v, "batches", "console.batches.title", page)
}

// codesPage is which enrolment codes may still be used.
type codesPage struct{ Open, Late []codeLine }

type codeLine struct {
	School, ID, Code string
	Created, Expires time.Time
}

// lateCodes is for how long an unused code is shown after it has run out.
const lateCodes = 14 * 24 * time.Hour

func (p *pages) codes(v *web.Visit) error {
	list, err := p.Store.OpenCodes(v.Context(), v.Now.Add(-lateCodes))
	if err != nil {
		return err
	}
	names, err := p.names(v)
	if err != nil {
		return err
	}
	var page codesPage
	for _, c := range list {
		l := codeLine{names[c.School], c.School, codeID(c.ID), c.Created, c.Expires}
		if v.Now.Before(c.Expires) {
			page.Open = append(page.Open, l)
			continue
		}
		page.Late = append(page.Late, l)
	}
	return show(v, "codes", "console.codes.title", page)
}

// General is how many agents of a version are in the general ring.
func (agentsPage) General(a release.Adoption) int { return a.Agents - a.Early }

// Size is a number of bytes as people say it.
func (batchesPage) Size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KB", (n+1023)>>10)
	}
	return fmt.Sprintf("%d MB", (n+1<<20-1)>>20)
}
