package standin

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"rollbridge/e2e/standin/tds"
)

// Options say what kind of server is started.
type Options struct {
	// Dir is an empty or new directory for the databases and the certificate.
	Dir string
	// Listen is a loopback address; "" is 127.0.0.1 with a free port.
	Listen string
	// Encryption, Strict, MinTLS, MaxTLS and CipherSuites are as in tds.Options.
	Encryption     tds.Encryption
	Strict         bool
	MinTLS, MaxTLS uint16
	CipherSuites   []uint16
	// ServerName and Version are what the server says of itself; "" as in tds.Options.
	ServerName, Version string
	// Instance makes the server a named one, which SQL Browser answers for at
	// BrowserAddress ("127.0.0.1:1434"; "" starts no browser).
	Instance       string
	BrowserAddress string
	// Windows are the accounts of the Windows domain, DOMAIN\user with the password.
	Windows map[string]string
}

// A Statement is one statement that a client had carried out, or tried to.
type Statement struct {
	Login, Database string
	// Text is the whole batch, as it was sent.
	Text string
	// Params is how many parameters came with it.
	Params int
}

// A Fault is something that goes wrong on purpose. The first of Error, Cut,
// Hang and Endless that is set happens; Delay and Do come before it.
type Fault struct {
	// Contains chooses the batches: those whose text has it, regardless of
	// case. "" is every batch but the administrator's.
	Contains string
	// AtRow is the number of rows that are sent before it happens. 0 is before
	// the statement is carried out, and before its rights are checked. A result
	// that has fewer rows ends as if nothing were staged.
	AtRow int
	// Error is sent in place of what would follow; 1205 and 3960 also roll back.
	Error *tds.Error
	// Cut drops the TCP connection.
	Cut bool
	// Hang sends nothing more until the client cancels or leaves.
	Hang bool
	// Endless sends the last row again and again until the client cancels or leaves.
	Endless bool
	// Delay waits first; a client that cancels ends the wait.
	Delay time.Duration
	// Do is called first, while the statement is under way.
	Do func()
	// Times is how often it happens; 0 is until undone.
	Times int
}

// A Server answers until Close. Its methods may be called concurrently.
type Server struct{}

// Start begins to listen. Its certificate is made and written to CertificateFile.
func Start(o Options) (*Server, error) { return nil, errors.New("standin: not written yet") }

// Address is the host and the TCP port that it listens at; Restart keeps them.
func (s *Server) Address() (host string, port int) { return "", 0 }

// BrowserAddress is the UDP address of its SQL Browser, "" without one.
func (s *Server) BrowserAddress() string { return "" }

// CertificateFile is the server's own certificate as a PEM file, "" where
// Options have neither encryption nor Strict.
func (s *Server) CertificateFile() string { return "" }

// Administrator is the login sa with its password.
func (s *Server) Administrator() (user, password string) { return "", "" }

// Open connects as the administrator through go-mssqldb; the caller closes it.
func (s *Server) Open(ctx context.Context, database string) (*sql.DB, error) { return nil, nil }

// Statements are the statements so far, in the order of their beginning.
func (s *Server) Statements() []Statement { return nil }

// Logins are the names that have signed on, in order, with repetitions; a
// refused one is there too.
func (s *Server) Logins() []string { return nil }

// Bytes is what has crossed the wire so far: in from clients, out to them.
func (s *Server) Bytes() (in, out int64) { return 0, 0 }

// Renew gives the server another certificate, for connections from now on, and
// writes it to CertificateFile.
func (s *Server) Renew() error { return nil }

// Stop cuts every connection and stops listening. Twice is the same as once.
func (s *Server) Stop() error { return nil }

// Restart listens again at the same port, after Stop or instead of it.
func (s *Server) Restart() error { return nil }

// Close stops the server for good. It may be called twice.
func (s *Server) Close() error { return nil }

// Disconnect cuts every connection whose session is in a database.
func (s *Server) Disconnect(database string) {}

// Lock locks a login or unlocks it: 18486.
func (s *Server) Lock(login string, locked bool) error { return nil }

// ExpirePassword makes a login's password expired (18487) until it is changed.
func (s *Server) ExpirePassword(login string) error { return nil }

// Stage makes a fault happen; undo takes it back.
func (s *Server) Stage(f Fault) (undo func()) { return func() {} }
