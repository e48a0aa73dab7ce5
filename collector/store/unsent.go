package store

import (
	"context"
	"database/sql"
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

// Unsent finds the children on an authority's roster whom no school sends as
// the authority's, by school in the order of their names. A school that has
// stopped sends nobody.
func (s *Store) Unsent(ctx context.Context, v *vault.Vault, authority string) (list []Unsent, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list, err = tx.unsent(ctx, v, authority)
		return err
	})
	return list, wrap(err, "look for children of authority %s whom no school sends", authority)
}

func (t *Tx) unsent(ctx context.Context, v *vault.Vault, authority string) (list []Unsent, err error) {
	children, err := t.listed(ctx, v, standing+`WHERE r.authority = ? AND NOT EXISTS (SELECT 1 FROM pupils p JOIN schools s ON s.school = p.school
		WHERE p.upn_index = r.child AND p.authority = r.authority AND p.left_at IS NULL AND s.revoked_at IS NULL)`, authority)
	if err != nil {
		return nil, err
	}
	for _, c := range children {
		if len(list) == 0 || list[len(list)-1].School.ID != c.School {
			u, err := t.unsentAt(ctx, c.School, authority)
			if err != nil {
				return nil, err
			}
			list = append(list, u)
		}
		last := &list[len(list)-1]
		last.Children = append(last.Children, c)
	}
	slices.SortStableFunc(list, func(a, b Unsent) int { return compareSchools(a.School, b.School) })
	return list, nil
}

func (t *Tx) unsentAt(ctx context.Context, school, authority string) (u Unsent, err error) {
	if u.School, err = t.School(ctx, school); err != nil {
		return u, err
	}
	var told sql.NullInt64
	err = t.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM provisions p WHERE p.school = s.school AND p.authority = ?),
		EXISTS (SELECT 1 FROM agents g WHERE g.school = s.school AND g.state = 'confirmed'),
		(SELECT told_at FROM roster_told t WHERE t.school = s.school),
		(SELECT COUNT(*) FROM pupils n WHERE n.school = s.school AND n.authority = ? AND n.upn_index IS NULL AND n.left_at IS NULL)
		FROM schools s WHERE s.school = ?`, authority, authority, school).Scan(&u.Asked, &u.SetUp, &told, &u.Nameless)
	if err != nil {
		return u, err
	}
	u.Told = database.FromNullMicros(told)
	return u, t.each(ctx, "SELECT waiting, accepted, sent, not_found, as_at FROM roster_use WHERE school = ? AND authority = ?",
		[]any{school, authority}, func(r *sql.Rows) error {
			use := RosterUse{RosterUse: protocol.RosterUse{Authority: authority}}
			var at int64
			err := r.Scan(&use.Waiting, &use.Accepted, &use.Sent, &use.NotFound, &at)
			use.AsAt = database.FromMicros(at)
			u.Use = &use
			return err
		})
}
