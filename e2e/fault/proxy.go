package fault

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A Proxy is a forward proxy that opens tunnels (CONNECT) and nothing else.
type Proxy struct {
	listener net.Listener
	server   *http.Server
	names    map[string]string

	mu         sync.Mutex
	door       Door
	challenges map[string][8]byte // of NTLM, by the address of the connection
	shown      []string
	tunnels    map[string]int
	refused    int
	open       map[net.Conn]bool
}

// NewProxy listens on a free loopback port. user is nil for a proxy without a
// password (Lock asks for more); names maps each host:port that it knows to where
// it really is, and everything else is refused.
func NewProxy(user *url.Userinfo, names map[string]string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a proxy: %w", err)
	}
	p := &Proxy{listener: l, door: Door{Basic: user}, names: names, challenges: map[string][8]byte{}, tunnels: map[string]int{}, open: map[net.Conn]bool{}}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

// URL is the proxy's address with the given credentials, nil for none.
func (p *Proxy) URL(user *url.Userinfo) string {
	return (&url.URL{Scheme: "http", User: user, Host: p.listener.Addr().String()}).String()
}

// Tunnels is how many were opened to a host:port.
func (p *Proxy) Tunnels(target string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tunnels[target]
}

// Refused is how many requests were turned away.
func (p *Proxy) Refused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

// Close ends the listener and every tunnel.
func (p *Proxy) Close() error {
	err := p.server.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
	return err
}

// ServeHTTP opens one tunnel.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	where, known := p.names[r.Host]
	switch {
	case !p.enter(w, r):
		return
	case r.Method != http.MethodConnect || !known:
		p.refuse(w, http.StatusForbidden)
		return
	}
	collector, err := net.Dial("tcp", where)
	if err != nil {
		p.refuse(w, http.StatusBadGateway)
		return
	}
	school, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		collector.Close()
		return
	}
	p.carry(r.Host, school, collector)
}

func (p *Proxy) refuse(w http.ResponseWriter, status int) {
	p.mu.Lock()
	p.refused++
	p.mu.Unlock()
	http.Error(w, http.StatusText(status), status)
}

func (p *Proxy) carry(target string, school, collector net.Conn) {
	p.mu.Lock()
	p.tunnels[target]++
	p.open[school], p.open[collector] = true, true
	p.mu.Unlock()
	defer func() {
		school.Close()
		collector.Close()
		p.mu.Lock()
		delete(p.open, school)
		delete(p.open, collector)
		p.mu.Unlock()
	}()
	if _, err := io.WriteString(school, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{school, collector}, {collector, school}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}
