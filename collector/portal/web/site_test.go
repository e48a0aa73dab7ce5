package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"rollbridge/collector/portal/account"
)

// The pages that belong to no section, and those that say that there is none, are there in
// both languages for everybody.
func TestOwnPages(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		path, language string
		code           int
		says           string
	}{
		{"/accessibility", "en", 200, "Accessibility statement"},
		{"/accessibility", "cy", 200, "Datganiad hygyrchedd"},
		{"/cookies", "en", 200, "__Host-rollbridge"},
		{"/cookies", "cy", 200, "Cwcis"},
		{"/accessibility", "en", 200, "we call it partially compliant"},
		{"/accessibility", "cy", 200, "Paratowyd y datganiad hwn ym mis Tachwedd 2026"},
		{"/nothing", "en", 404, "Page not found"},
		{"/nothing", "cy-GB,en;q=0.5", 404, "Ni chafwyd hyd"},
		{"/nothing", "fr", 404, "Page not found"},
		{"/session", "en", 405, "only for sending a form"},
		{"/broken", "en", 500, "There is a problem with the service"},
		{"/broken", "cy", 500, "Mae problem"},
		{"/busy", "en", 429, "Wait 2 minutes"},
		{"/busy", "cy", 429, "2 funud"},
	} {
		b := r.server.Anybody()
		b.Language = c.language
		a := b.Get(c.path)
		lang := "en"
		if strings.HasPrefix(c.language, "cy") {
			lang = "cy"
		}
		if a.Code != c.code || !strings.Contains(a.Body, c.says) || !strings.Contains(a.Body, `<html lang="`+lang+`"`) {
			t.Errorf("%s in %s: %d\n%s", c.path, c.language, a.Code, a.Body)
		}
		if strings.Contains(a.Body, ">web.") || strings.Contains(a.Body, "<no value>") {
			t.Errorf("%s in %s: a text is missing", c.path, c.language)
		}
	}
	if strings.Count(r.server.Log.String(), "\n") != 2 || !strings.Contains(r.server.Log.String(), `route="GET /broken"`) {
		t.Errorf("a fault is logged once, and nothing else is:\n%s", r.server.Log)
	}
}

func TestWhoGetsAPage(t *testing.T) {
	r := newRig(t)
	for role, want := range map[account.Role]map[string]int{
		"":                    {"/": 303, "/calls/7": 303, "/lost": 303, "/cookies": 200},
		account.Viewer:        {"/": 200, "/calls/7": 403, "/lost": 404, "/cookies": 200},
		account.Caller:        {"/": 200, "/calls/7": 200, "/lost": 404},
		account.Administrator: {"/": 200, "/calls/7": 200},
	} {
		b := r.server.Anybody()
		if role != "" {
			b.SignIn(r.person(role))
		}
		for path, code := range want {
			if a := b.Get(path); a.Code != code {
				t.Errorf("%q asks for %s: %d, want %d", role, path, a.Code, code)
			}
		}
		post := map[account.Role]int{"": 303, account.Viewer: 403, account.Caller: 303, account.Administrator: 303}[role]
		saved := len(r.saved)
		if a := b.Post("/calls/7", "note", "x", "kind", "one"); a.Code != post || (len(r.saved) > saved) != (role == account.Caller || role == account.Administrator) {
			t.Errorf("%q saves: %d", role, a.Code)
		}
	}
}

func TestTheChosenAuthorityStays(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Caller))
	if a := b.Get("/"); !strings.Contains(a.Body, "authority 855") || !strings.Contains(a.Body, `<select class="govuk-select" id="authority-choice"`) {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	if a := b.Post("/authority", "authority", "856"); a.Location != "/" {
		t.Errorf("%d to %q", a.Code, a.Location)
	}
	if a := b.Get("/"); !strings.Contains(a.Body, "authority 856") {
		t.Error("the choice was not kept")
	}
	if a := b.Post("/authority", "authority", "933"); a.Code != http.StatusNotFound {
		t.Errorf("another authority: %d", a.Code)
	}
	if a := b.Get("/"); !strings.Contains(a.Body, "authority 856") {
		t.Error("a choice that was refused was kept")
	}
}

