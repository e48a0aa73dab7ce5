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

// What agents run is told by the confirmed ones, in words that they signed.
func TestPrograms(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := New(db), t.Context()
		heard := time.Now().Truncate(time.Microsecond)
		_, forger, _ := ed25519.GenerateKey(rand.Reader)
		add := func(school string, state AgentState, signer ed25519.PrivateKey, update *protocol.Update) {
			t.Helper()
			public, key, _ := ed25519.GenerateKey(rand.Reader)
			if signer == nil {
				signer = key
			}
			a := Agent{School: school, ID: envelope.AgentOf(public), Generation: 1, Sign: public, Receive: []byte{1}, Revocation: []byte{1}, State: state, Created: heard}
			signed, err := protocol.Sign(signer, protocol.DomainCheckin, protocol.Checkin{Agent: a.ID, Version: "1.2.0", Update: update})
			if err != nil {
				t.Fatal(err)
			}
			body, _ := json.Marshal(protocol.Posted{Request: signed})
			frame := protocol.Attempt{Message: protocol.MessageCheckin, Sender: protocol.Sender(a.ID)}.Encode(body, key)
			if err := s.AddSchool(ctx, School{ID: school, Name: school}); err != nil {
				t.Fatal(err)
			}
			if err := s.Write(ctx, func(tx *Tx) error {
				if err := tx.AddAgent(ctx, a); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, "UPDATE attempts SET checkin = ? WHERE school = ?", frame, school)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		add("ash", AgentConfirmed, nil, &protocol.Update{Ring: "early", Metadata: 7, Skipped: []protocol.UpdateSkip{{Version: "1.3.0", Reason: "crashed"}}})
		add("box", AgentConfirmed, nil, nil)
		add("elm", AgentPending, nil, nil)
		add("fir", AgentRevoked, nil, nil)
		add("oak", AgentConfirmed, forger, nil)
		list, err := s.Programs(ctx)
		if err != nil || len(list) != 2 || list[0].School != "ash" || list[1].School != "box" {
			t.Fatalf("%+v, %v", list, err)
		}
		a := list[0]
		if a.Version != "1.2.0" || !a.Heard.Equal(heard) || a.Update == nil || a.Update.Metadata != 7 || a.Update.Skipped[0].Reason != "crashed" || list[1].Update != nil {
			t.Errorf("%+v %+v", a, a.Update)
		}
	})
}
