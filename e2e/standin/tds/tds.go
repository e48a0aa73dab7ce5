// Package tds is the server's side of TDS, the protocol of SQL Server, for
// tests and for the demo.
//
// It speaks TDS 7.4 and, where Options.Strict allows it, TDS 8 (TLS first,
// ALPN tds/8.0), so that the unmodified driver go-mssqldb can sign on, send
// batches and procedure calls, hold transactions, cancel, and read rows of
// every type in package sqltype. Sources: MS-TDS and MC-SQLR (Microsoft Open
// Specifications), and go-mssqldb, which is the client it is tested with.
//
// It is not SQL Server and has no query language: what a statement means is
// decided by the Session that a Handler returns. It does not do bulk load,
// table-valued parameters, MARS, distributed transactions, federated sign-on,
// column encryption or Kerberos, and refuses each of them in words.
//
// Whatever a client sends, a connection never panics and never takes more
// memory than the limits in limits.go; a client that breaks the protocol is
// dropped and Serve says why. Rows are streamed: a client that does not read
// stops the Session in Response.Row, and an Attention ends its context.
//
// Start at Serve; Session and Response are what a server has to fill in.
package tds

import (
	"context"
	"crypto/tls"
	"fmt"

	"rollbridge/e2e/standin/sqltype"
)

// Encryption is what a server answers in PRELOGIN about TLS inside TDS.
type Encryption int

// What a server can say of encryption.
const (
	// Required: every connection is encrypted; a client that cannot is refused
	// (SQL Server's "Force Encryption").
	Required Encryption = iota
	// Offered: as the client wishes; one that does not ask has its sign-on
	// encrypted and the rest in clear.
	Offered
	// Unsupported: the server has no certificate and everything, the password
	// too, crosses in clear. A client that insists on encryption leaves.
	Unsupported
)

// Options say what kind of server a connection meets.
type Options struct {
	// Encryption is for TDS 7; see Strict.
	Encryption Encryption
	// Strict also answers clients that begin with TLS (TDS 8). Without it they
	// are dropped, as by a server before 2022.
	Strict bool
	// Certificate is asked at each handshake, so that it can be changed while
	// the server runs. It may be nil with Encryption Unsupported and no Strict.
	Certificate func() *tls.Certificate
	// MinTLS, MaxTLS and CipherSuites are as in tls.Config; zero is Go's default.
	MinTLS, MaxTLS uint16
	CipherSuites   []uint16
	// Windows gives the password of a Windows account, to check an NTLMv2
	// sign-on with. nil refuses Windows sign-on.
	Windows func(domain, user string) (password string, ok bool)
	// ServerName is what errors and the answer to a sign-on name; "" is STANDIN.
	ServerName string
	// Version is the product version as "16.0.1000"; "" is that.
	Version string
}

// A Handler decides who may sign on.
type Handler interface {
	// Login opens a session for one connection. An *Error is sent to the client
	// as it is; any other error as 18456 without its text.
	Login(ctx context.Context, l Login) (Session, error)
}

// Login is what a client said when it signed on.
type Login struct {
	// User is the login's name; DOMAIN\user for a Windows sign-on, whose
	// password has been checked already (Password is then empty).
	User, Password string
	// Database is the one asked for; "" is the login's default, which the
	// client is told is master.
	Database, App, Host string
	// Windows says that the sign-on was NTLM, Encrypted that everything after
	// it crosses in TLS, ReadOnly that the client declared ApplicationIntent=ReadOnly.
	Windows, Encrypted, ReadOnly bool
}

// A Session is one signed-on connection. Its methods are called one at a time.
// Each may return an *Error, which the client gets as an error of the server;
// another error is sent as number 50000 with its text.
type Session interface {
	// Run carries out a batch or a call and writes what comes of it. ctx ends
	// when the client sends Attention or the connection breaks; Run must then
	// return soon, and what it returns is no longer sent.
	Run(ctx context.Context, q Request, w *Response) error
	// Begin starts a transaction with one of the Isolation constants.
	Begin(ctx context.Context, isolation int) error
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
	// Reset puts the session back to what it was after the sign-on, for a
	// connection that a pool hands out again (sp_reset_connection): an open
	// transaction is rolled back, SET options and USE are undone.
	Reset(ctx context.Context) error
	// Close ends the session and rolls back what is open. It is called once,
	// after all other methods have returned.
	Close() error
}

// Isolation levels as a transaction is begun with over the wire.
const (
	IsolationUnchanged       = 0
	IsolationReadUncommitted = 1
	IsolationReadCommitted   = 2
	IsolationRepeatableRead  = 3
	IsolationSerializable    = 4
	IsolationSnapshot        = 5
)

// A Request is one batch of T-SQL, with parameters when it came through
// sp_executesql or a prepared statement, or one call of another procedure.
type Request struct {
	// Text is the T-SQL; "" when Procedure is set.
	Text   string
	Params []Param
	// Procedure is the name of a procedure that the client called as such.
	Procedure string
}

// A Param is a parameter of a Request.
type Param struct {
	// Name begins with @; a call of a procedure may leave it "".
	Name  string
	Type  sqltype.Type
	Value any
}

// A Column is a column of a result.
type Column struct {
	Name     string
	Type     sqltype.Type
	Nullable bool
}

// An Error is an error as SQL Server reports it. Class is its severity: at 20
// and above the connection is dropped after it has been sent. Zero State and
// Class are sent as 1 and 16.
type Error struct {
	Number       int32
	State, Class uint8
	Message      string
	// Procedure and Line are where it happened; "" and 0 (sent as 1) will do.
	Procedure string
	Line      int32
}

// Error is the number and the text.
func (e *Error) Error() string { return fmt.Sprintf("SQL Server error %d: %s", e.Number, e.Message) }
