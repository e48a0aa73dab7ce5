package intake

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/keys"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// cacheLife bounds how long intake acts on what another process has changed.
const (
	cacheLife = 2 * time.Second
	maxCached = 50_000
)

// The states of an agent that intake tells apart.
const (
	statePending   = "pending"
	stateConfirmed = "confirmed"
)

var (
	errUnknown   = errors.New("unknown sender")
	errNoKeyring = errors.New("the database holds no keyring; run rollbridge-collector init")
)

// An agent is what intake knows of one.
type agent struct {
	id         envelope.AgentID
	school     string
	generation uint32
	key        ed25519.PublicKey
	state      string
	reenrolled bool
}

// stopped says whether control has ended this agent.
func (a agent) stopped() bool { return a.state != statePending && a.state != stateConfirmed }

// A signer is the key that signs now, with the keyring that lists it and the
// sealing keys that exist.
type signer struct {
	key     ed25519.PrivateKey
	ring    protocol.Keyring
	signed  protocol.Signed
	sealing map[envelope.KeyID]protocol.SealingKey
	// newest is the newest sealing key's statement; its Serial is 0 if there is
	// none.
	newest       protocol.Signed
	newestSerial uint64
}

// exists says whether what is sealed to a key can still be opened.
func (s signer) exists(id envelope.KeyID, now time.Time) bool {
	k, known := s.sealing[id]
	return known && now.Before(k.Destroyed)
}

// registry looks up senders and keys, and remembers them for cacheLife.
type registry struct {
	db   *database.DB
	held []ed25519.PrivateKey

	mu     sync.Mutex
	agents map[envelope.AgentID]cached[agent]
	now    cached[signer]
}

type cached[T any] struct {
	value T
	at    time.Time
}

func (c cached[T]) fresh() bool { return !c.at.IsZero() && time.Since(c.at) < cacheLife }

func newRegistry(db *database.DB, held []ed25519.PrivateKey) *registry {
	return &registry{db: db, held: held, agents: map[envelope.AgentID]cached[agent]{}}
}

// agent finds an agent by its id; errUnknown if there is none.
func (r *registry) agent(ctx context.Context, id envelope.AgentID) (agent, error) {
	r.mu.Lock()
	c := r.agents[id]
	r.mu.Unlock()
	// An agent hears that it is confirmed and sends at once: what was remembered
	// of one that waits would turn it away.
	if c.fresh() && c.value.state != statePending {
		return c.value, nil
	}
	a := agent{id: id}
	err := r.db.Read(ctx, func(tx *database.Tx) error {
		return tx.QueryRow(ctx, "SELECT school, generation, sign_key, state, reenrolled FROM agents WHERE agent = ?", id[:]).
			Scan(&a.school, &a.generation, (*[]byte)(&a.key), &a.state, &a.reenrolled)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return agent{}, errUnknown
	}
	if err != nil {
		return agent{}, fmt.Errorf("look up agent: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.agents) >= maxCached {
		clear(r.agents)
	}
	r.agents[id] = cached[agent]{a, time.Now()}
	return a, nil
}

// current is the signer of now. While the database is away the last one known
// goes on signing, so that agents hear `later` from somebody they believe.
func (r *registry) current(ctx context.Context) (signer, error) {
	r.mu.Lock()
	c := r.now
	r.mu.Unlock()
	if c.fresh() {
		return c.value, nil
	}
	s, err := r.load(ctx)
	if err != nil && !c.at.IsZero() && !errors.Is(err, errNoKeyring) && !errors.Is(err, keys.ErrNotListed) {
		return c.value, nil
	}
	if err != nil {
		return signer{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = cached[signer]{s, time.Now()}
	return s, nil
}

func (r *registry) load(ctx context.Context) (signer, error) {
	var ring []byte
	var statements [][]byte
	err := r.db.Read(ctx, func(tx *database.Tx) error {
		statements = nil
		if err := tx.QueryRow(ctx, "SELECT signed FROM keyrings ORDER BY epoch DESC LIMIT 1").Scan(&ring); err != nil {
			return err
		}
		// Newest first; older than a month are destroyed by design.md §4.
		rows, err := tx.Query(ctx, "SELECT signed FROM statements WHERE school = '' AND agent = ? AND kind = ? ORDER BY serial DESC LIMIT 16",
			make([]byte, 16), string(protocol.KindSealingKey))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				return err
			}
			statements = append(statements, b)
		}
		return rows.Err()
	})
	if errors.Is(err, sql.ErrNoRows) {
		return signer{}, errNoKeyring
	}
	if err != nil {
		return signer{}, fmt.Errorf("read keyring: %w", err)
	}
	var s signer
	// The database is trusted to hold the right collector's keyring: intake has
	// no other source, and agents check the root key.
	if json.Unmarshal(ring, &s.signed) != nil || json.Unmarshal(s.signed.Payload, &s.ring) != nil {
		return signer{}, errors.New("read keyring: it is damaged; restore the database from its backup")
	}
	if s.key, err = keys.Listed(r.held, s.ring.Intake); err != nil {
		return signer{}, fmt.Errorf("choose intake key: %w", err)
	}
	s.sealing = make(map[envelope.KeyID]protocol.SealingKey, len(statements))
	for _, b := range statements {
		s.addSealing(b)
	}
	return s, nil
}

// addSealing takes the next older sealing key; one that control did not sign
// does not exist.
func (s *signer) addSealing(statement []byte) {
	var signed protocol.Signed
	var k protocol.SealingKey
	if json.Unmarshal(statement, &signed) != nil {
		return
	}
	st, err := protocol.VerifyStatement(signed, s.ring)
	if err != nil || st.Decode(&k) != nil {
		return
	}
	s.sealing[k.ID] = k
	if s.newestSerial == 0 {
		s.newest, s.newestSerial = signed, st.Serial
	}
}
