package exit

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/fault"
)

// collector is a name that only the proxies know.
const collector = "collector.test:443"

// secret stands in for every password: no text may hold it.
const secret = "p@ss/wörd"

func TestMain(m *testing.M) {
	// Nothing of this machine decides a test.
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "KRB5_CONFIG"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("KRB5CCNAME", "/nonexistent/cache")
	os.Exit(m.Run())
}

// far is the other end: it says hello.
func far(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "hello\n")
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// proxy knows the way to the collector, for whom its door lets in.
func proxy(t *testing.T, d fault.Door) *fault.Proxy {
	t.Helper()
	p, err := fault.NewProxy(nil, map[string]string{collector: far(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	p.Lock(d)
	return p
}

func way(t *testing.T, set Settings) *Way {
	t.Helper()
	w, err := New(set, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// dial goes the way to the collector and hears it.
func dial(t *testing.T, w *Way) error {
	t.Helper()
	conn, err := w.Dial(t.Context(), "tcp", collector)
	if err != nil {
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), url.PathEscape(secret)) {
			t.Errorf("the error repeats the password: %v", err)
		}
		return err
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "hello\n" {
		t.Errorf("heard %q, %v", line, err)
	}
	return nil
}

// wantFault is what dialling says, of a kind and with something to do.
func wantFault(t *testing.T, err error, kind Kind, says string) {
	t.Helper()
	var f *Fault
	if !errors.As(err, &f) || f.Kind != kind || !strings.Contains(f.Error(), says) || f.Hint == "" {
		t.Errorf("got %v, want a fault of kind %s that says %q", err, kind, says)
	}
}

func pacServer(t *testing.T, text *string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, *text) }))
	t.Cleanup(s.Close)
	return s
}

// nobody is an address at which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func hostPort(p *fault.Proxy) string { return strings.TrimPrefix(p.URL(nil), "http://") }

// TestOrder takes the sources away one after the other, the strongest first.
func TestOrder(t *testing.T) {
	bySetting, byScript, byEnvironment := proxy(t, fault.Door{}), proxy(t, fault.Door{}), proxy(t, fault.Door{})
	script := `function FindProxyForURL(url, host) { return "PROXY ` + hostPort(byScript) + `"; }`
	server := pacServer(t, &script)
	t.Setenv("HTTPS_PROXY", byEnvironment.URL(nil))
	for _, c := range []struct {
		set    Settings
		noEnv  bool
		source Source
		proxy  string
	}{
		{Settings{Proxy: bySetting.URL(nil)}, false, FromSetting, bySetting.URL(nil)},
		{Settings{PAC: server.URL}, false, FromPAC, byScript.URL(nil)},
		{Settings{}, false, FromEnvironment, byEnvironment.URL(nil)},
		{Settings{Proxy: "none"}, false, FromSetting, ""},
		{Settings{Proxy: "direct", PAC: server.URL}, false, FromSetting, ""},
		{Settings{}, true, FromNothing, ""},
	} {
		if c.noEnv {
			t.Setenv("HTTPS_PROXY", "")
		}
		report, err := way(t, c.set).Look(t.Context(), collector)
		if report.Source != c.source || report.Why == "" || len(report.Hops) != 1 || report.Hops[0].Proxy != c.proxy || !report.Hops[0].Tried {
			t.Errorf("%+v: %+v", c.set, report)
		}
		if (err == nil) != (c.proxy != "") {
			t.Errorf("%+v: %v", c.set, err)
		}
	}
	for name, p := range map[string]*fault.Proxy{"setting": bySetting, "script": byScript, "environment": byEnvironment} {
		if p.Tunnels(collector) != 1 {
			t.Errorf("the proxy of the %s opened %d tunnels", name, p.Tunnels(collector))
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "proxy.test:3128")
	t.Setenv("NO_PROXY", ".oakmere.test")
	w := way(t, Settings{})
	for address, want := range map[string]string{
		"collector.test:443":   "http://proxy.test:3128",
		"mis.oakmere.test:443": "",
		"127.0.0.1:8443":       "",
	} {
		c, err := w.choose(t.Context(), address)
		if err != nil || c.source != FromEnvironment || len(c.hops) != 1 || c.hops[0].String() != want {
			t.Errorf("%s: %+v, %v", address, c, err)
		}
	}
	t.Setenv("HTTPS_PROXY", "ftp://u:"+url.PathEscape(secret)+"@proxy.test")
	wantFault(t, dial(t, w), Down, "HTTPS_PROXY")
}

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxy.pac")
	for want, sets := range map[string][]Settings{
		"": {{}, {Proxy: "none", PAC: "http://wpad/wpad.dat"}, {PAC: file}, {Login: "ntlm", User: `SCHULE\roll`, Password: secret},
			{Proxy: "https://proxy.test"}, {Proxy: "socks5://proxy.test"}},
		"uplink.proxy must":    {{Proxy: "proxy.test:8080"}, {Proxy: "http://proxy.test/path"}, {Proxy: "http://"}, {Proxy: "http://u:" + secret + "@%zz"}, {Proxy: "None"}},
		"uplink.pac must":      {{PAC: "proxy.pac"}, {PAC: "http://u:" + secret + "@wpad/"}, {PAC: "ftp://wpad/"}, {PAC: "http:///x"}},
		"both set":             {{Proxy: "http://proxy.test", PAC: "http://wpad/"}},
		"uplink.proxy_login":   {{Login: "digest"}},
		"must not contain":     {{User: "a:b"}},
		"without uplink.proxy": {{Password: secret}},
		"needs uplink.proxy":   {{Keytab: "/k"}},
		"be a full path":       {{User: "roll", Keytab: "k"}},
	} {
		for _, s := range sets {
			err := s.Check()
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret)) {
				t.Errorf("%+v: %v, want %q", s, err, want)
			}
		}
	}
}

