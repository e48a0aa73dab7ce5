package database

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// What Check and Migrate find wrong with a schema.
var (
	ErrSchemaOld = errors.New("the database's schema is older than this program; stop the collector, back the database up and run rollbridge-collector migrate")
	ErrSchemaNew = errors.New("the database's schema is newer than this program; install the program version that last migrated it, or a newer one")
)

func (d *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+string(d.Dialect))
	if err != nil {
		return nil, err
	}
	if d.Dialect == SQLite {
		return goose.NewProvider(goose.DialectSQLite3, d.writer, files)
	}
	// Two operators may start a migration at once.
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, d.writer, files, goose.WithSessionLocker(locker))
}

// Migrate brings the schema up to the program's, each step in a transaction of
// its own, so that a failure leaves the last whole step. It does nothing where
// nothing is to do, and returns ErrSchemaNew for a schema it does not know.
func (d *DB) Migrate(ctx context.Context) error {
	if err := d.Check(ctx); !errors.Is(err, ErrSchemaOld) {
		return err
	}
	p, err := d.provider()
	if err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", classify(err))
	}
	return nil
}

// Check compares the schema with the program's: nil, ErrSchemaOld (also for an
// empty database) or ErrSchemaNew.
func (d *DB) Check(ctx context.Context) error {
	p, err := d.provider()
	if err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	sources := p.ListSources()
	want := sources[len(sources)-1].Version
	have, err := d.schemaVersion(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("check database: %w", err)
	case have < want:
		return fmt.Errorf("check database: %w (it has version %d, this program needs %d)", ErrSchemaOld, have, want)
	case have > want:
		return fmt.Errorf("check database: %w (it has version %d, this program knows %d)", ErrSchemaNew, have, want)
	}
	return nil
}

// schemaVersion asks without goose, which would make its table: a check
// changes nothing, and intake's role may not.
func (d *DB) schemaVersion(ctx context.Context) (version int64, err error) {
	exists := "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '" + goose.DefaultTablename + "'"
	if d.Dialect == Postgres {
		exists = "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('" + goose.DefaultTablename + "')"
	}
	err = d.Read(ctx, func(tx *Tx) error {
		var tables int
		if err := tx.QueryRow(ctx, exists).Scan(&tables); err != nil || tables == 0 {
			return err
		}
		return tx.QueryRow(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+goose.DefaultTablename).Scan(&version)
	})
	return version, err
}

// intakeGrants is all that the internet-facing role may do (design.md §8).
// The version table lets it refuse a schema that it does not know.
var intakeGrants = []string{
	// Not state: what is decided is apply's word only.
	"INSERT (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, envelope, receipt) ON inbox",
	"INSERT (school, digest, message, sender, frame, received_at, receipt) ON requests",
	"SELECT (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, receipt, state) ON inbox",
	"SELECT (school, digest, message, sender, receipt, state) ON requests",
	"SELECT (school, code_id, public_key, offer, expires_at, used_by) ON codes",
	// The hash of a revocation code finds its agent; only the code itself stops it.
	"SELECT (school, agent, generation, sign_key, revocation, state, reenrolled) ON agents",
	"INSERT (school, agent, code, received_at) ON stop_requests",
	"SELECT (school, agent, received_at) ON stop_requests",
	"SELECT (school, generation, hidden_at, destroy_at, destroyed_at) ON stops",
	"SELECT ON certificates, statements, keyrings, " + goose.DefaultTablename,
	// Not what an agent last said of itself.
	"SELECT (school, agent, counter, conflict) ON attempts",
	"UPDATE (counter, heard_at, checkin, conflict) ON attempts",
}

var roleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]{0,62}$`)

// GrantIntake gives a PostgreSQL role, which must exist, the rights that a
// process with role intake needs, and takes every other right on the
// collector's tables from it. Again is harmless.
func (d *DB) GrantIntake(ctx context.Context, role string) error {
	if d.Dialect != Postgres {
		return errors.New("grant intake: only PostgreSQL has roles; on SQLite, give intake a database user by moving to PostgreSQL")
	}
	if !roleName.MatchString(role) {
		return errors.New("grant intake: the role's name must be letters, digits, hyphens and underscores")
	}
	to := pgx.Identifier{role}.Sanitize()
	return d.Write(ctx, func(tx *Tx) error {
		var schema string
		if err := tx.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
			return fmt.Errorf("grant intake: %w", err)
		}
		in := pgx.Identifier{schema}.Sanitize()
		statements := []string{
			"REVOKE ALL ON ALL TABLES IN SCHEMA " + in + " FROM " + to,
			"GRANT USAGE ON SCHEMA " + in + " TO " + to,
		}
		for _, g := range intakeGrants {
			statements = append(statements, "GRANT "+g+" TO "+to)
		}
		for _, s := range statements {
			if _, err := tx.Exec(ctx, s); err != nil {
				return fmt.Errorf("grant intake its rights: does the role exist, and does this user own the tables? %w", err)
			}
		}
		return nil
	})
}
