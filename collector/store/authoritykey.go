package store

import (
	"context"
	"database/sql"
	"errors"

	"rollbridge/collector/vault"
)

// authorityOwner owns what is an authority's own. No school's id holds a slash.
func authorityOwner(code string) vault.Owner { return vault.Owner{School: "authority/" + code} }

// AuthorityKey opens the key of an authority, and makes it if there is none: it seals the
// reasons that its people give.
func (t *Tx) AuthorityKey(ctx context.Context, v *vault.Vault, code string) (vault.Key, error) {
	key, ok, err := t.findAuthorityKey(ctx, v, code)
	if err != nil || ok {
		return key, err
	}
	key, w, err := v.NewKey(authorityOwner(code))
	if err != nil {
		return key, err
	}
	n, err := t.Exec(ctx, "INSERT INTO authority_keys (authority, key, epoch) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", code, w.Key, int64(w.Epoch))
	if err == nil && n == 0 { // another transaction was first
		key, _, err = t.findAuthorityKey(ctx, v, code)
	}
	return key, wrap(err, "make the key of authority %s", code)
}

func (t *Tx) findAuthorityKey(ctx context.Context, v *vault.Vault, code string) (key vault.Key, ok bool, err error) {
	var w vault.Wrapped
	err = t.QueryRow(ctx, "SELECT key, epoch FROM authority_keys WHERE authority = ?", code).Scan(&w.Key, &w.Epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return key, false, nil
	}
	if err != nil {
		return key, false, wrap(err, "read the key of authority %s", code)
	}
	key, err = v.Unwrap(authorityOwner(code), w)
	return key, err == nil, err
}

// FindKey opens the key of an authority or, with none, of a school, and makes none: ok is
// false where there is none, or it waits under a hold key.
func (t *Tx) FindKey(ctx context.Context, v *vault.Vault, authority, school string) (key vault.Key, ok bool, err error) {
	if authority != "" {
		key, ok, err = t.findAuthorityKey(ctx, v, authority)
	} else {
		key, ok, err = t.findSchoolKey(ctx, v, school)
	}
	if errors.Is(err, vault.ErrHeld) {
		return key, false, nil
	}
	return key, ok, err
}
