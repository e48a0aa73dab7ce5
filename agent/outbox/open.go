package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"rollbridge/agent/secret"
)

// FileName is the outbox's file in a school's data directory.
const FileName = "state.db"

// format is the version of the buckets below; another one is not read.
const format = "1"

// The buckets of state.db, one per thing.
var (
	bucketMeta     = []byte("meta")      // format, head, outcome, digest, counter
	bucketState    = []byte("state")     // delta.StateKey to delta.Entry
	bucketEnvelope = []byte("envelopes") // sequence to envelope bytes
	bucketKept     = []byte("kept")      // sequence to keptItem, of every envelope kept
	bucketChain    = []byte("chain")     // sequence to digest, of every batch ever sealed
	bucketPending  = []byte("pending")   // number to pendingEntry not known to be in the logbook
	bucketRefused  = []byte("refused")   // delta.StateKey to reasons
	bucketFacts    = []byte("facts")     // "facts" to Facts
	bucketRemoved  = []byte("removed")   // delta.Grave to the day of the removal

	bucketSent  = []byte("sent")    // sequence and delta.Mark of a pupil to sentValue
	bucketAlias = []byte("aliases") // delta.Mark of a UPN or an id of the MIS to that of the pupil

	// later are buckets that a file of an earlier version lacks; it gets them.
	later   = [][]byte{bucketRemoved, bucketSent, bucketAlias}
	buckets = [][]byte{bucketMeta, bucketState, bucketEnvelope, bucketKept, bucketChain, bucketPending, bucketRefused, bucketFacts}
)

var (
	keyFormat  = []byte("format")
	keyHead    = []byte("head")    // envelope.Link
	keyOutcome = []byte("outcome") // last sequence that an outcome has named
	keyDigest  = []byte("digest")  // sum of the tags in bucketState
	keyCounter = []byte("counter") // attempt numbers up to it are reserved
	keyFeed    = []byte("feed")    // feedFact, absent if the next read must be whole
	keyFacts   = []byte("facts")

	keySentSince = []byte("sent-since") // from when on bucketSent is complete
	keySentCount = []byte("sent-count") // entries of bucketSent
)

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
	// ErrJournal: the change is made and stands, but the logbook could not be
	// written. Nothing is sent before it can.
	ErrJournal = errors.New("the logbook cannot be written; what it should say is kept and will be written later")
	// ErrForeign: the batch named is none that this agent sealed.
	ErrForeign = errors.New("not a batch of this agent")
)

// Options of Open; the zero value is what the agent uses.
type Options struct {
	// Wait is how long to wait for another process; 0 is one second.
	Wait time.Duration
	// ReadOnly opens the outbox to look at it (preview, status, fsck while the
	// service is stopped): the logbook is not completed, every write fails, and
	// the journal may be nil. There must be a file.
	ReadOnly bool
	// Damaged, with ReadOnly, opens a file too that lacks parts or is of another
	// version: for Remainder, and nothing else.
	Damaged bool
}

// An Outbox is the open state of one school. It is safe for concurrent use.
type Outbox struct {
	db      *bbolt.DB
	journal Journal

	// log serialises the way of pending entries into the logbook; logged are
	// the pending ones that are there already.
	log    sync.Mutex
	logged []uint64

	counter     sync.Mutex
	next, limit uint64 // attempt numbers reserved and not yet given
}

// Open opens the outbox in a school's data directory, making it if there is
// none, and completes the logbook. Errors wrap ErrInUse, ErrDamaged,
// ErrDiskFull or the system's error where they apply and say what to do.
func Open(dir string, journal Journal, o Options) (*Outbox, error) {
	path := filepath.Join(dir, FileName)
	b, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	b.journal = journal
	if o.ReadOnly {
		return b, nil
	}
	if err := secret.Adopt(path, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), b.db.Close())
	}
	if err := b.flush(); err != nil {
		return nil, errors.Join(err, b.db.Close())
	}
	return b, nil
}

