package store

import (
	"context"
	"database/sql"

	"rollbridge/collector/database"
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
	_, err := w.tx.Exec(ctx, `DELETE FROM pupils WHERE school = ?
		AND NOT EXISTS (SELECT 1 FROM records r WHERE r.school = pupils.school AND r.pupil = pupils.pupil)
		AND NOT EXISTS (SELECT 1 FROM record_history h WHERE h.school = pupils.school AND h.pupil = pupils.pupil)`, w.School)
	return wrap(err, "forget pupils without records")
}

// PupilAuthorities says which authority looks after each pupil of the school.
func (w *Writer) PupilAuthorities(ctx context.Context) (map[record.PupilID]string, error) {
	found := map[record.PupilID]string{}
	err := w.tx.each(ctx, "SELECT pupil, authority FROM pupils WHERE school = ?", []any{w.School}, func(r *sql.Rows) error {
		var id, authority string
		err := r.Scan(&id, &authority)
		found[record.PupilID(id)] = authority
		return err
	})
	return found, wrap(err, "read the authorities of pupils")
}
