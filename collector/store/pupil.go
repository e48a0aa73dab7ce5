package store

import (
	"context"
	"database/sql"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// Describe keeps what must be found without opening a pupil's record: the
// caring authority and the blind index of the UPN. A pupil described is on the
// list (again).
func (w *Writer) Describe(ctx context.Context, p *record.Pupil) error {
	var index []byte
	if upn, err := codes.ParseUPN(p.UPN); upn != "" {
		_ = err // an unknown authority in a UPN is only a warning
		index = w.vault.BlindIndex(upn.Reveal())
	}
	_, err := w.tx.Exec(ctx, "UPDATE pupils SET authority = ?, upn_index = ?, left_at = NULL WHERE school = ? AND pupil = ?",
		w.authority(p.CareAuthority), index, w.School, string(p.ID))
	return wrap(err, "describe a pupil")
}

// authority is the present authority that a code leads to. Anything that is
// not the code of an authority stays in the sealed record only: a shifted
// column may hold a name.
func (w *Writer) authority(code string) string {
	if a, err := codes.ResolveAuthority(code, w.Now); err == nil {
		return a.Code
	}
	if a, ok := codes.LookupAuthority(code); ok {
		return a.Code
	}
	return ""
}

// Follow says that a pupil had another id before, whose history is this
// pupil's too.
func (w *Writer) Follow(ctx context.Context, pupil, was record.PupilID) error {
	if _, err := w.pupilKey(ctx, pupil); err != nil {
		return err
	}
	_, err := w.tx.Exec(ctx, "UPDATE pupils SET was = ? WHERE school = ? AND pupil = ?", string(was), w.School, string(pupil))
	if err == nil {
		// The id before may be forgotten, and the caseload must still name the child.
		_, err = w.tx.Exec(ctx, `INSERT INTO caseload (school, pupil, user_id, added_at)
			SELECT school, ?, user_id, added_at FROM caseload WHERE school = ? AND pupil = ? ON CONFLICT DO NOTHING`, string(pupil), w.School, string(was))
	}
	return wrap(err, "join a pupil to the id before")
}

// Leave marks a pupil as having left the list.
func (w *Writer) Leave(ctx context.Context, pupil record.PupilID) error {
	_, err := w.tx.Exec(ctx, "UPDATE pupils SET left_at = ? WHERE school = ? AND pupil = ?", database.Micros(w.Now), w.School, string(pupil))
	return wrap(err, "mark a pupil as left")
}

// DropEmpty forgets pupils of whom nothing is left, not even history: those
// whose only records were refused and then removed.
func (w *Writer) DropEmpty(ctx context.Context) error {
	return w.tx.dropEmpty(ctx, w.School)
}

// A pupil is what is known of one without opening a record.
type pupil struct {
	authority string
	wrapped   vault.Wrapped
	// key is wrapped, opened; nil until it is needed.
	key *vault.Key
}

func (w *Writer) loadPupils(ctx context.Context) error {
	if w.pupils != nil {
		return nil
	}
	found := map[record.PupilID]*pupil{}
	err := w.tx.Each(ctx, "SELECT pupil, authority, key, epoch FROM pupils WHERE school = ?", []any{w.School}, func(r *sql.Rows) error {
		var id string
		p := new(pupil)
		err := r.Scan(&id, &p.authority, &p.wrapped.Key, &p.wrapped.Epoch)
		found[record.PupilID(id)] = p
		return err
	})
	if err != nil {
		return wrap(err, "read the pupils of %s", w.School)
	}
	w.pupils = found
	return nil
}

// PupilAuthorities says which authority looked after each pupil of the school
// when the writer began.
func (w *Writer) PupilAuthorities(ctx context.Context) (map[record.PupilID]string, error) {
	if err := w.loadPupils(ctx); err != nil {
		return nil, err
	}
	found := make(map[record.PupilID]string, len(w.pupils))
	for id, p := range w.pupils {
		found[id] = p.authority
	}
	return found, nil
}

// pupilKey opens the key of a pupil, and makes it if there is none.
func (w *Writer) pupilKey(ctx context.Context, id record.PupilID) (vault.Key, error) {
	if err := w.loadPupils(ctx); err != nil {
		return vault.Key{}, err
	}
	owner := vault.Owner{School: w.School, Pupil: id}
	p, known := w.pupils[id]
	if known && p.key != nil {
		return *p.key, nil
	}
	if known {
		key, err := w.vault.Unwrap(owner, p.wrapped)
		if err == nil {
			p.key = &key
		}
		return key, err
	}
	key, wrapped, err := w.vault.NewKey(owner)
	if err == nil {
		_, err = w.tx.Exec(ctx, "INSERT INTO pupils (school, pupil, authority, key, epoch, first_seen) VALUES (?, ?, '', ?, ?, ?)",
			w.School, string(id), wrapped.Key, int64(wrapped.Epoch), database.Micros(w.Now))
	}
	if err != nil {
		return vault.Key{}, wrap(err, "make a pupil's key")
	}
	w.pupils[id] = &pupil{wrapped: wrapped, key: &key}
	return key, nil
}
