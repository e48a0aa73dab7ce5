package logbook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/agent/secret"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// FileName is the logbook's file in a school's data directory.
const FileName = "logbook.jsonl"

// ErrBroken is returned for a logbook that is not as it was written.
var ErrBroken = errors.New("the logbook is not as it was written")

// ErrFormat is returned for a file that is no logbook at all.
var ErrFormat = errors.New("not a Rollbridge logbook")

// A Book is an open logbook; it is an outbox.Journal. One process at a time
// may have it open: the one that has the outbox open, or, when that is
// destroyed, the one that destroyed it. It is safe for concurrent use.
type Book struct {
	key      ed25519.PrivateKey
	repaired string

	mu   sync.Mutex
	file *os.File
	size int64 // of the whole lines
	next uint64
	prev string
	torn bool // a failed write could not be taken back
}

var _ outbox.Journal = (*Book)(nil)

// Create starts the logbook in a data directory. There must be none: errors
// wrap fs.ErrExist. A crash leaves no file or one with its first line.
func Create(dir string, key ed25519.PrivateKey, agent envelope.AgentID, root protocol.Fingerprint) (*Book, error) {
	if err := create(dir, key, agent, root); err != nil {
		return nil, fmt.Errorf("start the logbook: %w", err)
	}
	return Open(dir, key)
}