func TestNextProxyWhereOneIsDown(t *testing.T) {
	second, never := proxy(t, fault.Door{}), proxy(t, fault.Door{})
	script := `function FindProxyForURL(url, host) { return "SOCKS old.test:1; PROXY ` + nobody(t) + `; PROXY ` + hostPort(second) + `; PROXY ` + hostPort(never) + `; DIRECT"; }`
	w := way(t, Settings{PAC: pacServer(t, &script).URL})
	if err := dial(t, w); err != nil {
		t.Fatal(err)
	}
	report, err := w.Look(t.Context(), collector)
	if err != nil {
		t.Fatal(err)
	}
	var tried []string
	for _, h := range report.Hops {
		switch {
		case !h.Tried:
			tried = append(tried, "-")
		case h.Fault != nil:
			tried = append(tried, string(h.Fault.Kind))
		default:
			tried = append(tried, "used")
		}
	}
	if got := strings.Join(tried, " "); got != "proxy_down proxy_down used - -" || never.Tunnels(collector) > 0 {
		t.Errorf("tried: %s", got)
	}
}

// Where all are down, what the first said is told: the last is a way that the
// school never means to work.
func TestAllDown(t *testing.T) {
	script := `function FindProxyForURL(url, host) { return "PROXY ` + nobody(t) + `; DIRECT"; }`
	wantFault(t, dial(t, way(t, Settings{PAC: pacServer(t, &script).URL})), Down, "nothing listens")
}

// A proxy that says no has decided: the next is not asked to go around it.
func TestRefusalIsNotGoneAround(t *testing.T) {
	closed, err := fault.NewProxy(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	open := proxy(t, fault.Door{})
	script := `function FindProxyForURL(url, host) { return "PROXY ` + hostPort(closed) + `; PROXY ` + hostPort(open) + `"; }`
	wantFault(t, dial(t, way(t, Settings{PAC: pacServer(t, &script).URL})), Refused, "403")
	if open.Tunnels(collector) > 0 {
		t.Error("the second proxy was used")
	}
}

func TestDownAndSlow(t *testing.T) {
	wantFault(t, dial(t, way(t, Settings{Proxy: "http://" + nobody(t)})), Down, "nothing listens")
	wantFault(t, dial(t, way(t, Settings{Proxy: "http://no-such-host.invalid"})), Down, "is not found")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	w := way(t, Settings{Proxy: "http://" + silent.Addr().String()})
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(50*time.Millisecond))
	defer cancel()
	_, err = w.Dial(ctx, "tcp", collector)
	wantFault(t, err, Down, "in time")
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		conn, err := silent.Accept()
		if err == nil {
			_, _ = conn.Read(make([]byte, 1))
			cancel()
		}
	}()
	if _, err = w.Dial(ctx, "tcp", collector); !errors.Is(err, context.Canceled) {
		t.Errorf("a dial that is given up says %v", err)
	}
}

