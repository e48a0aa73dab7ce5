package audit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// A Log writes and reads the chains of one database. It may be used concurrently, and by
// several processes.
type Log struct {
	db    *database.DB
	vault *vault.Vault
	now   func() time.Time
}

// New uses an open database of the present schema. v seals reasons; it may be nil where
// none is written or read.
func New(db *database.DB, v *vault.Vault) *Log { return &Log{db: db, vault: v, now: clock.Now} }

// Add writes an entry and returns when it is on durable storage.
func (l *Log) Add(ctx context.Context, e Entry) error { return l.AddAll(ctx, []Entry{e}) }

// AddAll writes several entries in one transaction: all of them or none.
func (l *Log) AddAll(ctx context.Context, list []Entry) error {
	// Chains are locked in one order by everybody, so that no two wait for each other.
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Authority, b.Authority), cmp.Compare(a.School, b.School))
	})
	return l.db.Write(ctx, func(tx *database.Tx) error {
		for _, e := range list {
			if err := l.AddIn(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddIn writes an entry in the transaction of what it tells of. It comes last in it: until
// the transaction ends nobody else writes to these chains.
func (l *Log) AddIn(ctx context.Context, tx *database.Tx, e Entry) error {
	if err := e.check(); err != nil {
		return err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("write an audit entry: %w", err)
	}
	sealed, err := l.seal(ctx, tx, e, id)
	if err != nil {
		return fmt.Errorf("seal the reason of an audit entry: %w", err)
	}
	r := row{
		id: id, at: database.Micros(l.now()), user: e.User, action: string(e.Action), authority: e.Authority, school: e.School,
		children: e.childrenText(), about: e.About, reason: sealed,
	}
	for _, c := range e.chains() {
		if err := appendTo(ctx, tx, c, r); err != nil {
			return fmt.Errorf("write an audit entry: %w", err)
		}
	}
	return nil
}

// appendTo makes a row the next of a chain. The update of the chain's own row keeps other
// writers waiting until the transaction ends.
func appendTo(ctx context.Context, tx *database.Tx, c Chain, r row) error {
	r.chain = c
	begin := first(c)
	_, err := tx.Exec(ctx, "INSERT INTO audit_chains (chain, seq, hash, from_hash) VALUES (?, 0, ?, ?) ON CONFLICT DO NOTHING", string(c), begin, begin)
	if err != nil {
		return err
	}
	var previous []byte
	if err := tx.QueryRow(ctx, "UPDATE audit_chains SET seq = seq + 1 WHERE chain = ? RETURNING seq, hash", string(c)).Scan(&r.seq, &previous); err != nil {
		return err
	}
	r.hash = r.sum(previous)
	_, err = tx.Exec(ctx, `INSERT INTO audit (chain, seq, id, at, user_id, action, authority, school, children, about, reason, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(c), r.seq, r.id, r.at, r.user, r.action, r.authority, r.school, r.children, r.about, r.reason, r.hash)
	if err == nil {
		_, err = tx.Exec(ctx, "UPDATE audit_chains SET hash = ? WHERE chain = ?", r.hash, string(c))
	}
	return err
}

// seal seals a reason by the authority's key: why it exported something is its own to answer
// for, also after the school has stopped. What a school's own people do is sealed by the
// school's. No reason is no bytes.
func (l *Log) seal(ctx context.Context, tx *database.Tx, e Entry, id []byte) ([]byte, error) {
	if e.Reason == "" {
		return []byte{}, nil
	}
	if l.vault == nil {
		return nil, errors.New("there is no vault here")
	}
	st := &store.Tx{Tx: tx}
	var key vault.Key
	var err error
	if e.Authority != "" {
		key, err = st.AuthorityKey(ctx, l.vault, e.Authority)
	} else {
		key, err = st.SchoolKey(ctx, l.vault, e.School)
	}
	if err != nil {
		return nil, err
	}
	return key.Seal(reasonName(e.Authority, e.School, id), []byte(e.Reason))
}

func reasonName(authority, school string, id []byte) vault.Name {
	owner := school
	if authority != "" {
		owner = "authority/" + authority
	}
	return vault.Name{School: owner, Dataset: "audit", Key: fmt.Sprintf("%x", id)}
}
