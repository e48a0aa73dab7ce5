package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Standing says how a child stands on the list of a school.
type Standing string

// The standings.
const (
	// StandingOn: the school sends the child.
	StandingOn Standing = "on"
	// StandingHeld: the child is gone from the list in a mass disappearance, which
	// waits for a person at the school; what was sent before stands.
	StandingHeld Standing = "held"
	// StandingLeft: the child has left the list; what was sent last is kept for a
	// time.
	StandingLeft Standing = "left"
	// StandingNotGiven: the school or the authority has narrowed what leaves, so
	// that nothing of the child comes any more.
	StandingNotGiven Standing = "not_given"
)

// A Listing is one child on an authority's list. It prints as one fixed word.
type Listing struct {
	Child
	SchoolName string
	// Pupil is the registration record, the last one kept where the child has left
	// the list; nil where it is not kept any more.
	Pupil    *record.Pupil
	Standing Standing
	// Since is when the child left the list, or was given no more; zero of one who
	// stands on it.
	Since time.Time
	// FirstSeen is when the school first sent anything of the child.
	FirstSeen time.Time
	// Version, Received and AsAt are those of Pupil; Received and AsAt are zero
	// where the child does not stand on the list.
	Version        int
	Received, AsAt time.Time

	// upn finds the same child at other schools, nil where no UPN is sent.
	upn     []byte
	wrapped vault.Wrapped
	was     record.PupilID
}

// LogValue is one fixed word.
func (l Listing) LogValue() slog.Value { return slog.StringValue("[child]") }

// Format is one fixed word for every verb.
func (l Listing) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[child]") }

// inSight joins pupils p of an authority, at schools s that it asks and that
// have not stopped. Parameter: the authority.
const inSight = ` FROM provisions q JOIN schools s ON s.school = q.school AND s.revoked_at IS NULL
	JOIN pupils p ON p.school = q.school AND p.authority = q.authority `

const pupilColumns = "SELECT p.school, s.name, p.pupil, p.key, p.epoch, p.upn_index, p.was, p.first_seen, p.left_at"

// Children lists the children in sight, in no order: those whom a school sends,
// and those of whom something is still kept. Only their registration records are
// opened, each by its own key.
func (s *Store) Children(ctx context.Context, v *vault.Vault, sight Sight) (list []Listing, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list, err = tx.children(ctx, v, sight)
		return err
	})
	return list, wrap(err, "list the children of authority %s", sight.Authority)
}

func (t *Tx) children(ctx context.Context, v *vault.Vault, sight Sight) ([]Listing, error) {
	found, err := t.listings(ctx, sight, "", nil)
	if err != nil {
		return nil, err
	}
	list := make([]Listing, 0, len(found))
	for _, f := range found {
		if err := f.open(v); err != nil {
			return nil, err
		}
		list = append(list, f.Listing)
	}
	return list, nil
}

// An unopened child is a listing whose record is not opened yet.
type unopened struct {
	Listing
	version uint64
	body    []byte
}

// open opens the registration record by the child's own key.
func (f *unopened) open(v *vault.Vault) error {
	if f.body == nil {
		return nil
	}
	key, err := v.Unwrap(vault.Owner{School: f.School, Pupil: f.Child.Pupil}, f.wrapped)
	if err != nil {
		return err
	}
	rec, err := openRecord(key, f.School, Ref{record.DatasetPupil, record.Key(f.Child.Pupil)}, f.version, f.body)
	if err != nil {
		return err
	}
	f.Pupil, f.Version = rec.(*record.Pupil), int(f.version)
	return nil
}

