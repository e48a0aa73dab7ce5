package web

import (
	"net/http"

	"rollbridge/collector/portal/account"
)

// A Route is one page or one form of the portal.
type Route struct {
	Method, Path string // as http.ServeMux takes them: "GET", "/schools/{school}"
	// Right is what somebody needs to have for it; "" is everybody, signed in or not.
	Right account.Right
	// Section is the entry of the navigation that is marked: today, calls, schools,
	// children, reports, people, or "" for none.
	Section string
	// Do answers. Its error becomes the error page and one log line; ErrNotFound becomes
	// the page that says that there is nothing here.
	Do func(*Visit) error
}

// serve makes a handler of a route. Everything that decides who gets a page is here.
func (s *Site) serve(route Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &Visit{W: w, R: r, Now: s.Now(), site: s, route: route}
		v.Printer = s.chosen(r, v.User)
		if err := s.admit(v); err != nil {
			s.fail(v, err)
		}
	}
}

func (s *Site) admit(v *Visit) error {
	ended, err := s.recognise(v)
	if err != nil {
		return err
	}
	switch {
	case v.route.Right == "":
		return v.do()
	case v.User.ID == "":
		return s.askToSignIn(v, ended)
	case v.User.MustChange:
		return v.Redirect("/password")
	case !v.User.May(v.route.Right) && v.R.URL.Path == "/" && v.home() != "/":
		// The address that everybody knows leads each to where that person begins.
		return v.Redirect(v.home())
	case !v.User.May(v.route.Right), v.User.Role.OfAuthority() && v.Authority.Code == "":
		// Where no authority is named, what is read is everybody's.
		return errForbidden
	}
	return v.do()
}

// do answers with the route, once what was sent is known to be a form.
func (v *Visit) do() error {
	if err := v.R.ParseForm(); err != nil {
		return nonsense(err)
	}
	return v.route.Do(v)
}

func wrongMethod(*Visit) error { return errMethod }
