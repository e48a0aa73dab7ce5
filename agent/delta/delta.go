package delta

import (
	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A State is the last sealed state, as outbox.Snapshot gives it.
type State struct {
	// Base is the newest sealed batch; a Result only fits on the same Base.
	Base envelope.Link
	// Digest is the sum of the tags of all entries.
	Digest record.Digest
	// Entries by key (StateKey).
	Entries map[string]Entry
}

// Keys are the two keys that hashes are made with.
type Keys struct{ Local, ID []byte }

// Input is what a comparison needs besides the rows.
type Input struct {
	State State
	Keys  Keys
	Scope *scope.Scope
	// Profile is the name of the MIS profile, for the manifest.
	Profile string
	// Today decides which academic year the state covers.
	Today record.Date
	// Full sends everything, whatever the state says.
	Full bool
	// Released are hold codes that a person at the school has said yes to.
	Released []string
}

// A Comparison is one read in progress. It is not safe for concurrent use.
type Comparison struct{}

// New starts a comparison.
func New(in Input) *Comparison { panic("follows") }

// Add takes one row as scope.Trim let it through; pupils before their other
// rows. It refuses a key that comes twice, because then it is not known which
// is right; after an error the whole read is void.
func (c *Comparison) Add(row mis.Row) error { panic("follows") }

// Finish takes the report of the read and gives the result. The comparison is
// spent.
func (c *Comparison) Finish(report mis.Report) (Result, error) { panic("follows") }

// A Result is what a sync would seal.
type Result struct {
	// Base is the batch that the result follows.
	Base envelope.Link
	// Manifest stands for the whole read: Part and Parts are set by Bodies.
	Manifest protocol.Manifest
	// Lines are the operations, each one JSON line with its line break.
	Lines [][]byte
	// Changes of the state; with Manifest.Full they are the whole new state.
	Changes []Change
	// Counts per authority and dataset, for the logbook and for people.
	Counts []Count
}

// A Change puts an entry into the state, or takes it out (Entry nil).
type Change struct {
	Key   string
	Entry *Entry
}

// A Count says how much of one dataset of one authority a result carries.
type Count struct {
	// Authority is a current code; empty where it is out of scope by now.
	Authority string         `json:"authority,omitempty"`
	Dataset   record.Dataset `json:"dataset"`
	Upserts   int            `json:"upserts,omitempty"`
	Removals  int            `json:"removals,omitempty"`
	Held      int            `json:"held,omitempty"`
}

// Bodies are the batch bodies before compression, one per part: a manifest
// line and operations, each at most protocol.MaxBodyBytes. Preview shows them
// and Seal seals them: they are the same bytes.
func (r Result) Bodies() ([][]byte, error) { panic("follows") }

// An Entry is the value of the state under one key.
type Entry struct {
	Hash  [32]byte
	Tag   record.Tag
	Group Group
}

// A Group stands for a caring authority without naming it.
type Group [8]byte

// StateKey is the key of a record in the state.
func StateKey(d record.Dataset, k record.Key) string { return string(d) + "/" + string(k) }

// MarshalBinary gives the 72 bytes of an entry's value.
func (e Entry) MarshalBinary() ([]byte, error) { panic("follows") }

// UnmarshalBinary reads what MarshalBinary gives.
func (e *Entry) UnmarshalBinary(b []byte) error { panic("follows") }
