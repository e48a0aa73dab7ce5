package console

import (
	"fmt"
	"strings"
	"time"

	"rollbridge/collector/alarm"
	"rollbridge/collector/audit"
	"rollbridge/collector/language"
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
func (releasesPage) Stage(p *language.Printer, s *signed.Stage) string {
	switch {
	case s == nil:
		return p.T("console.stage.nobody")
	case s.Paused:
		return p.T("console.stage.paused", "Ring", ring(p, s.Ring), "Percent", s.Percent)
	}
	return p.T("console.stage", "Ring", ring(p, s.Ring), "Percent", s.Percent)
}

// Drafted are the versions that wait to be published.
func (r releasesPage) Drafted() string { return strings.Join(r.Draft.Versions, ", ") }

func (p *pages) releases(v *web.Visit) error {
	page := releasesPage{Versions: map[string]release.Adoption{}}
	var err error
	if page.State, err = p.Sources.Releases(); err != nil {
		page.Fault = alarm.Fault(err).Text
	}
	page.Alarms = page.State.Alarms(v.Now)
	programs, err := p.Programs(v.Context())
	if err != nil {
		return err
	}
	for _, a := range release.Count(programs) {
		page.Versions[a.Version] = a
	}
	return show(v, "releases", "console.menu.releases", page)
}

// An Expiry is something that ends by itself.
type Expiry struct {
	What Ending
	Role string    // of the metadata of releases; a name, the same in both languages
	Ends time.Time // zero where Renewal says it
	Renewal
}

// An Ending is what ends; it is the key of its text.
type Ending string

// The endings.
const (
	Keyring           Ending = "console.ends.keyring"
	SealingKey        Ending = "console.ends.sealing"
	IntakeCertificate Ending = "console.ends.intake"
	PortalCertificate Ending = "console.ends.portal"
	Metadata          Ending = "console.ends.metadata"
	AllMetadata       Ending = "console.ends.releases"
)

// A Renewal is what makes something new in time, or why that is not known; it is the key
// of its text.
type Renewal string

// The renewals.
const (
	ByKeyringRenew Renewal = "console.renewal.keyring"
	ByReleaseRoot  Renewal = "console.renewal.root"
	ByReleaseRenew Renewal = "console.renewal.targets"
	ByJobs         Renewal = "console.renewal.jobs"
	ByJobsWeekly   Renewal = "console.renewal.jobs-weekly"
	ByItself       Renewal = "console.renewal.itself"
	ByNewFile      Renewal = "console.renewal.file"
	TrialOnly      Renewal = "console.renewal.trial"
	Unread         Renewal = "console.renewal.unread"
	NoControlKeys  Renewal = "console.renewal.no-control-keys"
	NoSealingKeys  Renewal = "console.renewal.no-sealing-keys"
	Damaged        Renewal = "console.renewal.damaged"
)

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
		page.JobsFault = alarm.Fault(err).Text
	}
	if page.Audit, err = p.Sources.Audit(v.Context(), v.Now); err != nil {
		page.AuditFault = alarm.Fault(err).Text
	}
	return show(v, "upkeep", "console.menu.upkeep", page)
}

// Left says how long there is to an end.
func (upkeepPage) Left(p *language.Printer, e Expiry, now time.Time) string {
	left := e.Ends.Sub(now)
	switch {
	case e.Ends.IsZero():
		return ""
	case left <= 0:
		return p.T("console.left.over")
	case left < 48*time.Hour:
		return p.N("console.left.hours", int(left.Hours()))
	}
	return p.N("console.left.days", int(left.Hours()/24))
}
