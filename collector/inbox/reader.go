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

// The states of a batch. It waits until it is decided; every other state is
// final, except that a batch set aside may be withdrawn.
const (
	StateWaiting   = "waiting"
	StateApplied   = "applied"
	StateWithdrawn = "withdrawn" // taken back by a full batch before it was applied
	StateSetAside  = "set_aside" // cannot be opened or read; its body is kept
	StateRefused   = "refused"   // of an agent that may not be applied
)

// The states of a request, besides StateWaiting and StateRefused.
const StateDone = "done"

// An ID names a row of the inbox.
type ID struct {
	School     string
	Agent      envelope.AgentID
	Generation uint32
	Sequence   uint64
}

// A Row is one batch as it was kept, without its body.
type Row struct {
	ID
	Digest   envelope.Digest
	Previous envelope.Digest
	Type     envelope.Type
	Sealed   time.Time
	Received time.Time
	Bytes    int
	State    string
}

// Link is the row's place in its chain.
func (r Row) Link() envelope.Link { return envelope.Link{Sequence: r.Sequence, Digest: r.Digest} }

// Waiting lists the schools that have undecided batches, the longest waiting
// first, at most limit. What waits for an agent to be confirmed does not count:
// a hundred schools that enrol must not cost a look each, every second, for
// days.
func Waiting(ctx context.Context, tx *database.Tx, limit int) ([]string, error) {
	return schools(ctx, tx, `SELECT i.school FROM inbox i LEFT JOIN agents a ON a.school = i.school AND a.agent = i.agent
		WHERE i.state = 'waiting' AND COALESCE(a.state, '') <> 'pending' GROUP BY i.school ORDER BY MIN(i.received_at) `+atMost, limit)
}

func schools(ctx context.Context, tx *database.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list waiting schools: %w", err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, fmt.Errorf("list waiting schools: %w", err)
		}
		found = append(found, s)
	}
	return found, rows.Err()
}

// atMost is a limit that SQLite does not look into: it would parse the statement
// again each time a bare one is bound.
const atMost = "LIMIT CAST(? AS BIGINT)"

const rowColumns = "school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, state"

// Rows lists a school's batches of one agent and generation with a sequence
// above after, in rising sequence, decided or not, at most limit.
func Rows(ctx context.Context, tx *database.Tx, after ID, limit int) ([]Row, error) {
	return rows(ctx, tx, "SELECT "+rowColumns+` FROM inbox WHERE school = ? AND agent = ? AND generation = ? AND sequence > ?
		ORDER BY sequence `+atMost, after.School, after.Agent[:], after.Generation, int64(after.Sequence), limit)
}

// WaitingRows lists all undecided batches of a school, whichever agent sealed
// them, by generation, agent and sequence, at most limit.
func WaitingRows(ctx context.Context, tx *database.Tx, school string, limit int) ([]Row, error) {
	return rows(ctx, tx, "SELECT "+rowColumns+` FROM inbox WHERE school = ? AND state = 'waiting'
		ORDER BY generation, agent, sequence `+atMost, school, limit)
}

func rows(ctx context.Context, tx *database.Tx, query string, args ...any) ([]Row, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list batches: %w", err)
	}
	defer rows.Close()
	var found []Row
	for rows.Next() {
		var r Row
		var agent, digest, previous []byte
		var sealed, received int64
		if err := rows.Scan(&r.School, &agent, &r.Generation, &r.Sequence, &digest, &previous, &r.Type, &sealed, &received, &r.Bytes, &r.State); err != nil {
			return nil, fmt.Errorf("list batches: %w", err)
		}
		copy(r.Agent[:], agent)
		copy(r.Digest[:], digest)
		copy(r.Previous[:], previous)
		r.Sealed, r.Received = database.FromMicros(sealed), database.FromMicros(received)
		found = append(found, r)
	}
	return found, rows.Err()
}

// ErrNoBody is returned for a batch that is not there or whose body is deleted.
var ErrNoBody = errors.New("the sealed batch is not kept any more")

// Envelope reads the sealed bytes of a batch.
func Envelope(ctx context.Context, tx *database.Tx, id ID) ([]byte, error) {
	var b []byte
	err := tx.QueryRow(ctx, "SELECT envelope FROM inbox WHERE school = ? AND agent = ? AND generation = ? AND sequence = ?",
		id.School, id.Agent[:], id.Generation, int64(id.Sequence)).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && b == nil) {
		return nil, fmt.Errorf("read sealed batch: %w", ErrNoBody)
	}
	if err != nil {
		return nil, fmt.Errorf("read sealed batch: %w", err)
	}
	return b, nil
}

// ErrDecided is returned for a batch or request that another one decided first:
// the caller's transaction must be given up.
var ErrDecided = errors.New("it is decided already")

// MarkApplied decides a batch inside the caller's transaction and deletes its
// body; digest and receipt stay. ErrDecided when it was not waiting.
func MarkApplied(ctx context.Context, tx *database.Tx, id ID) error {
	return mark(ctx, tx, id, "UPDATE inbox SET state = 'applied', envelope = NULL", "state = 'waiting'")
}

// MarkWithdrawn is MarkApplied for a batch that a full one takes back; it may
// have been set aside.
func MarkWithdrawn(ctx context.Context, tx *database.Tx, id ID) error {
	return mark(ctx, tx, id, "UPDATE inbox SET state = 'withdrawn', envelope = NULL", "state IN ('waiting', 'set_aside')")
}

// MarkRefused is MarkApplied for a batch of an agent that may not be applied.
func MarkRefused(ctx context.Context, tx *database.Tx, id ID) error {
	return mark(ctx, tx, id, "UPDATE inbox SET state = 'refused', envelope = NULL", "state IN ('waiting', 'set_aside')")
}

// MarkSetAside decides that a batch cannot be opened; its body stays.
func MarkSetAside(ctx context.Context, tx *database.Tx, id ID) error {
	return mark(ctx, tx, id, "UPDATE inbox SET state = 'set_aside'", "state = 'waiting'")
}

// RefuseAll is MarkRefused for everything of an agent and generation that may
// be refused; the Sequence of the ID says nothing.
func RefuseAll(ctx context.Context, tx *database.Tx, id ID) error {
	_, err := tx.Exec(ctx, `UPDATE inbox SET state = 'refused', envelope = NULL WHERE school = ? AND agent = ? AND generation = ?
		AND state IN ('waiting', 'set_aside')`, id.School, id.Agent[:], id.Generation)
	if err != nil {
		return fmt.Errorf("refuse what an agent has sent: %w", err)
	}
	return nil
}

