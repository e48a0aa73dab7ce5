package logbook

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// FileName is the logbook's file in a school's data directory.
const FileName = "logbook.jsonl"

// A Book is an open logbook; it is an outbox.Journal. One process at a time
// may have it open: the one that has the outbox open, or, when that is
// destroyed, the one that destroyed it. It is safe for concurrent use.
type Book struct{}

// ErrBroken is returned by Verify for a logbook that is not as it was written.
var ErrBroken = errors.New("the logbook is not as it was written")

// ErrFormat is returned for a file that is no logbook at all.
var ErrFormat = errors.New("not a Rollbridge logbook")

// Create starts the logbook in a data directory. There must be none: errors
// wrap fs.ErrExist.
func Create(dir string, key ed25519.PrivateKey, agent envelope.AgentID, root protocol.Fingerprint) (*Book, error) {
	panic("follows")
}

// Open opens the logbook in a data directory to append to it. A last line that
// a crash cut off is taken away (outbox writes it again); see Repaired. Errors
// wrap fs.ErrNotExist and ErrFormat.
func Open(dir string, key ed25519.PrivateKey) (*Book, error) { panic("follows") }

// Repaired says, in a sentence for people, what Open had to put right; "" for
// nothing.
func (b *Book) Repaired() string { panic("follows") }

// Next is the number that the next entry will get; the first is 1.
func (b *Book) Next() uint64 { panic("follows") }

// Append writes one entry and returns when it is on disk; after an error the
// file is as before.
func (b *Book) Append(at time.Time, event outbox.Event, data json.RawMessage) error {
	panic("follows")
}

// Holds says whether entry n is this one.
func (b *Book) Holds(n uint64, at time.Time, event outbox.Event, data json.RawMessage) (bool, error) {
	panic("follows")
}

// Close closes the file; calling it twice is no error.
func (b *Book) Close() error { panic("follows") }

// A Summary is what a logbook shows.
type Summary struct {
	Agent   envelope.AgentID
	Root    string // fingerprint of the collector's root key, hexadecimal
	Created time.Time
	Entries int
	Last    time.Time // of the last entry
	// Sealed lists every batch, in the order of the file; Receipted and
	// Outcomed count those with a good receipt, and those that outcomes cover.
	Sealed    []envelope.Link
	Receipted int
	Outcomed  int
	// Problems are in the order of the file.
	Problems []Problem
}

// A Problem is one thing that is not as it was written.
type Problem struct {
	Line int    `json:"line"` // counted from 1, as an editor does
	What string `json:"what"`
}

// Verify reads a whole logbook. Errors wrap ErrBroken when the summary has
// problems, ErrFormat when it is no logbook.
func Verify(r io.Reader) (Summary, error) { panic("follows") }

// A Line is one entry as people read it.
type Line struct {
	N     uint64          `json:"n"`
	Time  time.Time       `json:"time"`
	Event outbox.Event    `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// Read calls each for every entry in order without verifying anything; each's
// error ends it and is returned as it is.
func Read(r io.Reader, each func(Line) error) error { panic("follows") }
