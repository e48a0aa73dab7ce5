package delta

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
)

// A State is the last sealed state, as outbox.Snapshot gives it. A comparison
// only reads it.
type State struct {
	// Base is the newest sealed batch; a Result only fits on the same Base.
	Base envelope.Link
	// Digest is the sum of the tags of all entries.
	Digest record.Digest
	// Entries by key (StateKey).
	Entries map[string]Entry
	// Graves are of contacts that were removed, with the day.
	Graves map[Grave]record.Date
}

// An Entry is the value of the state under one key.
type Entry struct {
	Hash  [sha256.Size]byte
	Tag   record.Tag
	Group Group
	// Base, of a pupil with a permanent UPN, is the id that the pupil would have
	// without it: what finds the pupil again while the UPN is misspelt. Empty
	// elsewhere.
	Base record.PupilID
	// Renamed says that the pupil was sent under Base before: a full batch names
	// it again, because the batch that did may be among those it withdraws.
	Renamed bool
}

// A Group stands for a caring authority without naming it.
type Group [8]byte

// The lengths of an entry's value: without a Base, with one, and with one that
// the pupil was sent under.
const (
	entryBytes   = sha256.Size + sha256.Size + 8
	basedBytes   = entryBytes + 16
	renamedBytes = basedBytes + 1
)

// StateKey is the key of a record in the state.
func StateKey(d record.Dataset, k record.Key) string { return string(d) + "/" + string(k) }

// SplitKey takes a StateKey apart; false if it is none.
func SplitKey(key string) (record.Dataset, record.Key, bool) {
	name, rest, found := strings.Cut(key, "/")
	d, k := record.Dataset(name), record.Key(rest)
	return d, k, found && record.Fields(d) != nil && k.Pupil().Valid() && len(k) <= record.MaxKeyBytes
}

// MarshalBinary gives the bytes of an entry's value.
func (e Entry) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, renamedBytes)
	b = append(b, e.Hash[:]...)
	b = append(b, e.Tag[:]...)
	b = append(b, e.Group[:]...)
	b, err := hex.AppendDecode(b, []byte(e.Base))
	if err == nil && e.Renamed {
		b = append(b, 1)
	}
	return b, err
}

// UnmarshalBinary reads what MarshalBinary gives.
func (e *Entry) UnmarshalBinary(b []byte) error {
	if len(b) != entryBytes && len(b) != basedBytes && len(b) != renamedBytes {
		return errors.New("an entry of the state has a wrong length")
	}
	e.Renamed = len(b) == renamedBytes
	n := copy(e.Hash[:], b)
	n += copy(e.Tag[:], b[n:])
	n += copy(e.Group[:], b[n:])
	e.Base = record.PupilID(hex.EncodeToString(b[n:min(len(b), basedBytes)]))
	return nil
}

// Keys are the two keys that hashes are made with.
type Keys struct {
	Local []byte // of hashes and groups; never leaves the machine
	ID    []byte // of tags; the collector has it too
}

func (k Keys) entry(d record.Dataset, key record.Key, canonical []byte, g Group) Entry {
	m := hmac.New(sha256.New, k.Local)
	// Neither datasets nor keys hold a zero byte, so the parts stay apart.
	m.Write([]byte("rollbridge/state/v1\x00" + string(d) + "\x00" + string(key) + "\x00"))
	m.Write(canonical)
	e := Entry{Tag: record.NewTag(k.ID, d, key, canonical), Group: g}
	m.Sum(e.Hash[:0])
	return e
}

func (k Keys) group(authority string) Group {
	m := hmac.New(sha256.New, k.Local)
	m.Write([]byte("rollbridge/group/v1\x00" + authority))
	return Group(m.Sum(nil)[:8])
}
