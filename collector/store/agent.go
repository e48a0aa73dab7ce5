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
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// An AgentState says what an agent may do.
type AgentState string

// The states of an agent.
const (
	AgentPending    AgentState = "pending"    // waits for the operator to compare the phrase
	AgentConfirmed  AgentState = "confirmed"  // its batches are applied
	AgentSuperseded AgentState = "superseded" // another took its place
	AgentRevoked    AgentState = "revoked"    // stopped
	AgentEnded      AgentState = "ended"      // the authority ended the provision
)

// Live says whether an agent in this state may still send.
func (s AgentState) Live() bool { return s == AgentPending || s == AgentConfirmed }

// An Agent is one enrolled agent.
type Agent struct {
	School     string
	ID         envelope.AgentID
	Generation uint32
	Sign       ed25519.PublicKey
	Receive    []byte
	Revocation []byte
	// Phrase is what both sides show before the agent is confirmed.
	Phrase string
	State  AgentState
	// Reenrolled: the school had a confirmed agent before, so this one waits
	// for its old id key.
	Reenrolled         bool
	Created, Confirmed time.Time
	// Heard is when it last spoke.
	Heard time.Time
	// IDKey is the id key that it brought, sealed by the school's key; nil once
	// confirmed, and always for a re-enrolled one.
	IDKey []byte
}

const agentColumns = `SELECT a.school, a.agent, a.generation, a.sign_key, a.receive_key, a.revocation, a.phrase, a.state,
	a.reenrolled, a.created_at, a.confirmed_at, a.id_key, t.heard_at
	FROM agents a LEFT JOIN attempts t ON t.school = a.school AND t.agent = a.agent `

func scanAgent(r interface{ Scan(...any) error }) (a Agent, err error) {
	var id []byte
	var created int64
	var confirmed, heard sql.NullInt64
	err = r.Scan(&a.School, &id, &a.Generation, (*[]byte)(&a.Sign), &a.Receive, &a.Revocation, &a.Phrase, (*string)(&a.State),
		&a.Reenrolled, &created, &confirmed, &a.IDKey, &heard)
	copy(a.ID[:], id)
	a.Created, a.Confirmed, a.Heard = database.FromMicros(created), database.FromNullMicros(confirmed), database.FromNullMicros(heard)
	return a, err
}

// Agents lists the agents of a school, or of all with an empty school, by
// school and generation.
func (s *Store) Agents(ctx context.Context, school string) (list []Agent, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list, err = tx.Agents(ctx, school)
		return err
	})
	return list, err
}

// Agents is Store.Agents inside a transaction.
func (t *Tx) Agents(ctx context.Context, school string) (list []Agent, err error) {
	query, args := agentColumns+"ORDER BY a.school, a.generation", []any(nil)
	if school != "" {
		query, args = agentColumns+"WHERE a.school = ? ORDER BY a.generation", []any{school}
	}
	err = t.Each(ctx, query, args, func(r *sql.Rows) error {
		a, err := scanAgent(r)
		list = append(list, a)
		return err
	})
	return list, wrap(err, "list agents")
}

// Agent finds an agent by its id; ErrNotFound if it is not known.
func (t *Tx) Agent(ctx context.Context, id envelope.AgentID) (Agent, error) {
	return t.oneAgent(ctx, "WHERE a.agent = ?", id[:])
}

// ConfirmedAgent is the one agent of a school whose batches are applied;
// ErrNotFound if there is none.
func (t *Tx) ConfirmedAgent(ctx context.Context, school string) (Agent, error) {
	return t.oneAgent(ctx, "WHERE a.school = ? AND a.state = 'confirmed' ORDER BY a.generation DESC LIMIT 1", school)
}

func (t *Tx) oneAgent(ctx context.Context, where string, arg any) (Agent, error) {
	a, err := scanAgent(t.QueryRow(ctx, agentColumns+where, arg))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return a, wrap(err, "find agent")
}

