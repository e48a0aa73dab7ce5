package store

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// What an agent said last is shown at the next look, whoever took it in; it is read
// only when it changes, and is worth nothing under another key.
func TestWhatWasSaidIsReadWhenItChanges(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, elsewhere, ctx := New(db), New(db), t.Context()
		public, key, _ := ed25519.GenerateKey(rand.Reader)
		other, _, _ := ed25519.GenerateKey(rand.Reader)
		a := Agent{School: "oak", ID: envelope.AgentOf(public), Generation: 1, Sign: public, Receive: []byte{1}, Revocation: []byte{1},
			State: AgentConfirmed, Created: time.Now()}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.AddSchool(ctx, School{ID: "oak", Name: "Oak"}))
		must(elsewhere.Write(ctx, func(tx *Tx) error { return tx.AddAgent(ctx, a) }))
		exec := func(query string, args ...any) {
			t.Helper()
			must(elsewhere.Write(ctx, func(tx *Tx) error {
				_, err := tx.Exec(ctx, query, args...)
				return err
			}))
		}
		frame := func(version string) []byte {
			signed, err := protocol.Sign(key, protocol.DomainCheckin, protocol.Checkin{Agent: a.ID, Version: version})
			must(err)
			body, _ := json.Marshal(protocol.Posted{Request: signed})
			return protocol.Attempt{Message: protocol.MessageCheckin, Sender: protocol.Sender(a.ID)}.Encode(body, key)
		}
		shows := func(what, version string) {
			t.Helper()
			list, err := s.SchoolsUncounted(ctx, "")
			must(err)
			if len(list) != 1 || list[0].Version != version {
				t.Errorf("%s: it runs %q, want %q", what, list[0].Version, version)
			}
		}
		shows("nothing said", "")
		exec("UPDATE attempts SET counter = 1, checkin = ?", frame("1.0"))
		shows("said", "1.0")
		exec("UPDATE attempts SET counter = 2, checkin = ?", frame("1.1"))
		shows("said again", "1.1")
		exec("UPDATE attempts SET counter = 3")
		shows("a batch came", "1.1")
		exec("UPDATE attempts SET checkin = ?", frame("1.2"))
		shows("changed behind intake's back", "1.1") // it is not read again at one counter
		exec("UPDATE agents SET sign_key = ?", []byte(other))
		shows("under another key", "")
		exec("UPDATE agents SET sign_key = ?", []byte(public))
		shows("under its own", "1.2")
		exec("UPDATE attempts SET checkin = NULL")
		shows("taken away", "")
	})
}
