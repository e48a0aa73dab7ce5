package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A Call is one call that a person of an authority made to a school, or a
// correction of one. Package call says what its body holds.
type Call struct {
	School, ID string
	Authority  string
	// Day and Session are the register that the call was about.
	Day     record.Date
	Session status.Session
	// By is the id of the person, ByName the name: empty if it is not known any
	// more. At is when the call was recorded, FollowUp when somebody is to call
	// again: zero if nobody is.
	By, ByName   string
	At, FollowUp time.Time
	// Corrects is the call of the same school that this one takes the place of;
	// Corrected says that another takes the place of this one.
	Corrects  string
	Corrected bool
	Body      []byte
}

// callName binds a sealed call to its row.
func callName(school, authority, id string) vault.Name {
	return vault.Name{School: school, Dataset: "call", Key: authority + "/" + id}
}

// AddCall stores a call; ErrExists if there is one of that id at the school. The
// caller has locked the school, which may be stopping.
func (t *Tx) AddCall(ctx context.Context, v *vault.Vault, c Call) error {
	key, err := t.SchoolKey(ctx, v, c.School)
	if err != nil {
		return err
	}
	sealed, err := key.Seal(callName(c.School, c.Authority, c.ID), c.Body)
	if err != nil {
		return err
	}
	n, err := t.Exec(ctx, `INSERT INTO calls (school, call, authority, day, session, made_by, at, follow_up, corrects, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		c.School, c.ID, c.Authority, string(c.Day), string(c.Session), c.By, database.Micros(c.At), database.NullMicros(c.FollowUp), c.Corrects, sealed)
	if err == nil && n == 0 {
		err = ErrExists
	}
	return wrap(err, "keep a call to %s", c.School)
}

// A CallQuery says which calls are wanted; what is empty does not narrow. Those
// from before a school stopped are never found.
type CallQuery struct {
	// Authority is whose calls; it must be given.
	Authority string
	School    string
	ID        string
	// From and To are the first and last day.
	From, To record.Date
	By       string
	// FollowUp asks for those whose time to call again is before, and after which
	// nobody has called the school; calls from Called on do not count.
	FollowUp, Called time.Time
	// Limit and Offset cut a piece out, the newest first; no Limit is all.
	Limit, Offset int
}

func (q CallQuery) where() (string, []any) {
	where, args := "WHERE c.authority = ? AND NOT c.hidden", []any{q.Authority}
	for _, w := range []struct {
		with      bool
		condition string
		arg       any
	}{
		{q.School != "", " AND c.school = ?", q.School},
		{q.ID != "", " AND c.call = ?", q.ID},
		{q.From != "", " AND c.day >= ?", string(q.From)},
		{q.To != "", " AND c.day <= ?", string(q.To)},
		{q.By != "", " AND c.made_by = ?", q.By},
		{!q.FollowUp.IsZero(), " AND c.follow_up < ?", database.Micros(q.FollowUp)},
		{!q.FollowUp.IsZero(), ` AND NOT EXISTS
			(SELECT 1 FROM calls l WHERE l.school = c.school AND l.authority = c.authority AND l.at > c.at AND l.at < ?)`, database.Micros(q.Called)},
	} {
		if w.with {
			where, args = where+w.condition, append(args, w.arg)
		}
	}
	return where, args
}

// Calls opens the calls that are asked for, the newest first.
func (t *Tx) Calls(ctx context.Context, v *vault.Vault, q CallQuery) (list []Call, err error) {
	where, args := q.where()
	where += " ORDER BY c.at DESC, c.school, c.call"
	if q.Limit > 0 {
		where += fmt.Sprintf(" LIMIT %d OFFSET %d", q.Limit, q.Offset)
	}
	list, err = t.calls(ctx, v, where, args...)
	return list, wrap(err, "read the calls of authority %s", q.Authority)
}

// CountCalls counts the calls that are asked for, whatever Limit says.
func (t *Tx) CountCalls(ctx context.Context, q CallQuery) (n int, err error) {
	where, args := q.where()
	err = t.QueryRow(ctx, "SELECT COUNT(*) FROM calls c "+where, args...).Scan(&n)
	return n, wrap(err, "count the calls of authority %s", q.Authority)
}

func (t *Tx) calls(ctx context.Context, v *vault.Vault, where string, args ...any) (list []Call, err error) {
	err = t.Each(ctx, `SELECT c.school, c.call, c.authority, c.day, c.session, c.made_by, COALESCE(u.name, ''), c.at, c.follow_up, c.corrects,
		EXISTS (SELECT 1 FROM calls x WHERE x.school = c.school AND x.corrects <> '' AND x.corrects = c.call), c.body
		FROM calls c LEFT JOIN users u ON u.id = c.made_by `+where, args,
		func(r *sql.Rows) error {
			var c Call
			var at int64
			var follow sql.NullInt64
			err := r.Scan(&c.School, &c.ID, &c.Authority, (*string)(&c.Day), (*string)(&c.Session), &c.By, &c.ByName, &at, &follow, &c.Corrects, &c.Corrected, &c.Body)
			c.At, c.FollowUp = database.FromMicros(at), database.FromNullMicros(follow)
			list = append(list, c)
			return err
		})
	if err != nil {
		return nil, err
	}
	keys := map[string]vault.Key{}
	for i := range list {
		c := &list[i]
		key, opened := keys[c.School]
		if !opened {
			var ok bool
			if key, ok, err = t.findSchoolKey(ctx, v, c.School); err == nil && !ok {
				err = fmt.Errorf("a call to %s has no key to open it: run fsck", c.School)
			}
			if err != nil {
				return nil, err
			}
			keys[c.School] = key
		}
		if c.Body, err = key.Open(callName(c.School, c.Authority, c.ID), c.Body); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// hideCalls takes the calls to a school out of sight, as it stops.
func (t *Tx) hideCalls(ctx context.Context, school string) error {
	_, err := t.Exec(ctx, "UPDATE calls SET hidden = TRUE WHERE school = ? AND NOT hidden", school)
	return err
}

// visibleCalls opens the calls to a school that are not hidden, whosever.
func (t *Tx) visibleCalls(ctx context.Context, v *vault.Vault, school string) ([]Call, error) {
	return t.calls(ctx, v, "WHERE c.school = ? AND NOT c.hidden", school)
}

// sealCalls seals calls again by the key that their school has now.
func (t *Tx) sealCalls(ctx context.Context, v *vault.Vault, calls []Call) error {
	for _, c := range calls {
		key, err := t.SchoolKey(ctx, v, c.School)
		if err != nil {
			return err
		}
		sealed, err := key.Seal(callName(c.School, c.Authority, c.ID), c.Body)
		if err == nil {
			_, err = t.Exec(ctx, "UPDATE calls SET body = ? WHERE school = ? AND call = ?", sealed, c.School, c.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ForgetCalls forgets a piece of a school's calls of days before a day, and the
// claims, and says how many; 0 when nothing is left.
func (t *Tx) ForgetCalls(ctx context.Context, school string, before record.Date) (n int64, err error) {
	n, err = t.Exec(ctx, fmt.Sprintf("DELETE FROM calls WHERE (school, call) IN (SELECT school, call FROM calls WHERE school = ? AND at < ? LIMIT %d)", maxForgotten),
		school, database.Micros(before.Time()))
	if err == nil {
		_, err = t.Exec(ctx, "DELETE FROM call_claims WHERE school = ? AND day < ?", school, string(before))
	}
	return n, wrap(err, "forget calls to %s", school)
}

// A Claim is a person's word that he or she is calling a school.
type Claim struct {
	School, Authority string
	Day               record.Date
	Session           status.Session
	// By is the id of the person, ByName the name.
	By, ByName string
	// At is when it was said, Until when it ends by itself.
	At, Until time.Time
}

// ErrClaimed: somebody else is calling the school.
var ErrClaimed = errors.New("somebody else is calling this school")

// ClaimCall keeps a claim. The caller has locked the school, so that one of two is
// the first. Where another's runs it returns that one with
// ErrClaimed and changes nothing, unless the claim takes over. One's own is
// prolonged and keeps its beginning.
func (t *Tx) ClaimCall(ctx context.Context, c Claim, takeOver bool) (Claim, error) {
	var has Claim
	var at, until int64
	err := t.QueryRow(ctx, `SELECT c.claimed_by, COALESCE(u.name, ''), c.at, c.until FROM call_claims c LEFT JOIN users u ON u.id = c.claimed_by
		WHERE c.school = ? AND c.authority = ? AND c.day = ? AND c.session = ?`,
		c.School, c.Authority, string(c.Day), string(c.Session)).Scan(&has.By, &has.ByName, &at, &until)
	switch runs := err == nil && c.At.Before(database.FromMicros(until)); {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return c, wrap(err, "claim a call to %s", c.School)
	case runs && has.By == c.By:
		c.At = database.FromMicros(at)
	case runs && !takeOver:
		has = Claim{c.School, c.Authority, c.Day, c.Session, has.By, has.ByName, database.FromMicros(at), database.FromMicros(until)}
		return has, ErrClaimed
	}
	_, err = t.Exec(ctx, `INSERT INTO call_claims (school, authority, day, session, claimed_by, at, until) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (school, authority, day, session) DO UPDATE SET claimed_by = excluded.claimed_by, at = excluded.at, until = excluded.until`,
		c.School, c.Authority, string(c.Day), string(c.Session), c.By, database.Micros(c.At), database.Micros(c.Until))
	return c, wrap(err, "claim a call to %s", c.School)
}

// DropClaims ends a person's own claims of a school on a day.
func (t *Tx) DropClaims(ctx context.Context, authority, school string, day record.Date, by string) error {
	_, err := t.Exec(ctx, "DELETE FROM call_claims WHERE school = ? AND authority = ? AND day = ? AND claimed_by = ?", school, authority, string(day), by)
	return wrap(err, "end the claim of a call to %s", school)
}

// Claims lists an authority's claims of a session that run at now.
func (t *Tx) Claims(ctx context.Context, authority string, day record.Date, session status.Session, now time.Time) (list []Claim, err error) {
	err = t.Each(ctx, `SELECT c.school, c.claimed_by, COALESCE(u.name, ''), c.at, c.until FROM call_claims c LEFT JOIN users u ON u.id = c.claimed_by
		WHERE c.authority = ? AND c.day = ? AND c.session = ? AND c.until > ? ORDER BY c.school`,
		[]any{authority, string(day), string(session), database.Micros(now)}, func(r *sql.Rows) error {
			c := Claim{Authority: authority, Day: day, Session: session}
			var at, until int64
			err := r.Scan(&c.School, &c.By, &c.ByName, &at, &until)
			c.At, c.Until = database.FromMicros(at), database.FromMicros(until)
			list = append(list, c)
			return err
		})
	return list, wrap(err, "read who is calling")
}

// AuthorityKnows says whether a school is one of an authority's: it asks the
// school for data, or has a child there on its roster.
func (t *Tx) AuthorityKnows(ctx context.Context, authority, school string) (known bool, err error) {
	err = t.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM provisions WHERE school = ? AND authority = ?)
		OR EXISTS (SELECT 1 FROM roster r `+standing+`WHERE r.school = ? AND r.authority = ?)`, school, authority, school, authority).Scan(&known)
	return known, wrap(err, "look whether authority %s asks %s", authority, school)
}

