package portal

import (
	"net/http"

	"rollbridge/collector/portal/account"
)

// signedIn lets a request pass with the user of its session, and sends
// everybody else to the page where they can do something about it.
func (p *Portal) signedIn(next func(http.ResponseWriter, *http.Request, account.User)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, ok, err := p.user(r)
		switch {
		case err != nil:
			p.fault(w, r, err)
		case !ok:
			p.toSignIn(w, r)
		default:
			next(w, r, u)
		}
	}
}

// user is who the session belongs to, if the password has not changed since.
func (p *Portal) user(r *http.Request) (account.User, bool, error) {
	id := p.sessions.GetString(r.Context(), keyUser)
	if id == "" {
		return account.User{}, false, nil
	}
	u, found, err := p.accounts.ByID(r.Context(), id)
	if err != nil || !found || u.Stamp() != p.sessions.GetString(r.Context(), keyStamp) {
		return account.User{}, false, err
	}
	return u, true, nil
}

// toSignIn says that a session has ended where there was one.
func (p *Portal) toSignIn(w http.ResponseWriter, r *http.Request) {
	to := "/sign-in"
	if _, err := r.Cookie(cookieName); err == nil {
		to += "?ended"
	}
	if err := p.sessions.Destroy(r.Context()); err != nil {
		p.fault(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
