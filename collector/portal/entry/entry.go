package entry

import (
	"context"
	"embed"
	"net/http"
	"net/url"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/logkey"
)

//go:embed pages/*.html
var files embed.FS

var pages = web.NewTemplates(files)

// A Service is an authority's own sign-in service: account/openid.
type Service interface {
	// Name is how the authority's people know it.
	Name() string
	// Begin is where to send a browser, and what to keep until it comes back.
	Begin(ctx context.Context) (address string, kept []byte, err error)
	// Finish is who came back with an answer to what was kept.
	Finish(ctx context.Context, kept []byte, answer url.Values) (account.Identity, error)
}

// An entrance is what the pages share.
type entrance struct {
	site    *web.Site
	service Service // nil where there is none
}

// Routes are the pages of the package. service may be nil.
func Routes(s *web.Site, service Service) []web.Route {
	e := &entrance{site: s, service: service}
	const get, post = http.MethodGet, http.MethodPost
	list := []web.Route{
		{Method: get, Path: "/sign-in", Do: e.showSignIn},
		{Method: post, Path: "/sign-in", Do: e.signIn},
		{Method: get, Path: "/sign-in/code", Do: e.showCode},
		{Method: post, Path: "/sign-in/code", Do: e.code},
		{Method: get, Path: "/sign-in/recovery", Do: e.showRecovery},
		{Method: post, Path: "/sign-in/recovery", Do: e.recovery},
		{Method: get, Path: "/password", Do: e.showPassword},
		{Method: post, Path: "/password", Do: e.choosePassword},
		{Method: get, Path: "/second-factor", Do: e.showSecond},
		{Method: post, Path: "/second-factor", Do: e.second},
		{Method: get, Path: "/recovery-codes", Do: e.mine(e.showCodes)},
		{Method: get, Path: "/account", Do: e.mine(e.showAccount)},
		{Method: get, Path: "/account/password", Do: e.mine(e.showChange)},
		{Method: post, Path: "/account/password", Do: e.mine(e.change)},
		{Method: get, Path: "/account/second-factor", Do: e.mine(e.showNewSecond)},
		{Method: post, Path: "/account/second-factor", Do: e.mine(e.newSecond)},
		{Method: get, Path: "/account/recovery-codes", Do: e.mine(e.showNewCodes)},
		{Method: post, Path: "/account/recovery-codes", Do: e.mine(e.newCodes)},
		{Method: post, Path: "/account/sessions", Do: e.mine(e.endOthers)},
		{Method: post, Path: "/account/alerts", Do: e.mine(e.alerts)},
		{Method: post, Path: "/sign-out", Do: e.signOut},
	}
	if service != nil {
		list = append(list,
			web.Route{Method: get, Path: "/sign-in/service", Do: e.toService},
			web.Route{Method: get, Path: "/sign-in/service/back", Do: e.fromService})
	}
	return list
}

// mine lets only those pass who are signed in, whatever their role.
func (e *entrance) mine(next func(*web.Visit) error) func(*web.Visit) error {
	return func(v *web.Visit) error {
		if v.User.ID == "" {
			return v.Redirect("/sign-in")
		}
		return next(v)
	}
}

// note enters what somebody did to the own access in the audit log of each
// authority, or the school, or the operator.
func (e *entrance) note(v *web.Visit, u account.User, action audit.Action) error {
	entry := audit.Entry{User: u.ID, Action: action, Subject: audit.Subject{School: u.School}}
	if len(u.Authorities) == 0 {
		return e.site.Audit.Add(v.Context(), entry)
	}
	for _, code := range u.Authorities {
		entry.Authority = code
		if err := e.site.Audit.Add(v.Context(), entry); err != nil {
			return err
		}
	}
	return nil
}

// enter signs somebody in who has taken every step.
func (e *entrance) enter(v *web.Visit, u account.User) error {
	if err := e.note(v, u, audit.SignedIn); err != nil {
		return err
	}
	if err := v.SignIn(u); err != nil {
		return err
	}
	e.site.Log.Info("signed in", logkey.User, u.ID, logkey.Address, v.Address())
	return nil
}
