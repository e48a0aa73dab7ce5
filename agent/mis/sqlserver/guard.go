package sqlserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// errRefused is what the guard says to a text it does not know.
var errRefused = errors.New("a statement that is neither one of this program's own nor a checked SELECT was not sent")

// A fixed is one of this package's own statements. Each is a package variable
// made by fix, so that the set is complete before the first connection is made:
//
//	var askVersion = fix(`SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(40)) AS v`)
//
// It may use parameters @p1, @p2, …; a text for a variable number of values is
// written for the largest number and the rest is given as nil.
type fixed struct{ text string }

var fixedTexts = map[string]bool{}

// fix adds a statement to the package's own. Only package variables call it.
func fix(text string) fixed {
	fixedTexts[text] = true
	return fixed{text: text}
}

// A guard stands between database/sql and the driver. Every text that is to
// reach the server passes connection.PrepareContext, because a connection has no
// other way to take one (it has no ExecContext, QueryContext or Ping on
// purpose), and is refused there unless it is one of fixedTexts or was made by
// one of the two admit methods. It connects once: a session that lost its
// connection is over, and nothing is asked a second time behind its back.
type guard struct {
	inner driver.Connector
	wire  *wire

	mu        sync.Mutex
	texts     map[string]bool
	connected bool
}

func newGuard(inner driver.Connector, w *wire) *guard {
	return &guard{inner: inner, wire: w, texts: map[string]bool{}}
}

// admitSelect makes the text of q with count values for the list parameter
// ("" without one) and lets it pass.
func (g *guard) admitSelect(q Select, list string, count int) string {
	text := q.text
	if list != "" {
		text = q.expand(list, count)
	}
	return g.admit(text)
}

// admitSetUp makes the text that sets up a session and lets it pass.
func (g *guard) admitSetUp(lock time.Duration) string {
	return g.admit(fmt.Sprintf("SET NOCOUNT ON\nSET DEADLOCK_PRIORITY LOW\nSET TRANSACTION ISOLATION LEVEL READ COMMITTED\nSET LOCK_TIMEOUT %d",
		lock.Milliseconds()))
}

func (g *guard) admit(text string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.texts[text] = true
	return text
}

func (g *guard) allows(text string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.TrimSpace(text) != "" && (fixedTexts[text] || g.texts[text])
}

// Connect is [driver.Connector]'s.
func (g *guard) Connect(ctx context.Context) (driver.Conn, error) {
	g.mu.Lock()
	again := g.connected
	g.connected = true
	g.mu.Unlock()
	if again {
		return nil, errors.New("a session connects only once")
	}
	stop := context.AfterFunc(ctx, g.wire.interrupt)
	conn, err := g.inner.Connect(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	c, ok := conn.(*mssql.Conn)
	if !ok {
		stop()
		return nil, errors.Join(errors.New("the driver gave a connection of another kind"), conn.Close())
	}
	if !stop() {
		return nil, errors.Join(context.Cause(ctx), c.Close())
	}
	if err := g.wire.established(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &connection{inner: c, guard: g}, nil
}

// Driver is [driver.Connector]'s. The driver it gives opens nothing, so that
// there is no way round the guard.
func (g *guard) Driver() driver.Driver { return noDriver{} }

type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) { return nil, errRefused }

// A connection is the driver's, with one way in.
type connection struct {
	inner *mssql.Conn
	guard *guard
}

// Prepare is PrepareContext without a limit of time.
func (c *connection) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

// PrepareContext refuses what the guard does not allow. Nothing is sent yet.
func (c *connection) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if !c.guard.allows(text) {
		return nil, errRefused
	}
	return c.inner.PrepareContext(ctx, text)
}

// Begin is refused: a transaction has its isolation said.
func (c *connection) Begin() (driver.Tx, error) { return nil, errRefused }

// BeginTx begins a transaction that reads one snapshot; no other is begun.
func (c *connection) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if sql.IsolationLevel(o.Isolation) != sql.LevelSnapshot {
		return nil, errRefused
	}
	return c.inner.BeginTx(ctx, o)
}

// CheckNamedValue lets the driver's own types of parameters through.
func (c *connection) CheckNamedValue(v *driver.NamedValue) error { return c.inner.CheckNamedValue(v) }

// IsValid reports whether the connection can still be used.
func (c *connection) IsValid() bool { return c.inner.IsValid() }

// Close hangs up.
func (c *connection) Close() error { return c.inner.Close() }
