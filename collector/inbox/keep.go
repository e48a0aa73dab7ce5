package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A Batch is one verified envelope to keep.
type Batch struct {
	School string
	Header envelope.Header
	Digest envelope.Digest
	// Envelope is the sealed batch, Frame the whole post with its attempt
	// header: evidence if the batch contradicts the chain.
	Envelope []byte
	Frame    []byte
	// Counter is the attempt's.
	Counter  uint64
	Received time.Time
	// Receipt is stored beside the batch and is what a repeat gets.
	Receipt []byte
	// Pending: nobody has confirmed the agent yet, so that nothing that it sends
	// is worked off and only so much of it is kept.
	Pending bool
}

// Bounds of what is kept of a pending agent: many times what a school's first
// weeks take, and not enough to fill a disk with.
const (
	maxPendingBatches = 1000
	maxPendingBytes   = 128 << 20
)

// A Verdict says what became of something to keep.
type Verdict int

// The verdicts.
const (
	// Stored: it is new and durable; Receipt is the one given.
	Stored Verdict = iota + 1
	// Repeated: it was stored before; Receipt is the one stored then.
	Repeated
	// Behind: it does not follow the head and was not stored.
	Behind
	// Contradicts: another batch has its place in the chain. It was not stored,
	// but noted as evidence.
	Contradicts
	// Replayed: the attempt counter did not rise, and it is not stored.
	Replayed
	// Enough: so much of this pending agent waits that no more is stored.
	Enough
)

// A Result is a verdict with what the answer needs.
type Result struct {
	Verdict Verdict
	Receipt []byte
	// Head is the newest batch of the agent's chain; the zero Link before the
	// first.
	Head envelope.Link
	// State, of a request, is what was decided about it.
	State string
}

// ErrRange is returned for a sequence or a counter that no agent reaches by
// counting.
var ErrRange = errors.New("a sequence or counter is out of range")

// Keep stores a batch if it follows the chain, and answers from the row where
// it is stored already. The rules (design.md §4): it is next after the head and
// names it; or it is full and withdraws the head, or everything from directly
// after the head; or it is full and the inbox holds nothing of this agent and
// generation (a collector restored from before it). When Keep returns Stored or
// Repeated the batch and its receipt are durable.
func (i *Inbox) Keep(ctx context.Context, b Batch) (Result, error) {
	if b.Header.Sequence > math.MaxInt64 || b.Counter > math.MaxInt64 {
		return Result{}, ErrRange
	}
	var r Result
	err := i.keep(ctx, &job{
		order: fmt.Sprintf("%s/%s/%020d", b.School, b.Header.Agent, b.Header.Sequence),
		bytes: len(b.Frame),
		done:  make(chan error, 1),
		do: func(ctx context.Context, tx *database.Tx) (err error) {
			r, err = keepBatch(ctx, tx, b)
			return err
		},
	})
	if err != nil {
		return Result{}, err
	}
	return r, nil
}

func keepBatch(ctx context.Context, tx *database.Tx, b Batch) (Result, error) {
	risen, err := heard(ctx, tx, b.School, b.Header.Agent, b.Counter, b.Received)
	if err != nil {
		return Result{}, err
	}
	// Twice at most: a row that another process inserts between the look and
	// the insert is there at the second look.
	for range 2 {
		r, err := lookUp(ctx, tx, b)
		if err != nil || r.Verdict == Repeated || r.Verdict == Contradicts {
			return r, err
		}
		switch {
		case !Follows(r.Head, b.Header):
			r.Verdict = Behind
			return r, nil
		case !risen:
			r.Verdict = Replayed
			return r, nil
		}
		if enough, err := hasEnough(ctx, tx, b); err != nil || enough {
			r.Verdict = Enough
			return r, err
		}
		inserted, err := insert(ctx, tx, b)
		if err != nil {
			return Result{}, err
		}
		if inserted {
			return Result{Verdict: Stored, Receipt: b.Receipt, Head: envelope.Link{Sequence: b.Header.Sequence, Digest: b.Digest}}, nil
		}
	}
	return Result{}, errors.New("keep batch: its row is there and is not there")
}

