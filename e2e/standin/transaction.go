package standin

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rollbridge/e2e/standin/tds"
)

// A transaction of a session. SQLite's own begins with the first statement that
// needs it, so that READ COMMITTED reads what is committed at each statement.
type transaction struct {
	isolation int // when it began
	depth     int // BEGIN TRAN within BEGIN TRAN
	begun     bool
	changes   int64 // DDL of the database that a snapshot knows
}

// Begin starts a transaction that the client asked for over the wire.
func (ss *session) Begin(_ context.Context, isolation int) error {
	if isolation != tds.IsolationUnchanged {
		ss.set.isolation = isolation
	}
	if ss.tx != nil {
		ss.tx.depth++
		return nil
	}
	ss.tx = &transaction{isolation: ss.set.isolation, depth: 1}
	return nil
}

// Commit ends the innermost transaction; only the outermost one writes.
func (ss *session) Commit(context.Context) error {
	if ss.tx == nil {
		return fault(3902, 16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
	}
	if ss.tx.depth > 1 {
		ss.tx.depth--
		return nil
	}
	return ss.end(true)
}

// Rollback undoes all of them.
func (ss *session) Rollback(context.Context) error {
	if ss.tx == nil {
		return fault(3903, 16, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
	}
	return ss.end(false)
}

// end is for whatever the transaction's state is; without one it does nothing.
// It does not end with a context: a transaction is never left half open.
func (ss *session) end(commit bool) error {
	tx := ss.tx
	if tx == nil {
		return nil
	}
	ss.tx = nil
	defer ss.d.lock.release(ss)
	if !tx.begun {
		return nil
	}
	how := "ROLLBACK"
	if commit {
		how = "COMMIT"
	}
	if _, err := ss.file.ExecContext(context.Background(), how); err != nil {
		return fmt.Errorf("%s: %w", how, err)
	}
	return nil
}

// transact carries out BEGIN, COMMIT and ROLLBACK of a batch.
func (ss *session) transact(ctx context.Context, action string, w *tds.Response) error {
	before := ss.tx
	var err error
	switch action {
	case "BEGIN":
		err = ss.Begin(ctx, tds.IsolationUnchanged)
	case "COMMIT":
		err = ss.Commit(ctx)
	case "ROLLBACK":
		err = ss.Rollback(ctx)
	default:
		return notTranslated("%s of a transaction.", action)
	}
	switch {
	case err != nil:
		return err
	case before == nil:
		return w.Begun()
	case ss.tx == nil:
		return w.Ended(action == "COMMIT")
	}
	return nil
}

// beforeRead makes sure that tables can be read as the isolation level says.
func (ss *session) beforeRead(ctx context.Context, r reach) error {
	if len(r.tables) == 0 {
		return nil // the catalogue is read without locks
	}
	if ss.set.isolation == tds.IsolationSnapshot {
		return ss.beforeSnapshot(ctx, r)
	}
	if ss.tx != nil && ss.tx.begun {
		return nil // it is the writer, or keeps writers out
	}
	if ss.tx != nil && ss.set.isolation > tds.IsolationReadCommitted {
		return ss.beforeWrite(ctx)
	}
	if ss.set.isolation == tds.IsolationReadUncommitted || r.versioned {
		return nil
	}
	return ss.d.lock.readable(ctx, ss, r.tables, ss.set.lockTimeout)
}

// beforeSnapshot begins the snapshot with the first access to data, as SQL
// Server does, and refuses what has been altered since.
func (ss *session) beforeSnapshot(ctx context.Context, r reach) error {
	if !r.snapshot {
		return fault(3952, 16, "Snapshot isolation transaction failed accessing database '%s' because snapshot isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation.", ss.d.name)
	}
	tx := ss.tx
	if tx == nil {
		return nil
	}
	if tx.isolation != tds.IsolationSnapshot {
		return fault(3951, 16, "Transaction failed in database '%s' because the statement was run under snapshot isolation but the transaction did not start in snapshot isolation.", ss.d.name)
	}
	if !tx.begun {
		if _, err := ss.file.ExecContext(ctx, "BEGIN"); err != nil {
			return fmt.Errorf("begin a snapshot: %w", err)
		}
		tx.begun, tx.changes = true, r.changes
		// SQLite's snapshot begins with its first read.
		var n int
		if err := ss.file.QueryRowContext(ctx, "SELECT COUNT(*) FROM main.sqlite_schema").Scan(&n); err != nil {
			return fmt.Errorf("begin a snapshot: %w", err)
		}
	}
	if r.changed > tx.changes {
		return fault(3961, 16, "Snapshot isolation transaction failed in database '%s' because the object accessed by the statement has been modified by a DDL statement in another concurrent transaction since the start of this transaction.", ss.d.name)
	}
	return nil
}

// beforeWrite makes the session the writer of its database.
func (ss *session) beforeWrite(ctx context.Context) error {
	if err := ss.d.lock.hold(ctx, ss, ss.set.lockTimeout); err != nil {
		return err
	}
	if ss.tx == nil || ss.tx.begun {
		return nil
	}
	if _, err := ss.file.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	ss.tx.begun = true
	return nil
}

// afterStatement lets go of what a statement outside a transaction has locked.
func (ss *session) afterStatement() {
	if ss.tx == nil {
		ss.d.lock.release(ss)
	}
}

func isSnapshotConflict(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_BUSY_SNAPSHOT
}
