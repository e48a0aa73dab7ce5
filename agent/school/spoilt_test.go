package school_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/shared/protocol"
)

// Whatever of the queue is damaged: the collector is told of a revoke as long as
// the signing key is there, and it can still be read where the collector is.
func TestRevokeIsSignedBesideADamagedQueue(t *testing.T) {
	put := func(bucket, key string, value []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucket)).Put([]byte(key), value) }
	}
	facts := func(change func([]byte) []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b, key := tx.Bucket([]byte("facts")), []byte("facts")
			return b.Put(key, change(bytes.Clone(b.Get(key))))
		}
	}
	for name, spoil := range map[string]func(*bbolt.Tx) error{
		"an entry for the logbook": put("pending", "\x00\x00\x00\x00\x00\x00\x00\x63", []byte("{")),
		"the key of an entry":      put("pending", "short", []byte("{}")),
		"the head":                 put("meta", "head", []byte("{")),
		"the attempt number":       put("meta", "counter", []byte("1")),
		"no attempt number":        func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Delete([]byte("counter")) },
		"another version":          put("meta", "format", []byte("0")),
		"a part that is gone":      func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("kept")) },
		"no part but the facts": func(tx *bbolt.Tx) error {
			for _, name := range []string{"meta", "pending", "chain", "state", "envelopes", "kept", "refused"} {
				if err := tx.DeleteBucket([]byte(name)); err != nil {
					return err
				}
			}
			return nil
		},
		"the end of the facts": facts(func(text []byte) []byte { return text[:len(text)-10] }),
		"a fact of another kind": facts(func(text []byte) []byte {
			return bytes.Replace(text, []byte(`"enrolled":true`), []byte(`"enrolled":"yes"`), 1)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			w := enrolledWorld(t)
			w.sync()
			must(t, w.school.Close())
			db, err := bbolt.Open(filepath.Join(w.set.DataDir, outbox.FileName), 0o600, nil)
			must(t, err)
			must(t, db.Update(spoil))
			must(t, db.Close())
			must(t, school.SetRevoked(w.set.DataDir, ""))
			must(t, school.FinishRevoke(t.Context(), w.set, false, 0))
			must(t, school.DeliverRevoke(t.Context(), w.set.DataDir, slog.New(slog.DiscardHandler)))
			if school.HasState(w.set.DataDir) || w.posts[protocol.MessageRevoke] != 1 {
				t.Errorf("state is left: %v; posts %v", school.HasState(w.set.DataDir), w.posts)
			}
			if before, last := w.counters[protocol.MessageBatch], w.counters[protocol.MessageRevoke]; last <= before {
				t.Errorf("the revoke has the attempt number %d, a batch had %d before", last, before)
			}
		})
	}
}

// What can be read of the entries that wait for the logbook is entered.
func TestRevokeEntersWhatItCanRead(t *testing.T) {
	w := enrolledWorld(t)
	must(t, w.school.Close())
	db, err := bbolt.Open(filepath.Join(w.set.DataDir, outbox.FileName), 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bbolt.Tx) error {
		paused, err := json.Marshal(map[string]any{"time": time.Now().UTC(), "event": outbox.EventPaused, "data": json.RawMessage("{}")})
		if err != nil {
			return err
		}
		b := tx.Bucket([]byte("pending"))
		if err := b.Put([]byte("\x00\x00\x00\x00\x00\x00\x00\x62"), []byte("{")); err != nil {
			return err
		}
		return b.Put([]byte("\x00\x00\x00\x00\x00\x00\x00\x63"), paused)
	}))
	must(t, db.Close())
	must(t, school.SetRevoked(w.set.DataDir, ""))
	must(t, school.FinishRevoke(t.Context(), w.set, false, 0))
	if got := w.events(); len(got) < 3 || got[len(got)-3] != outbox.EventPaused || got[len(got)-2] != outbox.EventRevoked {
		t.Errorf("the logbook ends with %v", got)
	}
}
