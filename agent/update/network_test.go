package update

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bad "rollbridge/e2e/fault"
	"rollbridge/shared/protocol"
)

// answers puts a server of its own in the mirror's place.
func (r *rig) answers(h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	r.t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	r.options.URL = s.URL + "/updates/"
	r.renew()
	return s
}

// What never ends, or comes a byte at a time, is broken off.
func TestEndlessAndSlow(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request, first, rest string) {
		c := http.NewResponseController(w)
		fmt.Fprint(w, first)
		for r.Context().Err() == nil {
			fmt.Fprint(w, rest)
			if c.Flush() != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	cases := []struct {
		name   string
		answer http.HandlerFunc
		kind   protocol.UpdateProblem
	}{
		{"nothing comes", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, protocol.UpdateTooSlow},
		{"it stalls", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, protocol.UpdateTooSlow},
		{"a byte at a time", func(w http.ResponseWriter, r *http.Request) { drip(w, r, "{", " ") }, protocol.UpdateTooSlow},
		{"without end", func(w http.ResponseWriter, r *http.Request) { drip(w, r, "{", strings.Repeat(" ", 64<<10)) }, protocol.UpdateTooLarge},
		{"a length that lies", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9000000000")
			fmt.Fprint(w, "{")
		}, protocol.UpdateTooLarge},
		{"sent on elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.org/", http.StatusFound)
		}, protocol.UpdateRefused},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			whole := r.options.Limits
			// What stalls is broken off long before its time is over; what drips is not.
			r.options.Limits.File, r.options.Limits.Stall = time.Hour, time.Second
			if c.name == "a byte at a time" {
				r.options.Limits.File = 2 * time.Second
			}
			if c.kind == protocol.UpdateTooLarge {
				r.options.Limits = whole
			}
			r.answers(c.answer)
			r.fails(c.kind)
			r.options.Limits = whole
			r.options.URL = r.mirror.URL
			r.renew()
			r.brings("1.1.0")
		})
	}
}

// A program that is larger than what was signed is not read to its end.
func TestLargerProgram(t *testing.T) {
	for _, says := range []bool{true, false} {
		r := newRig(t)
		r.publish("1.1.0")
		sent := 0
		r.answers(func(w http.ResponseWriter, q *http.Request) {
			if !strings.HasPrefix(q.URL.Path, "/updates/targets/agent/") {
				r.mirror.ServeHTTP(w, q)
				return
			}
			if says {
				w.Header().Set("Content-Length", "5000000000")
			}
			for q.Context().Err() == nil && sent < 1<<30 {
				n, err := w.Write(make([]byte, 64<<10))
				if err != nil {
					return
				}
				sent += n
			}
		})
		r.fails(protocol.UpdateTooLarge, "larger than")
		if sent > 64<<20 {
			t.Errorf("%d bytes were sent", sent)
		}
	}
}

// A proxy that wants a name and a password, one that is not there, and one that
// lets it through.
func TestProxies(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	at, err := url.Parse(r.mirror.URL)
	r.must(err)
	user := url.UserPassword("school", "secret")
	proxy, err := bad.NewProxy(user, map[string]string{at.Host: at.Host})
	r.must(err)
	t.Cleanup(func() { _ = proxy.Close() })
	r.options.Exit.Proxy = proxy.URL(nil)
	r.renew()
	r.fails(protocol.UpdateProxy, "407", "uplink.proxy_user")
	if asked := r.mirror.Asked(); len(asked) > 0 {
		t.Errorf("went past the proxy: %v", asked)
	}
	r.options.Exit.Proxy = "http://127.0.0.1:1"
	r.renew()
	r.fails(protocol.UpdateProxy, "nothing listens at the proxy")
	r.options.Exit.Proxy = proxy.URL(user)
	r.renew()
	r.brings("1.1.0")
	if n := proxy.Tunnels(at.Host); n == 0 {
		t.Error("the proxy was not used")
	}
}

// secured serves the repository with TLS, by a certificate for 127.0.0.1.
func (r *rig) secured(cert tls.Certificate) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	s := &http.Server{Handler: r.mirror, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.ServeTLS(l, "", "") }()
	r.t.Cleanup(func() { _ = s.Close() })
	r.options.URL = "https://" + l.Addr().String() + "/updates/"
	r.renew()
}

// A filter that opens TLS is refused unless the computer trusts it; what it could
// change is signed.
func TestInterception(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	filter, err := bad.NewAuthority("Example Web Filter")
	r.must(err)
	cert, err := filter.Issue("127.0.0.1")
	r.must(err)
	r.secured(cert)
	r.fails(protocol.UpdateTLS, "Example Web Filter", "exempted from inspection")
	r.options.Exit.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	r.must(filter.WriteFile(r.options.Exit.CAFile))
	r.renew()
	r.brings("1.1.0")
	// The certificate of another time: the clock of this computer is looked at.
	late, err := filter.IssueFor("127.0.0.1", time.Now().AddDate(1, 0, 0), time.Now().AddDate(2, 0, 0))
	r.must(err)
	r.secured(late)
	r.fails(protocol.UpdateClock, "check the clock")
}
