package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollbridge/collector/database"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// Bounds of what one reply relays; the rest comes with the next check-in.
const (
	maxRelayed      = 64
	maxRelayedBytes = 2 << 20
)

// agentKinds are the statements addressed to one agent.
var agentKinds = []protocol.StatementKind{
	protocol.KindEnrolled, protocol.KindConfirmed, protocol.KindProvision, protocol.KindOutcome, protocol.KindRefusal,
	protocol.KindRoster,
}

// newestOnly are kinds of which each statement says all: those before the
// newest are not relayed.
var newestOnly = []protocol.StatementKind{protocol.KindRoster}

// newerThan asks for each kind by itself, so that each is a short walk in the
// primary key however many years of statements there are.
var newerThan = func() string {
	parts := make([]string, len(agentKinds))
	for i, k := range agentKinds {
		order := fmt.Sprintf("serial LIMIT %d", maxRelayed)
		if slices.Contains(newestOnly, k) {
			order = "serial DESC LIMIT 1"
		}
		parts[i] = fmt.Sprintf("SELECT * FROM (SELECT serial, signed FROM statements WHERE school = ? AND agent = ? AND kind = '%s' AND serial > ? ORDER BY %s) AS %s",
			k, order, k)
	}
	return strings.Join(parts, " UNION ALL ")
}()

// statementsFor reads an agent's statements that it does not have, oldest
// first.
func statementsFor(ctx context.Context, tx *database.Tx, school string, id envelope.AgentID, have protocol.Have) ([]protocol.Signed, error) {
	var args []any
	for _, k := range agentKinds {
		args = append(args, school, id[:], serialOf(have.Serials[k]))
	}
	type numbered struct {
		serial uint64
		signed []byte
	}
	var found []numbered
	rows, err := tx.Query(ctx, newerThan, args...)
	if err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n numbered
		if err := rows.Scan(&n.serial, &n.signed); err != nil {
			return nil, fmt.Errorf("read statements: %w", err)
		}
		found = append(found, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	slices.SortStableFunc(found, func(a, b numbered) int { return cmp.Compare(a.serial, b.serial) })
	var relayed []protocol.Signed
	bytes := 0
	for _, n := range found {
		if bytes += len(n.signed); len(relayed) == maxRelayed || (len(relayed) > 0 && bytes > maxRelayedBytes) {
			break
		}
		s, err := decodeSigned(n.signed)
		if err != nil {
			return nil, err
		}
		relayed = append(relayed, s)
	}
	return relayed, nil
}

// serialOf is a serial that a database takes; an agent that claims more has all.
func serialOf(n uint64) int64 { return int64(min(n, 1<<62)) }

func decodeSigned(b []byte) (protocol.Signed, error) {
	var s protocol.Signed
	if err := json.Unmarshal(b, &s); err != nil {
		return s, errors.New("a stored statement is damaged; restore the database from its backup")
	}
	return s, nil
}

// relay adds everything newer than have to a reply.
func (x *exchange) relay(reply *protocol.Reply, school string, id envelope.AgentID, have protocol.Have) error {
	x.relayKeyring(reply, have.Epoch)
	x.relaySealing(reply, have)
	var found []protocol.Signed
	err := x.DB.Read(x.ctx, func(tx *database.Tx) (err error) {
		found, err = statementsFor(x.ctx, tx, school, id, have)
		return err
	})
	if err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	reply.Statements = append(reply.Statements, found...)
	return nil
}

func (x *exchange) relaySealing(reply *protocol.Reply, have protocol.Have) {
	if x.signer.newestSerial > have.Serials[protocol.KindSealingKey] {
		reply.Statements = append(reply.Statements, x.signer.newest)
	}
}

// relayRefusal adds the newest refusal, if there is one, to a reply to a
// message that does not say what its sender has.
func (x *exchange) relayRefusal(reply *protocol.Reply, a agent) error {
	err := x.DB.Read(x.ctx, func(tx *database.Tx) error {
		rows, err := tx.Query(x.ctx, "SELECT signed FROM statements WHERE school = ? AND agent = ? AND kind = ? ORDER BY serial DESC LIMIT 1",
			a.school, a.id[:], string(protocol.KindRefusal))
		if err != nil {
			return err
		}
		defer rows.Close()
		reply.Statements = nil
		for rows.Next() {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				return err
			}
			s, err := decodeSigned(b)
			if err != nil {
				return err
			}
			reply.Statements = append(reply.Statements, s)
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("read refusal: %w", err)
	}
	return nil
}
