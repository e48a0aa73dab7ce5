package portal

import (
	"log/slog"
	"net/http"
	"slices"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/calls"
	"rollbridge/collector/portal/children"
	"rollbridge/collector/portal/entry"
	"rollbridge/collector/portal/people"
	"rollbridge/collector/portal/reports"
	"rollbridge/collector/portal/schoolpage"
	"rollbridge/collector/portal/schools"
	"rollbridge/collector/portal/today"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
)

// A Portal answers browsers. It may be used concurrently, and several on one
// database share their sessions.
type Portal struct {
	site    *web.Site
	options Options
}

// Options are what differs between installations.
type Options struct {
	// HSTS tells browsers never to come back without TLS. It stays off with a
	// trial certificate, which it would make impossible to click past.
	HSTS bool
	// Vault opens what is stored.
	Vault *vault.Vault
	// LeftDays is how long a child who has left the list is kept.
	LeftDays int
	// Service is an authority's own sign-in service; nil for none.
	Service entry.Service
	// School is what the pages of schools are made with.
	School schoolpage.Parts
}

// New makes a portal on a database whose schema was checked.
func New(db *database.DB, log *slog.Logger, o Options) *Portal {
	return &Portal{options: o, site: &web.Site{
		DB: db, Store: store.New(db), Vault: o.Vault, Accounts: account.Open(db, o.Vault), Audit: audit.New(db, o.Vault), Log: log, HSTS: o.HSTS,
	}}
}

// Routes are all pages of the portal's sections. A page that is not in this list is not
// there; the tests that walk every page walk this list, and web.Own.
func Routes(s *web.Site, o Options) []web.Route {
	registers := register.New(s.Store, o.Vault)
	book := call.New(s.Store, o.Vault)
	return slices.Concat(
		entry.Routes(s, o.Service),
		today.Routes(s, registers, book),
		schools.Routes(s),
		children.Routes(s, o.LeftDays),
		reports.Routes(s),
		calls.Routes(s, book, registers),
		people.Routes(s),
		schoolpage.Routes(s, o.School),
	)
}

// Handler answers every page of the portal. It must be served over TLS: the
// session's cookie is never sent without.
func (p *Portal) Handler() http.Handler { return p.site.Handler(Routes(p.site, p.options)) }
