package console

import (
	"fmt"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/release"
	"rollbridge/shared/protocol"
	signed "rollbridge/shared/release"
)

// codeID is the public part of an enrolment code; its secret is not known here.
func codeID(id protocol.CodeID) string { return fmt.Sprintf("%x", id[:]) }

// releasesPage is how the releases stand and how far they have come.
type releasesPage struct {
	release.State
	Fault    string // why they cannot be read
	Alarms   []release.Alarm
	Versions map[string]release.Adoption
}

// Stage is how far a version has come.
func (releasesPage) Stage(s *signed.Stage) string {
	switch {
	case s == nil:
		return "nobody"
	case s.Paused:
		return fmt.Sprintf("%s %d %%, paused", s.Ring, s.Percent)
	}
	return fmt.Sprintf("%s %d %%", s.Ring, s.Percent)
}

func (p *pages) releases(v *web.Visit) error {
	page := releasesPage{Versions: map[string]release.Adoption{}}
	var err error
	if page.State, err = p.Sources.Releases(); err != nil {
		page.Fault = err.Error()
	}
	page.Alarms = page.State.Alarms(v.Now)
	programs, err := p.Programs(v.Context())
	if err != nil {
		return err
	}
	for _, a := range release.Count(programs) {
		page.Versions[a.Version] = a
	}
	return show(v, "releases", "Releases", page)
}

// upkeepPage is what keeps the collector going.
type upkeepPage struct {
	Expiries   []Expiry
	Jobs       []Job
	JobsFault  string
	Audit      audit.State
	AuditFault string
}

func (p *pages) upkeep(v *web.Visit) error {
	var page upkeepPage
	var err error
	if page.Expiries, err = p.Sources.Expiries(v.Context()); err != nil {
		return err
	}
	if page.Jobs, err = p.Sources.Jobs(); err != nil {
		page.JobsFault = err.Error()
	}
	if page.Audit, err = p.Sources.Audit(v.Context(), v.Now); err != nil {
		page.AuditFault = err.Error()
	}
	return show(v, "upkeep", "Upkeep", page)
}

// Left says how long there is to an end.
func (upkeepPage) Left(e Expiry, now time.Time) string {
	left := e.Ends.Sub(now)
	switch {
	case e.Ends.IsZero():
		return ""
	case left <= 0:
		return "over"
	case left < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(left.Hours()))
	}
	return fmt.Sprintf("%d days", int(left.Hours()/24))
}
