package tds

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// A Response is what a Session writes the outcome of a Request to. Its methods
// are called by one goroutine at a time, and only until Run returns. An error
// of any of them means that the client has gone, has cancelled, or that the
// rows do not fit the columns; Run must then return it.
type Response struct {
	c    *conn
	ctx  context.Context
	call bool // a procedure call, whose statements and end have other tokens

	columns []Column
	// waiting is the end of the last statement, kept back until it is known
	// whether another follows, because it must say so.
	waiting func(more bool) []byte
	results []byte // return values of a call
	scratch []byte
	broken  error // the client cannot be reached any more
}

// write sends tokens after whatever waits.
func (w *Response) write(b []byte) error {
	if w.broken != nil {
		return w.broken
	}
	if w.waiting != nil {
		before := w.waiting(true)
		w.waiting = nil
		b = append(before, b...)
	}
	if _, err := w.c.out.Write(b); err != nil {
		w.broken = err
		return err
	}
	return nil
}

// open says whether the request may still be answered.
func (w *Response) open() error {
	if w.broken != nil {
		return w.broken
	}
	return w.ctx.Err()
}

// Columns begins a result set.
func (w *Response) Columns(columns []Column) error {
	if err := w.open(); err != nil {
		return err
	}
	b, err := appendColumns(nil, columns)
	if err != nil {
		return fmt.Errorf("begin a result: %w", err)
	}
	w.columns = append([]Column{}, columns...)
	return w.write(b)
}

// Row sends one row of the result set begun last, with a value as package
// sqltype describes for each column. It waits while the client does not read.
func (w *Response) Row(values []any) error {
	if err := w.open(); err != nil {
		return err
	}
	if w.columns == nil {
		return errors.New("send a row: there is no result for it")
	}
	// A row is written whole or not at all, so that an Attention never leaves
	// the client in the middle of one.
	b, err := appendRow(w.scratch[:0], w.columns, values)
	if err != nil {
		return fmt.Errorf("send a row: %w", err)
	}
	w.scratch = b
	return w.write(b)
}

// Done ends a statement: rows is how many it returned or changed, negative
// when it does not count (SET, USE, or NOCOUNT ON).
func (w *Response) Done(rows int64) error {
	if err := w.open(); err != nil {
		return err
	}
	if err := w.write(nil); err != nil {
		return err
	}
	w.columns = nil
	w.waiting = func(more bool) []byte {
		switch {
		case w.call:
			return appendDone(nil, tokenDoneInProc, doneMore, rows)
		case more:
			return appendDone(nil, tokenDone, doneMore, rows)
		}
		return appendDone(nil, tokenDone, 0, rows)
	}
	return nil
}

// Info sends a message that is no error (PRINT, warnings).
func (w *Response) Info(number int32, class uint8, message string) error {
	if err := w.open(); err != nil {
		return err
	}
	return w.write(appendError(nil, tokenInfo, &Error{Number: number, State: 1, Class: class, Message: message}, w.c.o.serverName()))
}

// Database tells the client that USE has changed the database.
func (w *Response) Database(old, new string) error {
	if err := w.open(); err != nil {
		return err
	}
	if err := w.write(appendChange(nil, changeDatabase, new, old)); err != nil {
		return err
	}
	return w.Info(5701, 0, "Changed database context to '"+new+"'.")
}

// Begun tells the client that the batch itself has begun a transaction
// (BEGIN TRAN). It does nothing where the client knows of one already.
func (w *Response) Begun() error {
	if err := w.open(); err != nil || w.c.transaction != 0 {
		return err
	}
	w.c.begun++
	w.c.transaction = w.c.begun
	return w.write(appendChangeBytes(nil, changeBegun, descriptor(w.c.transaction), nil))
}

// Ended tells the client that the batch or the server has ended the open
// transaction (COMMIT, ROLLBACK, a deadlock). It does nothing where the client
// knows of none. It may be called after an Attention too.
func (w *Response) Ended(committed bool) error {
	if w.c.transaction == 0 || w.broken != nil {
		return w.broken
	}
	what := byte(changeRolledBack)
	if committed {
		what = changeCommitted
	}
	old := descriptor(w.c.transaction)
	w.c.transaction = 0
	return w.write(appendChangeBytes(nil, what, nil, old))
}

func descriptor(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// Flush sends what has been written so far, for a Session that is about to
// wait. Nothing else needs it.
func (w *Response) Flush() error {
	if err := w.write(nil); err != nil {
		return err
	}
	if err := w.c.out.flush(); err != nil {
		w.broken = err
		return err
	}
	return nil
}

// errCut is what the writes of a connection end with that Cut has dropped.
var errCut = errors.New("the server has cut the connection")

// Cut drops the TCP connection at once, in the middle of whatever was being
// sent, as a server does that loses power: what the client has not read yet
// may be lost too.
func (w *Response) Cut() {
	under := w.c.net
	if p, ok := under.(*preceded); ok {
		under = p.Conn
	}
	if l, ok := under.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0) // without it the drop is an orderly one: no worse
	}
	under.Close()
	w.broken = errCut
}

// end ends the answer, with err as an error of the server.
func (w *Response) end(err error) error {
	var failed *Error
	if err != nil {
		failed = new(Error)
		if !errors.As(err, &failed) {
			failed = &Error{Number: numberOther, Message: err.Error()}
		}
		failed = failed.filled()
	}
	var b []byte
	if w.waiting != nil {
		b = w.waiting(failed != nil || w.call)
		w.waiting = nil
	}
	status, result := uint16(0), int32(0)
	if failed != nil {
		b = appendError(b, tokenError, failed, w.c.o.serverName())
		status, result = doneError, failed.Number
		if failed.Class >= fatalClass {
			status |= doneFatal
		}
	}
	switch {
	case w.call:
		b = append(b, tokenReturnStatus)
		b = binary.LittleEndian.AppendUint32(b, uint32(result))
		b = append(b, w.results...)
		b = appendDone(b, tokenDoneProc, status, -1)
	case len(b) == 0 || failed != nil:
		// A statement that was ended has said the last word already.
		b = appendDone(b, tokenDone, status, -1)
	}
	if err := w.c.send(b); err != nil {
		return err
	}
	if status&doneFatal != 0 {
		return fmt.Errorf("%w: %w", errFatal, failed)
	}
	return nil
}
