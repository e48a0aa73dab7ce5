package exit

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/fault"
)

var (
	plain   = url.UserPassword("roll", secret)
	windowy = url.UserPassword(`SCHULE\roll`, secret)
)

func TestLogins(t *testing.T) {
	for _, c := range []struct {
		name  string
		door  fault.Door
		set   Settings // Proxy is filled in
		url   *url.Userinfo
		kind  Kind // empty: it works
		says  string
		shown []string
	}{
		{"Basic by settings", fault.Door{Basic: plain}, Settings{User: "roll", Password: secret}, nil, "", "", []string{"Basic"}},
		{"Basic by the address", fault.Door{Basic: plain}, Settings{}, plain, "", "", []string{"Basic"}},
		{"the address before the settings", fault.Door{Basic: plain}, Settings{User: "other", Password: "other"}, plain, "", "", []string{"Basic"}},
		{"Basic only, unasked", fault.Door{Basic: plain}, Settings{Login: "basic", User: "roll", Password: secret}, nil, "", "", []string{"Basic"}},
		{"Basic, wrong password", fault.Door{Basic: plain}, Settings{User: "roll", Password: secret + "x"}, nil, LoginRefused, "account is locked", []string{"Basic"}},
		{"nobody set", fault.Door{Basic: plain}, Settings{}, nil, LoginWanted, "407; it takes Basic", nil},
		{"nobody set, basic only", fault.Door{Basic: plain}, Settings{Login: "basic"}, nil, LoginWanted, "uplink.proxy_user", nil},
		{"none is wanted", fault.Door{Basic: plain}, Settings{Login: "none", User: "roll", Password: secret}, nil, LoginWanted, "uplink.proxy_login is none", nil},
		{"no door", fault.Door{}, Settings{User: "roll", Password: secret}, nil, "", "", nil},
		{"NTLM", fault.Door{NTLM: windowy}, Settings{User: `SCHULE\roll`, Password: secret}, nil, "", "", []string{"NTLM", "NTLM"}},
		{"NTLM by the address", fault.Door{NTLM: windowy}, Settings{}, windowy, "", "", []string{"NTLM", "NTLM"}},
		{"NTLM only", fault.Door{NTLM: windowy, Basic: windowy}, Settings{Login: "ntlm", User: `SCHULE\roll`, Password: secret}, nil, "", "", []string{"NTLM", "NTLM"}},
		{"NTLM before Basic", fault.Door{NTLM: windowy, Basic: windowy}, Settings{User: `SCHULE\roll`, Password: secret}, nil, "", "", []string{"NTLM", "NTLM"}},
		{"Basic only, though NTLM is offered", fault.Door{NTLM: windowy, Basic: windowy}, Settings{Login: "basic", User: `SCHULE\roll`, Password: secret}, nil, "", "", []string{"Basic"}},
		{"NTLM, wrong password", fault.Door{NTLM: windowy}, Settings{User: `SCHULE\roll`, Password: "wrong"}, nil, LoginRefused, "407 after ntlm", []string{"NTLM", "NTLM"}},
		{"what NTLM refused is not told in clear", fault.Door{NTLM: windowy, Basic: plain}, Settings{User: "roll", Password: secret}, nil, LoginRefused, "ntlm", []string{"NTLM", "NTLM"}},
		{"NTLM is not offered", fault.Door{Basic: plain}, Settings{Login: "ntlm", User: "roll", Password: secret}, nil, LoginWanted, "uplink.proxy_login is ntlm", nil},
		{"NTLM on a connection that closes", fault.Door{NTLM: windowy, Closes: true}, Settings{User: `SCHULE\roll`, Password: secret}, nil, LoginBroken, "between the steps", []string{"NTLM"}},
		{"Basic on a connection that closes", fault.Door{Basic: plain, Closes: true}, Settings{User: "roll", Password: secret}, nil, "", "", []string{"Basic"}},
		{"Digest", fault.Door{Others: []string{`Digest realm="school", nonce="x", qop="auth"`}}, Settings{User: "roll", Password: secret}, nil, LoginWanted, "it takes Digest)", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := proxy(t, c.door)
			c.set.Proxy = p.URL(c.url)
			err := dial(t, way(t, c.set))
			if c.kind != "" {
				wantFault(t, err, c.kind, c.says)
			} else if err != nil {
				t.Error(err)
			}
			if shown := p.Shown(); !slices.Equal(shown, c.shown) {
				t.Errorf("the proxy was shown %v, want %v", shown, c.shown)
			}
		})
	}
}