// hasEnough says whether the bounds of a pending agent are reached.
func hasEnough(ctx context.Context, tx *database.Tx, b Batch) (bool, error) {
	if !b.Pending {
		return false, nil
	}
	var n, bytes int64
	err := tx.QueryRow(ctx, "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM inbox WHERE school = ? AND agent = ? AND state = 'waiting'",
		b.School, b.Header.Agent[:]).Scan(&n, &bytes)
	if err != nil {
		return false, fmt.Errorf("count what waits of a pending agent: %w", err)
	}
	return n >= maxPendingBatches || bytes+int64(len(b.Envelope)) > maxPendingBytes, nil
}

// heard notes that the agent was heard and says whether its counter rose.
func heard(ctx context.Context, tx *database.Tx, school string, agent envelope.AgentID, counter uint64, at time.Time) (bool, error) {
	n, err := tx.Exec(ctx, "UPDATE attempts SET counter = ?, heard_at = ? WHERE school = ? AND agent = ? AND counter < ?",
		int64(counter), database.Micros(at), school, agent[:], int64(counter))
	if err != nil {
		return false, fmt.Errorf("count attempt: %w", err)
	}
	return n == 1, nil
}

// lookUp finds the head and says whether the batch is stored, contradicts what
// is stored, or (no verdict) is new.
func lookUp(ctx context.Context, tx *database.Tx, b Batch) (Result, error) {
	head, err := Head(ctx, tx, b.School, b.Header.Agent, b.Header.Generation)
	if err != nil {
		return Result{}, err
	}
	r := Result{Head: head}
	if b.Header.Sequence <= head.Sequence {
		var stored, receipt []byte
		err := tx.QueryRow(ctx, "SELECT digest, receipt FROM inbox WHERE school = ? AND agent = ? AND generation = ? AND sequence = ?",
			b.School, b.Header.Agent[:], b.Header.Generation, int64(b.Header.Sequence)).Scan(&stored, &receipt)
		if err == nil && slices.Equal(stored, b.Digest[:]) {
			r.Verdict, r.Receipt = Repeated, receipt
			return r, nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return Result{}, fmt.Errorf("look for batch: %w", err)
		}
	}
	if next(head, b.Header) {
		return r, nil
	}
	copied, _, err := Contradiction(ctx, tx, b.School, b.Header, b.Digest)
	if err != nil || copied == nil {
		return r, err
	}
	// The first evidence stays until apply has looked at it.
	if _, err := tx.Exec(ctx, "UPDATE attempts SET conflict = ? WHERE school = ? AND agent = ? AND conflict IS NULL",
		b.Frame, b.School, b.Header.Agent[:]); err != nil {
		return Result{}, fmt.Errorf("note conflict: %w", err)
	}
	r.Verdict = Contradicts
	return r, nil
}

// Follows says whether a batch may be stored when head is the newest of its
// agent and generation (the zero Link when there is none).
func Follows(head envelope.Link, h envelope.Header) bool {
	if next(head, h) {
		return true
	}
	if h.Type != envelope.TypeFull || h.Sequence <= head.Sequence {
		return false
	}
	if head.Sequence == 0 {
		return true
	}
	if len(h.Withdrawn) == 0 {
		return false
	}
	last := h.Withdrawn[len(h.Withdrawn)-1]
	if h.Sequence != last.Sequence+1 || h.Previous != last.Digest {
		return false
	}
	return h.Withdrawn[0].Sequence == head.Sequence+1 || slices.Contains(h.Withdrawn, head)
}

// next says whether a batch comes directly after head and names it.
func next(head envelope.Link, h envelope.Header) bool {
	return h.Sequence == head.Sequence+1 && h.Previous == head.Digest
}

