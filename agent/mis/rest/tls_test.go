package rest

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// real is a session with a server that is reached over TCP, and what a request
// ends with.
func real(t *testing.T, set Settings) error {
	t.Helper()
	s, err := Open(set, header)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Each(t.Context(), Request{What: "attendance"}, func(int, any) error { return nil })
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("%v holds a secret", err)
	}
	return err
}

func wantFault(t *testing.T, err error, kind FaultKind, says string) {
	t.Helper()
	var f *Fault
	if !errors.As(err, &f) || f.Kind != kind || !strings.Contains(f.Text, says) {
		t.Errorf("%v; want %s: %s", err, kind, says)
	}
}

func TestCertificates(t *testing.T) {
	server := httptest.NewUnstartedServer(jsonOf(`[1]`))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if err := real(t, Settings{URL: server.URL, Roots: roots}); err != nil {
		t.Error(err)
	}
	wantFault(t, real(t, Settings{URL: server.URL}), Setting, "does not trust the certificate")
	wantFault(t, real(t, Settings{URL: strings.Replace(server.URL, "127.0.0.1", "localhost", 1), Roots: roots}), Setting, "not that of localhost")
	// The other way round: no TLS where TLS is asked for.
	plain := httptest.NewServer(jsonOf(`[1]`))
	defer plain.Close()
	wantFault(t, real(t, Settings{URL: strings.Replace(plain.URL, "http:", "https:", 1)}), Setting, "without TLS")
}

func jsonOf(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
	})
}

// What is wrong with the way to the MIS is told as it is: at once if a person must
// mend it, and after trying again if it may pass.
func TestProxy(t *testing.T) {
	for passing, kind := range map[bool]FaultKind{false: Setting, true: Down} {
		inBubble(t, Settings{URL: "https://mis.example"}, header, says(`[]`), func(b *bench) {
			b.http.Transport.(*wire).base.DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
				if address != "mis.example:443" {
					t.Errorf("it dials %s", address)
				}
				return nil, &WayError{Text: "The proxy is away. Ask for it.", Passing: passing}
			}
			b.fault(Request{}, kind, "The proxy is away. Ask for it.")
			if tries := b.Cost().Requests; (tries > 1) != passing {
				t.Errorf("passing %t: asked %d times", passing, tries)
			}
		})
	}
}

func TestNameThatIsNotFound(t *testing.T) {
	inBubble(t, Settings{URL: "https://mis.example"}, header, says(`[]`), func(b *bench) {
		b.http.Transport.(*wire).base.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Name: canary, IsNotFound: true}}
		}
		b.fault(Request{}, Down, "The name of mis.example is not found")
		if b.Cost().Requests != 1 {
			t.Error("asked again")
		}
	})
}
