package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// A preparer opens SQLite connections that keep their statements: parsing one
// costs several times what running it does, and the collector runs the same
// few dozen again and again. (pgx does this by itself.)
type preparer struct{ driver.Connector }

func (p preparer) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := inner.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver's connection is a %T without what is needed", inner), inner.Close())
	}
	return &preparedConn{sqliteConn: conn, kept: map[string]*prepared{}}, nil
}

// sqliteConn is what database/sql uses of the driver's connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// maxPrepared bounds the statements that a connection keeps, a few kilobytes
// each; the program has fewer.
const maxPrepared = 256

// A preparedConn is used by one goroutine at a time, as every driver.Conn is.
type preparedConn struct {
	sqliteConn
	kept map[string]*prepared
}

type prepared struct {
	run interface {
		driver.StmtExecContext
		driver.StmtQueryContext
	}
	close func() error
	busy  bool // its rows are still being read
}

// statement is the kept statement of a query, or nil where it cannot be kept or
// is in use: the query is then run as it stands.
func (c *preparedConn) statement(ctx context.Context, query string) (*prepared, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p, found := c.kept[query]; found {
		if p.busy {
			return nil, nil
		}
		return p, nil
	}
	// A semicolon may separate statements, of which only the first would be
	// prepared: migrations are scripts.
	if len(c.kept) >= maxPrepared || strings.Contains(query, ";") {
		return nil, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p := &prepared{close: s.Close}
	var ok bool
	if p.run, ok = s.(interface {
		driver.StmtExecContext
		driver.StmtQueryContext
	}); !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver's statement is a %T without what is needed", s), s.Close())
	}
	c.kept[query] = p
	return p, nil
}

// failed forgets a statement that ended in an error, so that nothing of a
// failure is left for the next use.
func (c *preparedConn) failed(query string, p *prepared, err error) error {
	delete(c.kept, query)
	// The statement's own error says what happened; closing repeats it.
	_ = p.close()
	return err
}

// whole lets a statement run to its end (a query: to its first row) once it has
// begun. The driver would start a goroutine for each, to interrupt it: a fifth
// of the cost of a short statement, and the collector has no others.
func whole(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// ExecContext runs a statement without rows.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	p, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	r, err := p.run.ExecContext(whole(ctx), args)
	if err != nil {
		return nil, c.failed(query, p, err)
	}
	return r, nil
}

// QueryContext runs a statement with rows, which keep it until they are closed.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	p, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := p.run.QueryContext(whole(ctx), args)
	if err != nil {
		return nil, c.failed(query, p, err)
	}
	p.busy = true
	return &preparedRows{Rows: rows, of: p}, nil
}

// Close ends the connection and everything it keeps.
func (c *preparedConn) Close() error {
	var errs []error
	for _, p := range c.kept {
		errs = append(errs, p.close())
	}
	clear(c.kept)
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

type preparedRows struct {
	driver.Rows
	of *prepared
}

func (r *preparedRows) Close() error {
	err := r.Rows.Close()
	r.of.busy = false
	return err
}
