package store

import (
	"context"
	"database/sql"
	"errors"

	"rollbridge/collector/vault"
)

// SchoolKey opens the key of a school, and makes it if there is none: it seals
// quarantined records and the school's id key.
func (t *Tx) SchoolKey(ctx context.Context, v *vault.Vault, school string) (vault.Key, error) {
	owner := vault.Owner{School: school}
	var w vault.Wrapped
	err := t.QueryRow(ctx, "SELECT key, epoch FROM school_keys WHERE school = ?", school).Scan(&w.Key, &w.Epoch)
	if err == nil {
		return v.Unwrap(owner, w)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return vault.Key{}, wrap(err, "read the key of %s", school)
	}
	key, w, err := v.NewKey(owner)
	if err == nil {
		_, err = t.Exec(ctx, "INSERT INTO school_keys (school, key, epoch) VALUES (?, ?, ?)", school, w.Key, int64(w.Epoch))
	}
	return key, wrap(err, "make the key of %s", school)
}

func idKeyName(school string) vault.Name { return vault.Name{School: school, Dataset: "id_key"} }

// SealIDKey seals an id key by the school's key, as it stands in schools and
// agents.
func (t *Tx) SealIDKey(ctx context.Context, v *vault.Vault, school string, idKey []byte) ([]byte, error) {
	key, err := t.SchoolKey(ctx, v, school)
	if err != nil {
		return nil, err
	}
	return key.Seal(idKeyName(school), idKey)
}

// SetIDKey makes a sealed id key the school's; it must have none.
func (t *Tx) SetIDKey(ctx context.Context, school string, sealed []byte) error {
	n, err := t.Exec(ctx, "UPDATE schools SET id_key = ? WHERE school = ? AND id_key IS NULL", sealed, school)
	if err == nil && n == 0 {
		err = ErrExists
	}
	return wrap(err, "store the id key of %s", school)
}

// IDKey opens the school's id key; nil if it has none yet.
func (t *Tx) IDKey(ctx context.Context, v *vault.Vault, school string) ([]byte, error) {
	var sealed []byte
	var w vault.Wrapped
	var epoch sql.NullInt64
	err := t.QueryRow(ctx, "SELECT s.id_key, k.key, k.epoch FROM schools s LEFT JOIN school_keys k ON k.school = s.school WHERE s.school = ?", school).
		Scan(&sealed, &w.Key, &epoch)
	if err != nil {
		return nil, wrap(err, "read the id key of %s", school)
	}
	if sealed == nil {
		return nil, nil
	}
	w.Epoch = vault.Epoch(epoch.Int64)
	key, err := v.Unwrap(vault.Owner{School: school}, w)
	if err != nil {
		return nil, wrap(err, "open the id key of %s", school)
	}
	return key.Open(idKeyName(school), sealed)
}

// OpenAgentIDKey opens the id key that a new agent brought.
func (t *Tx) OpenAgentIDKey(ctx context.Context, v *vault.Vault, a Agent) ([]byte, error) {
	if a.IDKey == nil {
		return nil, wrap(ErrNotFound, "open the id key of an agent of %s", a.School)
	}
	key, err := t.SchoolKey(ctx, v, a.School)
	if err != nil {
		return nil, err
	}
	return key.Open(idKeyName(a.School), a.IDKey)
}
