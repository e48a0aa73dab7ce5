package portal

import (
	"errors"
	"net"
	"net/http"

	"rollbridge/collector/portal/account"
	"rollbridge/shared/logkey"
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
		case u.MustChange:
			http.Redirect(w, r, "/password", http.StatusSeeOther)
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

func (p *Portal) showSignIn(w http.ResponseWriter, r *http.Request) {
	_, ok, err := p.user(r)
	switch {
	case err != nil:
		p.fault(w, r, err)
	case ok:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		p.show(w, r, http.StatusOK, page{Template: "sign-in", Title: "Sign in", Ended: r.URL.Query().Has("ended")})
	}
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) {
	name, password := r.PostFormValue("name"), r.PostFormValue("password")
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	again := page{Template: "sign-in", Title: "Sign in", Name: name}
	if name == "" || password == "" {
		again.Problem, again.Field = "Enter your user name and your password", "name"
		p.show(w, r, http.StatusUnprocessableEntity, again)
		return
	}
	u, err := p.accounts.SignIn(r.Context(), name, password, address)
	var wait *account.WaitError
	switch {
	case errors.As(err, &wait):
		p.log.Warn("sign-in delayed after wrong tries", logkey.Address, address)
		w.Header().Set("Retry-After", seconds(wait.Wait))
		again.Problem, again.Field = "There were too many wrong tries. Wait "+spell(wait.Wait)+", then try again", "name"
		p.show(w, r, http.StatusTooManyRequests, again)
	case errors.Is(err, account.ErrSignIn):
		p.log.Warn("sign-in refused", logkey.Address, address)
		again.Problem, again.Field = "The user name or password is not right. Check both. If you cannot sign in, ask the operator for a new one-time password", "name"
		p.show(w, r, http.StatusUnprocessableEntity, again)
	case err != nil:
		p.fault(w, r, err)
	default:
		p.log.Info("signed in", logkey.User, u.ID, logkey.Address, address)
		p.enter(w, r, u)
	}
}

// enter begins a session with a fresh token, so that one from before the
// sign-in is worth nothing.
func (p *Portal) enter(w http.ResponseWriter, r *http.Request, u account.User) {
	if err := p.sessions.RenewToken(r.Context()); err != nil {
		p.fault(w, r, err)
		return
	}
	p.sessions.Put(r.Context(), keyUser, u.ID)
	p.sessions.Put(r.Context(), keyStamp, u.Stamp())
	to := "/"
	if u.MustChange {
		to = "/password"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (p *Portal) showPassword(w http.ResponseWriter, r *http.Request) {
	u, ok := p.mustChange(w, r)
	if ok {
		p.show(w, r, http.StatusOK, page{Template: "password", Title: "Choose a password", User: u.Name})
	}
}

// mustChange lets only those pass who have signed in with a one-time password.
func (p *Portal) mustChange(w http.ResponseWriter, r *http.Request) (account.User, bool) {
	u, ok, err := p.user(r)
	switch {
	case err != nil:
		p.fault(w, r, err)
	case !ok:
		p.toSignIn(w, r)
	case !u.MustChange:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		return u, true
	}
	return account.User{}, false
}

func (p *Portal) choosePassword(w http.ResponseWriter, r *http.Request) {
	u, ok := p.mustChange(w, r)
	if !ok {
		return
	}
	again := page{Template: "password", Title: "Choose a password", User: u.Name, Field: "password"}
	password := r.PostFormValue("password")
	if password != r.PostFormValue("again") {
		again.Problem, again.Field = "The two passwords are not the same. Enter the same password twice", "again"
		p.show(w, r, http.StatusUnprocessableEntity, again)
		return
	}
	changed, err := p.accounts.ChooseOwn(r.Context(), u, password)
	switch {
	case errors.Is(err, account.ErrShortPassword), errors.Is(err, account.ErrLongPassword),
		errors.Is(err, account.ErrSamePassword), errors.Is(err, account.ErrNamePassword):
		again.Problem = capital(err.Error())
		p.show(w, r, http.StatusUnprocessableEntity, again)
	case errors.Is(err, account.ErrChanged):
		p.toSignIn(w, r)
	case err != nil:
		p.fault(w, r, err)
	default:
		p.log.Info("one-time password replaced", logkey.User, u.ID)
		p.enter(w, r, changed)
	}
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	if err := p.sessions.Destroy(r.Context()); err != nil {
		p.fault(w, r, err)
		return
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
