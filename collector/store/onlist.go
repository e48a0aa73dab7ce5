package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Registered is one child on a school's list now, with what is known of its
// marks of one week without opening them.
type Registered struct {
	Child
	// Same is equal for two listings of one child at two schools, by the UPN;
	// empty where the school gives none.
	Same string
	// HasWeek says that there are good marks of the week; Version and Received
	// are theirs.
	HasWeek  bool
	Version  int
	Received time.Time
	// Refused says that newer marks were set aside as not right; Held that the
	// removal of the marks, or of the child, waits for a person: what is here is
	// older than what the school has.
	Refused, Held bool
}

// registered are the columns of scanRegistered. Parameter: the week, after a slash.
const registered = `SELECT p.school, p.pupil, p.upn_index, l.held, w.version, w.body IS NOT NULL, w.received_at, w.refused, w.held` + inSight + `
	JOIN records l ON l.school = p.school AND l.dataset = 'pupil' AND l.key = p.pupil
	LEFT JOIN records w ON w.school = p.school AND w.dataset = 'attendance' AND w.key = p.pupil || CAST(? AS TEXT) `

// OnList lists the children of a sight who are on the list of a school now, by
// school and id. Those of a school that has stopped are hidden.
func (t *Tx) OnList(ctx context.Context, s Sight, week record.Date) (list []Registered, err error) {
	err = t.Each(ctx, registered+"WHERE q.authority = ? AND p.left_at IS NULL ORDER BY p.school, p.pupil",
		[]any{"/" + string(week), s.Authority}, addRegistered(&list))
	if s.Authority == "" {
		list = nil
	}
	if s.Only != nil {
		only := make(map[Child]bool, len(s.Only))
		for _, c := range s.Only {
			only[c] = true
		}
		list = slices.DeleteFunc(list, func(l Registered) bool { return !only[l.Child] })
	}
	return list, wrap(err, "list the children of authority %s", s.Authority)
}

// OnListAt is OnList of an authority at these schools only, in no order of the
// schools.
func (t *Tx) OnListAt(ctx context.Context, authority string, schools []string, week record.Date) (list []Registered, err error) {
	if authority == "" {
		return nil, nil
	}
	for len(schools) > 0 && err == nil {
		n := piece(len(schools))
		args := []any{"/" + string(week), authority}
		for _, s := range schools[:n] {
			args = append(args, s)
		}
		err = t.Each(ctx, registered+"WHERE q.authority = ? AND p.left_at IS NULL AND q.school IN "+marks(n)+" ORDER BY p.school, p.pupil", args, addRegistered(&list))
		schools = schools[n:]
	}
	return list, wrap(err, "list the children of authority %s at some schools", authority)
}

// A ListMark says which state of a school's records its list and its marks are
// read from: the position that apply left them at. Whatever changes who is on the
// list, or what their marks are, moves the position in the same transaction, in
// whichever process; what retention forgets is of children who left, and of weeks
// long ago. Two marks that are equal are of one state of both.
type ListMark struct {
	agent, digest, state string
	generation, sequence int64
	applied              int64
}

// ListMarks tells the marks of the schools that an authority asks. A school that has
// stopped has none; one without a position has an empty one, which stands for no
// state.
func (t *Tx) ListMarks(ctx context.Context, authority string) (map[string]ListMark, error) {
	found := map[string]ListMark{}
	err := t.Each(ctx, `SELECT s.school, o.agent, o.generation, o.sequence, o.digest, o.state, o.applied_at FROM provisions q
		JOIN schools s ON s.school = q.school AND s.revoked_at IS NULL
		LEFT JOIN positions o ON o.school = s.school WHERE q.authority = ?`, []any{authority}, func(r *sql.Rows) error {
		var school string
		var agent, digest, state sql.RawBytes
		var generation, sequence, applied sql.NullInt64
		err := r.Scan(&school, &agent, &generation, &sequence, &digest, &state, &applied)
		found[school] = ListMark{string(agent), string(digest), string(state), generation.Int64, sequence.Int64, applied.Int64}
		return err
	})
	return found, wrap(err, "look what has changed at the schools of authority %s", authority)
}

func addRegistered(list *[]Registered) func(*sql.Rows) error {
	return func(r *sql.Rows) error {
		l, err := scanRegistered(r)
		*list = append(*list, l)
		return err
	}
}

func scanRegistered(r *sql.Rows) (l Registered, err error) {
	var same []byte
	var held string
	var version, received sql.NullInt64
	var body, refused sql.NullBool
	var weekHeld sql.NullString
	err = r.Scan(&l.School, (*string)(&l.Pupil), &same, &held, &version, &body, &received, &refused, &weekHeld)
	l.Same, l.HasWeek, l.Version, l.Received = string(same), body.Bool, int(version.Int64), database.FromNullMicros(received)
	l.Refused, l.Held = refused.Bool, held != "" || weekHeld.String != ""
	return l, err
}

// Weeks opens the marks of one week of children, each at the version that it has
// now. Children without good marks, and those of a school that has stopped, are
// not in it.
func (t *Tx) Weeks(ctx context.Context, v *vault.Vault, children []Child, week record.Date) (map[Child]Week, error) {
	found := make(map[Child]Week, len(children))
	for len(children) > 0 {
		n := piece(len(children))
		args := make([]any, 0, 2*n+1)
		for _, c := range children[:n] {
			args = append(args, c.School, string(c.Pupil))
		}
		err := t.Each(ctx, `SELECT p.school, p.pupil, p.key, p.epoch, w.version, w.body, w.received_at
			FROM (VALUES `+repeated("(?, ?)", n)+`) AS c
			JOIN schools s ON s.school = c.column1 AND s.revoked_at IS NULL
			JOIN pupils p ON p.school = c.column1 AND p.pupil = c.column2
			JOIN records w ON w.school = p.school AND w.dataset = 'attendance' AND w.key = p.pupil || CAST(? AS TEXT)
			WHERE w.body IS NOT NULL`, append(args, "/"+string(week)), func(r *sql.Rows) error {
			return scanWeek(r, v, week, found)
		})
		if err != nil {
			return nil, wrap(err, "read the marks of a week")
		}
		children = children[n:]
	}
	return found, nil
}

// A Week is the marks of one child's week at one version.
type Week struct {
	Marks    *record.Attendance
	Version  int
	Received time.Time
}

func scanWeek(r *sql.Rows, v *vault.Vault, week record.Date, found map[Child]Week) error {
	var c Child
	var w vault.Wrapped
	var version, received int64
	var body []byte
	if err := r.Scan(&c.School, (*string)(&c.Pupil), &w.Key, &w.Epoch, &version, &body, &received); err != nil {
		return err
	}
	key, err := v.Unwrap(vault.Owner{School: c.School, Pupil: c.Pupil}, w)
	if err != nil {
		return err
	}
	ref := Ref{record.DatasetAttendance, record.Key(string(c.Pupil) + "/" + string(week))}
	rec, err := openRecord(key, c.School, ref, uint64(version), body)
	if err != nil {
		return err
	}
	marks, ok := rec.(*record.Attendance)
	if !ok {
		return errors.New("a record of attendance holds something else")
	}
	found[c] = Week{marks, int(version), database.FromMicros(received)}
	return nil
}
