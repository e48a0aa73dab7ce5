package web

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// A Site is what the pages of one portal share. It may be used concurrently, and several
// on one database share their sessions.
type Site struct {
	DB       *database.DB
	Store    *store.Store
	Vault    *vault.Vault
	Accounts *account.Accounts
	Audit    *audit.Log
	Log      *slog.Logger
	// HSTS tells browsers never to come back without TLS. It stays off with a trial
	// certificate, which it would make impossible to click past.
	HSTS bool
	// Now is the time; nil is that of shared/clock.
	Now func() time.Time
	// Home is where everybody begins; empty is the first page of the navigation that the
	// person may open.
	Home string
	// Menu is the navigation; nil is that of an authority.
	Menu []MenuEntry
	// Plain is for pages over HTTP on loopback or a closed network, which are the
	// operator's: cookies are not bound to TLS, as browsers would refuse them, and have
	// names of their own.
	Plain bool

	sessions *scs.SessionManager
}

// maxForm bounds what is read of a form.
const maxForm = 64 << 10

// Handler answers the routes and what belongs to every page: assets, the choice of
// authority and of language, statements, and error pages. It must be served over TLS
// unless it is Plain: the session's cookie is never sent without.
func (s *Site) Handler(routes []Route) http.Handler {
	s.open()
	pages := http.NewServeMux()
	known := map[string]bool{}
	for _, r := range slices.Concat(Own(), routes) {
		pages.HandleFunc(r.Method+" "+r.Path, s.serve(r))
		known[r.Path] = true
	}
	// A path that is there, but not for this method, is not one that is not there.
	for path := range known {
		if path != "/{$}" {
			pages.HandleFunc(path, s.serve(Route{Path: path, Do: wrongMethod}))
		}
	}
	pages.HandleFunc("/", s.serve(Route{Do: func(*Visit) error { return ErrNotFound }}))

	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(s.sessions.LoadAndSave(s.serve(Route{Do: func(*Visit) error { return errForeign }})))

	all := http.NewServeMux()
	for _, a := range assets() {
		all.HandleFunc("GET /assets/"+a.name, a.serve)
	}
	all.Handle("/", origin.Handler(http.MaxBytesHandler(s.sessions.LoadAndSave(pages), maxForm)))
	return s.headers(all)
}

func (s *Site) open() {
	if s.sessions == nil {
		s.sessions = s.newSessions()
	}
	if s.Now == nil {
		s.Now = clock.Now
	}
}

// policy lets a page load its own stylesheets, scripts and pictures, send its forms to
// us, and say that the reader is still there (portal.js), and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// headers tells the browser to run and load nothing from elsewhere, keep nothing and
// show the page in no other page.
func (s *Site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if s.HSTS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
