// Package webtest is for tests of pages: it serves routes over TLS as the collector does,
// and gives browsers that keep cookies and are signed in as whom a test wants, without a
// password.
//
// Start reading at Serve and Server.As. It belongs to no program.
package webtest

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
)

// A Server serves the pages of a site.
type Server struct {
	URL string
	Log *bytes.Buffer // what the site logged

	t    *testing.T
	http *httptest.Server
	next account.User
}

// entrance signs in whom the test wants.
const entrance = "/webtest/sign-in"

// Serve serves routes until the test ends. The site's Log is set.
func Serve(t *testing.T, site *web.Site, routes []web.Route) *Server {
	t.Helper()
	s := &Server{t: t, Log: &bytes.Buffer{}}
	site.Log = slog.New(slog.NewTextHandler(s.Log, nil))
	routes = append([]web.Route{{Method: http.MethodPost, Path: entrance, Do: func(v *web.Visit) error {
		if err := v.SignIn(s.next); err != nil {
			return err
		}
		return v.Redirect(v.AfterSignIn())
	}}}, routes...)
	s.http = httptest.NewTLSServer(site.Handler(routes))
	t.Cleanup(s.http.Close)
	s.URL = s.http.URL
	return s
}

// A Browser keeps cookies and follows no redirect by itself.
type Browser struct {
	t       *testing.T
	client  *http.Client
	server  *Server
	referer string
	// Language is what it asks for; English where it is empty.
	Language string
}

// Anybody is a browser of somebody who is not signed in.
func (s *Server) Anybody() *Browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := *s.http.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Browser{t: s.t, client: &client, server: s}
}

// As is a browser in which a person, whose account is there, is signed in.
func (s *Server) As(u account.User) *Browser {
	s.t.Helper()
	b := s.Anybody()
	b.SignIn(u)
	return b
}

// SignIn signs a person in and returns the page to go on with.
func (b *Browser) SignIn(u account.User) string {
	b.t.Helper()
	b.server.next = u
	a := b.Post(entrance)
	if a.Code != http.StatusSeeOther {
		b.t.Fatalf("sign in: %d", a.Code)
	}
	return a.Location
}

// An Answer is what came back.
type Answer struct {
	Code     int
	Location string
	Header   http.Header
	Body     string
}

// Do sends a request; header are names, each followed by its value.
func (b *Browser) Do(method, path string, form url.Values, header ...string) Answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if b.referer != "" {
			r.Header.Set("Referer", b.server.URL+b.referer)
		}
	}
	if b.Language != "" {
		r.Header.Set("Accept-Language", b.Language)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodGet {
		b.referer = path
	}
	return Answer{got.StatusCode, got.Header.Get("Location"), got.Header, string(body)}
}

// Get asks for a page.
func (b *Browser) Get(path string) Answer { b.t.Helper(); return b.Do(http.MethodGet, path, nil) }

// Post sends a form of names, each followed by its value; a name may come again.
func (b *Browser) Post(path string, pairs ...string) Answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.Do(http.MethodPost, path, form)
}

// Jar holds its cookies.
func (b *Browser) Jar() http.CookieJar { return b.client.Jar }

// Cookie is the value of a cookie, empty for none.
func (b *Browser) Cookie(name string) string {
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
