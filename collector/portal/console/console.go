package console

import (
	"context"
	"embed"
	"net/http"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/release"
	"rollbridge/shared/status"
)

//go:embed pages/*.html
var files embed.FS

var templates = web.NewTemplates(files)

// Sources are what the pages show beside the database.
type Sources struct {
	// Alarms are what needs the operator, as `status` says it.
	Alarms func(context.Context, time.Time) ([]status.Part, error)
	// Audit is how the audit log stands.
	Audit func(context.Context, time.Time) (audit.State, error)
	// Programs are what the agents run.
	Programs func(context.Context) ([]release.Program, error)
	// Releases are those that are kept here.
	Releases func() (release.State, error)
	// Expiries are what ends by itself.
	Expiries func(context.Context) ([]Expiry, error)
	// Jobs are when each job of this process last ended well; none where it has not the
	// role.
	Jobs func() ([]Job, error)
}

// A Job is one of what role jobs does by the clock.
type Job struct {
	Name string
	Last time.Time // zero for never
}

// Home is where an operator begins.
const Home = "/console"

// Menu is the navigation of these pages.
func Menu() []web.MenuEntry {
	return []web.MenuEntry{
		{Section: "overview", Path: "/console", Key: "console.menu.overview", Right: account.Console},
		{Section: "schools", Path: "/console/schools", Key: "console.menu.schools", Right: account.Console},
		{Section: "agents", Path: "/console/agents", Key: "console.menu.agents", Right: account.Console},
		{Section: "batches", Path: "/console/batches", Key: "console.menu.batches", Right: account.Console},
		{Section: "codes", Path: "/console/codes", Key: "console.menu.codes", Right: account.Console},
		{Section: "releases", Path: "/console/releases", Key: "console.menu.releases", Right: account.Console},
		{Section: "upkeep", Path: "/console/upkeep", Key: "console.menu.upkeep", Right: account.Console},
	}
}

// pages are the pages of one site.
type pages struct {
	*web.Site
	Sources
}

// Routes are the pages of the console.
func Routes(s *web.Site, from Sources) []web.Route {
	p := &pages{s, from}
	route := func(path, section string, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Right: account.Console, Section: section, Do: func(v *web.Visit) error {
			if err := v.Log(audit.ConsoleViewed, audit.Subject{About: section}); err != nil {
				return err
			}
			return do(v)
		}}
	}
	return []web.Route{
		{Method: http.MethodGet, Path: "/{$}", Right: account.Console, Do: func(v *web.Visit) error { return v.Redirect(Home) }},
		route("/console", "overview", p.overview),
		route("/console/schools", "schools", p.schools),
		route("/console/agents", "agents", p.agents),
		route("/console/batches", "batches", p.batches),
		route("/console/codes", "codes", p.codes),
		route("/console/releases", "releases", p.releases),
		route("/console/upkeep", "upkeep", p.upkeep),
	}
}

// show answers with a page; title is a key.
func show(v *web.Visit, name, title string, data any) error {
	return v.Show(templates, web.Page{Name: name, Title: v.T(title), Data: data})
}

// known is what is known of all schools now.
func (p *pages) known(v *web.Visit) (overview.Overview, error) {
	return overview.Read(v.Context(), p.Store, "", v.Now)
}
