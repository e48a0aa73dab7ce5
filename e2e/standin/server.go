package standin

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"rollbridge/e2e/standin/tds"
)

// maxConnections is how many connections are answered at a time; SQL Server's
// own limit is 32,767, but nothing here needs as many.
const maxConnections = 256

// masterID is database_id of master.
const masterID = 1

// firstDatabaseID is that of the first database that is not SQL Server's own.
const firstDatabaseID = 5

// A Server answers until Close. Its methods may be called concurrently.
type Server struct {
	o        Options
	password string // of sa
	host     string
	port     int
	browser  *tds.Browser
	in, out  atomic.Int64

	certificate atomic.Pointer[tls.Certificate]

	turn   sync.Mutex // one of Stop, Restart and Close at a time
	run    *run       // nil while stopped
	closed bool
	all    sync.WaitGroup // every goroutine of every run

	mu         sync.RWMutex // guards all that follows, and what it says of itself elsewhere
	logins     map[string]*login
	databases  map[string]*database
	sessions   map[*session]bool
	faults     []*staged
	signed     []string
	statements []Statement
	logged     int // bytes of the statements' texts
	lastID     int
}

// A run is the time between a start and a stop.
type run struct {
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// Start begins to listen. Its certificate is made and written to
// CertificateFile, and the login sa gets a random password.
func Start(o Options) (*Server, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the stand-in's directory: %w", err)
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	s := &Server{o: o, password: "Aa1!" + rand.Text(), lastID: firstDatabaseID - 1,
		logins: map[string]*login{}, databases: map[string]*database{}, sessions: map[*session]bool{}}
	s.logins[administrator] = &login{name: administrator, password: s.password, sysadmin: true, database: "master"}
	if err := s.Renew(); err != nil {
		return nil, err
	}
	master, err := newDatabase(o.Dir, masterID, "master", administrator)
	if err != nil {
		return nil, err
	}
	master.snapshot = true
	s.databases["master"] = master
	if err := s.Restart(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if o.BrowserAddress != "" {
		s.browser, err = tds.ListenBrowser(o.BrowserAddress, map[string]int{o.Instance: s.port})
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Address is the host and the TCP port that it listens at; Restart keeps them.
func (s *Server) Address() (host string, port int) { return s.host, s.port }

// BrowserAddress is the UDP address of its SQL Browser, "" without one.
func (s *Server) BrowserAddress() string {
	if s.browser == nil {
		return ""
	}
	return s.browser.Addr()
}

// CertificateFile is the server's own certificate as a PEM file, "" where
// Options have neither encryption nor Strict.
func (s *Server) CertificateFile() string {
	if s.o.Encryption == tds.Unsupported && !s.o.Strict {
		return ""
	}
	return filepath.Join(s.o.Dir, "certificate.pem")
}

// Administrator is the login sa with its password.
func (s *Server) Administrator() (user, password string) { return administrator, s.password }

// Statements are the batches so far, in the order of their beginning; of very
// many or very long ones the oldest have been forgotten.
func (s *Server) Statements() []Statement {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]Statement(nil), s.statements...)
}

// Logins are the names that have signed on, in order, with repetitions; a
// refused one is there too, unless it failed before the server (NTLM).
func (s *Server) Logins() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]string(nil), s.signed...)
}

// Bytes is what has crossed the wire so far: in from clients, out to them.
func (s *Server) Bytes() (in, out int64) { return s.in.Load(), s.out.Load() }

// Renew gives the server another certificate, for connections from now on, and
// writes it to CertificateFile.
func (s *Server) Renew() error {
	c, err := newCertificate(s.o.CipherSuites)
	if err != nil {
		return err
	}
	if path := s.CertificateFile(); path != "" {
		if err := writeCertificate(path, c); err != nil {
			return err
		}
	}
	s.certificate.Store(c)
	return nil
}

