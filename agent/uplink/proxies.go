package uplink

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"time"

	"rollbridge/agent/uplink/exit"
)

// Way is how a connection to somewhere else leaves the school by the same
// settings, and the certificates it trusts (nil for the system's). Errors of
// dialling are an *exit.Fault where a proxy is to blame.
func Way(set exit.Settings) (*exit.Way, *x509.CertPool, error) { return wayOf(set, nil) }

func wayOf(set exit.Settings, roots *x509.CertPool) (*exit.Way, *x509.CertPool, error) {
	roots, err := rootsOf(roots, set.CAFile)
	if err != nil {
		return nil, nil, err
	}
	way, err := exit.New(set, roots)
	return way, roots, err
}

// Proxies tries the way out of the school to the route's address, proxy by
// proxy until one opens a tunnel, and says what decided which. Nothing is sent
// to the address itself. The error is a *Fault and says why there is no way, or
// that the route cannot work; the report then still holds what was tried.
func Proxies(ctx context.Context, r Route) (exit.Report, error) {
	c, err := New(r)
	if err != nil {
		return exit.Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	report, err := c.way.Look(ctx, address(c.base))
	if err != nil {
		err = c.explain(err, time.Time{})
	}
	return report, err
}

// address is host:port of a URL of https.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// outFault is a fault of the way out as one of the whole route.
func outFault(err error) (*Fault, bool) {
	f, ok := errors.AsType[*exit.Fault](err)
	if !ok {
		return nil, false
	}
	return &Fault{Kind: FaultKind(f.Kind), Text: f.Text, Hint: f.Hint, err: err}, true
}
