package instance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// A Database is one of an Instance. It goes with it.
type Database struct {
	instance *Instance

	mu    sync.Mutex
	name  string
	admin *sql.DB
}

// Name is what the database is called now.
func (d *Database) Name() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.name
}

// Admin is a pool of the administrator's connections to the database; the
// Instance closes it. Rename closes it and opens another.
func (d *Database) Admin() *sql.DB {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.admin
}

// Open is a pool of another login's connections; the caller closes it. The
// error of a sign-on that is refused is go-mssqldb's own.
func (d *Database) Open(ctx context.Context, user, password string) (*sql.DB, error) {
	return d.instance.open(ctx, d.Name(), &account{user, password})
}

// Run sends the script's batches, which lines with only GO separate, one after
// the other over one connection of the administrator. An error names the batch
// and the line that it begins at.
func (d *Database) Run(ctx context.Context, script string) (err error) {
	c, err := d.Admin().Conn(ctx)
	if err != nil {
		return fmt.Errorf("run a script on database %s: %w", d.Name(), err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, b := range split(script) {
		if err := d.instance.remember(ctx, b.text); err != nil {
			return err
		}
		if _, err := c.ExecContext(ctx, b.text); err != nil {
			return fmt.Errorf("run the script's batch that begins at line %d: %w", b.line, err)
		}
	}
	return nil
}

// Rename gives the database another name, cutting every connection to it, as
// an administrator does who does not wait. On a real server the name is made unique.
func (d *Database) Rename(ctx context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = d.instance.unique(name)
	if err := d.admin.Close(); err != nil {
		return fmt.Errorf("rename database %s: %w", d.name, err)
	}
	if err := d.alone(ctx, "ALTER DATABASE "+quote(d.name)+" MODIFY NAME = "+quote(name), name); err != nil {
		return fmt.Errorf("rename database %s: %w", d.name, err)
	}
	d.name = name
	admin, err := d.instance.open(ctx, name, nil)
	if err != nil {
		return fmt.Errorf("enter database %s: %w", name, err)
	}
	d.admin = admin
	return nil
}

// alone carries out a statement with nobody else in the database, and opens
// it, under the name that it has then, to all again.
func (d *Database) alone(ctx context.Context, statement, name string) (err error) {
	c, err := d.instance.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.ExecContext(ctx, "ALTER DATABASE "+quote(d.name)+" SET SINGLE_USER WITH ROLLBACK IMMEDIATE"); err != nil {
		return err
	}
	_, failed := c.ExecContext(ctx, statement)
	if failed != nil {
		name = d.name
	}
	_, err = c.ExecContext(ctx, "ALTER DATABASE "+quote(name)+" SET MULTI_USER")
	return errors.Join(failed, err)
}

// drop is for a real server.
func (d *Database) drop(ctx context.Context) error {
	admin := d.instance.admin
	if _, err := admin.ExecContext(ctx, "ALTER DATABASE "+quote(d.name)+" SET SINGLE_USER WITH ROLLBACK IMMEDIATE"); err != nil {
		return fmt.Errorf("drop database %s: %w", d.name, err)
	}
	if _, err := admin.ExecContext(ctx, "DROP DATABASE "+quote(d.name)); err != nil {
		return fmt.Errorf("drop database %s: %w", d.name, err)
	}
	return nil
}
