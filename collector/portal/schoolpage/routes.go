package schoolpage

import (
	"embed"
	"errors"
	"net/http"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/disclosure"
	"rollbridge/collector/hosted"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

//go:embed pages/*.html
var files embed.FS

var pages = web.NewTemplates(files)

// Home is where a school's person begins.
const Home = "/school"

// Parts are what the pages are made with.
type Parts struct {
	// Agents are those that the operator hosts; nil for none.
	Agents *hosted.Agents
	// Operator is who runs the collector, Handling what they say of the data.
	Operator string
	Handling protocol.Handling
	// PublicURL is where schools reach intake, on which a revocation code is entered.
	PublicURL string
	Notice    disclosure.Notice
}

// A section is what its pages share.
type section struct {
	Parts
	site *web.Site
}

// Routes are the pages of schools.
func Routes(s *web.Site, p Parts) []web.Route {
	c := &section{p, s}
	own := func(method, path string, do func(*web.Visit) error) web.Route {
		return web.Route{Method: method, Path: Home + path, Right: account.SchoolPage, Section: "school", Do: func(v *web.Visit) error {
			if v.User.School == "" {
				return web.ErrNotFound
			}
			return do(v)
		}}
	}
	public := func(path string, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Do: do}
	}
	return []web.Route{
		own(http.MethodGet, "", c.home),
		own(http.MethodGet, "/scope", c.scope),
		own(http.MethodGet, "/scope/accept", c.accept),
		own(http.MethodPost, "/scope/accept", c.postAccept),
		own(http.MethodGet, "/scope/change", c.change),
		own(http.MethodPost, "/scope/change", c.postChange),
		own(http.MethodGet, "/preview", c.preview),
		own(http.MethodPost, "/preview", c.postPreview),
		own(http.MethodGet, "/held", c.held),
		own(http.MethodPost, "/held", c.postHeld),
		own(http.MethodGet, "/log", c.logbook),
		own(http.MethodGet, "/log/verify", c.verify),
		own(http.MethodGet, "/log/statement", c.statement),
		own(http.MethodGet, "/pause", c.pause),
		own(http.MethodPost, "/pause", c.postPause),
		own(http.MethodPost, "/resume", c.postResume),
		own(http.MethodGet, "/revoke", c.revoke),
		own(http.MethodPost, "/revoke", c.postRevoke),
		own(http.MethodGet, "/certificate", c.certificate),
		public("/data", c.data),
		public("/stop", c.stop),
		public(disclosure.Path, c.security),
	}
}

// patience is how long an answer may take that waits for an agent; the server's own limit
// is shorter.
const patience = 2 * time.Minute

// wait lets this answer take as long as an agent may. A writer without a deadline (a
// test's) keeps what it has.
func wait(v *web.Visit) {
	_ = http.NewResponseController(v.W).SetWriteDeadline(time.Now().Add(patience))
}

// log enters what this person does or looks at in the chain of their school.
func (c *section) log(v *web.Visit, action audit.Action, about string) error {
	return v.Log(action, audit.Subject{School: v.User.School, About: about})
}

// do enters a change of the agent, makes it, and enters that it was not made if it was
// not. done says that it was; else the answer is given.
func (c *section) do(v *web.Visit, action audit.Action, about string, change func() error) (done bool, err error) {
	wait(v)
	if err := c.log(v, action, about); err != nil {
		return false, err
	}
	failed := change()
	if failed == nil {
		return true, nil
	}
	return false, errors.Join(c.log(v, action, "not done: "+string(hosted.KindOf(failed))), c.away(v, failed))
}

// theirs are the faults that are no news to the operator.
var theirs = map[hosted.Kind]bool{
	hosted.Off: true, hosted.Refused: true, hosted.Changed: true, hosted.MIS: true, hosted.Unreachable: true, hosted.Busy: true,
}

// away shows what an agent did not do, and why. What the operator has to put right is
// logged; the page says no more of it than that.
func (c *section) away(v *web.Visit, err error) error {
	var fault *hosted.Fault
	if !errors.As(err, &fault) {
		return err
	}
	if !theirs[fault.Kind] {
		c.site.Log.Error("a hosted agent did not do what its school asked", logkey.School, v.User.School, logkey.Reason, string(fault.Kind), logkey.Error, fault.Text)
	}
	code := http.StatusServiceUnavailable
	switch fault.Kind {
	case hosted.Off:
		code = http.StatusNotFound
	case hosted.Changed, hosted.Refused:
		code = http.StatusConflict
	}
	return v.Show(pages, web.Page{Name: "away", Title: v.T("school.away.title"), Code: code, Data: sayFault(v, fault.Kind)})
}

// sayFault says what to do about a fault.
func sayFault(v *web.Visit, kind hosted.Kind) string {
	switch kind {
	case hosted.Off:
		return v.T("school.away.off")
	case hosted.Refused:
		return v.T("school.away.refused")
	case hosted.Changed:
		return v.T("school.away.changed")
	case hosted.MIS:
		return v.T("school.away.mis")
	case hosted.Unreachable:
		return v.T("school.away.unreachable")
	case hosted.Busy, hosted.Slow:
		return v.T("school.away.busy")
	}
	return v.T("school.away.operator")
}
