package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Listed child is one line of an authority's roster. It prints as one fixed
// word.
type Listed struct {
	School string
	// UPN is as codes.ParseUPN writes it.
	UPN string
	DOB record.Date
	// MayKnow says that the school may be told of the child.
	MayKnow bool
}

// LogValue is one fixed word.
func (l Listed) LogValue() slog.Value { return slog.StringValue("[child]") }

// Format is one fixed word for every verb.
func (l Listed) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[child]") }

// A Roster is the edition of an authority's roster that stands.
type Roster struct {
	Authority string
	// Edition is 0 before the first import; it rises.
	Edition  int64
	Imported time.Time
	// Children are in the order of school and UPN.
	Children []Listed
}

// listedBody is what of a Listed is sealed.
type listedBody struct {
	UPN     string      `json:"upn"`
	DOB     record.Date `json:"dob"`
	MayKnow bool        `json:"may_know"`
}

// rosterName binds a sealed child to its row.
func rosterName(school, authority string, child []byte, edition int64) vault.Name {
	return vault.Name{School: school, Dataset: "roster", Key: fmt.Sprintf("%s/%x", authority, child), Version: uint64(edition)}
}

// standing joins roster r to the edition that stands.
const standing = "JOIN authorities a ON a.code = r.authority AND a.roster_edition = r.edition "

// Roster opens the roster of an authority; ErrNotFound if there is no such
// authority.
func (s *Store) Roster(ctx context.Context, v *vault.Vault, authority string) (found Roster, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		found = Roster{Authority: authority}
		var at sql.NullInt64
		err := tx.QueryRow(ctx, "SELECT roster_edition, roster_at FROM authorities WHERE code = ?", authority).Scan(&found.Edition, &at)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		found.Imported = database.FromNullMicros(at)
		if err == nil {
			found.Children, err = tx.listed(ctx, v, "WHERE r.authority = ? AND r.edition = ?", authority, found.Edition)
		}
		return err
	})
	return found, wrap(err, "read the roster of authority %s", authority)
}

// RosterOf opens the standing entries of all authorities that ask the school
// and say that it may know: what its agent is told. Children of different
// authorities come with their authority's code.
func (t *Tx) RosterOf(ctx context.Context, v *vault.Vault, school string) (map[string][]Listed, error) {
	found := map[string][]Listed{}
	rows, err := t.listedRows(ctx, v, standing+`JOIN provisions p ON p.school = r.school AND p.authority = r.authority WHERE r.school = ?`, school)
	for _, r := range rows {
		if r.MayKnow {
			found[r.authority] = append(found[r.authority], r.Listed)
		}
	}
	return found, wrap(err, "read the rosters' part of %s", school)
}

// listedRow is an opened row.
type listedRow struct {
	Listed
	authority string
	edition   int64
	child     []byte
}

func (t *Tx) listed(ctx context.Context, v *vault.Vault, where string, args ...any) ([]Listed, error) {
	rows, err := t.listedRows(ctx, v, where, args...)
	list := make([]Listed, len(rows))
	for i, r := range rows {
		list[i] = r.Listed
	}
	return list, err
}

