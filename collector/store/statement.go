package store

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// An Address says to whom a statement is addressed. The zero Address is all
// agents.
type Address struct {
	School     string
	Agent      envelope.AgentID
	Generation uint32
}

// AddressOf addresses an agent.
func AddressOf(a Agent) Address { return Address{a.School, a.ID, a.Generation} }

// anyKind is a parameter that is not compared with the kind that a partial
// index is of: SQLite would parse the statement again for each value of it.
const anyKind = "CAST(? AS TEXT)"

// Issue signs a statement with a control key and stores it for intake to
// relay. Its serial is above all of its kind for that address, and at least
// the present time in milliseconds, so that a collector restored from a backup
// issues none that an agent takes for old.
func (t *Tx) Issue(ctx context.Context, control ed25519.PrivateKey, to Address, kind protocol.StatementKind, body any) (protocol.Statement, error) {
	now := clock.Now()
	var last sql.NullInt64
	err := t.QueryRow(ctx, "SELECT MAX(serial) FROM statements WHERE school = ? AND agent = ? AND kind = "+anyKind,
		to.School, to.Agent[:], string(kind)).Scan(&last)
	if err != nil {
		return protocol.Statement{}, fmt.Errorf("issue %s statement: %w", kind, err)
	}
	st := protocol.Statement{Kind: kind, Agent: to.Agent, Generation: to.Generation, Issued: now.UTC(),
		Serial: uint64(max(last.Int64+1, now.UnixMilli()))}
	if st.Body, err = json.Marshal(body); err != nil {
		return protocol.Statement{}, fmt.Errorf("issue %s statement: %w", kind, err)
	}
	signed, err := protocol.Sign(control, protocol.DomainStatement, st)
	if err != nil {
		return protocol.Statement{}, err
	}
	text, err := json.Marshal(signed)
	if err == nil {
		_, err = t.Exec(ctx, `INSERT INTO statements (school, agent, kind, serial, generation, issued_at, signed)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			to.School, to.Agent[:], string(kind), int64(st.Serial), int64(st.Generation), database.Micros(now), text)
	}
	return st, wrap(err, "issue %s statement", kind)
}

// LastStatement is the newest statement of a kind to an address, as this
// collector stored it; ErrNotFound if there is none.
func (t *Tx) LastStatement(ctx context.Context, to Address, kind protocol.StatementKind) (protocol.Statement, error) {
	var text []byte
	err := t.QueryRow(ctx, "SELECT signed FROM statements WHERE school = ? AND agent = ? AND kind = "+anyKind+" ORDER BY serial DESC LIMIT 1",
		to.School, to.Agent[:], string(kind)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	var signed protocol.Signed
	var st protocol.Statement
	if err == nil {
		err = json.Unmarshal(text, &signed)
	}
	if err == nil {
		err = json.Unmarshal(signed.Payload, &st)
	}
	return st, wrap(err, "find the last %s statement", kind)
}

const outcomesKept = 30 * 24 * time.Hour

// Tidy deletes outcome statements older than 30 days, keeping the newest of
// each agent: agents that were away longer have sent a full batch since.
func (s *Store) Tidy(ctx context.Context, now time.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		// The kind stands in the text because the index is of outcomes only.
		_, err := tx.Exec(ctx, `DELETE FROM statements WHERE kind = 'outcome' AND issued_at < ? AND serial <
			(SELECT MAX(n.serial) FROM statements n WHERE n.school = statements.school AND n.agent = statements.agent AND n.kind = 'outcome')`,
			database.Micros(now.Add(-outcomesKept)))
		return wrap(err, "delete old outcomes")
	})
}
