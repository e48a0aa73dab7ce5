package portal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/logkey"
)

// A Portal answers browsers. It may be used concurrently, and several on one
// database share their sessions.
type Portal struct {
	store    *store.Store
	vault    *vault.Vault
	accounts *account.Accounts
	sessions *scs.SessionManager
	log      *slog.Logger
	hsts     bool
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
	p := &Portal{store: store.New(db), accounts: account.Open(db), log: log, hsts: o.HSTS, vault: o.Vault}
	p.sessions = newSessions(db, p.fault)
	return p
}

// maxForm bounds what is read of a form.
const maxForm = 64 << 10

// Handler answers every page of the portal. It must be served over TLS: the
// session's cookie is never sent without.
func (p *Portal) Handler() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", p.signedIn(p.schools))
	pages.HandleFunc("GET /roster", p.signedIn(p.roster))
	pages.HandleFunc("GET /sign-in", p.showSignIn)
	pages.HandleFunc("POST /sign-in", p.signIn)
	pages.HandleFunc("GET /password", p.showPassword)
	pages.HandleFunc("POST /password", p.choosePassword)
	pages.HandleFunc("POST /sign-out", p.signOut)
	pages.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.plain(w, r, http.StatusNotFound) })

	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.plain(w, r, http.StatusForbidden) }))

	all := http.NewServeMux()
	all.HandleFunc("GET /assets/govuk.css", serveStyle(Stylesheet))
	all.HandleFunc("GET /assets/portal.css", serveStyle(func() ([]byte, bool) { return ownStyle, true }))
	all.Handle("/", origin.Handler(http.MaxBytesHandler(p.sessions.LoadAndSave(pages), maxForm)))
	return p.headers(all)
}

// headers tells the browser to run nothing, load nothing from elsewhere, keep
// nothing and show the page in no other page.
func (p *Portal) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if p.hsts {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// serveStyle lets browsers keep a stylesheet for an hour: it changes only with
// the program.
func serveStyle(style func() ([]byte, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		css, built := style()
		if !built {
			http.Error(w, "The stylesheet is not built.", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = w.Write(css) // the browser went away
	}
}

// fault logs a fault of the collector's own and shows the error page.
func (p *Portal) fault(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, context.Canceled) {
		p.log.Error("a page could not be shown", logkey.Route, r.Pattern, logkey.Error, err.Error())
	}
	p.plain(w, r, http.StatusInternalServerError)
}