// AddAgent stores a new agent and the row in which intake counts its attempts.
func (t *Tx) AddAgent(ctx context.Context, a Agent) error {
	_, err := t.Exec(ctx, `INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state,
		reenrolled, created_at, id_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.School, a.ID[:], int64(a.Generation), []byte(a.Sign), a.Receive, a.Revocation, a.Phrase, string(a.State),
		a.Reenrolled, database.Micros(a.Created), a.IDKey)
	if err == nil {
		_, err = t.Exec(ctx, "INSERT INTO attempts (school, agent, counter, heard_at) VALUES (?, ?, 0, ?)",
			a.School, a.ID[:], database.Micros(a.Created))
	}
	return wrap(err, "add agent to %s", a.School)
}

// SetAgentState changes what an agent may do, and forgets the id key that it
// brought.
func (t *Tx) SetAgentState(ctx context.Context, a Agent, state AgentState, confirmed time.Time) error {
	_, err := t.Exec(ctx, "UPDATE agents SET state = ?, confirmed_at = COALESCE(?, confirmed_at), id_key = NULL WHERE school = ? AND agent = ?",
		string(state), database.NullMicros(confirmed), a.School, a.ID[:])
	return wrap(err, "change the state of an agent of %s", a.School)
}

// A Code is an enrolment code as the collector knows it: without its secret.
type Code struct {
	School           string
	ID               protocol.CodeID
	Public           ed25519.PublicKey
	Created, Expires time.Time
	// UsedBy is the agent that it enrolled, zero if none.
	UsedBy envelope.AgentID
}

// AddCode stores a code with the offer that intake shows to its holder.
func (t *Tx) AddCode(ctx context.Context, c Code, offer protocol.Signed) error {
	text, err := json.Marshal(offer)
	if err == nil {
		_, err = t.Exec(ctx, "INSERT INTO codes (school, code_id, public_key, offer, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			c.School, c.ID[:], []byte(c.Public), text, database.Micros(c.Created), database.Micros(c.Expires))
	}
	return wrap(err, "store a code of %s", c.School)
}

// UseCode marks a code as used by an agent. It says whether it was unused or
// used by the same agent.
func (t *Tx) UseCode(ctx context.Context, c Code, by envelope.AgentID) (bool, error) {
	n, err := t.Exec(ctx, "UPDATE codes SET used_by = ? WHERE school = ? AND code_id = ? AND (used_by IS NULL OR used_by = ?)",
		by[:], c.School, c.ID[:], by[:])
	return n == 1, wrap(err, "use a code of %s", c.School)
}

const codeColumns = "SELECT school, code_id, public_key, created_at, expires_at, used_by FROM codes "

func scanCode(r interface{ Scan(...any) error }) (c Code, err error) {
	var id, by []byte
	var created, expires int64
	err = r.Scan(&c.School, &id, (*[]byte)(&c.Public), &created, &expires, &by)
	copy(c.ID[:], id)
	copy(c.UsedBy[:], by)
	c.Created, c.Expires = database.FromMicros(created), database.FromMicros(expires)
	return c, err
}

// Codes lists the codes of a school, newest first.
func (s *Store) Codes(ctx context.Context, school string) (list []Code, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		return tx.Each(ctx, codeColumns+"WHERE school = ? ORDER BY created_at DESC", []any{school}, func(r *sql.Rows) error {
			c, err := scanCode(r)
			list = append(list, c)
			return err
		})
	})
	return list, wrap(err, "list the codes of %s", school)
}

// Code finds a code by its id; ErrNotFound if it was never made.
func (t *Tx) Code(ctx context.Context, id protocol.CodeID) (Code, error) {
	c, err := scanCode(t.QueryRow(ctx, codeColumns+"WHERE code_id = ?", id[:]))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return c, wrap(err, "find a code")
}

// PutKeyring stores a keyring that the root key signed. The same one again
// changes nothing; another one of an epoch that is taken is refused with
// ErrExists.
func (s *Store) PutKeyring(ctx context.Context, k protocol.Keyring, signed protocol.Signed) error {
	text, err := json.Marshal(signed)
	if err != nil {
		return fmt.Errorf("store keyring %d: %w", k.Epoch, err)
	}
	err = s.Write(ctx, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO keyrings (epoch, signed) VALUES (?, ?) ON CONFLICT DO NOTHING", int64(k.Epoch), text); err != nil {
			return err
		}
		var held []byte
		err := tx.QueryRow(ctx, "SELECT signed FROM keyrings WHERE epoch = ?", int64(k.Epoch)).Scan(&held)
		if err == nil && string(held) != string(text) {
			err = ErrExists
		}
		return err
	})
	return wrap(err, "store keyring %d", k.Epoch)
}

// Keyring is the newest keyring as it was signed; ErrNotFound before init.
func (s *Store) Keyring(ctx context.Context) (signed protocol.Signed, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		signed, err = tx.Keyring(ctx)
		return err
	})
	return signed, err
}
