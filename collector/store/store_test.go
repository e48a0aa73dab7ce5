package store

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// The store suite: everything here and in collector/apply runs on both
// databases.
func TestRegister(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := New(db), t.Context()
		is := func(err, want error, what string) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		is(s.PutAuthority(ctx, Authority{Code: "999999", Why: "x"}), ErrInvalid, "unknown authority")
		is(s.PutAuthority(ctx, Authority{Code: "301", Why: ""}), ErrInvalid, "no reason")
		is(s.PutAuthority(ctx, Authority{Code: "301", Why: "because"}), nil, "authority")
		is(s.PutAuthority(ctx, Authority{Code: "301", Name: "Changed", Why: "because"}), nil, "authority again")
		is(s.AddSchool(ctx, School{ID: "Oak School", Name: "Oak"}), ErrInvalid, "bad id")
		is(s.AddSchool(ctx, School{ID: "oak", Name: "Oak\nSchool"}), ErrInvalid, "bad name")
		is(s.AddSchool(ctx, School{ID: "oak", Name: "Oak"}), nil, "school")
		is(s.AddSchool(ctx, School{ID: "oak", Name: "Oak"}), ErrExists, "school again")
		is(s.ChangeSchool(ctx, School{ID: "elm", Name: "Elm"}), ErrNotFound, "change of none")
		pupil := map[record.Dataset][]string{record.DatasetPupil: {"Surname"}}
		is(s.SetProvision(ctx, Provision{"elm", "301", pupil}), ErrNotFound, "no school")
		is(s.SetProvision(ctx, Provision{"oak", "302", pupil}), ErrNotFound, "no authority")
		is(s.SetProvision(ctx, Provision{"oak", "301", nil}), ErrInvalid, "nothing")
		is(s.SetProvision(ctx, Provision{"oak", "301", map[record.Dataset][]string{record.DatasetPupil: {"Hobby"}}}), ErrInvalid, "no such field")
		is(s.SetProvision(ctx, Provision{"oak", "301", map[record.Dataset][]string{"pets": nil}}), ErrInvalid, "no such dataset")
		is(s.SetProvision(ctx, Provision{"oak", "301", map[record.Dataset][]string{record.DatasetContact: nil}}), ErrInvalid, "no pupils")
		is(s.SetProvision(ctx, Provision{"oak", "301", pupil}), nil, "provision")
		ask, err := s.Ask(ctx, "oak", "Operator")
		if err != nil || len(ask.Requests) != 1 || ask.Requests[0].Name != "Changed" || ask.Requests[0].Datasets[record.DatasetPupil][0] != "Surname" {
			t.Errorf("ask %+v, %v", ask, err)
		}
		is(s.DropProvision(ctx, "oak", "301"), nil, "drop")
		is(s.DropProvision(ctx, "oak", "301"), ErrNotFound, "drop again")
		if _, err := s.Keyring(ctx); !errors.Is(err, ErrNotFound) {
			t.Errorf("keyring before init: %v", err)
		}
		one := protocol.Signed{Payload: []byte("1")}
		is(s.PutKeyring(ctx, protocol.Keyring{Epoch: 1}, one), nil, "keyring")
		is(s.PutKeyring(ctx, protocol.Keyring{Epoch: 1}, one), nil, "the same keyring")
		is(s.PutKeyring(ctx, protocol.Keyring{Epoch: 1}, protocol.Signed{Payload: []byte("2")}), ErrExists, "another keyring")
	})
}

// What a check-in says counts only if the agent signed it.
func TestStatusTrustsOnlyTheAgent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := New(db), t.Context()
		public, key, _ := ed25519.GenerateKey(rand.Reader)
		_, forger, _ := ed25519.GenerateKey(rand.Reader)
		a := Agent{School: "oak", ID: envelope.AgentOf(public), Generation: 1, Sign: public, Receive: []byte{1}, Revocation: []byte{1},
			State: AgentPending, Created: time.Now()}
		if err := s.AddSchool(ctx, School{ID: "oak", Name: "Oak"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(ctx, func(tx *Tx) error { return tx.AddAgent(ctx, a) }); err != nil {
			t.Fatal(err)
		}
		says := func(signer, framer ed25519.PrivateKey) SchoolStatus {
			t.Helper()
			signed, err := protocol.Sign(signer, protocol.DomainCheckin, protocol.Checkin{Agent: a.ID, Paused: true, Version: "1"})
			if err != nil {
				t.Fatal(err)
			}
			body, _ := json.Marshal(protocol.Posted{Request: signed})
			frame := protocol.Attempt{Message: protocol.MessageCheckin, Sender: protocol.Sender(a.ID)}.Encode(body, framer)
			if err := s.Write(ctx, func(tx *Tx) error {
				_, err := tx.Exec(ctx, "UPDATE attempts SET counter = counter + 1, checkin = ?", frame)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			list, err := s.Schools(ctx, "")
			if err != nil || len(list) != 1 {
				t.Fatalf("%d schools, %v", len(list), err)
			}
			return list[0]
		}
		if got := says(key, key); !got.Paused || !got.SetUp || got.Pending != 1 || status.Decide(got.Facts(time.Now(), status.AM)).Word != status.Paused {
			t.Errorf("status %+v", got)
		}
		if says(forger, key).Paused || says(key, forger).Paused {
			t.Error("a forged check-in is believed")
		}
		if list, err := s.Schools(ctx, "301"); err != nil || len(list) != 0 {
			t.Errorf("an authority sees %d schools that it does not ask, %v", len(list), err)
		}
	})
}

// Fsck finds each kind of damage. The damage is done behind the store's back.
func TestFsckFindsDamage(t *testing.T) {
	damage := map[string][]string{
		CheckDigest:     {"INSERT INTO records (school, dataset, key, pupil, version, body, tag, counted, generation, sequence, received_at, as_at) VALUES ('oak', 'pupil', 'k', 'k', 1, NULL, ?, TRUE, 1, 1, 1, 1)"},
		CheckKeys:       {"INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES ('oak', 'p', '', ?, 1, 1)"},
		CheckQuarantine: {"INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES ('oak', 'pupil', 'k', 1, '[]', ?, 1)"},
		CheckHistory:    {"INSERT INTO record_history (school, dataset, key, version, pupil, body, replaced_at, why) VALUES ('oak', 'pupil', 'k', 2, 'k', ?, 1, 'left')"},
		CheckPosition:   {"INSERT INTO positions (school, agent, generation, sequence, digest, state, applied_at) VALUES ('oak', 'a', 1, 3, 'd', ?, 1)"},
	}
	for check, queries := range damage {
		t.Run(check, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				s, ctx := New(db), t.Context()
				if err := s.AddSchool(ctx, School{ID: "oak", Name: "Oak"}); err != nil {
					t.Fatal(err)
				}
				if found, err := s.Fsck(ctx, nil); err != nil || len(found) != 0 {
					t.Fatalf("before: %v, %v", found, err)
				}
				for _, q := range queries {
					if err := s.Write(ctx, func(tx *Tx) error {
						_, err := tx.Exec(ctx, q, []byte(strings.Repeat("\x01", 32)))
						return err
					}); err != nil {
						t.Fatal(err)
					}
				}
				found, err := s.Fsck(ctx, nil)
				ok := false
				for _, f := range found {
					ok = ok || f.Check == check && f.School == "oak"
				}
				if err != nil || !ok {
					t.Errorf("found %+v, %v", found, err)
				}
			})
		})
	}
}
