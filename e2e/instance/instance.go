// Package instance gives a test a SQL Server: the stand-in, or a real one.
//
// With the environment variable ROLLBRIDGE_TEST_SQLSERVER set to the DSN of an
// administrator (as go-mssqldb reads it) the databases are made on that server,
// under names that begin with rollbridge_test_, and dropped at Close together
// with the logins that scripts made. Otherwise a stand-in is started; package
// standin says what that is not.
//
// Start at New; a Database runs scripts as SQL tools do (Run).
package instance

import (
	"context"
	"database/sql"
	"errors"

	"rollbridge/e2e/standin"
)

// Variable names the environment variable with the DSN of a real server.
const Variable = "ROLLBRIDGE_TEST_SQLSERVER"

// An Instance is a server with the databases that a test has made on it.
type Instance struct{}

// A Database is one of an Instance.
type Database struct{}

// New starts the stand-in in dir with o, or connects to the real server; o is
// of no effect there.
func New(ctx context.Context, dir string, o standin.Options) (*Instance, error) {
	return nil, errors.New("instance: not written yet")
}

// StandIn is nil on a real server.
func (i *Instance) StandIn() *standin.Server { return nil }

// Host is the name or address to connect to.
func (i *Instance) Host() string { return "" }

// Port is the TCP port.
func (i *Instance) Port() int { return 0 }

// CertificateFile is the certificate to pin, "" on a real server.
func (i *Instance) CertificateFile() string { return "" }

// Encryption is the word for the agent's settings that this server answers to:
// required, any_certificate (a real server, whose DSN says so) or none.
func (i *Instance) Encryption() string { return "" }

// NewDatabase makes an empty database. On a real server its name is made unique.
func (i *Instance) NewDatabase(ctx context.Context, name string) (*Database, error) { return nil, nil }

// Close drops what was made and ends the stand-in. It may be called twice.
func (i *Instance) Close() error { return nil }

// Name is what the database is called now.
func (d *Database) Name() string { return "" }

// Admin is a pool of the administrator's connections to the database; the
// Instance closes it. Rename replaces it.
func (d *Database) Admin() *sql.DB { return nil }

// Run sends the script's batches, which lines with only GO separate, over one
// connection of the administrator.
func (d *Database) Run(ctx context.Context, script string) error { return nil }

// Rename gives the database another name, cutting every connection to it.
func (d *Database) Rename(ctx context.Context, name string) error { return nil }
