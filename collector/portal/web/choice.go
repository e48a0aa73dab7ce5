package web

import (
	"net/http"

	"rollbridge/collector/language"
	"rollbridge/collector/portal/account"
)

const languageCookie = "rollbridge-language"

var noUser account.User

// chosen is the language of a reader: what this browser chose, else what the person
// chose, else what the browser asks for.
func (s *Site) chosen(r *http.Request, u account.User) *language.Printer {
	if c, err := r.Cookie(s.cookie(languageCookie)); err == nil {
		return language.In(language.Language(c.Value))
	}
	if u.Language != "" {
		return language.In(language.Language(u.Language))
	}
	return language.Asked(r.Header.Get("Accept-Language"))
}

// Own are the pages that belong to no section; Handler adds them by itself.
func Own() []Route {
	return []Route{
		{Method: http.MethodPost, Path: "/language", Do: chooseLanguage},
		{Method: http.MethodPost, Path: "/authority", Do: chooseAuthority},
		{Method: http.MethodGet, Path: "/accessibility", Do: statement("accessibility", "web.accessibility.title")},
		{Method: http.MethodGet, Path: "/cookies", Do: statement("cookies", "web.cookies.title")},
		{Method: http.MethodPost, Path: "/session", Do: stay},
	}
}

func statement(name, title string) func(*Visit) error {
	return func(v *Visit) error {
		return v.Show(ownPages, Page{Name: name, Title: v.T(title)})
	}
}

func chooseLanguage(v *Visit) error {
	f := v.Form()
	l := language.Language(f.Raw("language"))
	if language.In(l).Language() == l {
		http.SetCookie(v.W, &http.Cookie{
			Name: v.site.cookie(languageCookie), Value: string(l), Path: "/", MaxAge: 365 * 24 * 60 * 60,
			Secure: !v.site.Plain, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		// Another browser of the person, and e-mails, speak it too.
		if v.User.ID != "" {
			if err := v.site.Accounts.SetLanguage(v.Context(), v.User, string(l)); err != nil {
				return err
			}
		}
	}
	return v.Redirect(local(f.Raw("back")))
}

// chooseAuthority changes whose pages a person of several authorities sees.
func chooseAuthority(v *Visit) error {
	if v.User.ID == "" {
		return v.Redirect("/sign-in")
	}
	code := v.Form().Raw("authority")
	if !v.User.Of(code) {
		return ErrNotFound
	}
	v.Put(authorityKey, code)
	return v.Redirect(v.home())
}

// stay answers a page that says that its reader is still there: when the session ends
// now. Without JavaScript the form opens a page of its own, and what was typed stays.
func stay(v *Visit) error {
	if v.User.ID == "" {
		return v.Redirect("/sign-in")
	}
	v.Put(seenKey, stamp(v.Now))
	return v.Show(ownPages, Page{Name: "stay", Title: v.T("web.stay.title")})
}