// listedRows opens rows of the roster, in the order of school and UPN.
func (t *Tx) listedRows(ctx context.Context, v *vault.Vault, where string, args ...any) (list []listedRow, err error) {
	var bodies [][]byte
	err = t.Each(ctx, "SELECT r.school, r.authority, r.edition, r.child, r.body FROM roster r "+where, args, func(r *sql.Rows) error {
		var row listedRow
		var body []byte
		err := r.Scan(&row.School, &row.authority, &row.edition, &row.child, &body)
		list, bodies = append(list, row), append(bodies, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	keys := map[string]vault.Key{}
	for i := range list {
		row := &list[i]
		key, opened := keys[row.School]
		if !opened {
			var ok bool
			if key, ok, err = t.findSchoolKey(ctx, v, row.School); err == nil && !ok {
				err = fmt.Errorf("a roster entry of %s has no key to open it: run fsck", row.School)
			}
			if err != nil {
				return nil, err
			}
			keys[row.School] = key
		}
		if row.Listed, err = openListed(key, *row, bodies[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b listedRow) int {
		return cmp.Or(cmp.Compare(a.School, b.School), cmp.Compare(a.UPN, b.UPN), cmp.Compare(a.authority, b.authority))
	})
	return list, nil
}

func openListed(key vault.Key, row listedRow, body []byte) (Listed, error) {
	plain, err := key.Open(rosterName(row.School, row.authority, row.child, row.edition), body)
	if err != nil {
		return Listed{}, err
	}
	var b listedBody
	if json.Unmarshal(plain, &b) != nil {
		return Listed{}, errors.New("a roster entry is damaged: run fsck")
	}
	return Listed{School: row.School, UPN: b.UPN, DOB: b.DOB, MayKnow: b.MayKnow}, nil
}

// StageRoster stores a school's part of an edition that does not stand yet.
func (s *Store) StageRoster(ctx context.Context, v *vault.Vault, authority string, edition int64, school string, children []Listed) error {
	err := s.Write(ctx, func(tx *Tx) error {
		// The school may be stopping, which gives it another key.
		if err := tx.LockSchool(ctx, school); err != nil {
			return err
		}
		return tx.putListed(ctx, v, authority, edition, school, children)
	})
	return wrap(err, "store the roster of authority %s for %s", authority, school)
}

func (t *Tx) putListed(ctx context.Context, v *vault.Vault, authority string, edition int64, school string, children []Listed) error {
	key, err := t.SchoolKey(ctx, v, school)
	if err != nil {
		return err
	}
	for len(children) > 0 {
		n := piece(len(children))
		var args []any
		for _, c := range children[:n] {
			plain, err := json.Marshal(listedBody{c.UPN, c.DOB, c.MayKnow})
			if err != nil {
				return err
			}
			child := v.BlindIndex(c.UPN)
			body, err := key.Seal(rosterName(school, authority, child, edition), plain)
			if err != nil {
				return err
			}
			args = append(args, school, authority, edition, child, body)
		}
		if _, err := t.Exec(ctx, "INSERT INTO roster (school, authority, edition, child, body) VALUES "+repeated(marks(5), n), args...); err != nil {
			return err
		}
		children = children[n:]
	}
	return nil
}

// ErrRosterMoved: the roster is no longer the one that was looked at, or the
// edition that was to stand is not whole. Nothing has changed.
var ErrRosterMoved = errors.New("another import was faster; nothing was changed: run the command again")

// TakeRoster makes an edition of so many children stand in place of another,
// at once for all schools.
func (s *Store) TakeRoster(ctx context.Context, was Roster, edition int64, children int, now time.Time) error {
	err := s.Write(ctx, func(tx *Tx) error {
		var staged int
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM roster WHERE authority = ? AND edition = ?", was.Authority, edition).Scan(&staged); err != nil {
			return err
		}
		if staged != children {
			return ErrRosterMoved
		}
		n, err := tx.Exec(ctx, "UPDATE authorities SET roster_edition = ?, roster_at = ? WHERE code = ? AND roster_edition = ?",
			edition, database.Micros(now), was.Authority, was.Edition)
		if err == nil && n == 0 {
			err = ErrRosterMoved
		}
		return err
	})
	return wrap(err, "take over the roster of authority %s", was.Authority)
}

// DropEditions destroys what is left of editions of an authority's roster that
// are older than before and do not stand.
func (s *Store) DropEditions(ctx context.Context, authority string, before int64) error {
	schools := []string{}
	err := s.Read(ctx, func(tx *Tx) error {
		schools = schools[:0]
		return tx.Each(ctx, `SELECT DISTINCT r.school FROM roster r JOIN authorities a ON a.code = r.authority
			WHERE r.authority = ? AND r.edition < ? AND r.edition <> a.roster_edition`, []any{authority, before}, func(r *sql.Rows) error {
			var school string
			err := r.Scan(&school)
			schools = append(schools, school)
			return err
		})
	})
	for _, school := range schools {
		if err != nil {
			break
		}
		err = s.Write(ctx, func(tx *Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM roster WHERE school = ? AND authority = ? AND edition < ?
				AND edition <> (SELECT a.roster_edition FROM authorities a WHERE a.code = roster.authority)`, school, authority, before)
			return err
		})
	}
	return wrap(err, "destroy old rosters of authority %s", authority)
}

// Told is what a school's agent was told of rosters last.
type Told struct {
	Agent  []byte
	Digest []byte
	At     time.Time
}

func toldName(school string) vault.Name { return vault.Name{School: school, Dataset: "roster_told"} }

// Told reads what a school's agent was told last; the zero Told if nothing.
func (t *Tx) Told(ctx context.Context, v *vault.Vault, school string) (told Told, err error) {
	var sealed []byte
	var at int64
	err = t.QueryRow(ctx, "SELECT agent, digest, told_at FROM roster_told WHERE school = ?", school).Scan(&told.Agent, &sealed, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return Told{}, nil
	}
	var key vault.Key
	var ok bool
	if err == nil {
		key, ok, err = t.findSchoolKey(ctx, v, school)
	}
	if err == nil && !ok {
		err = errors.New("it has no key to open it: run fsck")
	}
	if err == nil {
		told.Digest, err = key.Open(toldName(school), sealed)
	}
	told.At = database.FromMicros(at)
	return told, wrap(err, "read what %s was told of rosters", school)
}

// SetTold keeps what a school's agent was told, and deletes the roster
// statements before the newest: they were for this school's agents only, and
// say what may no longer be so.
func (t *Tx) SetTold(ctx context.Context, v *vault.Vault, school string, told Told) error {
	key, err := t.SchoolKey(ctx, v, school)
	if err != nil {
		return err
	}
	sealed, err := key.Seal(toldName(school), told.Digest)
	if err == nil {
		_, err = t.Exec(ctx, `INSERT INTO roster_told (school, agent, digest, told_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (school) DO UPDATE SET agent = excluded.agent, digest = excluded.digest, told_at = excluded.told_at`,
			school, told.Agent, sealed, database.Micros(told.At))
	}
	if err == nil {
		_, err = t.Exec(ctx, `DELETE FROM statements WHERE school = ? AND agent = ? AND kind = 'roster' AND serial <
			(SELECT MAX(n.serial) FROM statements n WHERE n.school = ? AND n.agent = ? AND n.kind = 'roster')`,
			school, told.Agent, school, told.Agent)
	}
	return wrap(err, "keep what %s was told of rosters", school)
}

// ForgetTold deletes every roster statement to an agent, which is to have no
// more of them.
func (t *Tx) ForgetTold(ctx context.Context, a Agent) error {
	_, err := t.Exec(ctx, "DELETE FROM statements WHERE school = ? AND agent = ? AND kind = 'roster'", a.School, a.ID[:])
	if err == nil {
		_, err = t.Exec(ctx, "DELETE FROM roster_told WHERE school = ? AND agent = ?", a.School, a.ID[:])
	}
	return wrap(err, "delete the roster statements of an agent of %s", a.School)
}

// RosterSchools lists the schools that stand on a roster or were told of one.
func (s *Store) RosterSchools(ctx context.Context) (ids []string, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		ids = nil
		return tx.Each(ctx, `SELECT school FROM schools s WHERE EXISTS (SELECT 1 FROM roster_told t WHERE t.school = s.school)
			OR EXISTS (SELECT 1 FROM roster r WHERE r.school = s.school) ORDER BY school`, nil, func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, wrap(err, "list the schools of rosters")
}

// SetRosterUse keeps what the agent of a school made of the rosters at its last
// read, of those authorities that ask the school.
func (t *Tx) SetRosterUse(ctx context.Context, school string, used []RosterUse) error {
	_, err := t.Exec(ctx, "DELETE FROM roster_use WHERE school = ?", school)
	for _, u := range used {
		if err != nil {
			break
		}
		var asks bool
		err = t.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM provisions WHERE school = ? AND authority = ?)", school, u.Authority).Scan(&asks)
		if err != nil || !asks {
			continue
		}
		_, err = t.Exec(ctx, `INSERT INTO roster_use (school, authority, waiting, accepted, sent, not_found, as_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, school, u.Authority, u.Waiting, u.Accepted, u.Sent, u.NotFound, database.Micros(u.AsAt))
	}
	return wrap(err, "keep what %s made of the rosters", school)
}

// sameChild says whether a row stands under its child's blind index.
func (r listedRow) sameChild(v *vault.Vault) bool { return bytes.Equal(r.child, v.BlindIndex(r.UPN)) }
