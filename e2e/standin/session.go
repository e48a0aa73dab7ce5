package standin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/standin/tds"
	"rollbridge/e2e/standin/tsql"
)

// Limits of the logs: the older half is forgotten when one is reached.
const (
	maxStatements  = 100_000
	maxLoggedBytes = 32 << 20
	maxLogins      = 100_000
)

// A session is one signed-on connection (tds.Session). d is guarded by the
// server's mutex against others; the rest is its own goroutine's.
type session struct {
	server *Server
	login  *login
	home   *database // entered at the sign-on
	conn   net.Conn
	hello  tds.Login // what the client said of itself
	d      *database
	file   *sql.Conn // SQLite
	set    settings
	tx     *transaction
	number int64 // of tsql.Enter
	leave  func()
}

// settings are the SET options that matter here; the others are accepted and
// have the values that the translation takes for granted.
type settings struct {
	nocount     bool
	abort       bool // XACT_ABORT
	lockTimeout time.Duration
	isolation   int // tds.Isolation…
}

func defaults() settings {
	return settings{lockTimeout: -1, isolation: tds.IsolationReadCommitted}
}

// enter makes d the session's database, with a SQLite connection of its own.
func (ss *session) enter(ctx context.Context, d *database) error {
	file, err := d.file.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the file of database %s: %w", d.name, err)
	}
	if err := makeCatalogue(ctx, file); err != nil {
		return errors.Join(err, file.Close())
	}
	if ss.leave == nil {
		ss.number, ss.leave = tsql.Enter(ss)
	}
	if ss.file != nil {
		if err := ss.file.Close(); err != nil {
			return errors.Join(fmt.Errorf("leave the database: %w", err), file.Close())
		}
	}
	ss.server.mu.Lock()
	defer ss.server.mu.Unlock()
	ss.d, ss.file = d, file
	return nil
}

// leave takes a session off the server's list.
func (s *Server) leave(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, ss)
	ss.login.sessions--
	if ss.d != nil && ss.d.single == ss {
		ss.d.single = nil
	}
}

// Close ends the session.
func (ss *session) Close() error {
	err := ss.end(false)
	ss.leave()
	ss.server.leave(ss)
	return errors.Join(err, ss.file.Close())
}

// Reset puts the session back to how it was after the sign-on.
func (ss *session) Reset(ctx context.Context) error {
	err := ss.end(false)
	ss.set = defaults()
	if ss.d != ss.home {
		err = errors.Join(err, ss.enter(ctx, ss.home))
	}
	return err
}

// Run carries out a batch, statement by statement, until one fails.
func (ss *session) Run(ctx context.Context, q tds.Request, w *tds.Response) error {
	ss.record(q)
	err := ss.batch(ctx, q, w)
	if err == nil || errors.Is(err, errCut) {
		return err
	}
	doomed := false
	if ctx.Err() == nil {
		err = ss.asError(err)
		var e *tds.Error
		doomed = errors.As(err, &e) && (e.Number == 1205 || e.Number == 3960)
	}
	// An Attention is an error to XACT_ABORT too.
	if ss.tx != nil && (doomed || ss.set.abort) {
		if ended := ss.end(false); ended != nil {
			return ended
		}
		if sent := w.Ended(false); sent != nil {
			return sent
		}
	}
	return err
}

func (ss *session) batch(ctx context.Context, q tds.Request, w *tds.Response) error {
	f := ss.server.chosen(q.Text+q.Procedure, ss.login.name == administrator)
	if f != nil && f.AtRow == 0 && !f.Endless {
		if err := ss.server.strike(ctx, f, w, nil); err != nil {
			return err
		}
		f = nil
	}
	if q.Procedure != "" {
		return ss.call(q.Procedure)
	}
	statements, err := tsql.Parse(q.Text)
	if err != nil {
		return err
	}
	params := make([]tsql.Param, len(q.Params))
	for i, p := range q.Params {
		params[i] = tsql.Param(p)
	}
	for _, st := range statements {
		if err := ss.statement(ctx, st, request{w: w, params: params, fault: f}); err != nil {
			return err
		}
	}
	return nil
}

// A request is what a statement needs of its batch.
type request struct {
	w      *tds.Response
	params []tsql.Param
	fault  *staged // at a row; nil without one
}

func (ss *session) record(q tds.Request) {
	s := ss.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.statements) >= maxStatements || s.logged >= maxLoggedBytes {
		s.statements = append([]Statement(nil), s.statements[len(s.statements)/2:]...)
		s.logged = 0
		for _, st := range s.statements {
			s.logged += len(st.Text)
		}
	}
	st := Statement{Login: ss.login.name, Database: ss.d.name, Text: q.Text + q.Procedure, Params: len(q.Params)}
	s.statements = append(s.statements, st)
	s.logged += len(st.Text)
}

// call answers the call of a procedure: they are kept by name only.
func (ss *session) call(name string) error {
	ss.server.mu.RLock()
	defer ss.server.mu.RUnlock()
	schemaName, bare, ok := splitName(name)
	o, found := ss.d.objects[key(schemaName, bare)]
	if !ok || !found || o.kind != procedure {
		return fault(2812, 16, "Could not find stored procedure '%s'.", name)
	}
	if ss.reader().on(o, "EXECUTE") != granted {
		return fault(229, 14, "The EXECUTE permission was denied on the object '%s', database '%s', schema '%s'.", o.Name, ss.d.name, o.Schema)
	}
	return notTranslated("what a procedure does.")
}

// asError gives an error its number: SQLite's own and tsql's under SQL Server's.
func (ss *session) asError(err error) error {
	var own *tds.Error
	if errors.As(err, &own) {
		return own
	}
	var refused *tsql.Error
	if errors.As(err, &refused) {
		return fault(refused.Number, refused.Class(), "%s", refused.Message)
	}
	if e, ok := tsql.ErrorOf(err); ok {
		return fault(e.Number, e.Class(), "%s", e.Message)
	}
	if isSnapshotConflict(err) {
		return snapshotConflict(ss.d.name)
	}
	return err
}

// option carries out SET.
func (ss *session) option(o *tsql.SetOption) error {
	switch o.Option {
	case "NOCOUNT":
		ss.set.nocount = o.Value == "ON"
	case "XACT_ABORT":
		ss.set.abort = o.Value == "ON"
	case "LOCK_TIMEOUT":
		n, err := strconv.Atoi(o.Value)
		if err != nil || n < -1 {
			return fault(102, 15, "Incorrect syntax near '%s'.", o.Value)
		}
		ss.set.lockTimeout = time.Duration(n) * time.Millisecond
	case "TRANSACTION ISOLATION LEVEL":
		level, ok := isolations[strings.Join(strings.Fields(o.Value), " ")]
		if !ok {
			return fault(102, 15, "Incorrect syntax near '%s'.", o.Value)
		}
		ss.set.isolation = level
	}
	return nil
}

var isolations = map[string]int{
	"READ UNCOMMITTED": tds.IsolationReadUncommitted, "READ COMMITTED": tds.IsolationReadCommitted,
	"REPEATABLE READ": tds.IsolationRepeatableRead, "SERIALIZABLE": tds.IsolationSerializable, "SNAPSHOT": tds.IsolationSnapshot,
}
