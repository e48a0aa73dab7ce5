package fault

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rollbridge/shared/protocol"
)

// A Fate is what becomes of one request.
type Fate int

// The fates.
const (
	Pass       Fate = iota
	CutRequest      // the connection ends before the collector gets anything
	DropReply       // the collector gets the request; the answer is lost
	Repeat          // the collector gets the request twice; the second answer returns
	Replay          // an earlier captured request comes again first, its answer is lost
	PageOK          // a web filter's own page, with status 200
	PageDenied      // a web filter's own page, with status 401
	OldReply        // the answer to an earlier message of its kind; the collector gets nothing
	Hang            // no answer comes as long as the agent waits; the collector gets nothing
)

// A Seen is a request as the gateway sees it: what it is called and its number
// among all requests so far, from 1.
type Seen struct {
	Message protocol.Message
	Number  int
}

// A Captured is one request that passed, byte for byte, and its answer, empty
// if none was let through.
type Captured struct {
	Message protocol.Message
	Body    []byte
	Reply   []byte
}

// maxCaptured bounds what a gateway remembers.
const maxCaptured = 256

// A Gateway ends TLS in front of a collector, as filters that inspect do, and
// decides the fate of every request. It knows no key of any message.
type Gateway struct {
	listener net.Listener
	server   *http.Server
	upstream *http.Client
	target   string

	mu       sync.Mutex
	decide   func(Seen) Fate
	number   int
	replayed int
	captured []Captured
}

// NewGateway listens on a free loopback port. It serves nothing until Serve.
func NewGateway() (*Gateway, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a gateway: %w", err)
	}
	g := &Gateway{listener: l, decide: func(Seen) Fate { return Pass }}
	g.upstream = &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
	}
	return g, nil
}

// Address is the host:port to connect to.
func (g *Gateway) Address() string { return g.listener.Addr().String() }

// URL is the address as a collector's public URL.
func (g *Gateway) URL() string { return "https://" + g.Address() }

// Serve begins to forward to target (host:port) behind this certificate: the
// collector's own, or one that an Authority issued. Call it once.
func (g *Gateway) Serve(target string, cert tls.Certificate) {
	g.target = target
	g.server = &http.Server{
		Handler:           g,
		ReadHeaderTimeout: 30 * time.Second,
		// A handshake that a test lets fail is not worth a line.
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = g.server.ServeTLS(g.listener, "", "") }()
}

// Decide sets who decides; it is called for one request at a time.
func (g *Gateway) Decide(fate func(Seen) Fate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.decide = fate
}

// Always gives every request the same fate.
func (g *Gateway) Always(f Fate) { g.Decide(func(Seen) Fate { return f }) }

// Captured are the requests that came, the oldest first.
func (g *Gateway) Captured() []Captured {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Captured(nil), g.captured...)
}

// Requests is how many came so far.
func (g *Gateway) Requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.number
}

// Close ends the listener and every connection.
func (g *Gateway) Close() error {
	if g.server == nil {
		return g.listener.Close()
	}
	g.upstream.CloseIdleConnections()
	return g.server.Close()
}

// ServeHTTP carries out the fate of one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, protocol.MaxFrameBytes+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	name := protocol.Message(strings.TrimPrefix(r.URL.Path, "/v1/"))
	fate, old, answered := g.see(name, body)
	switch fate {
	case CutRequest:
		panic(http.ErrAbortHandler)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case PageOK:
		page(w, http.StatusOK)
		return
	case PageDenied:
		page(w, http.StatusUnauthorized)
		return
	case OldReply:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(g.oldReply(name))
		return
	case DropReply:
		_, _, _ = g.Post(r.Context(), name, body)
		panic(http.ErrAbortHandler)
	case Repeat:
		_, _, _ = g.Post(r.Context(), name, body)
	case Replay:
		_, _, _ = g.Post(r.Context(), old.Message, old.Body)
	}
	status, reply, err := g.Post(r.Context(), name, body)
	if err != nil {
		panic(http.ErrAbortHandler) // the collector is away: so is the line
	}
	answered(reply)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(reply)
}

// see decides a request's fate and remembers it; answered, called once at most,
// remembers its answer.
func (g *Gateway) see(m protocol.Message, body []byte) (fate Fate, old Captured, answered func([]byte)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.number++
	fate = g.decide(Seen{Message: m, Number: g.number})
	old = Captured{Message: m, Body: body}
	if n := len(g.captured); fate == Replay && n > 0 {
		old = g.captured[g.replayed%n]
		g.replayed++
	}
	if len(g.captured) >= maxCaptured {
		return fate, old, func([]byte) {}
	}
	at := len(g.captured)
	g.captured = append(g.captured, Captured{Message: m, Body: bytes.Clone(body)})
	return fate, old, func(reply []byte) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.captured[at].Reply = bytes.Clone(reply)
	}
}

// oldReply is the newest answer to a message of this kind, empty if there was
// none.
func (g *Gateway) oldReply(m protocol.Message) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range slices.Backward(g.captured) {
		if c.Message == m && len(c.Reply) > 0 {
			return c.Reply
		}
	}
	return nil
}

// Post gives the collector a request by hand, past every fate, and returns its
// answer.
func (g *Gateway) Post(ctx context.Context, m protocol.Message, body []byte) (status int, reply []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+g.target+"/v1/"+string(m), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	response, err := g.upstream.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	reply, err = io.ReadAll(io.LimitReader(response.Body, protocol.MaxReplyBytes+1))
	if len(reply) > protocol.MaxReplyBytes {
		return 0, nil, errors.New("a reply is over the limit")
	}
	return response.StatusCode, reply, err
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Blocked</title></head><body><h1>This site is blocked by the school's filter</h1></body></html>")
}