// The report says how the proxy let the agent in, and nobody's name.
func TestLookSaysTheLogin(t *testing.T) {
	p := proxy(t, fault.Door{NTLM: windowy})
	report, err := way(t, Settings{Proxy: p.URL(windowy)}).Look(t.Context(), collector)
	if err != nil || len(report.Hops) != 1 || report.Hops[0].Login != NTLM {
		t.Errorf("%+v, %v", report, err)
	}
	if text := fmt.Sprintf("%+v", report); strings.Contains(text, "roll") || strings.Contains(text, secret) {
		t.Errorf("%s names somebody", text)
	}
	p.Lock(fault.Door{Basic: plain})
	if report, err = way(t, Settings{Proxy: p.URL(nil)}).Look(t.Context(), collector); err == nil || report.Hops[0].Fault == nil {
		t.Errorf("a refusal: %+v, %v", report, err)
	}
}

// A password that one proxy refused is not tried at the next.
func TestRefusedLoginIsNotRepeated(t *testing.T) {
	first, second := proxy(t, fault.Door{Basic: plain}), proxy(t, fault.Door{Basic: plain})
	script := `function FindProxyForURL() { return "PROXY ` + hostPort(first) + `; PROXY ` + hostPort(second) + `"; }`
	err := dial(t, way(t, Settings{PAC: pacServer(t, &script).URL, User: "roll", Password: "wrong"}))
	wantFault(t, err, LoginRefused, "uplink.proxy_user")
	if n := len(second.Shown()); n > 0 || len(first.Shown()) != 1 {
		t.Errorf("the password was shown %d times and then %d times", len(first.Shown()), n)
	}
}

// A service that tries again every few minutes shows a wrong password twice an
// hour, not often enough to lock the account.
func TestRefusedLoginRests(t *testing.T) {
	p := proxy(t, fault.Door{NTLM: windowy})
	w := way(t, Settings{Proxy: p.URL(nil), User: windowy.Username(), Password: "wrong"})
	for range 3 {
		wantFault(t, dial(t, w), LoginRefused, "after half an hour")
	}
	if n := len(p.Shown()); n != 2 { // the two steps of NTLM
		t.Errorf("shown %d times", n)
	}
	p.Lock(fault.Door{})
	if err := dial(t, w); err != nil {
		t.Errorf("the proxy asks no more: %v", err)
	}
	p.Lock(fault.Door{NTLM: url.UserPassword(windowy.Username(), "wrong")})
	w.refused.at[p.URL(nil)] = refusal{&Fault{}, time.Now().Add(-refusedFor)}
	if err := dial(t, w); err != nil {
		t.Errorf("after half an hour: %v", err)
	}
}

// Proxies that answer what no proxy should.
func TestStrangeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, n int)
		kind   Kind
	}{
		"502": {func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusBadGateway) }, Unavailable},
		"302": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("Location", "http://login.test/")
			w.WriteHeader(http.StatusFound)
		}, Refused},
		"rubbish as challenge": {func(w http.ResponseWriter, n int) {
			w.Header().Set("Proxy-Authenticate", []string{"NTLM", "NTLM cnViYmlzaA=="}[min(n, 1)])
			w.WriteHeader(http.StatusProxyAuthRequired)
		}, LoginBroken},
		"no end of challenges": {func(w http.ResponseWriter, n int) {
			w.Header().Set("Proxy-Authenticate", "Basic Y2hhbGxlbmdl")
			w.WriteHeader(http.StatusProxyAuthRequired)
		}, LoginRefused},
		"407 that offers nothing": {func(w http.ResponseWriter, n int) {
			w.WriteHeader(http.StatusProxyAuthRequired)
		}, LoginRefused},
		"an endless page": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("Proxy-Authenticate", "Basic")
			w.WriteHeader(http.StatusProxyAuthRequired)
			_, _ = io.WriteString(w, strings.Repeat("x", 3*maxPage))
		}, LoginRefused},
		"endless headers": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("X", strings.Repeat("x", 2*maxHeader))
		}, Down},
		"gone between the steps": {func(w http.ResponseWriter, n int) {
			if n > 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Proxy-Authenticate", "NTLM")
			w.WriteHeader(http.StatusProxyAuthRequired)
		}, Down},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				n++
				c.answer(w, n-1)
			}))
			defer server.Close()
			wantFault(t, dial(t, way(t, Settings{Proxy: server.URL, User: "roll", Password: secret})), c.kind, "")
		})
	}
}
