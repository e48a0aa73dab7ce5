package outbox_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Keys are fixed, so that a child process and its parent have the same.
func fixedKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

var (
	rootKey, intakeKey, controlKey = fixedKey(1), fixedKey(2), fixedKey(3)
	agentKey, bookKey              = fixedKey(4), fixedKey(5)
	root                           = protocol.FingerprintOf(rootKey.Public().(ed25519.PublicKey))
	publicKey                      = agentKey.Public().(ed25519.PublicKey)
	agentID                        = envelope.AgentOf(publicKey)
	idKey                          = bytes.Repeat([]byte{7}, 32)
	sealingKey                     = newSealingKey()
)

func newSealingKey() hpke.PrivateKey {
	k, err := envelope.GenerateKey()
	if err != nil {
		panic(err)
	}
	return k
}

func public(k ed25519.PrivateKey) protocol.PublicKey {
	return protocol.PublicKey(k.Public().(ed25519.PublicKey))
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Error(...any)
	Cleanup(func())
}

func ok(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An agent is an open data directory.
type agent struct {
	*outbox.Outbox
	book *logbook.Book
	dir  string
}

// enrolled makes the data directory of an enrolled agent and opens it.
func enrolled(t failer, dir string) *agent {
	t.Helper()
	book, err := logbook.Create(dir, bookKey, agentID, root)
	ok(t, err)
	ok(t, book.Close())
	a := open(t, dir)
	keyring, err := protocol.Sign(rootKey, protocol.DomainKeyring, protocol.Keyring{Root: public(rootKey), Epoch: 1,
		Expires: time.Now().Add(time.Hour), Intake: []protocol.PublicKey{public(intakeKey)}, Control: []protocol.PublicKey{public(controlKey)}})
	ok(t, err)
	ok(t, a.Update(func(f *outbox.Facts) error {
		f.Collector.Root, f.Generation, f.Keyring = root, 1, keyring
		key := sealingKey.PublicKey().Bytes()
		f.SealingKey = protocol.SealingKey{ID: envelope.KeyIDOf(key), Public: key}
		return nil
	}, outbox.Entry{Event: outbox.EventKeyring, Data: keyring}))
	return a
}

func open(t failer, dir string) *agent {
	t.Helper()
	book, err := logbook.Open(dir, bookKey)
	ok(t, err)
	b, err := outbox.Open(dir, book, outbox.Options{})
	ok(t, err)
	a := &agent{b, book, dir}
	// On Windows a file that is open cannot be deleted.
	t.Cleanup(func() { a.close(t) })
	return a
}

func (a *agent) close(t failer) {
	t.Helper()
	ok(t, errors.Join(a.Close(), a.book.Close()))
}

// healthy runs fsck, with the logbook verified.
func (a *agent) healthy(t failer) logbook.Summary {
	t.Helper()
	f, err := os.Open(filepath.Join(a.dir, logbook.FileName))
	ok(t, err)
	defer f.Close()
	sum, err := logbook.Verify(f)
	ok(t, err)
	wrong, err := a.Fsck(publicKey, sum.Sealed)
	ok(t, err)
	for _, w := range wrong {
		t.Error("fsck:", w)
	}
	if len(wrong) > 0 {
		t.Fatal("fsck found faults")
	}
	return sum
}

// seal seals a delta or a full batch that puts n pupils numbered from first
// in the given version; a full one has nothing else.
func (a *agent) seal(t failer, full bool, first, n, version int) []outbox.Item {
	t.Helper()
	items, err := a.trySeal(full, first, n, version)
	ok(t, err)
	return items
}

func (a *agent) trySeal(full bool, first, n, version int) ([]outbox.Item, error) {
	s, err := a.Snapshot()
	if err != nil {
		return nil, err
	}
	r := delta.Result{Base: s.Base}
	if !full {
		r.Manifest.State = s.Digest
	}
	r.Manifest.Full = full
	r.Manifest.Datasets = []protocol.DatasetRead{{Dataset: record.DatasetPupil, Complete: true}}
	for i := first; i < first+n; i++ {
		p := &record.Pupil{ID: record.NewPupilID(idKey, fmt.Sprint(i)), House: fmt.Sprint(version)}
		canonical, err := record.Encode(p)
		if err != nil {
			return nil, err
		}
		line, err := protocol.MarshalLine(protocol.Op{Dataset: record.DatasetPupil, Key: p.Key(), Record: canonical})
		if err != nil {
			return nil, err
		}
		key := delta.StateKey(record.DatasetPupil, p.Key())
		e := delta.Entry{Tag: record.NewTag(idKey, record.DatasetPupil, p.Key(), canonical)}
		if old, known := s.Entries[key]; known && !full {
			r.Manifest.State.Remove(old.Tag)
		}
		r.Manifest.State.Add(e.Tag)
		r.Lines = append(r.Lines, line)
		r.Changes = append(r.Changes, delta.Change{Key: key, Entry: &e})
	}
	return a.Seal(r, agentKey)
}

func receiptOf(t failer, l envelope.Link) protocol.Signed {
	t.Helper()
	s, err := protocol.Sign(intakeKey, protocol.DomainReceipt, protocol.Receipt{Message: protocol.MessageBatch,
		Agent: agentID, Generation: 1, Sequence: l.Sequence, Digest: l.Digest, Received: time.Now()})
	ok(t, err)
	return s
}

func outcomeOf(t failer, l envelope.Link, serial uint64) (protocol.Signed, protocol.Statement, protocol.Outcome) {
	t.Helper()
	o := protocol.Outcome{First: 1, Last: l.Sequence, Digest: l.Digest}
	body, err := json.Marshal(o)
	ok(t, err)
	st := protocol.Statement{Kind: protocol.KindOutcome, Agent: agentID, Generation: 1, Serial: serial, Issued: time.Now(), Body: body}
	signed, err := protocol.Sign(controlKey, protocol.DomainStatement, st)
	ok(t, err)
	return signed, st, o
}

// deliver posts what waits to a collector that receipts everything.
func (a *agent) deliver(t failer) (last envelope.Link) {
	t.Helper()
	for {
		item, found, err := a.Next()
		ok(t, err)
		if !found {
			return last
		}
		ok(t, a.Attempted(item.Link))
		ok(t, a.Receipted(item.Link, receiptOf(t, item.Link)))
		last = item.Link
	}
}