func insert(ctx context.Context, tx *database.Tx, b Batch) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO inbox (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, envelope, receipt)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (school, agent, generation, sequence) DO NOTHING`,
		b.School, b.Header.Agent[:], b.Header.Generation, int64(b.Header.Sequence), b.Digest[:], b.Header.Previous[:], int64(b.Header.Type),
		database.Micros(b.Header.Time), database.Micros(b.Received), len(b.Envelope), b.Envelope, b.Receipt)
	if err != nil {
		return false, fmt.Errorf("keep batch: %w", err)
	}
	return n == 1, nil
}

// A Request is one verified enrolment or revocation to keep.
type Request struct {
	School string
	// Digest is SHA-256 of the message's bytes: the request's name.
	Digest  envelope.Digest
	Message protocol.Message
	Sender  protocol.Sender
	Frame   []byte
	// Counter is the attempt's; 0 for a sender that has no counter (a code).
	Counter  uint64
	Received time.Time
	Receipt  []byte
	// State is filled by Requests: waiting, done or refused.
	State string
}

// ErrTooMany is returned when a school has so many undecided requests, or a
// sender has made so many different ones, that another one adds nothing but
// bulk.
var ErrTooMany = errors.New("too many requests of one school or sender")

// A sender means one request and repeats it; a second one comes of a crash
// before it was kept.
const (
	maxWaitingRequests = 100
	maxSenderRequests  = 20
)

// KeepRequest stores a request once: the same digest again gets Repeated with
// the first receipt and what was decided.
func (i *Inbox) KeepRequest(ctx context.Context, q Request) (Result, error) {
	if q.Counter > math.MaxInt64 {
		return Result{}, ErrRange
	}
	var r Result
	err := i.keep(ctx, &job{
		order: q.School + "/" + envelope.AgentID(q.Sender).String(),
		bytes: len(q.Frame),
		done:  make(chan error, 1),
		do: func(ctx context.Context, tx *database.Tx) (err error) {
			r, err = keepRequest(ctx, tx, q)
			return err
		},
	})
	if err != nil {
		return Result{}, err
	}
	return r, nil
}

func keepRequest(ctx context.Context, tx *database.Tx, q Request) (Result, error) {
	if q.Counter > 0 {
		// A request is the same whenever it comes, so that a counter that did
		// not rise is no reason to refuse it.
		if _, err := heard(ctx, tx, q.School, envelope.AgentID(q.Sender), q.Counter, q.Received); err != nil {
			return Result{}, err
		}
	}
	r, err := findRequest(ctx, tx, q)
	if err != nil || r.Verdict == Repeated {
		return r, err
	}
	var waiting, own int
	err = tx.QueryRow(ctx, "SELECT COUNT(*) FROM requests WHERE school = ? AND message = ? AND state = 'waiting'",
		q.School, string(q.Message)).Scan(&waiting)
	if err == nil {
		err = tx.QueryRow(ctx, "SELECT COUNT(*) FROM requests WHERE school = ? AND sender = ?", q.School, q.Sender[:]).Scan(&own)
	}
	if err != nil {
		return Result{}, fmt.Errorf("count requests: %w", err)
	}
	if waiting >= maxWaitingRequests || own >= maxSenderRequests {
		return Result{}, ErrTooMany
	}
	n, err := tx.Exec(ctx, `INSERT INTO requests (school, digest, message, sender, frame, received_at, receipt)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (school, digest) DO NOTHING`,
		q.School, q.Digest[:], string(q.Message), q.Sender[:], q.Frame, database.Micros(q.Received), q.Receipt)
	if err != nil {
		return Result{}, fmt.Errorf("keep request: %w", err)
	}
	if n == 0 {
		return findRequest(ctx, tx, q)
	}
	return Result{Verdict: Stored, Receipt: q.Receipt, State: StateWaiting}, nil
}

func findRequest(ctx context.Context, tx *database.Tx, q Request) (Result, error) {
	r := Result{Verdict: Repeated}
	err := tx.QueryRow(ctx, "SELECT receipt, state FROM requests WHERE school = ? AND digest = ?", q.School, q.Digest[:]).Scan(&r.Receipt, &r.State)
	if errors.Is(err, sql.ErrNoRows) {
		return Result{}, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("look for request: %w", err)
	}
	return r, nil
}

// KeepCheckin stores an agent's newest check-in, the frame as it was posted.
// It returns Stored, or Replayed when the counter did not rise.
func (i *Inbox) KeepCheckin(ctx context.Context, school string, agent envelope.AgentID, f *protocol.Frame, whole []byte, at time.Time) (Result, error) {
	if f.Counter > math.MaxInt64 {
		return Result{}, ErrRange
	}
	var r Result
	err := i.keep(ctx, &job{
		order: school + "/" + agent.String(),
		bytes: len(whole),
		done:  make(chan error, 1),
		do: func(ctx context.Context, tx *database.Tx) error {
			n, err := tx.Exec(ctx, "UPDATE attempts SET counter = ?, heard_at = ?, checkin = ? WHERE school = ? AND agent = ? AND counter < ?",
				int64(f.Counter), database.Micros(at), whole, school, agent[:], int64(f.Counter))
			if err != nil {
				return fmt.Errorf("keep check-in: %w", err)
			}
			r = Result{Verdict: Replayed}
			if n == 1 {
				r.Verdict = Stored
			}
			return nil
		},
	})
	if err != nil {
		return Result{}, err
	}
	return r, nil
}
