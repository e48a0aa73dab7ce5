package tds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Serve answers one connection until the client leaves, the protocol is broken
// or ctx ends, and closes it. A client that leaves between requests is no
// error; one that is refused is, with the *Error it was sent.
func Serve(ctx context.Context, c net.Conn, o Options, h Handler) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	closed := context.AfterFunc(ctx, func() { c.Close() })
	defer func() {
		closed()
		c.Close()
	}()
	s := &conn{net: c, stream: c, o: o}
	if err := s.signOn(ctx, h); err != nil {
		if s.session != nil {
			err = errors.Join(err, s.session.Close())
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("sign on: %w", err)
	}
	s.queue.events = make(chan *request, maxQueued)
	read := make(chan error, 1)
	go func() {
		err := s.read(ctx)
		cancel() // a request that is being answered has nobody to answer
		read <- err
	}()
	err = s.answerAll(ctx)
	cancel()
	c.Close()
	if readErr := <-read; err == nil {
		err = readErr
	}
	return errors.Join(err, s.session.Close())
}

// A request is a message to be answered, or an Attention that came when there
// was nothing to cancel.
type request struct {
	message
	ctx       context.Context
	cancel    context.CancelFunc
	cancelled bool // by Attention; guarded by queue.mu
}

// A queue is what the client has sent and the session has not answered.
type queue struct {
	mu      sync.Mutex
	current *request // being answered or next, nil when the client is owed nothing
	events  chan *request
}

// read takes what the client sends until it leaves.
func (c *conn) read(ctx context.Context) error {
	defer close(c.events)
	for {
		m, err := readMessage(c.stream, c.size, maxRequestBytes)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		if err := c.queue.put(ctx, m); err != nil {
			return err
		}
	}
}

// put hands a message on. An Attention cancels the request that is being
// answered, whose answer then ends with its confirmation; where there is none
// it gets an answer of its own.
func (q *queue) put(ctx context.Context, m message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m.kind == packetAttention && q.current != nil {
		q.current.cancelled = true
		q.current.cancel()
		return nil
	}
	r := &request{message: m}
	if m.kind != packetAttention {
		if q.current != nil {
			return broken("a request before the answer to the one before")
		}
		r.ctx, r.cancel = context.WithCancel(ctx)
		q.current = r
	}
	select {
	case q.events <- r:
		return nil
	default:
		return broken("more messages than a client has cause to send")
	}
}

// finished ends a request and says whether an Attention has cancelled it. An
// Attention from now on gets an answer of its own.
func (q *queue) finished(r *request) (cancelled bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.current = nil
	r.cancel()
	return r.cancelled
}

// answerAll answers request after request.
func (c *conn) answerAll(ctx context.Context) error {
	for r := range c.events {
		var err error
		if r.kind == packetAttention {
			err = c.send(appendDone(nil, tokenDone, doneAttention, -1))
		} else {
			err = c.answer(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// send sends a whole answer.
func (c *conn) send(b []byte) error {
	if _, err := c.out.Write(b); err != nil {
		return err
	}
	return c.out.finish()
}

// errFatal ends a connection after an error of class 20 and above.
var errFatal = errors.New("an error that ends the connection")

// answer carries out one request and ends its answer.
func (c *conn) answer(ctx context.Context, r *request) error {
	w := &Response{c: c, ctx: r.ctx, call: r.kind == packetCall}
	err := r.ctx.Err()
	if err == nil && r.status&statusReset != 0 {
		err = c.reset(r.ctx, w)
	}
	if err == nil {
		err = c.carryOut(r, w)
	}
	cancelled := c.queue.finished(r)
	if ctx.Err() != nil || w.broken != nil {
		return w.broken
	}
	if errors.Is(err, errProtocol) {
		return err
	}
	if cancelled {
		w.waiting = nil
		return c.send(appendDone(nil, tokenDone, doneAttention, -1))
	}
	return w.end(err)
}

// carryOut does what a request asks for.
func (c *conn) carryOut(r *request, w *Response) error {
	if r.status&statusResetKeepTran != 0 {
		return notTaken("a reset of the connection that keeps its transaction")
	}
	body := cursor{rest: r.body}
	switch r.kind {
	case packetBatch, packetCall, packetTransaction:
		descriptor, err := readHeaders(&body)
		if err != nil {
			return err
		}
		if descriptor != c.transaction {
			return &Error{Number: numberBadTransaction, Message: "New request is not allowed to start because it should come with valid transaction descriptor."}
		}
	}
	switch r.kind {
	case packetBatch:
		if len(body.rest)%2 != 0 {
			return broken("a batch of an odd number of bytes")
		}
		return c.session.Run(r.ctx, Request{Text: fromUTF16(body.rest)}, w)
	case packetCall:
		call, err := readCall(&body)
		if err != nil {
			return err
		}
		return c.call(r.ctx, call, w)
	case packetTransaction:
		return c.transact(r.ctx, &body, w)
	case packetBulk:
		return notTaken("a bulk load")
	}
	return broken("a message of type %#x after the sign-on", r.kind)
}

// reset puts the connection back to how it was after the sign-on.
func (c *conn) reset(ctx context.Context, w *Response) error {
	if err := c.session.Reset(ctx); err != nil {
		return fmt.Errorf("reset the connection: %w", err)
	}
	c.transaction = 0
	c.prepared = prepared{}
	return w.write(appendChangeBytes(nil, changeReset, nil, nil))
}
