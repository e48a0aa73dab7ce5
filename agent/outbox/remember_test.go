package outbox_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// sealResult seals a result without records.
func (a *agent) sealResult(t *testing.T, r delta.Result) {
	t.Helper()
	s, err := a.Snapshot()
	ok(t, err)
	r.Base = s.Base
	if !r.Manifest.Full {
		r.Manifest.State = s.Digest
	}
	_, err = a.Seal(r, agentKey)
	ok(t, err)
}

func (a *agent) feed(t *testing.T, scope string) string {
	t.Helper()
	feed, err := a.Feed(scope)
	ok(t, err)
	return string(feed)
}

// A feed follows the rows that it was sealed with, and nothing else.
func TestFeedIsOfTheLastSealedRead(t *testing.T) {
	a := enrolled(t, t.TempDir())
	defer a.Close()
	fed := func(token string) delta.Result {
		return delta.Result{Feed: []byte(token), Manifest: protocol.Manifest{Scope: "s"}}
	}
	if got := a.feed(t, "s"); got != "" {
		t.Errorf("a feed %q of nothing", got)
	}
	a.sealResult(t, fed("one"))
	if a.feed(t, "s") != "one" || a.feed(t, "other") != "" {
		t.Error("the feed is not that of the scope")
	}
	// What is not sealed, because something else was meanwhile, leaves no feed.
	late := fed("two")
	late.Base = envelope.Link{Sequence: 99}
	if _, err := a.Seal(late, agentKey); err == nil {
		t.Fatal("a result that does not fit was sealed")
	}
	if got := a.feed(t, "s"); got != "one" {
		t.Errorf("feed %q after a seal that failed", got)
	}
	ok(t, a.NeedFull(outbox.FullResync, nil))
	if got := a.feed(t, "s"); got != "" {
		t.Errorf("feed %q although everything is asked for", got)
	}
	full := fed("three")
	full.Manifest.Full = true
	a.sealResult(t, full)
	if got := a.feed(t, "s"); got != "three" {
		t.Errorf("feed %q after a full batch", got)
	}
	held := []protocol.Hold{{Code: "X", Dataset: record.DatasetContact}}
	ok(t, a.Update(func(f *outbox.Facts) error { f.CollectorHolds = held; return nil }))
	if got := a.feed(t, "s"); got != "" {
		t.Errorf("feed %q although something is held", got)
	}
	ok(t, a.Update(func(f *outbox.Facts) error { f.CollectorHolds = nil; return nil }))
	a.sealResult(t, delta.Result{})
	if got := a.feed(t, "s"); got != "" {
		t.Errorf("feed %q after a read without one", got)
	}
}

func TestRemovedContactsAreRememberedForATime(t *testing.T) {
	a := enrolled(t, t.TempDir())
	defer a.Close()
	day := record.Date("2026-03-02")
	one, two := delta.Grave{1}, delta.Grave{2}
	want := func(what string, graves map[delta.Grave]record.Date) {
		t.Helper()
		s, err := a.Snapshot()
		ok(t, err)
		if diff := cmp.Diff(graves, s.Graves); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	a.sealResult(t, delta.Result{Today: day, Buried: []delta.Grave{one, two}})
	want("two", map[delta.Grave]record.Date{one: day, two: day})
	full := delta.Result{Today: day}
	full.Manifest.Full = true
	a.sealResult(t, full)
	want("a full batch forgets none", map[delta.Grave]record.Date{one: day, two: day})
	a.sealResult(t, delta.Result{Today: day, Risen: []delta.Grave{one}})
	want("one rose", map[delta.Grave]record.Date{two: day})
	a.sealResult(t, delta.Result{Today: day.AddDays(protocol.ReturnedFor)})
	want("on the last day", map[delta.Grave]record.Date{two: day})
	a.sealResult(t, delta.Result{Today: day.AddDays(protocol.ReturnedFor + 1)})
	want("after it", map[delta.Grave]record.Date{})
	var many []delta.Grave
	for i := range delta.MaxGraves + 5 {
		many = append(many, delta.Grave{9, byte(i), byte(i >> 8)})
	}
	a.sealResult(t, delta.Result{Today: day, Buried: many[:5]})
	a.sealResult(t, delta.Result{Today: day.AddDays(1), Buried: many[5:]})
	s, err := a.Snapshot()
	ok(t, err)
	if _, old := s.Graves[many[0]]; len(s.Graves) != delta.MaxGraves || old {
		t.Errorf("%d are remembered, the oldest %v", len(s.Graves), old)
	}
}

// A data directory of a version before goes on, also where it is only looked at.
func TestStateOfAnEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	a := enrolled(t, dir)
	ok(t, a.Spoil(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("removed")) }))
	if _, err := a.Snapshot(); err != nil {
		t.Error(err)
	}
	ok(t, a.Close())
	ok(t, a.book.Close())
	a = open(t, dir)
	defer a.Close()
	a.sealResult(t, delta.Result{Today: "2026-03-02", Buried: []delta.Grave{{1}}})
	found, err := a.Fsck(publicKey, nil)
	ok(t, err)
	if slices.ContainsFunc(found, func(s string) bool { return bytes.Contains([]byte(s), []byte("removed")) }) {
		t.Error(found)
	}
}

// What a full batch could not have all of asks for another one once it can be
// read: what was removed meanwhile is in no state that could name it.
func TestFullBatchThatLackedSomething(t *testing.T) {
	a := enrolled(t, t.TempDir())
	defer a.Close()
	read := func(full, contacts bool) delta.Result {
		r := delta.Result{}
		r.Manifest.Full = full
		r.Manifest.Datasets = []protocol.DatasetRead{{Dataset: record.DatasetPupil, Complete: true}, {Dataset: record.DatasetContact, Complete: contacts}}
		return r
	}
	for i, step := range []struct {
		full, contacts bool
		want           string
	}{
		{true, false, ""}, {false, false, ""}, {false, true, outbox.FullLacking}, {true, true, ""}, {false, false, ""}, {false, true, ""},
	} {
		a.sealResult(t, read(step.full, step.contacts))
		got, err := a.FullReason()
		ok(t, err)
		if got != step.want {
			t.Errorf("step %d: a full batch for %q, want %q", i, got, step.want)
		}
	}
}