func create(dir string, key ed25519.PrivateKey, agent envelope.AgentID, root protocol.Fingerprint) error {
	line, err := seal(header{Format: formatName, Key: key.Public().(ed25519.PublicKey), Agent: agent,
		Root: root.String(), Created: clock.Now().UTC()}, key)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, FileName)
	switch _, err := os.Lstat(path); {
	case err == nil:
		return fmt.Errorf("%s: %w; keep it as proof under another name before a new one is started", path, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := os.CreateTemp(dir, unfinished+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = secret.Adopt(f.Name(), dir)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return secret.SyncDir(dir)
}

// unfinished begins the name of a file that is not yet a logbook.
const unfinished = ".logbook-"

// ClearUnfinished deletes what a crash in the middle of Create left. Nobody may
// be creating there.
func ClearUnfinished(dir string) error { return secret.RemoveAll(dir, unfinished) }

// Open opens the logbook in a data directory to append to it. A last line that
// a crash cut off is taken away (outbox writes it again); see Repaired. It does
// not judge the rest: a logbook that somebody changed goes on, and Verify shows
// what was changed. Errors wrap fs.ErrNotExist and ErrFormat.
func Open(dir string, key ed25519.PrivateKey) (*Book, error) {
	path := filepath.Join(dir, FileName)
	b, err := open(path, key)
	if err != nil {
		return nil, fmt.Errorf("open the logbook %s: %w", path, err)
	}
	return b, nil
}

func open(path string, key ed25519.PrivateKey) (*Book, error) {
	f, err := secret.Open(path, false)
	if err != nil {
		return nil, err
	}
	b := &Book{key: key, file: f}
	if err := b.scan(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return b, nil
}

// scan finds the end of the file and takes off what a crash left behind it.
func (b *Book) scan() error {
	var cut int64
	lines := uint64(0)
	err := eachLine(b.file, func(line []byte, whole bool) error {
		// Some file systems fill the end with zero bytes after a power cut.
		if !whole || len(bytes.Trim(line, "\x00")) == 0 {
			cut += int64(len(line))
			return nil
		}
		if lines == 0 {
			h, err := first(line)
			if err != nil && !errors.Is(err, ErrBroken) {
				return err
			}
			if !ed25519.PublicKey(h.Key).Equal(b.key.Public()) {
				return fmt.Errorf("%w of this agent: keep it as proof under another name, then start a new one", ErrFormat)
			}
		}
		b.size += int64(len(line)) + 1
		b.prev = hashOf(line)
		lines++
		return nil
	})
	switch {
	case errors.Is(err, io.ErrShortBuffer):
		return fmt.Errorf("%w: line %d is too long", ErrFormat, lines+1)
	case err != nil:
		return err
	case lines == 0:
		return fmt.Errorf("%w: it is empty; move it away, then start a new one", ErrFormat)
	}
	b.next = lines
	if cut == 0 {
		return nil
	}
	if err := errors.Join(b.file.Truncate(b.size), b.file.Sync()); err != nil {
		return fmt.Errorf("take off a half-written line: %w", err)
	}
	b.repaired = fmt.Sprintf("the last line of the logbook was half written (%d bytes), as after a crash; it was taken off and is written again if it was due", cut)
	return nil
}

// Repaired says, in a sentence for people, what Open had to put right; "" for
// nothing.
func (b *Book) Repaired() string { return b.repaired }

// Next is the number that the next entry will get; the first is 1.
func (b *Book) Next() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next
}

// Append writes one entry and returns when it is on disk; after an error the
// file is as before.
func (b *Book) Append(at time.Time, event outbox.Event, data json.RawMessage) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.append(at, event, data); err != nil {
		return fmt.Errorf("write entry %d of the logbook: %w", b.next, err)
	}
	return nil
}

func (b *Book) append(at time.Time, event outbox.Event, data json.RawMessage) error {
	line, err := seal(linked{Line{N: b.next, Time: at.UTC(), Event: event, Data: data}, b.prev}, b.key)
	if err != nil {
		return err
	}
	if b.torn {
		if err := b.file.Truncate(b.size); err != nil {
			return err
		}
		b.torn = false
	}
	_, err = b.file.WriteAt(append(line, '\n'), b.size)
	if err == nil {
		err = b.file.Sync()
	}
	if err != nil {
		cut := b.file.Truncate(b.size)
		b.torn = cut != nil
		return errors.Join(err, cut)
	}
	b.size += int64(len(line)) + 1
	b.prev = hashOf(line)
	b.next++
	return nil
}

// Once enters an event unless there is an entry of it already, whatever its
// data: for what happens at most once in the life of a logbook. Data nil is an
// empty object.
func (b *Book) Once(at time.Time, event outbox.Event, data any) error {
	text := json.RawMessage("{}")
	if data != nil {
		var err error
		if text, err = json.Marshal(data); err != nil {
			return fmt.Errorf("encode a %s entry: %w", event, err)
		}
	}
	return b.unless(at, event, text, func(l Line) bool { return l.Event == event })
}

// Vouch enters a keyring unless this one is there already: what follows may be
// signed by a key that only it names.
func (b *Book) Vouch(at time.Time, keyring protocol.Signed) error {
	text, err := json.Marshal(keyring)
	if err != nil {
		return fmt.Errorf("encode a %s entry: %w", outbox.EventKeyring, err)
	}
	return b.unless(at, outbox.EventKeyring, text, func(l Line) bool {
		return l.Event == outbox.EventKeyring && bytes.Equal(l.Data, text)
	})
}

// unless enters an event where no entry is alike.
func (b *Book) unless(at time.Time, event outbox.Event, data json.RawMessage, alike func(Line) bool) error {
	b.mu.Lock()
	there := false
	err := Read(io.NewSectionReader(b.file, 0, b.size), func(l Line) error {
		there = there || alike(l)
		return nil
	})
	b.mu.Unlock()
	if err != nil || there {
		return err
	}
	return b.Append(at, event, data)
}

// Draft is the line that Append would write now with the same arguments, with
// its line break: a move gives the new machine the last line before the old one
// writes it.
func (b *Book) Draft(at time.Time, event outbox.Event, data json.RawMessage) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	line, err := seal(linked{Line{N: b.next, Time: at.UTC(), Event: event, Data: data}, b.prev}, b.key)
	return append(line, '\n'), err
}

// Last is the newest entry, false where there is none.
func (b *Book) Last() (last Line, found bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err = Read(io.NewSectionReader(b.file, 0, b.size), func(l Line) error {
		last, found = l, true
		return nil
	})
	return last, found, err
}

// Holds says whether entry n is this one.
func (b *Book) Holds(n uint64, at time.Time, event outbox.Event, data json.RawMessage) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := false
	line := uint64(0)
	err := eachLine(io.NewSectionReader(b.file, 0, b.size), func(text []byte, _ bool) error {
		if line == n && n > 0 {
			var l linked
			err := check(text, b.key.Public().(ed25519.PublicKey), &l)
			found = err == nil && l.Time.Equal(at) && l.Event == event && bytes.Equal(l.Data, compact(data))
		}
		line++
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look for entry %d of the logbook: %w", n, err)
	}
	return found, nil
}

// compact is how data stands in a line: encoding/json takes white space out.
func compact(data json.RawMessage) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		return data
	}
	return text
}

// Close closes the file; calling it twice is no error.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("close the logbook: %w", err)
	}
	return nil
}
