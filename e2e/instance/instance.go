// Package instance gives a test a SQL Server: the stand-in, or a real one.
//
// With the environment variable ROLLBRIDGE_TEST_SQLSERVER set to the DSN of an
// administrator (as go-mssqldb reads it) the databases are made on that server,
// under names that begin with rollbridge_test_, and dropped at Close together
// with the logins that scripts made. Otherwise a stand-in is started; package
// standin says what that is not. The same scripts then run on either.
//
// The page's login has the same name in every test that runs the page to the
// letter, so packages take turns on a real server: go test -p 1.
//
// It does not hide the difference where there is one: faults on demand, logs
// and counters are only of the stand-in (StandIn).
//
// Start at New; a Database runs scripts as SQL tools do (Run).
package instance

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"rollbridge/e2e/standin"
	"rollbridge/e2e/standin/tds"
)

// Variable names the environment variable with the DSN of a real server.
const Variable = "ROLLBRIDGE_TEST_SQLSERVER"

// prefix begins the names of databases on a real server, so that what a
// crashed test has left can be found.
const prefix = "rollbridge_test_"

// closeTime is how long dropping what was made may take.
const closeTime = time.Minute

// An Instance is a server with the databases that a test has made on it. Its
// methods may be called concurrently.
type Instance struct {
	server *standin.Server // nil on a real server
	o      standin.Options
	real   msdsn.Config
	admin  *sql.DB // in master

	mu        sync.Mutex
	databases []*Database
	logins    []string // made by scripts
	closed    bool
}

// New starts the stand-in in dir with o, or connects to the real server; o is
// of no effect there. o.Dir is dir.
func New(ctx context.Context, dir string, o standin.Options) (*Instance, error) {
	if dsn := os.Getenv(Variable); dsn != "" {
		return connect(ctx, dsn)
	}
	return Staged(ctx, dir, o)
}

// Staged is New for a test that stages faults, reads logs or counts bytes: it is
// the stand-in whatever the environment says, so StandIn is never nil.
func Staged(ctx context.Context, dir string, o standin.Options) (*Instance, error) {
	o.Dir = dir
	s, err := standin.Start(o)
	if err != nil {
		return nil, fmt.Errorf("start the stand-in: %w", err)
	}
	i := &Instance{server: s, o: o}
	if i.admin, err = s.Open(ctx, "master"); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return i, nil
}

func connect(ctx context.Context, dsn string) (*Instance, error) {
	config, err := msdsn.Parse(dsn)
	if err != nil {
		return nil, fmt.Errorf("%s is no DSN that go-mssqldb reads (its text is not shown, it has a password)", Variable)
	}
	if config.Port == 0 && config.Instance != "" {
		return nil, fmt.Errorf("the DSN of %s names an instance: name its TCP port instead", Variable)
	}
	i := &Instance{real: config}
	if i.admin, err = i.open(ctx, "master", nil); err != nil {
		return nil, fmt.Errorf("connect to the server of %s: %w", Variable, err)
	}
	return i, nil
}

// An account signs on in place of the administrator.
type account struct{ user, password string }

// open is a pool of connections to a database, the administrator's without a.
func (i *Instance) open(ctx context.Context, database string, a *account) (*sql.DB, error) {
	switch {
	case i.server != nil && a == nil:
		return i.server.Open(ctx, database)
	case i.server != nil:
		return i.server.OpenAs(ctx, database, a.user, a.password)
	}
	config := i.real
	config.Database = database
	if a != nil {
		config.User, config.Password = a.user, a.password
	}
	db := sql.OpenDB(mssql.NewConnectorConfig(config))
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// StandIn is nil on a real server.
func (i *Instance) StandIn() *standin.Server { return i.server }

// Host is the name or address to connect to.
func (i *Instance) Host() string {
	if i.server == nil {
		return i.real.Host
	}
	host, _ := i.server.Address()
	return host
}

// Port is the TCP port.
func (i *Instance) Port() int {
	if i.server == nil {
		return cmp.Or(int(i.real.Port), 1433)
	}
	_, port := i.server.Address()
	return port
}

// Address is Host and Port as one, as a network dialler reads it.
func (i *Instance) Address() string { return net.JoinHostPort(i.Host(), fmt.Sprint(i.Port())) }

// CertificateFile is the certificate to pin, "" on a real server.
func (i *Instance) CertificateFile() string {
	if i.server == nil {
		return ""
	}
	return i.server.CertificateFile()
}

// Encryption is the word for the agent's settings that this server answers to:
// required, any_certificate (a real server, whose DSN says that any will do) or
// none.
func (i *Instance) Encryption() string {
	switch {
	case i.server != nil && i.o.Encryption == tds.Unsupported:
		return "none"
	case i.server != nil:
		return "required"
	case i.real.Encryption == msdsn.EncryptionDisabled, i.real.Encryption == msdsn.EncryptionOff:
		return "none"
	case i.real.TrustServerCertificate:
		return "any_certificate"
	}
	return "required"
}

// NewDatabase makes an empty database. On a real server its name is made unique.
func (i *Instance) NewDatabase(ctx context.Context, name string) (*Database, error) {
	name = i.unique(name)
	if _, err := i.admin.ExecContext(ctx, "CREATE DATABASE "+quote(name)); err != nil {
		return nil, fmt.Errorf("make database %s: %w", name, err)
	}
	d := &Database{instance: i, name: name}
	i.mu.Lock()
	i.databases = append(i.databases, d)
	i.mu.Unlock()
	admin, err := i.open(ctx, name, nil)
	if err != nil {
		return nil, fmt.Errorf("enter database %s: %w", name, err)
	}
	d.admin = admin
	return d, nil
}

// unique is name itself on the stand-in, where nothing else is.
func (i *Instance) unique(name string) string {
	if i.server != nil {
		return name
	}
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + name + "_" + hex.EncodeToString(b[:])
}

// Close drops what was made and ends the stand-in. It may be called twice.
func (i *Instance) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil
	}
	i.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	var err error
	for _, d := range i.databases {
		if d.admin != nil {
			err = errors.Join(err, d.admin.Close())
		}
		if i.server == nil {
			err = errors.Join(err, d.drop(ctx))
		}
	}
	for _, l := range i.logins {
		if i.server == nil {
			err = errors.Join(err, i.dropLogin(ctx, l))
		}
	}
	err = errors.Join(err, i.admin.Close())
	if i.server != nil {
		err = errors.Join(err, i.server.Close())
	}
	return err
}

func (i *Instance) dropLogin(ctx context.Context, name string) error {
	there, err := i.hasLogin(ctx, name)
	if err != nil || !there {
		return err // the script did not get as far as making it
	}
	// A session that its client has just left may still be there for a moment.
	for {
		_, err := i.admin.ExecContext(ctx, "DROP LOGIN "+quote(name))
		var said mssql.Error
		if err == nil {
			return nil
		}
		if !errors.As(err, &said) || said.Number != loggedIn {
			return fmt.Errorf("drop login %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("drop login %s: %w", name, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// loggedIn is SQL Server's number for a login that is in use.
const loggedIn = 15434

func (i *Instance) hasLogin(ctx context.Context, name string) (bool, error) {
	var n int
	if err := i.admin.QueryRowContext(ctx, "SELECT COUNT(*) FROM sys.server_principals WHERE name = @p1", name).Scan(&n); err != nil {
		return false, fmt.Errorf("look for login %s: %w", name, err)
	}
	return n > 0, nil
}

// quote writes a name in brackets.
func quote(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }
