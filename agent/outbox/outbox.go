package outbox

import (
	"crypto/ed25519"
	"errors"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// FileName is the outbox's file in a school's data directory.
const FileName = "state.db"

// KeepFor is how long an envelope is kept for an outcome; after that the next
// batch is a full one (design.md §2).
const KeepFor = 14 * 24 * time.Hour

// MaxWaiting bounds the batches without an outcome: a full batch must be able
// to withdraw them all (envelope.MaxWithdrawn).
const MaxWaiting = envelope.MaxWithdrawn - 24

// The errors that a caller branches on.
var (
	// ErrInUse: another process has the outbox open.
	ErrInUse = errors.New("another Rollbridge process is using this school's data; use the running service's commands, or stop it first")
	// ErrDiskFull: nothing was changed; free some space and try again.
	ErrDiskFull = errors.New("the disk is full")
	// ErrDamaged: the file cannot be read.
	ErrDamaged = errors.New("the state file is damaged")
	// ErrMoved: something was sealed since the Snapshot; read again.
	ErrMoved = errors.New("another batch was sealed meanwhile")
	// ErrNotReady: no generation, keyring or sealing key yet.
	ErrNotReady = errors.New("there is no sealing key yet")
	// ErrQueueFull: MaxWaiting batches are without an outcome.
	ErrQueueFull = errors.New("too many batches wait for the collector")
	// ErrForeign: the batch named is none that this agent sealed.
	ErrForeign = errors.New("not a batch of this agent")
)

// An Outbox is the open state of one school. It is safe for concurrent use.
type Outbox struct{}

// Options of Open; the zero value is what the agent uses.
type Options struct {
	// Wait is how long to wait for another process; 0 is one second.
	Wait time.Duration
	// ReadOnly opens a copy beside nothing else: no completion of the logbook,
	// every write fails. The journal may be nil.
	ReadOnly bool
}

// Open opens the outbox in a school's data directory, making it if there is
// none, and completes the logbook. Errors wrap ErrInUse, ErrDamaged,
// ErrDiskFull or fs.ErrPermission where they apply and say what to do.
func Open(dir string, journal Journal, o Options) (*Outbox, error) { panic("follows") }

// Close releases the file; calling it twice is no error.
func (b *Outbox) Close() error { panic("follows") }

// Facts is a copy of the facts.
func (b *Outbox) Facts() (Facts, error) { panic("follows") }

// Update changes the facts and logs the entries in one transaction; change's
// error undoes it and is returned as it is.
func (b *Outbox) Update(change func(*Facts) error, entries ...Entry) error { panic("follows") }

// Log logs entries that go with no change.
func (b *Outbox) Log(entries ...Entry) error { panic("follows") }

// Counter is the next number of an attempt: above every number that it has
// given before, also before a crash (some are skipped then).
func (b *Outbox) Counter() (uint64, error) { panic("follows") }

// Snapshot is the last sealed state, to compare a read with.
func (b *Outbox) Snapshot() (delta.State, error) { panic("follows") }

// Seal seals a result into one batch per part and commits everything together.
// The batches come after Result.Base: errors wrap ErrMoved if that is no
// longer the head, ErrNotReady, ErrQueueFull, or ErrDiskFull; after any error
// everything is as before. A full result withdraws all that has no outcome.
func (b *Outbox) Seal(r delta.Result, sign ed25519.PrivateKey) ([]Item, error) { panic("follows") }

// An Item is one sealed batch that is kept.
type Item struct {
	envelope.Link
	Full        bool
	Part, Parts int
	Sealed      time.Time
	Attempted   bool
	Receipted   bool
	Size        int
	// Envelope is set by Next and Seal only.
	Envelope []byte
}

// Next is the oldest batch without a receipt, false if there is none.
func (b *Outbox) Next() (Item, bool, error) { panic("follows") }

// Kept lists the batches kept, oldest first, without their envelopes.
func (b *Outbox) Kept() ([]Item, error) { panic("follows") }

// Waiting counts the batches without a receipt.
func (b *Outbox) Waiting() (int, error) { panic("follows") }

// Attempted logs the first attempt to send a batch; call it before posting.
func (b *Outbox) Attempted(l envelope.Link) error { panic("follows") }

// Receipted marks a batch as received and logs the receipt, which the caller
// has verified against l. A second receipt changes nothing.
func (b *Outbox) Receipted(l envelope.Link, receipt protocol.Signed) error { panic("follows") }

// ApplyOutcome obeys an outcome statement, which the caller has verified and
// found fresh: it deletes the envelopes up to Last, records what was refused
// and held, and the serial. refused are the opened Details. Errors wrap
// ErrForeign when Last is not a batch of this agent; nothing changes then.
func (b *Outbox) ApplyOutcome(signed protocol.Signed, st protocol.Statement, o protocol.Outcome, refused []protocol.RefusedRecord) error {
	panic("follows")
}

// Rewind answers a collector that stands at head, an older batch of this
// agent (the zero Link: at none): what follows is marked as not received, so
// that Next gives it again. False means that it is no longer kept: a full
// batch is needed (NeedFull with head). Errors wrap ErrForeign.
func (b *Outbox) Rewind(head envelope.Link) (bool, error) { panic("follows") }

// Knows says whether this agent sealed l; the zero Link is known.
func (b *Outbox) Knows(l envelope.Link) (bool, error) { panic("follows") }

// Head is the newest sealed batch, zero if none.
func (b *Outbox) Head() (envelope.Link, error) { panic("follows") }

// Unoutcomed lists the batches that no outcome has named, in rising sequence.
func (b *Outbox) Unoutcomed() ([]envelope.Link, error) { panic("follows") }

// NeedFull asks for a full batch; the first reason stays until one is sealed,
// the oldest head counts. head may be nil.
func (b *Outbox) NeedFull(reason string, head *envelope.Link) error { panic("follows") }

// FullReason says why the next batch must be a full one, "" if it need not be.
func (b *Outbox) FullReason() (string, error) { panic("follows") }

// Refused counts, per dataset, the records that the collector has refused and
// that have not changed since.
func (b *Outbox) Refused() (map[record.Dataset]int, error) { panic("follows") }

// Fsck checks the whole file and lists what is wrong, one sentence each; empty
// is good. agent is the agent's signing key, logged the batches that the
// logbook holds (logbook.Summary.Sealed).
func (b *Outbox) Fsck(agent ed25519.PublicKey, logged []envelope.Link) ([]string, error) {
	panic("follows")
}
