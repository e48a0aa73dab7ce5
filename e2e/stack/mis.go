package stack

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"rollbridge/docs"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

// Names in the pages of docs/mis.
const (
	pageLogin    = "rollbridge_agent"
	pageDatabase = "SchoolMIS"
	viewsProfile = "sql-views"
)

// A MIS is a school's database on a SQL Server, set up for an agent as a page
// of docs/mis tells a database administrator to: its T-SQL is run to the
// letter, then the login gets a password of its own.
type MIS struct {
	Instance *instance.Instance
	Database *instance.Database
	// Script is the T-SQL that was run.
	Script string

	profile        string
	tables         func() []demoschool.Table
	loader         demoschool.Loader
	user, password string
}

// MISOptions vary a MIS.
type MISOptions struct {
	// Server is the stand-in's, which lives in the MIS's directory.
	Server standin.Options
	// Profile reads the database and names the page; "" is sql-views.
	Profile string
	// Before is T-SQL that is run before the page's; "" is none.
	Before string
	// Staged asks for the stand-in whatever the environment names: the test stages
	// faults, or reads what crossed the wire.
	Staged bool
	// Adapt changes the page's T-SQL as an administrator would; nil leaves it.
	Adapt func(script string) string
}

// NewMIS starts a server in dir and puts the tables there; they are asked for
// again at each Write. Close ends it.
func NewMIS(ctx context.Context, dir string, tables func() []demoschool.Table, o MISOptions) (*MIS, error) {
	start := instance.New
	if o.Staged {
		start = instance.Staged
	}
	server, err := start(ctx, dir, o.Server)
	if err != nil {
		return nil, fmt.Errorf("start a MIS: %w", err)
	}
	m := &MIS{Instance: server, profile: cmp.Or(o.Profile, viewsProfile), tables: tables}
	if err := m.setUp(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start a MIS: %w", err), server.Close())
	}
	return m, nil
}

func (m *MIS) setUp(ctx context.Context, o MISOptions) (err error) {
	if m.Database, err = m.Instance.NewDatabase(ctx, pageDatabase); err != nil {
		return err
	}
	if err := m.Write(ctx); err != nil {
		return err
	}
	if o.Before != "" {
		if err := m.Run(ctx, o.Before); err != nil {
			return err
		}
	}
	if err := m.readPage(); err != nil {
		return err
	}
	if o.Adapt != nil {
		m.Script = o.Adapt(m.Script)
	}
	m.user, m.password = pageLogin, "Demo-"+rand.Text()+"!1"
	if m.Instance.StandIn() == nil {
		// Logins belong to the whole server, which others use too.
		m.user = pageLogin + "_" + m.Database.Name()
		m.Script = strings.ReplaceAll(m.Script, pageLogin, m.user)
	}
	if err := m.Run(ctx, m.Script); err != nil {
		return err
	}
	return m.Run(ctx, "ALTER LOGIN "+m.user+" WITH PASSWORD = N'"+m.password+"'")
}

// readPage takes the T-SQL of the profile's page, and of the views' page also
// its second part and what it recommends: snapshot isolation.
func (m *MIS) readPage() (err error) {
	page := "mis/" + m.profile + ".md"
	if m.Script, err = docs.Script(page, docs.Run); err != nil || m.profile != viewsProfile {
		return err
	}
	more, err := docs.Script(page, docs.More)
	if err != nil {
		return err
	}
	recommended, err := docs.Script(page, docs.Optional)
	m.Script += more + strings.ReplaceAll(recommended, "["+pageDatabase+"]", "["+m.Database.Name()+"]")
	return err
}

// Write makes the database hold the tables as they are now, in one transaction.
func (m *MIS) Write(ctx context.Context) error {
	return m.loader.Load(ctx, m.Database.Admin(), m.tables())
}

// Run carries out T-SQL as the database's administrator, batches ended by GO.
// Who writes to the school's tables does it through Run, so that the next Write
// takes it back.
func (m *MIS) Run(ctx context.Context, script string) error {
	m.loader.Forget()
	return m.Database.Run(ctx, script)
}

// Server is how an agent reaches the MIS.
func (m *MIS) Server() Server {
	return Server{
		Host: m.Instance.Host(), Port: m.Instance.Port(), Database: m.Database.Name(), User: m.user, Password: m.password,
		Encryption: m.Instance.Encryption(), CertificateFile: m.Instance.CertificateFile(),
	}
}

// AdministratorDSN is how go-mssqldb reaches the database as its administrator.
// It holds the password.
func (m *MIS) AdministratorDSN() (string, error) {
	server := m.Instance.StandIn()
	if server == nil {
		u, err := url.Parse(os.Getenv(instance.Variable))
		if err != nil || u.Scheme != "sqlserver" {
			return "", errors.New(instance.Variable + " must have the form sqlserver://USER:PASSWORD@HOST for this")
		}
		query := u.Query()
		query.Set("database", m.Database.Name())
		u.RawQuery = query.Encode()
		return u.String(), nil
	}
	query := url.Values{"database": {m.Database.Name()}, "encrypt": {"true"}, "serverCertificate": {m.Instance.CertificateFile()}}
	if m.Instance.CertificateFile() == "" {
		query = url.Values{"database": {m.Database.Name()}, "encrypt": {"disable"}}
	}
	user, password := server.Administrator()
	u := url.URL{
		Scheme: "sqlserver", User: url.UserPassword(user, password),
		Host: net.JoinHostPort(m.Instance.Host(), strconv.Itoa(m.Instance.Port())), RawQuery: query.Encode(),
	}
	return u.String(), nil
}

// Source is the MIS as an agent is told of it.
func (m *MIS) Source() Source { return m.Server().Source(m.profile) }

// Close drops the database and ends the server. It may be called twice.
func (m *MIS) Close() error { return m.Instance.Close() }
