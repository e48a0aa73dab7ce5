package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"rollbridge/docs"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

const (
	viewsPage = "mis/sql-views.md"
	viewLogin = "rollbridge_agent"
)

// A MIS is a school's database on a SQL Server, set up for an agent as the page
// docs/mis/sql-views.md tells a database administrator to: its T-SQL is run to
// the letter, then the login gets a password of its own.
type MIS struct {
	Instance *instance.Instance
	Database *instance.Database
	// Script is the T-SQL that was run.
	Script string

	school         *demoschool.School
	user, password string
}

// MISOptions vary a MIS.
type MISOptions struct {
	// Server is the stand-in's; its Dir is set here.
	Server standin.Options
	// Adapt changes the page's T-SQL as an administrator would; nil leaves it.
	Adapt func(script string) string
	// Tables are further tables that the adapted T-SQL looks at.
	Tables []string
}

// NewMIS starts a server in dir and puts the school there. Close ends it.
func NewMIS(ctx context.Context, dir string, school *demoschool.School, o MISOptions) (*MIS, error) {
	o.Server.Dir = dir
	server, err := instance.New(ctx, dir, o.Server)
	if err != nil {
		return nil, fmt.Errorf("start a MIS: %w", err)
	}
	m := &MIS{Instance: server, school: school}
	if err := m.setUp(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start a MIS: %w", err), server.Close())
	}
	return m, nil
}

func (m *MIS) setUp(ctx context.Context, o MISOptions) (err error) {
	if m.Database, err = m.Instance.NewDatabase(ctx, "SchoolMIS"); err != nil {
		return err
	}
	if err := m.Write(ctx); err != nil {
		return err
	}
	for _, create := range o.Tables {
		if err := m.Run(ctx, create); err != nil {
			return err
		}
	}
	if m.Script, err = docs.Script(viewsPage, docs.Run); err != nil {
		return err
	}
	if o.Adapt != nil {
		m.Script = o.Adapt(m.Script)
	}
	m.user, m.password = viewLogin, "Demo-"+rand.Text()+"!1"
	if m.Instance.StandIn() == nil {
		// Logins belong to the whole server, which others use too.
		m.user = viewLogin + "_" + m.Database.Name()
		m.Script = strings.ReplaceAll(m.Script, viewLogin, m.user)
	}
	if err := m.Run(ctx, m.Script); err != nil {
		return err
	}
	return m.Run(ctx, "ALTER LOGIN "+m.user+" WITH PASSWORD = N'"+m.password+"'")
}

// Write makes the database hold what the school is now, in one transaction.
func (m *MIS) Write(ctx context.Context) error {
	return demoschool.Load(ctx, m.Database.Admin(), m.school.TablesSQL())
}

// Run carries out T-SQL as the database's administrator, batches ended by GO.
func (m *MIS) Run(ctx context.Context, script string) error { return m.Database.Run(ctx, script) }

// Server is how an agent reaches the MIS.
func (m *MIS) Server() Server {
	return Server{
		Host: m.Instance.Host(), Port: m.Instance.Port(), Database: m.Database.Name(), User: m.user, Password: m.password,
		Encryption: m.Instance.Encryption(), CertificateFile: m.Instance.CertificateFile(),
	}
}

// Source is the MIS as an agent reads it: the views, with the profile sql-views.
func (m *MIS) Source() Source { return m.Server().Source("sql-views") }

// Close drops the database and ends the server. It may be called twice.
func (m *MIS) Close() error { return m.Instance.Close() }
