package uplink

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/uplink/exit"
	"rollbridge/shared/protocol"
)

type ed25519Public = ed25519.PublicKey

func page(status int, body string) func(*collector, http.ResponseWriter, *protocol.Frame) {
	return func(_ *collector, w http.ResponseWriter, _ *protocol.Frame) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestPagesOfOthers(t *testing.T) {
	const blocked = "<html><h1>This site is blocked by your school</h1></html>"
	for name, c := range map[string]struct {
		answer func(*collector, http.ResponseWriter, *protocol.Frame)
		kind   FaultKind
	}{
		"block page 200": {page(200, blocked), NotCollector},
		"block page 401": {page(401, blocked), NotCollector},
		"block page 403": {page(403, blocked), NotCollector},
		"JSON of others": {page(200, `{"error":"blocked"}`), NotCollector},
		"out of order":   {page(503, "try later"), Unavailable},
		"huge reply":     {page(200, `{"receipt":"`+strings.Repeat("x", protocol.MaxReplyBytes)+`"}`), NotCollector},
	} {
		t.Run(name, func(t *testing.T) {
			server := newCollector(t, c.answer)
			h, err := server.agent(Route{Roots: server.pool()}).post(t)
			f := wantFault(t, h, err, c.kind)
			if strings.Contains(f.Error(), "blocked by") {
				t.Error("the error repeats the page")
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	followed := false
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer elsewhere.Close()
	c := newCollector(t, func(_ *collector, w http.ResponseWriter, _ *protocol.Frame) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	pool := c.pool()
	pool.AddCert(elsewhere.Certificate())
	h, err := c.agent(Route{Roots: pool}).post(t)
	wantFault(t, h, err, NotCollector)
	if followed {
		t.Error("the redirect was followed")
	}
}

func TestSlowReply(t *testing.T) {
	release := make(chan struct{})
	c := newCollector(t, func(_ *collector, w http.ResponseWriter, _ *protocol.Frame) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	defer close(release)
	h, err := c.agent(Route{Roots: c.pool(), Patience: 200 * time.Millisecond}).post(t)
	wantFault(t, h, err, NoAnswer)
}

func TestCancelIsNoFault(t *testing.T) {
	c := newCollector(t, good)
	a := c.agent(Route{Roots: c.pool()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.client.Post(ctx, Request{Message: protocol.MessageBatch, Sender: SenderOf(a.trust.Agent), Key: a.key, Counter: 1, Body: batch}, a.trust)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c := newCollector(t, good)
	h, err := c.agent(Route{URL: "https://" + address}).post(t)
	wantFault(t, h, err, NoListener)
	h, err = c.agent(Route{URL: "https://no-such-host.invalid"}).post(t)
	wantFault(t, h, err, NoName)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	h, err = c.agent(Route{URL: "https://" + plain.Listener.Addr().String()}).post(t)
	wantFault(t, h, err, NotTLS)
}

func TestPin(t *testing.T) {
	c := newCollector(t, good)
	if h, err := c.agent(Route{Roots: x509.NewCertPool(), Pin: c.pin()}).post(t); err != nil || h.Intercepted != "" {
		t.Errorf("the pinned key without a CA: %+v, %v", h, err)
	}
	h, err := c.agent(Route{Roots: x509.NewCertPool()}).post(t)
	f := wantFault(t, h, err, Untrusted)
	if !strings.Contains(f.Text, "Acme Co") || !strings.Contains(f.Hint, "127.0.0.1") {
		t.Errorf("%q does not name issuer and host", f)
	}
	if len(c.frames) != 1 {
		t.Error("something was sent to a server that is not trusted")
	}
}

// A filter that opens TLS shows a key of its own. Trusted, it is reported and
// works; not trusted, it is refused and named, also where the pin is known.
func TestInterception(t *testing.T) {
	c := newCollector(t, func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
		r := c.receipt(f)
		r.TLSKey = []byte("the key that intake serves is 32")
		send(c.t, w, protocol.Reply{Receipt: c.sign(c.intake, protocol.DomainReceipt, r)})
	})
	otherPin := make([]byte, 32)
	for name, route := range map[string]Route{"by the receipt": {Roots: c.pool()}, "and by the pin": {Roots: c.pool(), Pin: otherPin}} {
		h, err := c.agent(route).post(t)
		if err != nil || h.Receipt == nil || !strings.Contains(h.Intercepted, "Acme Co") {
			t.Errorf("trusted, %s: %+v, %v", name, h, err)
		}
	}
	h, err := c.agent(Route{Roots: x509.NewCertPool(), Pin: otherPin}).post(t)
	if f := wantFault(t, h, err, Untrusted); !strings.Contains(f.Text, "Acme Co") {
		t.Errorf("%q does not name the issuer", f)
	}
}

// A pin from a trial certificate does not make the collector's later, public
// certificate an interception: the receipt names it.
func TestNewCertificateIsNoInterception(t *testing.T) {
	c := newCollector(t, good)
	h, err := c.agent(Route{Roots: c.pool(), Pin: make([]byte, 32)}).post(t)
	if err != nil || h.Intercepted != "" {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestCAFile(t *testing.T) {
	c := newCollector(t, good)
	dir := t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.agent(Route{Exit: exit.Settings{CAFile: file}}).post(t); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, filepath.Join(dir, "missing")} {
		if _, err := New(Route{URL: "https://x", Exit: exit.Settings{CAFile: name}}); err == nil || !strings.Contains(err.Error(), "uplink.ca_file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// certificate makes a self-signed one for 127.0.0.1.
func certificate(t *testing.T, from, to time.Time, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	k := key(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, Subject: pkix.Name{CommonName: "Filter CA of the county"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}, pool
}

func TestWrongClockAndName(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, to time.Time
		host     string
		kind     FaultKind
		says     string
	}{
		"not yet valid": {now.Add(48 * time.Hour), now.Add(96 * time.Hour), "127.0.0.1", WrongClock, "72h0m0s behind"},
		"over":          {now.Add(-96 * time.Hour), now.Add(-48 * time.Hour), "127.0.0.1", WrongClock, "ended on"},
		"another host":  {now.Add(-time.Hour), now.Add(time.Hour), "filter.example", Untrusted, "Filter CA of the county"},
	} {
		t.Run(name, func(t *testing.T) {
			cert, pool := certificate(t, c.from, c.to, c.host)
			server := newCollector(t, good)
			serverConfig(server).Certificates = []tls.Certificate{cert}
			a := server.agent(Route{Roots: pool})
			a.trust.LastHeard = now.Add(72 * time.Hour)
			h, err := a.post(t)
			if f := wantFault(t, h, err, c.kind); !strings.Contains(f.Text, c.says) {
				t.Errorf("%q does not say %q", f.Text, c.says)
			}
		})
	}
}

// proxy answers CONNECT with a status and, if that is 200, joins the two ends.
func proxy(t *testing.T, login string, status int) (address string, seen *[]string) {
	t.Helper()
	seen = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = append(*seen, r.Method+" "+r.Host)
		if status == http.StatusOK && login != "" && r.Header.Get("Proxy-Authorization") != login {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { join(far, buffered.Reader); far.Close() }()
		join(near, bufio.NewReader(far))
		near.Close()
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), seen
}

func join(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) }

func TestProxy(t *testing.T) {
	c := newCollector(t, good)
	const login = "Basic cm9sbDpnZWhlaW0=" // roll:geheim
	open, seen := proxy(t, login, http.StatusOK)
	h, err := c.agent(Route{Roots: c.pool(), Exit: exit.Settings{Proxy: "http://roll:geheim@" + open}}).post(t)
	if err != nil || h.Receipt == nil {
		t.Fatalf("%+v, %v", h, err)
	}
	// Asked without a login first, then with one.
	if want := "CONNECT " + c.server.Listener.Addr().String(); len(*seen) != 2 || (*seen)[1] != want {
		t.Errorf("the proxy saw %v, want %s", *seen, want)
	}
	closed, _ := proxy(t, "", http.StatusForbidden)
	broken, _ := proxy(t, "", http.StatusBadGateway)
	for address, kind := range map[string]FaultKind{
		"http://" + open:                     ProxyLogin,
		"http://roll:falsch@" + open:         ProxySecret,
		"http://roll:geheim@" + closed:       ProxyRefused,
		"http://roll:geheim@" + broken:       Unavailable,
		"http://roll:geheim@127.0.0.1:1":     ProxyDown,
		"http://roll:geheim@no-such.invalid": ProxyDown,
	} {
		h, err := c.agent(Route{Roots: c.pool(), Exit: exit.Settings{Proxy: address}}).post(t)
		f := wantFault(t, h, err, kind)
		if text := f.Error(); strings.Contains(text, "geheim") || strings.Contains(text, "falsch") {
			t.Errorf("%s: the error repeats the password", kind)
		}
	}
}

func TestRefusedRoutes(t *testing.T) {
	for _, r := range []Route{
		{URL: "http://collector.example"}, {URL: "https://"}, {URL: "://"},
		{URL: "https://x", Exit: exit.Settings{Proxy: "socks9://roll:geheim@p:1"}}, {URL: "https://x", Exit: exit.Settings{Proxy: "http://roll:geheim@%zz"}},
	} {
		_, err := New(r)
		if err == nil {
			t.Errorf("%s passes", r.URL)
		} else if strings.Contains(err.Error(), "geheim") {
			t.Error("the error repeats the password")
		}
	}
}