func open(path string, o Options) (*Outbox, error) {
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	// A link is refused: an administrator's command would make its target.
	info, err := os.Lstat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && o.ReadOnly:
		return nil, err
	case err != nil && !missing:
		return nil, err
	case !missing && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: it is not a plain file", ErrDamaged)
	}
	db, err := openFile(path, &bbolt.Options{Timeout: o.Wait, ReadOnly: o.ReadOnly})
	if err != nil {
		return nil, explain(err)
	}
	b := &Outbox{db: db}
	switch {
	case !o.ReadOnly:
		err = b.write(makeBuckets)
	case !o.Damaged:
		err = b.read(checkBuckets)
	}
	if err == nil {
		return b, nil
	}
	err = errors.Join(err, db.Close())
	if missing {
		// Half a first file is worth nothing and would stand in the way.
		err = errors.Join(err, os.Remove(path))
	}
	return nil, err
}

// openFile opens the file. bbolt maps it without comparing its length with
// what it says of itself, so that a truncated file ends in a fault of the
// whole process; a look through a read-only handle, which reads only the first
// two pages, comes before.
func openFile(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	defer asDamage(&err)
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		look, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: o.Timeout, ReadOnly: true})
		if err == nil {
			err = errors.Join(wholeFile(look, info.Size()), look.Close())
		}
		if err != nil {
			return nil, notABolt(err)
		}
	}
	if !o.ReadOnly {
		o.OpenFile = func(path string, _ int, _ os.FileMode) (*os.File, error) { return secret.Open(path, true) }
	}
	return bbolt.Open(path, 0o600, o)
}

func wholeFile(db *bbolt.DB, size int64) error {
	return db.View(func(tx *bbolt.Tx) error {
		if size < tx.Size() {
			return fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, size, tx.Size())
		}
		return nil
	})
}

// notABolt names what bbolt has no error of its own for.
func notABolt(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) || errors.Is(err, berrors.ErrTimeout) || errors.Is(err, ErrDamaged) || errors.Is(err, secret.ErrUnprotected) {
		return err
	}
	return fmt.Errorf("%w (%w)", ErrDamaged, err)
}

// asDamage turns a panic of bbolt, which it raises with a text when pages do
// not fit together, into an error. Any other panic goes on.
func asDamage(err *error) {
	p := recover()
	if p == nil {
		return
	}
	text, ok := p.(string)
	if !ok {
		panic(p)
	}
	*err = fmt.Errorf("%w (%s): %s", ErrDamaged, text, whatToDo)
}

func makeBuckets(tx *bbolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	if _, err := tx.CreateBucketIfNotExists(bucketRemoved); err != nil {
		return err
	}
	if meta != nil {
		if err := checkBuckets(tx); err != nil {
			return err
		}
		return startSent(tx)
	}
	for _, name := range buckets {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	if err := tx.Bucket(bucketMeta).Put(keyFormat, []byte(format)); err != nil {
		return err
	}
	return startSent(tx)
}

func checkBuckets(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: its part %q is missing", ErrDamaged, name)
		}
	}
	if got := tx.Bucket(bucketMeta).Get(keyFormat); string(got) != format {
		return errors.New("the state file was written by another version of Rollbridge; start that version, or update this one")
	}
	return nil
}

// whatToDo follows every ErrDamaged.
const whatToDo = "stop the service, move the file away and enrol this school again with a new code; no data are lost, because a full batch follows"

// explain turns errors of bbolt and of the system into the package's own.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrTimeout):
		return ErrInUse
	case errors.Is(err, ErrDamaged):
		if strings.HasSuffix(err.Error(), whatToDo) {
			return err
		}
		return fmt.Errorf("%w: %s", err, whatToDo)
	case noSpace(err):
		return fmt.Errorf("%w; free some space, then try again: %w", ErrDiskFull, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; give the account that the service runs as the right to write here", err)
	}
	return err
}

// Close releases the file; calling it twice is no error.
func (b *Outbox) Close() error {
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("close the outbox: %w", err)
	}
	return nil
}

// write runs change in one transaction, on disk when it returns. After an
// error nothing has changed.
func (b *Outbox) write(change func(*bbolt.Tx) error) (err error) {
	defer asDamage(&err)
	return explain(b.db.Update(change))
}

// read runs look in a transaction that sees one moment.
func (b *Outbox) read(look func(*bbolt.Tx) error) (err error) {
	defer asDamage(&err)
	return explain(b.db.View(look))
}
