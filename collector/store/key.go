package store

import (
	"context"
	"database/sql"
	"errors"

	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// SchoolKey opens the key of a school, and makes it if there is none: it seals
// the records of its staff, quarantined records, the school's id key, its part of
// the rosters and the calls to it.
func (t *Tx) SchoolKey(ctx context.Context, v *vault.Vault, school string) (vault.Key, error) {
	key, ok, err := t.findSchoolKey(ctx, v, school)
	if err != nil || ok {
		return key, err
	}
	key, w, err := v.NewKey(vault.Owner{School: school})
	if err != nil {
		return key, err
	}
	n, err := t.Exec(ctx, "INSERT INTO school_keys (school, key, epoch) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", school, w.Key, int64(w.Epoch))
	if err == nil && n == 0 { // another transaction was first
		key, _, err = t.findSchoolKey(ctx, v, school)
	}
	return key, wrap(err, "make the key of %s", school)
}

// findSchoolKey opens the key of a school; ok is false if it has none, because
// nothing was ever sealed by it.
func (t *Tx) findSchoolKey(ctx context.Context, v *vault.Vault, school string) (key vault.Key, ok bool, err error) {
	var w vault.Wrapped
	err = t.QueryRow(ctx, "SELECT key, epoch FROM school_keys WHERE school = ?", school).Scan(&w.Key, &w.Epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return key, false, nil
	}
	if err != nil {
		return key, false, wrap(err, "read the key of %s", school)
	}
	key, err = v.Unwrap(vault.Owner{School: school}, w)
	return key, err == nil, err
}

// KeepOwn calls forget, which destroys a school's key, and then stores again
// under a new one what is the authorities' own and not the school's to destroy:
// the school's part of the standing rosters, and the calls that are not hidden.
func (t *Tx) KeepOwn(ctx context.Context, v *vault.Vault, school string, forget func() error) error {
	rows, err := t.listedRows(ctx, v, standing+"WHERE r.school = ?", school)
	var calls []Call
	if err == nil {
		calls, err = t.visibleCalls(ctx, v, school)
	}
	if err != nil && !errors.Is(err, vault.ErrMissing) {
		return wrap(err, "keep what is the authorities' own of %s", school)
	}
	if err := forget(); err != nil {
		return err
	}
	if err != nil { // no key opens them any more
		if _, err := t.Exec(ctx, "DELETE FROM calls WHERE school = ? AND NOT hidden", school); err != nil {
			return wrap(err, "forget the calls to %s", school)
		}
	}
	for _, r := range rows {
		if err := t.putListed(ctx, v, r.authority, r.edition, school, []Listed{r.Listed}); err != nil {
			return wrap(err, "keep the rosters' part of %s", school)
		}
	}
	return wrap(t.sealCalls(ctx, v, calls), "keep the calls to %s", school)
}

// schoolKey is Tx.SchoolKey, opened once.
func (w *Writer) schoolKey(ctx context.Context) (vault.Key, error) {
	if w.school != nil {
		return *w.school, nil
	}
	key, err := w.tx.SchoolKey(ctx, w.vault, w.School)
	if err == nil {
		w.school = &key
	}
	return key, err
}

// keyOf is the key that seals a record: its pupil's, or the school's.
func (w *Writer) keyOf(ctx context.Context, ref Ref) (vault.Key, error) {
	if ref.OfSchool() {
		return w.schoolKey(ctx)
	}
	return w.pupilKey(ctx, ref.Pupil())
}

// keys are all that a reader needs to open the records of one school.
type keys struct {
	pupils      map[record.PupilID]vault.Key
	authorities map[record.PupilID]string
	// school is nil where nothing was ever sealed by the school's key.
	school *vault.Key
}

// of is the key that seals a record; ok is false if there is none.
func (k keys) of(ref Ref) (key vault.Key, ok bool) {
	if !ref.OfSchool() {
		key, ok = k.pupils[ref.Pupil()]
		return key, ok
	}
	if k.school == nil {
		return key, false
	}
	return *k.school, true
}

// openKeys opens the key of every pupil of a school, and the school's own.
func (t *Tx) openKeys(ctx context.Context, school string, v *vault.Vault) (k keys, err error) {
	if k, err = t.openPupils(ctx, school, v.Unwrap); err != nil {
		return k, err
	}
	own, ok, err := t.findSchoolKey(ctx, v, school)
	if ok {
		k.school = &own
	}
	return k, err
}

// heldKeys is openKeys of a school that has stopped, for fsck only.
func (t *Tx) heldKeys(ctx context.Context, s Stop, v *vault.Vault) (k keys, err error) {
	open := func(o vault.Owner, w vault.Wrapped) (vault.Key, error) {
		if w.Epoch != 0 {
			return vault.Key{}, errors.New("it is under an epoch key, not the hold key of the stop")
		}
		return v.Held(s.Hold, o, w.Key)
	}
	if k, err = t.openPupils(ctx, s.School, open); err != nil {
		return k, err
	}
	var sealed []byte
	err = t.QueryRow(ctx, "SELECT key FROM stops WHERE school = ? AND generation = ?", s.School, int64(s.Generation)).Scan(&sealed)
	if err != nil || sealed == nil {
		return k, err
	}
	own, err := open(vault.Owner{School: s.School}, vault.Wrapped{Key: sealed})
	k.school = &own
	return k, err
}

func (t *Tx) openPupils(ctx context.Context, school string, open func(vault.Owner, vault.Wrapped) (vault.Key, error)) (k keys, err error) {
	k.pupils, k.authorities = map[record.PupilID]vault.Key{}, map[record.PupilID]string{}
	err = t.Each(ctx, "SELECT pupil, authority, key, epoch FROM pupils WHERE school = ?", []any{school}, func(r *sql.Rows) error {
		var id record.PupilID
		var authority string
		var w vault.Wrapped
		if err := r.Scan((*string)(&id), &authority, &w.Key, &w.Epoch); err != nil {
			return err
		}
		key, err := open(vault.Owner{School: school, Pupil: id}, w)
		k.pupils[id], k.authorities[id] = key, authority
		return err
	})
	return k, err
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
