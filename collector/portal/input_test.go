package portal_test

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollbridge/collector/portal"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
)

// nonsense is what a field may be sent, by people, by mistake and on purpose.
var nonsense = map[string]string{
	"nothing": "", "a tag": `"><script>zzz(1)</script>`, "much": strings.Repeat("m\u0302", 4000), "no text": "\xff\xfe\x00\x1b[2J", "a number": "-99999999999999999999",
	"an address": "../../" + portaltest.Other, "another's": "yew", "lines": "a\r\nSet-Cookie: zzz=1\r\n\r\nb", "turned round": "\u202ezzz", "a formula": "=1+1",
}

// A sheet is one form of a page, with what it sends by itself.
type sheet struct {
	page, method, action string
	fields               map[string]string
}

var (
	formTag  = regexp.MustCompile(`(?s)<form action="([^"]*)" method="(post|get)".*?</form>`)
	fieldTag = regexp.MustCompile(`<(?:input|select|textarea|button)[^>]*?\sname="([^"]+)"[^>]*>`)
	valueOf  = regexp.MustCompile(`\svalue="([^"]*)"`)
)

// sheets are the forms of a page, also those in its frame.
func sheets(page, body string) (list []sheet) {
	for _, m := range formTag.FindAllStringSubmatch(body, -1) {
		s := sheet{page, m[2], html.UnescapeString(m[1]), map[string]string{}}
		for _, f := range fieldTag.FindAllStringSubmatch(m[0], -1) {
			if _, there := s.fields[f[1]]; there {
				continue // the first of several is chosen
			}
			s.fields[f[1]] = ""
			if v := valueOf.FindStringSubmatch(f[0]); v != nil {
				s.fields[f[1]] = html.UnescapeString(v[1])
			}
		}
		list = append(list, s)
	}
	return list
}

func (s sheet) send(b *webtest.Browser, field, value string) webtest.Answer {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(s.fields)) {
		v := s.fields[name]
		if name == field {
			v = value
		}
		pairs = append(pairs, name, v)
	}
	if s.method == "post" {
		return b.Post(s.action, pairs...)
	}
	query := ""
	for i := 0; i < len(pairs); i += 2 {
		query += "&" + url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1])
	}
	return b.Get(s.action + "?" + query)
}

// Whatever is sent in any field of any form of an authority: the page says what is wrong or
// takes it, runs nothing of it, and is never broken.
func TestAnyFieldTakesAnything(t *testing.T) {
	p := newTour(t)
	routes := portal.Routes(p.site, portal.Options{Vault: p.Vault, LeftDays: 400})
	s := webtest.Serve(t, p.site, routes)
	join := func(name string, role account.Role, authority string) account.User {
		return accounttest.Join(p, p.site.Accounts, account.Person{Name: name, Role: role, Authorities: []string{authority}}).User
	}
	table := walks(p.World, join("colleague", account.Viewer, portaltest.Busy), join("limited", account.Caseload, portaltest.Busy), join("stranger", account.Viewer, portaltest.Other))
	who := p.walk(account.Administrator, s)
	forms := map[string]sheet{} // by what they are, each once
	for _, r := range append(web.Own(), routes...) {
		if r.Method != http.MethodGet || !who.user.May(r.Right) && r.Right != "" || strings.HasPrefix(r.Path, "/sign-in") {
			continue
		}
		path := r.Path
		if own := table["GET "+r.Path].own; own != "" {
			path = own
		}
		if path == "/{$}" {
			path = "/"
		}
		a := who.browser.Get(path)
		for _, f := range sheets(path, a.Body) {
			if f.action == "/sign-out" || f.action == "/account/sessions" || strings.HasPrefix(f.action, "/account/password") {
				continue // which end the session, or make the next try wait
			}
			key := f.method + " " + f.action + " " + strings.Join(slices.Sorted(maps.Keys(f.fields)), " ")
			if f.action == "/calls/claim" || f.action == "/calls/release" {
				key = f.action
			}
			forms[key] = f
		}
	}
	if len(forms) < 25 {
		t.Fatalf("only %d forms were found", len(forms))
	}
	for _, key := range slices.Sorted(maps.Keys(forms)) {
		f := forms[key]
		for _, field := range slices.Sorted(maps.Keys(f.fields)) {
			for what, value := range nonsense {
				a := f.send(who.browser, field, value)
				if a.Code >= 500 || a.Code == http.StatusUnauthorized {
					t.Errorf("%s: %s in %s: %d", key, what, field, a.Code)
				}
				page := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
				if page && strings.Contains(a.Body, "<script>zzz") || len(a.Header.Values("Set-Cookie")) > 0 && strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), " "), "zzz") {
					t.Errorf("%s: %s in %s is part of the page", key, what, field)
				}
				if a.Code == http.StatusUnprocessableEntity && !strings.Contains(a.Body, "<title>Error: ") && !strings.Contains(a.Body, "<title>Gwall: ") {
					t.Errorf("%s: %s in %s: the title does not say that there is an error", key, what, field)
				}
				if strings.Contains(a.Body, portaltest.Canary) {
					t.Errorf("%s: %s in %s: the answer has something of another authority's", key, what, field)
				}
			}
		}
	}
	if log := s.Log.String(); strings.Contains(log, "zzz") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log says:\n%.3000s", log)
	}
}
