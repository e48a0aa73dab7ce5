package exit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	socks5 "golang.org/x/net/proxy"

	"rollbridge/shared/clock"
)

// The limits of reaching a proxy. A proxy that is down must not eat the time of
// the one after it.
const (
	dialTime   = 20 * time.Second
	tunnelTime = 60 * time.Second // from dialling to the open tunnel, with a login
)

// Dial opens a connection to address, which is host:port, straight or by a
// tunnel through a proxy. Errors are a *Fault where a proxy or its script is to
// blame, and else what net.Dialer gives.
func (w *Way) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, conn, err := w.open(ctx, network, address)
	return conn, err
}

// Look opens a connection as Dial does, closes it, and says what was tried.
func (w *Way) Look(ctx context.Context, address string) (Report, error) {
	report, conn, err := w.open(ctx, "tcp", address)
	if err == nil {
		conn.Close()
	}
	return report, err
}

func (w *Way) open(ctx context.Context, network, address string) (Report, net.Conn, error) {
	c, err := w.choose(ctx, address)
	report := Report{Source: c.source, Why: c.why}
	if err != nil {
		return report, nil, err
	}
	for _, h := range c.hops {
		report.Hops = append(report.Hops, Hop{Proxy: h.String()})
	}
	var first error
	for i, h := range c.hops {
		conn, login, err := w.through(ctx, h, network, address)
		tried := &report.Hops[i]
		tried.Tried, tried.Login = true, login
		if err == nil {
			return report, conn, nil
		}
		fault, _ := errors.AsType[*Fault](err)
		tried.Fault = fault
		if first == nil {
			first = err
		}
		if ctx.Err() != nil || fault != nil && !fault.Passing() {
			return report, nil, err
		}
	}
	if w.script != nil {
		w.script.old()
	}
	return report, nil, first
}

// through opens one hop and what lies behind it.
func (w *Way) through(ctx context.Context, h hop, network, address string) (net.Conn, Scheme, error) {
	dialer := &net.Dialer{Timeout: dialTime}
	switch h.scheme {
	case direct.scheme:
		conn, err := dialer.DialContext(ctx, network, address)
		return conn, "", err
	case "http", "https":
		ctx, cancel := context.WithTimeout(ctx, tunnelTime)
		defer cancel()
		t := &talk{way: w, hop: h, target: address}
		conn, err := t.open(ctx)
		return conn, t.login, err
	case "socks5":
		ctx, cancel := context.WithTimeout(ctx, tunnelTime)
		defer cancel()
		conn, err := w.socks(ctx, h, address)
		return conn, "", err
	}
	return nil, "", &Fault{Kind: Down, Text: fmt.Sprintf("the proxy %s is named as one of SOCKS 4, which is not spoken", h.address),
		Hint: "ask whoever looks after the school's proxy for PROXY or SOCKS5 in its script, or name the proxy in uplink.proxy"}
}

func (w *Way) socks(ctx context.Context, h hop, address string) (net.Conn, error) {
	var auth *socks5.Auth
	if user, password := w.account(h); user != "" {
		auth = &socks5.Auth{User: user, Password: password}
	}
	near := &remembering{}
	d, err := socks5.SOCKS5("tcp", h.address, auth, near)
	if err != nil {
		return nil, err
	}
	conn, err := d.(socks5.ContextDialer).DialContext(ctx, "tcp", address)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, ctx.Err()
	case near.err != nil:
		return nil, h.down(near.err)
	}
	// The library's words name the step and the proxy's code, and no credentials.
	return nil, &Fault{Kind: Refused, err: err, Text: fmt.Sprintf("the proxy %s does not let this computer through to %s (SOCKS 5)", h, address),
		Hint: fmt.Sprintf("ask for %s to be allowed, and check uplink.proxy_user and uplink.proxy_password", address)}
}

// remembering dials and keeps why it could not: the proxy itself is then down.
type remembering struct{ err error }

func (r *remembering) Dial(network, address string) (net.Conn, error) {
	return r.DialContext(context.Background(), network, address)
}

func (r *remembering) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, address)
	r.err = err
	return conn, err
}

// reach connects to the proxy itself.
func (w *Way) reach(ctx context.Context, h hop) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", h.address)
	if err != nil {
		return nil, h.down(err)
	}
	if h.scheme != "https" {
		return conn, nil
	}
	secure := tls.Client(conn, &tls.Config{ServerName: h.host(), RootCAs: w.roots, MinVersion: tls.VersionTLS12, Time: clock.Now})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, h.down(err)
	}
	return secure, nil
}

// account is who logs in at a proxy: its own URL says so, or the settings.
func (w *Way) account(h hop) (user, password string) {
	if h.user != nil {
		password, _ = h.user.Password()
		return h.user.Username(), password
	}
	return w.set.User, w.set.Password
}