func mark(ctx context.Context, tx *database.Tx, id ID, update, where string) error {
	n, err := tx.Exec(ctx, update+" WHERE school = ? AND agent = ? AND generation = ? AND sequence = ? AND "+where,
		id.School, id.Agent[:], id.Generation, int64(id.Sequence))
	if err != nil {
		return fmt.Errorf("decide batch: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("decide batch: %w", ErrDecided)
	}
	return nil
}

// Head is the newest batch of an agent and generation, the zero Link if there
// is none.
func Head(ctx context.Context, tx *database.Tx, school string, agent envelope.AgentID, generation uint32) (envelope.Link, error) {
	var l envelope.Link
	var digest []byte
	err := tx.QueryRow(ctx, `SELECT sequence, digest FROM inbox WHERE school = ? AND agent = ? AND generation = ?
		ORDER BY sequence DESC LIMIT 1`, school, agent[:], generation).Scan(&l.Sequence, &digest)
	if errors.Is(err, sql.ErrNoRows) {
		return envelope.Link{}, nil
	}
	if err != nil {
		return envelope.Link{}, fmt.Errorf("read head: %w", err)
	}
	copy(l.Digest[:], digest)
	return l, nil
}

// Contradiction looks for proof that two copies of an agent seal batches: a
// stored batch with the same sequence as this one, or as the one before it,
// and another digest. It returns the link of the copy that is not stored, nil
// if there is no proof, and the row that is stored. The caller has verified
// h's signature; the row is as good as who stored it.
func Contradiction(ctx context.Context, tx *database.Tx, school string, h envelope.Header, digest envelope.Digest) (*envelope.Link, Row, error) {
	found, err := rows(ctx, tx, "SELECT "+rowColumns+` FROM inbox WHERE school = ? AND agent = ? AND generation = ? AND sequence IN (?, ?)
		ORDER BY sequence DESC`, school, h.Agent[:], h.Generation, int64(h.Sequence), int64(h.Sequence)-1)
	if err != nil {
		return nil, Row{}, err
	}
	for _, r := range found {
		claimed := envelope.Link{Sequence: h.Sequence, Digest: digest}
		if r.Sequence != h.Sequence {
			claimed = envelope.Link{Sequence: h.Sequence - 1, Digest: h.Previous}
		}
		if r.Digest != claimed.Digest {
			return &claimed, r, nil
		}
	}
	return nil, Row{}, nil
}

// A Conflict is a frame that contradicted the chain when it arrived.
type Conflict struct {
	School string
	Agent  envelope.AgentID
	Frame  []byte
}

// Conflicts lists the evidence that nobody has looked at, at most limit.
func Conflicts(ctx context.Context, tx *database.Tx, limit int) ([]Conflict, error) {
	rows, err := tx.Query(ctx, "SELECT school, agent, conflict FROM attempts WHERE conflict IS NOT NULL ORDER BY school, agent LIMIT ?", limit)
	if err != nil {
		return nil, fmt.Errorf("list conflicts: %w", err)
	}
	defer rows.Close()
	var found []Conflict
	for rows.Next() {
		var c Conflict
		var agent []byte
		if err := rows.Scan(&c.School, &agent, &c.Frame); err != nil {
			return nil, fmt.Errorf("list conflicts: %w", err)
		}
		copy(c.Agent[:], agent)
		found = append(found, c)
	}
	return found, rows.Err()
}

// ClearConflict takes evidence away once it is decided; newer evidence can
// then be noted.
func ClearConflict(ctx context.Context, tx *database.Tx, school string, agent envelope.AgentID) error {
	if _, err := tx.Exec(ctx, "UPDATE attempts SET conflict = NULL WHERE school = ? AND agent = ?", school, agent[:]); err != nil {
		return fmt.Errorf("clear conflict: %w", err)
	}
	return nil
}

// WaitingRequests lists undecided enrolments and revocations, the oldest
// first, at most limit.
func WaitingRequests(ctx context.Context, tx *database.Tx, limit int) ([]Request, error) {
	rows, err := tx.Query(ctx, `SELECT school, digest, message, sender, frame, received_at, receipt, state FROM requests
		WHERE state = 'waiting' ORDER BY received_at, digest LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	defer rows.Close()
	var found []Request
	for rows.Next() {
		var q Request
		var digest, sender []byte
		var message string
		var received int64
		if err := rows.Scan(&q.School, &digest, &message, &sender, &q.Frame, &received, &q.Receipt, &q.State); err != nil {
			return nil, fmt.Errorf("list requests: %w", err)
		}
		copy(q.Digest[:], digest)
		copy(q.Sender[:], sender)
		q.Message, q.Received = protocol.Message(message), database.FromMicros(received)
		found = append(found, q)
	}
	return found, rows.Err()
}

// MarkRequest decides a request inside the caller's transaction: StateDone or
// StateRefused. ErrDecided when it was not waiting.
func MarkRequest(ctx context.Context, tx *database.Tx, school string, digest envelope.Digest, state string) error {
	if !slices.Contains([]string{StateDone, StateRefused}, state) {
		return fmt.Errorf("decide request: %q is no decision", state)
	}
	n, err := tx.Exec(ctx, "UPDATE requests SET state = ? WHERE school = ? AND digest = ? AND state = 'waiting'", state, school, digest[:])
	if err != nil {
		return fmt.Errorf("decide request: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("decide request: %w", ErrDecided)
	}
	return nil
}

// Heard is when an agent was last heard, and its newest check-in as posted (nil
// before the first). The zero time means never.
func Heard(ctx context.Context, tx *database.Tx, school string, agent envelope.AgentID) (at time.Time, checkin []byte, err error) {
	var micros int64
	err = tx.QueryRow(ctx, "SELECT heard_at, checkin FROM attempts WHERE school = ? AND agent = ?", school, agent[:]).Scan(&micros, &checkin)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && micros == 0) {
		return time.Time{}, nil, nil
	}
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("read when an agent was heard: %w", err)
	}
	return database.FromMicros(micros), checkin, nil
}

// AddAgent makes the row that counts an agent's attempts. Enrolment calls it in
// the transaction that makes the agent; again is harmless.
func AddAgent(ctx context.Context, tx *database.Tx, school string, agent envelope.AgentID) error {
	if _, err := tx.Exec(ctx, "INSERT INTO attempts (school, agent, counter, heard_at) VALUES (?, ?, 0, 0) ON CONFLICT (school, agent) DO NOTHING",
		school, agent[:]); err != nil {
		return fmt.Errorf("count an agent's attempts: %w", err)
	}
	return nil
}

// StoredReceipt is the receipt of a batch that is stored with this digest, nil
// if it is not.
func StoredReceipt(ctx context.Context, tx *database.Tx, id ID, digest envelope.Digest) ([]byte, error) {
	if id.Sequence > math.MaxInt64 {
		return nil, nil
	}
	var receipt []byte
	err := tx.QueryRow(ctx, "SELECT receipt FROM inbox WHERE school = ? AND agent = ? AND generation = ? AND sequence = ? AND digest = ?",
		id.School, id.Agent[:], id.Generation, int64(id.Sequence), digest[:]).Scan(&receipt)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("look for a receipt: %w", err)
	}
	return receipt, nil
}

// StoredRequest is the Result of a request that is stored with this digest; its
// Verdict is Repeated, or 0 if it is not stored.
func StoredRequest(ctx context.Context, tx *database.Tx, school string, digest envelope.Digest) (Result, error) {
	return findRequest(ctx, tx, Request{School: school, Digest: digest})
}
