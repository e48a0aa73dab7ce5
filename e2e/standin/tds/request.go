package tds

import (
	"context"
	"errors"
	"fmt"
)

// headerTransaction is the header that names the transaction of a request.
const headerTransaction = 2

// readHeaders reads ALL_HEADERS (MS-TDS 2.2.5.3) and gives the transaction
// that a request belongs to.
func readHeaders(c *cursor) (transaction uint64, err error) {
	total := c.u32()
	if c.bad || total < 4 || uint64(total-4) > uint64(len(c.rest)) {
		return 0, broken("headers of %d bytes", total)
	}
	all := cursor{rest: c.take(int(total - 4))}
	for len(all.rest) > 0 {
		length := all.u32()
		kind := all.u16()
		if all.bad || length < 6 || uint64(length-6) > uint64(len(all.rest)) {
			return 0, broken("a header of %d bytes", length)
		}
		data := cursor{rest: all.take(int(length - 6))}
		if kind != headerTransaction {
			continue
		}
		transaction = data.u64()
		if data.u32(); data.bad {
			return 0, broken("a transaction's header of %d bytes", length)
		}
	}
	return transaction, nil
}

// A call is a procedure call as it crosses.
type call struct {
	name   string
	params []callParam
}

type callParam struct {
	Param
	output bool
}

// Bits of a parameter's status, and what stands between two calls.
const (
	paramOutput    = 0x01
	paramEncrypted = 0x08
	nextCall       = 0xFF
	nextCallNoExec = 0xFE
)

// byNumber marks a procedure that is named by its number.
const byNumber = 0xFFFF

// procedures are the names of the procedures that have a number.
var procedures = map[uint16]string{
	1: "sp_cursor", 2: "sp_cursoropen", 3: "sp_cursorprepare", 4: "sp_cursorexecute", 5: "sp_cursorprepexec",
	6: "sp_cursorunprepare", 7: "sp_cursorfetch", 8: "sp_cursoroption", 9: "sp_cursorclose",
	10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 14: "sp_prepexecrpc", 15: "sp_unprepare",
}

// readCall reads a procedure call (MS-TDS 2.2.6.6). A type that the stand-in
// does not take is an *Error, which leaves the connection as it is.
func readCall(c *cursor) (call, error) {
	var k call
	if n := c.u16(); n == byNumber {
		number := c.u16()
		name, ok := procedures[number]
		if !ok {
			return k, broken("a call of procedure number %d", number)
		}
		k.name = name
	} else if k.name = c.text(int(n)); n == 0 {
		return k, broken("a call of no procedure")
	}
	c.u16() // with recompilation, without metadata: nothing that matters here
	for !c.bad && len(c.rest) > 0 {
		if next := c.rest[0]; next == nextCall || next == nextCallNoExec {
			return k, notTaken("several calls in one message")
		}
		if len(k.params) == maxParams {
			return k, &Error{Number: numberTooManyParams, Message: "The incoming request has too many parameters. The server supports a maximum of 2100 parameters. Reduce the number of parameters and resend the request."}
		}
		p := callParam{Param: Param{Name: c.shortText()}}
		status := c.u8()
		p.output = status&paramOutput != 0
		if status&paramEncrypted != 0 {
			return k, notTaken("an encrypted parameter")
		}
		var err error
		p.Type, p.Value, err = readValue(c)
		if unknown := (errNotTaken{}); errors.As(err, &unknown) {
			return k, notTaken("a parameter of the wire's type %#x", unknown.code)
		}
		if err != nil {
			return k, fmt.Errorf("read parameter %d of a call: %w", len(k.params)+1, err)
		}
		k.params = append(k.params, p)
	}
	if c.bad {
		return k, broken("a call ends inside itself")
	}
	return k, nil
}

// Requests of the transaction manager (MS-TDS 2.2.6.9).
const (
	managerBegin    = 5
	managerCommit   = 7
	managerRollback = 8
	managerThenNew  = 0x01
)

// transact begins or ends a transaction.
func (c *conn) transact(ctx context.Context, body *cursor, w *Response) error {
	kind := body.u16()
	switch kind {
	case managerBegin:
		return c.beginTransaction(ctx, body, w)
	case managerCommit, managerRollback:
	default:
		if body.bad {
			return broken("a request of the transaction manager ends inside itself")
		}
		return notTaken("request %d of the transaction manager", kind)
	}
	body.shortText() // the transaction's name
	thenNew := body.u8()&managerThenNew != 0
	if body.bad {
		return broken("the end of a transaction ends inside itself")
	}
	end := c.session.Rollback
	if kind == managerCommit {
		end = c.session.Commit
	}
	if err := end(ctx); err != nil {
		return err
	}
	if err := w.Ended(kind == managerCommit); err != nil || !thenNew {
		return err
	}
	return c.beginTransaction(ctx, body, w)
}

func (c *conn) beginTransaction(ctx context.Context, body *cursor, w *Response) error {
	isolation := body.u8()
	body.shortText()
	if body.bad || isolation > IsolationSnapshot {
		return broken("the begin of a transaction of isolation %d", isolation)
	}
	if err := c.session.Begin(ctx, int(isolation)); err != nil {
		return err
	}
	return w.Begun()
}