// ChildrenOf are the children of an authority at a school, also those who have
// left the list; nobody at a school that has stopped.
func (t *Tx) ChildrenOf(ctx context.Context, authority, school string) (map[record.PupilID]bool, error) {
	found := map[record.PupilID]bool{}
	err := t.Each(ctx, `SELECT p.pupil FROM pupils p JOIN schools s ON s.school = p.school
		WHERE p.school = ? AND p.authority = ? AND s.revoked_at IS NULL`, []any{school, authority}, func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		found[record.PupilID(id)] = true
		return err
	})
	return found, wrap(err, "find the children at %s", school)
}

// ChildrenAt lists the children in sight at one school, in no order.
func (s *Store) ChildrenAt(ctx context.Context, v *vault.Vault, sight Sight, school string) (list []Listing, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		found, err := tx.listings(ctx, sight, " AND p.school = ?", []any{school})
		list = make([]Listing, 0, len(found))
		for _, f := range found {
			if err == nil {
				err = f.open(v)
			}
			list = append(list, f.Listing)
		}
		return err
	})
	return list, wrap(err, "list the children at %s", school)
}

// WasIDs are the ids that a pupil had before, the newest first.
func (t *Tx) WasIDs(ctx context.Context, school string, pupil record.PupilID) (ids []record.PupilID, err error) {
	for id := string(pupil); ; {
		var was sql.NullString
		err := t.QueryRow(ctx, "SELECT was FROM pupils WHERE school = ? AND pupil = ?", school, id).Scan(&was)
		if errors.Is(err, sql.ErrNoRows) || err == nil && !was.Valid {
			return ids, nil
		}
		if err != nil {
			return nil, wrap(err, "find the earlier ids of a pupil")
		}
		id = was.String
		if slices.Contains(ids, record.PupilID(id)) || id == string(pupil) {
			return ids, nil
		}
		ids = append(ids, record.PupilID(id))
	}
}