// Restart listens again at the same port, after Stop or instead of it.
func (s *Server) Restart() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.closed {
		return errors.New("the stand-in has been closed")
	}
	s.stop()
	address := s.o.Listen
	if s.port != 0 {
		address = net.JoinHostPort(s.host, fmt.Sprint(s.port))
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the stand-in: %w", err)
	}
	at := l.Addr().(*net.TCPAddr)
	if !at.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("the stand-in listens only at a loopback address, not at %s", s.o.Listen), l.Close())
	}
	s.host, s.port = at.IP.String(), at.Port
	ctx, cancel := context.WithCancel(context.Background())
	s.run = &run{listener: l, ctx: ctx, cancel: cancel, conns: map[net.Conn]bool{}}
	s.all.Add(1)
	go s.accept(s.run)
	if s.browser != nil {
		s.browser.Set(s.o.Instance, s.port)
	}
	return nil
}

// Stop cuts every connection and stops listening; SQL Browser goes on, but does
// not know the instance any more. What was under way is rolled back soon after:
// Stop does not wait for it, so that a Fault's Do may call it. Twice is the
// same as once.
func (s *Server) Stop() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.browser != nil {
		s.browser.Set(s.o.Instance, 0)
	}
	s.stop()
	return nil
}

func (s *Server) stop() {
	r := s.run
	if r == nil {
		return
	}
	s.run = nil
	r.cancel()
	_ = r.listener.Close() // what is left of it the process gives back
	r.mu.Lock()
	for c := range r.conns {
		_ = c.Close() // cutting it is all that is wanted
	}
	r.mu.Unlock()
}

// Close stops the server for good, and waits for what was under way; a Fault's
// Do must not call it. It may be called twice. Dir is left.
func (s *Server) Close() error {
	err := s.Stop()
	s.turn.Lock()
	s.closed = true
	s.turn.Unlock()
	s.all.Wait()
	if s.browser != nil {
		err = errors.Join(err, s.browser.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.databases {
		err = errors.Join(err, d.file.Close())
	}
	return err
}

// Disconnect cuts every connection whose session is in a database.
func (s *Server) Disconnect(database string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for ss := range s.sessions {
		if fold(ss.d.name) == fold(database) {
			_ = ss.conn.Close()
		}
	}
}

func (s *Server) accept(r *run) {
	defer s.all.Done()
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return // stopped
		}
		r.mu.Lock()
		if len(r.conns) >= maxConnections || r.ctx.Err() != nil {
			r.mu.Unlock()
			_ = c.Close()
			continue
		}
		r.conns[c] = true
		s.all.Add(1)
		r.mu.Unlock()
		go s.serve(r, c)
	}
}

func (s *Server) serve(r *run, c net.Conn) {
	defer s.all.Done()
	defer func() {
		r.mu.Lock()
		delete(r.conns, c)
		r.mu.Unlock()
	}()
	o := tds.Options{Encryption: s.o.Encryption, Strict: s.o.Strict, Certificate: s.certificate.Load,
		MinTLS: s.o.MinTLS, MaxTLS: s.o.MaxTLS, CipherSuites: s.o.CipherSuites, Windows: s.windows,
		ServerName: s.o.ServerName, Version: s.o.Version}
	counting := &counted{Conn: c, server: s}
	// What a client did wrong it has been told; a broken connection is its affair.
	_ = tds.Serve(r.ctx, counting, o, handler{server: s, conn: c})
	_ = c.Close()
}

// windows is the domain: accounts and their passwords.
func (s *Server) windows(domain, user string) (string, bool) {
	for account, password := range s.o.Windows {
		if fold(account) == fold(domain+`\`+user) {
			return password, true
		}
	}
	return "", false
}

// A counted connection adds up what crosses it.
type counted struct {
	net.Conn
	server *Server
}

// SetLinger lets the wire cut the connection without a farewell.
func (c *counted) SetLinger(seconds int) error { return c.Conn.(*net.TCPConn).SetLinger(seconds) }

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.server.in.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.server.out.Add(int64(n))
	return n, err
}
