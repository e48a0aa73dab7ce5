package protocol_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func TestRosterSealed(t *testing.T) {
	key, err := envelope.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	agent := envelope.AgentID{1}
	given := protocol.Roster{Entries: []protocol.RosterEntry{
		{Authority: "860", UPN: "Z990990000001", DOB: "2013-02-01"},
		{Authority: "855", UPN: "Z990990000002", DOB: "2012-02-01"},
		{Authority: "855", UPN: "Z990990000001", DOB: "2013-02-01"},
	}}
	sealed, err := protocol.SealRoster(key.PublicKey(), agent, given)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := protocol.OpenRoster(key, agent, sealed)
	if err != nil {
		t.Fatal(err)
	}
	want := []protocol.RosterEntry{given.Entries[2], given.Entries[1], given.Entries[0]}
	if diff := cmp.Diff(want, opened.Entries); diff != "" {
		t.Errorf("it is not what was sealed, sorted (-want +got):\n%s", diff)
	}
	empty, err := protocol.SealRoster(key.PublicKey(), agent, protocol.Roster{})
	if err != nil {
		t.Fatal(err)
	}
	if len(empty.Sealed) != len(sealed.Sealed) {
		t.Errorf("none and three children have the lengths %d and %d", len(empty.Sealed), len(sealed.Sealed))
	}
	if r, err := protocol.OpenRoster(key, agent, empty); err != nil || len(r.Entries) != 0 {
		t.Errorf("an empty roster opens with %d entries: %v", len(r.Entries), err)
	}
	if _, err := protocol.OpenRoster(key, envelope.AgentID{2}, sealed); !errors.Is(err, envelope.ErrOpen) {
		t.Errorf("another agent's roster opens: %v", err)
	}
	large := protocol.Roster{Entries: make([]protocol.RosterEntry, protocol.MaxRosterBytes/30)}
	if _, err := protocol.SealRoster(key.PublicKey(), agent, large); !errors.Is(err, protocol.ErrRoster) {
		t.Errorf("a roster over the limit: %v", err)
	}
}

func TestRosterPrintsAsAWord(t *testing.T) {
	r := protocol.Roster{Entries: []protocol.RosterEntry{{Authority: "855", UPN: "Z990990000001", DOB: "2013-02-01"}}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "roster", r, "entry", r.Entries[0])
	text := log.String() + fmt.Sprintf("%v %+v %#v %s %x %v", r, r, r, r, r.Entries[0], r.Entries)
	if strings.Contains(text, "Z99") || strings.Contains(text, "2013") {
		t.Errorf("a child shows in %s", text)
	}
}

// The largest roster, as 2,000 children of one authority in one school, passes
// as a statement, and leaves room in a reply for what else is newer.
func TestLargeRosterFits(t *testing.T) {
	key, err := envelope.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	var r protocol.Roster
	for n := range 8000 {
		r.Entries = append(r.Entries, protocol.RosterEntry{Authority: "855", UPN: fmt.Sprintf("Z%012d", n), DOB: "2013-02-01"})
	}
	body, err := protocol.SealRoster(key.PublicKey(), envelope.AgentID{1}, r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	_, control, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := protocol.Sign(control, protocol.DomainStatement, protocol.Statement{Kind: protocol.KindRoster, Serial: 1, Body: text})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := json.Marshal(signed); err != nil || len(reply) > protocol.MaxReplyBytes/2 {
		t.Errorf("it takes %d of the %d bytes of a reply: %v", len(reply), protocol.MaxReplyBytes, err)
	}
}
