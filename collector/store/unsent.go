package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/protocol"
)

// A RosterUse is what an agent made of one authority's roster, and for when
// that was true.
type RosterUse struct {
	protocol.RosterUse
	AsAt time.Time
}

// Unsent is one school of an authority's roster with the children whom no
// school sends, and what is known of why.
type Unsent struct {
	School School
	// Asked says that the authority asks the school for data; SetUp that an
	// agent is confirmed there.
	Asked, SetUp bool
	// Told is when the school's agent was last told of the roster; zero if it
	// was not.
	Told time.Time
	// Use is what the agent said since, nil if nothing.
	Use *RosterUse
	// Nameless counts pupils of the authority whom the school sends without a
	// UPN: children of the roster may be among them.
	Nameless int
	Children []Listed
}

// Missing is what is missed of one authority's roster.
type Missing struct {
	Authority Authority
	// Imported is when the roster was, zero if there was never one; Listed is how
	// many children stand on it.
	Imported time.Time
	Listed   int
	// Unsent is how many of them no school sends.
	Unsent int
	// Schools have children whom no school sends, in the order of their names.
	Schools []Unsent
}

// unsent says of a row r of a roster that no school sends the child.
const unsent = `NOT EXISTS (SELECT 1 FROM pupils p JOIN schools s ON s.school = p.school
	WHERE p.upn_index = r.child AND p.authority = r.authority AND p.left_at IS NULL AND s.revoked_at IS NULL)`

// MissingCounts is Missing of every authority that has a roster, without the
// schools: it opens nothing.
func (s *Store) MissingCounts(ctx context.Context) (list []Missing, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		return tx.Each(ctx, `SELECT a.code, a.name, a.roster_at, COUNT(*), SUM(CASE WHEN `+unsent+` THEN 1 ELSE 0 END)
			FROM authorities a JOIN roster r ON r.authority = a.code AND r.edition = a.roster_edition
			GROUP BY a.code, a.name, a.roster_at ORDER BY a.name, a.code`, nil, func(r *sql.Rows) error {
			var m Missing
			var imported sql.NullInt64
			err := r.Scan(&m.Authority.Code, &m.Authority.Name, &imported, &m.Listed, &m.Unsent)
			m.Imported = database.FromNullMicros(imported)
			list = append(list, m)
			return err
		})
	})
	return list, wrap(err, "count the children whom no school sends")
}

// Missing finds the children on an authority's roster whom no school sends as
// the authority's. A school that has stopped sends nobody. ErrNotFound if there
// is no such authority.
func (s *Store) Missing(ctx context.Context, v *vault.Vault, authority string) (m Missing, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		m, err = tx.missing(ctx, v, authority)
		return err
	})
	return m, wrap(err, "look for children of authority %s whom no school sends", authority)
}

func (t *Tx) missing(ctx context.Context, v *vault.Vault, authority string) (m Missing, err error) {
	m.Authority.Code = authority
	var imported sql.NullInt64
	err = t.QueryRow(ctx, `SELECT name, roster_at, (SELECT COUNT(*) FROM roster r WHERE r.authority = a.code AND r.edition = a.roster_edition)
		FROM authorities a WHERE code = ?`, authority).Scan(&m.Authority.Name, &imported, &m.Listed)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	m.Imported = database.FromNullMicros(imported)
	if err != nil || m.Listed == 0 {
		return m, err
	}
	children, err := t.listed(ctx, v, standing+"WHERE r.authority = ? AND "+unsent, authority)
	if err != nil {
		return m, err
	}
	m.Unsent = len(children)
	for _, c := range children {
		if n := len(m.Schools); n == 0 || m.Schools[n-1].School.ID != c.School {
			u, err := t.unsentAt(ctx, c.School, authority)
			if err != nil {
				return m, err
			}
			m.Schools = append(m.Schools, u)
		}
		last := &m.Schools[len(m.Schools)-1]
		last.Children = append(last.Children, c)
	}
	slices.SortStableFunc(m.Schools, func(a, b Unsent) int { return compareSchools(a.School, b.School) })
	return m, nil
}

func (t *Tx) unsentAt(ctx context.Context, school, authority string) (u Unsent, err error) {
	if u.School, err = t.School(ctx, school); err != nil {
		return u, err
	}
	var told sql.NullInt64
	err = t.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM provisions p WHERE p.school = s.school AND p.authority = ?),
		EXISTS (SELECT 1 FROM agents g WHERE g.school = s.school AND g.state = 'confirmed'),
		(SELECT told_at FROM roster_told t WHERE t.school = s.school),
		(SELECT COUNT(*) FROM pupils n WHERE n.school = s.school AND n.authority = ? AND n.upn_index IS NULL AND n.left_at IS NULL AND s.revoked_at IS NULL)
		FROM schools s WHERE s.school = ?`, authority, authority, school).Scan(&u.Asked, &u.SetUp, &told, &u.Nameless)
	if err != nil {
		return u, err
	}
	u.Told = database.FromNullMicros(told)
	return u, t.Each(ctx, "SELECT waiting, accepted, sent, not_found, as_at FROM roster_use WHERE school = ? AND authority = ?",
		[]any{school, authority}, func(r *sql.Rows) error {
			use := RosterUse{RosterUse: protocol.RosterUse{Authority: authority}}
			var at int64
			err := r.Scan(&use.Waiting, &use.Accepted, &use.Sent, &use.NotFound, &at)
			use.AsAt = database.FromMicros(at)
			u.Use = &use
			return err
		})
}