// secure puts TLS in front of a proxy.
func secure(t *testing.T, p *fault.Proxy, host string) (address string, roots *x509.CertPool) {
	t.Helper()
	authority, err := fault.NewAuthority("Oakmere CA")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Issue(host)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := authority.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer near.Close()
				behind, err := net.Dial("tcp", hostPort(p))
				if err != nil {
					return
				}
				defer behind.Close()
				go func() { _, _ = io.Copy(behind, near) }()
				_, _ = io.Copy(near, behind)
			}()
		}
	}()
	return l.Addr().String(), roots
}

func TestProxyByTLS(t *testing.T) {
	p := proxy(t, fault.Door{})
	at, roots := secure(t, p, "127.0.0.1")
	w, err := New(Settings{Proxy: "https://" + at}, roots)
	if err != nil {
		t.Fatal(err)
	}
	if err := dial(t, w); err != nil {
		t.Error(err)
	}
	wantFault(t, dial(t, way(t, Settings{Proxy: "https://" + at})), Down, "uplink.ca_file")
	wantFault(t, dial(t, way(t, Settings{Proxy: "https://" + hostPort(p)})), Down, "does not speak TLS")
	other, roots := secure(t, p, "another.test")
	if w, err = New(Settings{Proxy: "https://" + other}, roots); err != nil {
		t.Fatal(err)
	}
	wantFault(t, dial(t, w), Down, "not good for it")
}

// socks is a server of SOCKS 5 (RFC 1928) that lets one name and password in
// (RFC 1929) and takes everybody to one place.
func socks(t *testing.T, user, password, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(c net.Conn) {
		defer c.Close()
		b := make([]byte, 512)
		take := func(n int) []byte { _, _ = io.ReadFull(c, b[:n]); return b[:n] }
		take(int(take(2)[1]))
		_, _ = c.Write([]byte{5, 2})
		name := string(take(int(take(2)[1])))
		word := string(take(int(take(1)[0])))
		if name != user || word != password {
			_, _ = c.Write([]byte{1, 1})
			return
		}
		_, _ = c.Write([]byte{1, 0})
		if head := take(5); string(take(int(head[4]))) != "collector.test" {
			t.Error("the name was not left to the proxy")
		}
		take(2)
		behind, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer behind.Close()
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		_, _ = io.Copy(c, behind)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func TestSOCKS(t *testing.T) {
	at := socks(t, "roll", secret, far(t))
	if err := dial(t, way(t, Settings{Proxy: "socks5://" + at, User: "roll", Password: secret})); err != nil {
		t.Error(err)
	}
	wantFault(t, dial(t, way(t, Settings{Proxy: "socks5://" + at, User: "roll", Password: "wrong"})), Refused, "SOCKS 5")
	wantFault(t, dial(t, way(t, Settings{Proxy: "socks5://" + nobody(t)})), Down, "nothing listens")
}

// What Windows keeps, as `netsh winhttp set proxy` and the control panel write it.
func TestWindowsLists(t *testing.T) {
	for list, want := range map[string]string{
		"":                              "",
		"proxy":                         "http://proxy:80",
		"proxy:8080":                    "http://proxy:8080",
		"http=a:80;https=b:443;ftp=c:1": "http://b:443",
		"http=a:80":                     "",
		"a:1 b:2;c:3":                   "http://a:1 http://b:2 http://c:3",
		"https=http://b:443":            "http://b:443",
		"rubbish=;=:":                   "",
	} {
		var got []string
		for _, h := range listed(list) {
			got = append(got, h.String())
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q is %q, want %q", list, s, want)
		}
	}
	for _, c := range []struct {
		list, host string
		want       bool
	}{
		{"<local>", "intranet", true}, {"<local>", "www.oakmere.test", false}, {"*.oakmere.test", "www.Oakmere.test", true},
		{"a;10.1.*", "10.1.2.3", true}, {"10.1.*", "10.2.2.3", false}, {"https://x.test:443", "x.test", true}, {"", "x", false},
	} {
		if got := bypassed(c.list, c.host); got != c.want {
			t.Errorf("%q exempts %q: %t", c.list, c.host, got)
		}
	}
	c := fromList(choice{source: FromWindows, why: "it"}, "http=a:80", "", "x.test")
	if len(c.hops) != 1 || c.hops[0] != direct {
		t.Errorf("a list without one for https: %+v", c)
	}
	if c = fromList(choice{}, "a:80", "x.*", "x.test"); c.hops[0] != direct {
		t.Errorf("an exempted host: %+v", c)
	}
}
