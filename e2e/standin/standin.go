package standin

import (
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
