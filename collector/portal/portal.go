package portal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/entry"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/logkey"
)

// A Portal answers browsers. It may be used concurrently, and several on one
// database share their sessions.
type Portal struct {
	site     *web.Site
	store    *store.Store
	vault    *vault.Vault
	accounts *account.Accounts
	sessions *scs.SessionManager
	log      *slog.Logger
}

// Options are what differs between installations.
type Options struct {
	// HSTS tells browsers never to come back without TLS. It stays off with a
	// trial certificate, which it would make impossible to click past.
	HSTS bool
	// Vault opens rosters. It may be nil only where there is none.
	Vault *vault.Vault
}

// New makes a portal on a database whose schema was checked.
func New(db *database.DB, log *slog.Logger, o Options) *Portal {
	p := &Portal{store: store.New(db), accounts: account.Open(db, o.Vault), log: log, vault: o.Vault}
	p.site = &web.Site{
		DB: db, Store: p.store, Vault: o.Vault, Accounts: p.accounts, Audit: audit.New(db, o.Vault), Log: log, HSTS: o.HSTS,
	}
	p.sessions = p.site.Sessions()
	return p
}

// Routes are all pages of the portal, but those that belong to none of its sections and
// that web adds by itself.
func Routes(s *web.Site) []web.Route {
	return entry.Routes(s, nil)
}

// Handler answers every page of the portal. It must be served over TLS: the
// session's cookie is never sent without.
func (p *Portal) Handler() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", p.signedIn(p.schools))
	pages.HandleFunc("GET /roster", p.signedIn(p.roster))
	pages.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.plain(w, r, http.StatusNotFound) })
	p.site.Rest = pages
	return p.site.Handler(Routes(p.site))
}

// fault logs a fault of the collector's own and shows the error page.
func (p *Portal) fault(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, context.Canceled) {
		p.log.Error("a page could not be shown", logkey.Route, r.Pattern, logkey.Error, err.Error())
	}
	p.plain(w, r, http.StatusInternalServerError)
}