func TestTheChosenLanguageStays(t *testing.T) {
	r := newRig(t)
	b := r.server.Anybody()
	if a := b.Post("/language", "language", "cy", "back", "/cookies?x=1"); a.Location != "/cookies?x=1" {
		t.Errorf("to %q", a.Location)
	}
	if a := b.Get("/cookies"); !strings.Contains(a.Body, `lang="cy"`) {
		t.Error("the choice was not kept")
	}
	for _, back := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "", "/\tx"} {
		if a := b.Post("/language", "language", "en", "back", back); a.Location != "/" {
			t.Errorf("back to %q: %q", back, a.Location)
		}
	}
	if a := b.Post("/language", "language", "xx", "back", "/"); a.Header.Get("Set-Cookie") != "" {
		t.Error("a language that is none was kept")
	}
}

func TestAFormShowsWhatWasTypedAndWhatIsWrong(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Caller))
	a := b.Post("/calls/7", "note", `  12345678901"> `, "password", "hidden words", "kind", "three")
	for _, want := range []string{
		"<title>Error: A form - Rollbridge</title>", `<a href="#note">Name must be 10 characters or fewer</a>`, `<a href="#kind">`,
		`id="note-error"`, `aria-describedby="note-hint note-error"`, `value="  12345678901&#34;&gt; "`,
	} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page has no %s\n%s", want, a.Body)
		}
	}
	if a.Code != http.StatusUnprocessableEntity || strings.Contains(a.Body, "hidden words") || len(r.saved) > 0 {
		t.Errorf("%d, saved %v", a.Code, r.saved)
	}
	if a := b.Post("/calls/7", "note", " ok ", "kind", "one"); a.Location != "/calls/7" {
		t.Errorf("%d to %q", a.Code, a.Location)
	}
	if a := b.Get("/calls/7"); !strings.Contains(a.Body, "ok and one") {
		t.Error("what was done is not said")
	}
	if a := b.Get("/calls/7"); strings.Contains(a.Body, "ok and one") {
		t.Error("what was done is said twice")
	}
}

func TestWhatDoesNotComeFromUsIsRefused(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Caller))
	form := url.Values{"note": {"x"}, "kind": {"one"}}
	for name, header := range map[string][]string{
		"another site":  {"Sec-Fetch-Site", "cross-site"},
		"another host":  {"Sec-Fetch-Site", "same-site"},
		"an old client": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
	} {
		a := b.Do(http.MethodPost, "/calls/7", form, header...)
		if a.Code != http.StatusForbidden || !strings.Contains(a.Body, "sent from another site") {
			t.Errorf("%s: %d", name, a.Code)
		}
	}
	if a := b.Do(http.MethodPost, "/calls/7", url.Values{"note": {strings.Repeat("x", 70<<10)}}); a.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large form: %d", a.Code)
	}
	if a := b.Do(http.MethodPost, "/calls/7?%zz", form); a.Code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", a.Code)
	}
	if len(r.saved) > 0 {
		t.Errorf("saved %v", r.saved)
	}
}

func TestHeaders(t *testing.T) {
	r := newRig(t)
	b := r.server.Anybody()
	for _, path := range []string{"/cookies", "/nothing", "/broken", "/assets/portal.css"} {
		h := b.Get(path).Header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none';", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "",
		} {
			if got := h.Get(name); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("%s has %s %q", path, name, got)
			}
		}
		if policy := h.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s allows too much: %s", path, policy)
		}
		if cache := h.Get("Cache-Control"); (cache == "public, max-age=3600") != strings.HasPrefix(path, "/assets/") {
			t.Errorf("%s may be kept: %s", path, cache)
		}
	}
	for path, kind := range map[string]string{"/assets/portal.css": "text/css; charset=utf-8", "/assets/portal.js": "text/javascript; charset=utf-8", "/assets/icon.svg": "image/svg+xml"} {
		if a := b.Get(path); a.Code != http.StatusOK || a.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %d, %s", path, a.Code, a.Header.Get("Content-Type"))
		}
	}
}

// Where the database does not answer, everybody is told so, in a whole page, and the
// operator once.
func TestDatabaseDown(t *testing.T) {
	r := newRig(t)
	b := r.server.As(r.person(account.Viewer))
	b.Language = "cy"
	r.must(r.site.DB.Close())
	a := b.Get("/")
	if a.Code != http.StatusInternalServerError || !strings.Contains(a.Body, "Mae problem") || !strings.Contains(a.Body, "</html>") || strings.Contains(a.Body, "sql") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if strings.Count(r.server.Log.String(), "\n") != 1 {
		t.Errorf("the operator is told:\n%s", r.server.Log)
	}
}
