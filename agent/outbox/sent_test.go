package outbox_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/agent/outbox"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

var keys = delta.Keys{Local: bytes.Repeat([]byte{8}, 32), ID: idKey}

func markOf(number int) delta.Mark { return keys.MarkOf(record.NewPupilID(idKey, fmt.Sprint(number))) }

// sent is a result that carries one record of marks of each pupil.
func sent(full bool, numbers ...int) delta.Result {
	r := delta.Result{Manifest: protocol.Manifest{Full: full}}
	for _, n := range numbers {
		r.Sent = append(r.Sent, delta.Sent{Pupil: markOf(n), Authority: "330", Dataset: record.DatasetAttendance, Upserts: 1})
		r.Aliases = append(r.Aliases, delta.Alias{Alias: keys.MarkOfMIS(fmt.Sprint(n)), Pupil: markOf(n)})
	}
	return r
}

// wantBatches demands that these batches, and no others, carried the pupil.
func (a *agent) wantBatches(t *testing.T, what string, asked delta.Mark, want ...uint64) {
	t.Helper()
	trace, err := a.Trace(asked)
	ok(t, err)
	got := []uint64(nil)
	for _, b := range trace.Batches {
		got = append(got, b.Sequence)
		if b.Sealed.IsZero() || len(b.Of) == 0 || b.Of[0].Dataset != record.DatasetAttendance || b.Of[0].Authority != "330" {
			t.Errorf("%s: %+v", what, b)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || trace.Known != (len(want) > 0) {
		t.Errorf("%s (known %v): %s", what, trace.Known, diff)
	}
}

func TestTrace(t *testing.T) {
	dir := t.TempDir()
	a := enrolled(t, dir)
	defer func() { a.close(t) }()
	a.wantBatches(t, "nobody", keys.MarkOfMIS("1"))
	a.sealResult(t, sent(false, 1, 2))
	a.sealResult(t, sent(false, 2))
	a.sealResult(t, delta.Result{})
	a.sealResult(t, sent(true, 1, 2))
	a.sealResult(t, sent(false, 1))
	a.wantBatches(t, "a full batch forgets nothing", keys.MarkOfMIS("1"), 1, 4, 5)
	a.wantBatches(t, "another pupil", keys.MarkOfMIS("2"), 1, 2, 4)
	a.wantBatches(t, "by the id itself", markOf(2), 1, 2, 4)
	a.wantBatches(t, "somebody else", keys.MarkOfMIS("3"))
	a.healthy(t)

	// Pupil 1 goes on as 10, and is found by what was known before.
	succeeded := sent(false, 10)
	succeeded.Aliases = []delta.Alias{{Alias: delta.Mark{77}, Pupil: markOf(10)}}
	succeeded.Successors = []delta.Successor{{Was: markOf(1), Now: markOf(10)}}
	a.sealResult(t, succeeded)
	a.wantBatches(t, "by the MIS's id", keys.MarkOfMIS("1"), 1, 4, 5, 6)
	a.wantBatches(t, "by the new UPN", delta.Mark{77}, 1, 4, 5, 6)
	a.wantBatches(t, "by the id that is gone", markOf(1))
	a.wantBatches(t, "another pupil", keys.MarkOfMIS("2"), 1, 2, 4)
	a.healthy(t)

	// The first mark that leads to anybody counts.
	trace, err := a.Trace(delta.Mark{99}, keys.MarkOfMIS("2"), delta.Mark{77})
	ok(t, err)
	if len(trace.Batches) != 3 {
		t.Errorf("%d batches, want those of pupil 2", len(trace.Batches))
	}
	ok(t, a.Close())
	ok(t, a.book.Close())
	a = open(t, dir)
	a.wantBatches(t, "after a restart", delta.Mark{77}, 1, 4, 5, 6)
}

// Nothing of it is remembered of a seal that fails.
func TestTraceOfWhatWasNotSealed(t *testing.T) {
	a := enrolled(t, t.TempDir())
	defer a.close(t)
	r := sent(false, 1)
	r.Base.Sequence = 9
	if _, err := a.Seal(r, agentKey); err == nil {
		t.Fatal("a result that does not fit was sealed")
	}
	a.wantBatches(t, "not sealed", keys.MarkOfMIS("1"))
}

// The file holds neither the pupil's id nor the UPN or id of the MIS, and a
// revoke, which deletes it, leaves nothing.
func TestTraceHoldsNoPupil(t *testing.T) {
	a := enrolled(t, t.TempDir())
	r := sent(false, 1)
	upn, _ := keys.MarkOfUPN("H801200001001")
	r.Aliases = append(r.Aliases, delta.Alias{Alias: upn, Pupil: markOf(1)})
	a.sealResult(t, r)
	a.close(t)
	data, err := os.ReadFile(filepath.Join(a.dir, outbox.FileName))
	ok(t, err)
	for _, secret := range []string{"H801200001001", string(record.NewPupilID(idKey, "1"))} {
		if bytes.Contains(data, []byte(secret)) {
			t.Error("the state names a pupil")
		}
	}
}

func TestTraceIsBounded(t *testing.T) {
	a := enrolled(t, t.TempDir())
	defer a.close(t)
	a.sealResult(t, sent(false, 1))
	before, err := a.Trace(keys.MarkOfMIS("1"))
	ok(t, err)
	ok(t, a.Spoil(func(tx *bbolt.Tx) error {
		b, value := tx.Bucket([]byte("sent")), []byte(`{"at":"2036-11-24T09:04:00Z","of":[]}`)
		for i := range outbox.MaxSent - 1 {
			m := delta.Mark{255, byte(i >> 16), byte(i >> 8), byte(i)}
			if err := b.Put(append(binary.BigEndian.AppendUint64(nil, 1), m[:]...), value); err != nil {
				return err
			}
		}
		return tx.Bucket([]byte("meta")).Put([]byte("sent-count"), binary.BigEndian.AppendUint64(nil, outbox.MaxSent))
	}))
	a.wantBatches(t, "while there is room", keys.MarkOfMIS("1"), 1)
	a.sealResult(t, sent(false, 2))
	entries, aliases := 0, 0
	ok(t, a.Spoil(func(tx *bbolt.Tx) error {
		entries, aliases = tx.Bucket([]byte("sent")).Stats().KeyN, tx.Bucket([]byte("aliases")).Stats().KeyN
		return nil
	}))
	if entries > outbox.MaxSent || entries < outbox.MaxSent*9/10 || aliases != 1 {
		t.Errorf("%d entries and %d aliases are remembered", entries, aliases)
	}
	a.wantBatches(t, "the oldest", keys.MarkOfMIS("1"))
	a.wantBatches(t, "the newest", keys.MarkOfMIS("2"), 2)
	after, err := a.Trace()
	ok(t, err)
	if !after.Since.After(before.Since) {
		t.Errorf("what was forgotten is said to be complete since %s", after.Since)
	}
	a.healthy(t)
}

// A file of a version before begins to remember when it is opened; one that is
// only looked at has nothing to say.
func TestTraceOfAnEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	a := enrolled(t, dir)
	a.seal(t, true, 0, 2, 1)
	ok(t, a.Spoil(func(tx *bbolt.Tx) error {
		for _, name := range []string{"sent", "aliases"} {
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
		meta := tx.Bucket([]byte("meta"))
		if err := meta.Delete([]byte("sent-count")); err != nil {
			return err
		}
		return meta.Delete([]byte("sent-since"))
	}))
	a.close(t)
	look, err := outbox.Open(dir, nil, outbox.Options{ReadOnly: true})
	ok(t, err)
	if trace, err := look.Trace(markOf(1)); err != nil || trace.Known || !trace.Since.IsZero() {
		t.Errorf("%+v, %v", trace, err)
	}
	if found, err := look.Fsck(publicKey, nil); err != nil || len(found) > 1 { // the logbook was not given
		t.Errorf("%v, %v", found, err)
	}
	ok(t, look.Close())
	opened := time.Now().Add(-2 * time.Second)
	a = open(t, dir)
	defer a.close(t)
	a.sealResult(t, sent(false, 1))
	trace, err := a.Trace(markOf(1))
	ok(t, err)
	if !trace.Since.After(opened) || len(trace.Batches) != 1 {
		t.Errorf("%+v", trace)
	}
	a.healthy(t)
}

func TestFsckFindsWhatWasNeverSent(t *testing.T) {
	at := func(sequence uint64) []byte {
		m := markOf(1)
		return append(binary.BigEndian.AppendUint64(nil, sequence), m[:]...)
	}
	for name, c := range map[string]struct {
		spoil func(sent, aliases *bbolt.Bucket) error
		says  string
	}{
		"a batch ahead": {func(sent, _ *bbolt.Bucket) error {
			return errors.Join(sent.Delete(at(1)), sent.Put(at(9), []byte(`{"at":"2026-11-24T09:04:00Z"}`)))
		}, "after the newest one"},
		"a pupil's id as the key": {func(sent, _ *bbolt.Bucket) error {
			return sent.Put([]byte(record.NewPupilID(idKey, "1")), []byte(`{}`))
		}, "1 entries of what was sent are not"},
		"a value of another form": {func(sent, _ *bbolt.Bucket) error { return sent.Put(at(1), []byte(`Example`)) }, "1 entries of what was sent are not"},
		"an entry gone":           {func(sent, _ *bbolt.Bucket) error { return sent.Delete(at(1)) }, "0 entries where 1 should be"},
		"an alias that is no mark": {func(_, aliases *bbolt.Bucket) error {
			return aliases.Put([]byte("H801200001001"), make([]byte, 16))
		}, "1 entries of what was sent are not"},
	} {
		a := enrolled(t, t.TempDir())
		a.sealResult(t, sent(false, 1))
		sum := a.healthy(t)
		ok(t, a.Spoil(func(tx *bbolt.Tx) error {
			return c.spoil(tx.Bucket([]byte("sent")), tx.Bucket([]byte("aliases")))
		}))
		if found, err := a.Fsck(publicKey, sum.Sealed); err != nil || len(found) != 1 || !strings.Contains(found[0], c.says) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		a.close(t)
	}
}