// listings finds children in sight, all or those of a further condition on p,
// without opening anything. A child who has another id now is found under that.
func (t *Tx) listings(ctx context.Context, sight Sight, where string, args []any) (list []unopened, err error) {
	if sight.Authority == "" || sight.Only != nil && len(sight.Only) == 0 {
		return nil, nil
	}
	args = append([]any{sight.Authority}, args...)
	was := map[Child]record.PupilID{}
	err = t.Each(ctx, pupilColumns+", r.version, r.body, r.held, r.received_at, r.as_at"+inSight+
		`LEFT JOIN records r ON r.school = p.school AND r.dataset = 'pupil' AND r.key = p.pupil AND r.body IS NOT NULL
		WHERE q.authority = ?`+where, args, func(r *sql.Rows) error {
		f := unopened{}
		var version, received, asAt sql.NullInt64
		var held sql.NullString
		if err := f.scan(r, &version, &f.body, &held, &received, &asAt); err != nil {
			return err
		}
		f.version = uint64(version.Int64)
		f.Received, f.AsAt = database.FromNullMicros(received), database.FromNullMicros(asAt)
		if f.was != "" {
			was[f.Child] = f.was
		}
		if f.body != nil && f.Standing == StandingOn && held.String != "" {
			f.Standing = StandingHeld
		}
		list = append(list, f)
		return nil
	})
	if err == nil {
		err = t.gone(ctx, list, where, args)
	}
	if err != nil {
		return nil, err
	}
	return keepFound(list, sight, was), nil
}

// scan reads pupilColumns and what follows them.
func (f *unopened) scan(r *sql.Rows, more ...any) error {
	var first int64
	var left sql.NullInt64
	var was sql.NullString
	err := r.Scan(append([]any{&f.School, &f.SchoolName, (*string)(&f.Child.Pupil), &f.wrapped.Key, &f.wrapped.Epoch, &f.upn, &was, &first, &left}, more...)...)
	f.was, f.FirstSeen = record.PupilID(was.String), database.FromMicros(first)
	f.Standing = StandingOn
	if left.Valid {
		f.Standing, f.Since = StandingLeft, database.FromNullMicros(left)
	}
	return err
}

// gone fills in the last version that is kept of children whose registration
// record is gone, and why it went.
func (t *Tx) gone(ctx context.Context, list []unopened, where string, args []any) error {
	at := map[Child]*unopened{}
	for i := range list {
		if list[i].body == nil {
			at[list[i].Child] = &list[i]
		}
	}
	if len(at) == 0 {
		return nil
	}
	return t.Each(ctx, "SELECT h.school, h.key, h.version, h.body, h.why, h.replaced_at"+inSight+
		`JOIN record_history h ON h.school = p.school AND h.dataset = 'pupil' AND h.key = p.pupil
		WHERE q.authority = ?`+where+` AND NOT EXISTS (SELECT 1 FROM records r WHERE r.school = h.school AND r.dataset = h.dataset AND r.key = h.key AND r.body IS NOT NULL)
		ORDER BY h.version`, args, func(r *sql.Rows) error {
		var c Child
		var version, replaced int64
		var body []byte
		var why string
		if err := r.Scan(&c.School, (*string)(&c.Pupil), &version, &body, &why, &replaced); err != nil {
			return err
		}
		f := at[c]
		if f == nil {
			return nil
		}
		f.version, f.body = uint64(version), body
		if f.Standing != StandingLeft {
			f.Standing, f.Since = StandingNotGiven, database.FromMicros(replaced)
			if why == "renamed" {
				f.Standing = renamed
			}
		}
		return nil
	})
}

// renamed is the standing of an id that a child does not have any more.
const renamed Standing = "renamed"

// keepFound drops what is no child of the list: ids of before, pupils of whom
// nothing good ever came, and those who are not of the caseload. A caseload that
// names an id of before means the child who had it.
func keepFound(list []unopened, sight Sight, was map[Child]record.PupilID) []unopened {
	only := map[Child]bool{}
	for _, c := range sight.Only {
		only[c] = true
	}
	kept := list[:0]
	for _, f := range list {
		if f.Standing == renamed || f.body == nil && f.Standing != StandingLeft {
			continue
		}
		mine := sight.Only == nil
		seen := map[record.PupilID]bool{}
		for c := f.Child; !mine && c.Pupil != "" && !seen[c.Pupil]; c.Pupil = was[c] {
			seen[c.Pupil] = true
			mine = only[c]
		}
		if mine {
			kept = append(kept, f)
		}
	}
	return kept
}
