package account

import (
	"context"
	"fmt"
	"slices"

	"rollbridge/collector/database"
)

// manages says whether by may manage a person. The zero User is the operator's
// command, which may manage everybody, as an operator may. An administrator
// manages people who belong to no authority but the own ones.
func manages(by, u User) bool {
	if by.ID == "" || by.Role == Operator {
		return true
	}
	return by.May(ManagePeople) && within(by.Authorities, u.Authorities)
}

// mayGive says whether by may give what p has. An administrator gives what is the
// authority's to give: never an operator, and never a school's person, who decides
// for the school.
func mayGive(by User, p Person) error {
	switch {
	case by.ID == "" || by.Role == Operator:
		return nil
	case !p.Role.OfAuthority():
		return ErrRole
	case !by.May(ManagePeople) || !within(by.Authorities, p.Authorities):
		return ErrAuthority
	}
	return nil
}

// within says whether every one of list is one of all, and there is one.
func within(all, list []string) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(code string) bool { return !slices.Contains(all, code) })
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(b, func(code string) bool { return slices.Contains(a, code) })
}

// managed finds the person whom by wants to manage.
func managed(ctx context.Context, tx *database.Tx, by User, column, value string) (User, error) {
	u, found, err := findIn(ctx, tx, column, value)
	switch {
	case err != nil:
		return User{}, err
	case !found || !manages(by, u):
		return User{}, ErrNoUser
	case by.ID != "" && u.ID == by.ID:
		return User{}, ErrSelf
	}
	return u, nil
}

// manage runs f on the person whom by wants to manage, and takes it back where
// it would lock everybody out.
func (a *Accounts) manage(ctx context.Context, by User, column, value string, f func(*database.Tx, User) error) error {
	var name string
	err := a.keepLast(ctx, func(tx *database.Tx) error {
		u, err := managed(ctx, tx, by, column, value)
		if err != nil {
			return err
		}
		name = u.Name
		return f(tx, u)
	})
	if err != nil {
		return fmt.Errorf("change a person: %w", err)
	}
	a.names.succeeded(name)
	return nil
}

// operators stands for them among the codes of authorities.
const operators = ""

// A strength counts who can let others in: all, and those whose access has no end.
type strength struct{ usable, lasting int }

// keepLast runs f and refuses what leaves an authority without an administrator,
// or the collector without an operator, where there was one: one who can sign in,
// and one whose access does not end by itself.
func (a *Accounts) keepLast(ctx context.Context, f func(*database.Tx) error) error {
	return a.db.Write(ctx, func(tx *database.Tx) error {
		// Two administrators who remove one another at once would each see the other
		// still there.
		if tx.Dialect() == database.Postgres {
			if _, err := tx.Exec(ctx, "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"); err != nil {
				return err
			}
		}
		before, err := a.strengths(ctx, tx)
		if err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		after, err := a.strengths(ctx, tx)
		if err != nil {
			return err
		}
		for code, was := range before {
			is := after[code]
			if was.usable > 0 && is.usable == 0 || was.lasting > 0 && is.lasting == 0 {
				return ErrLast
			}
		}
		return nil
	})
}

func (a *Accounts) strengths(ctx context.Context, tx *database.Tx) (map[string]strength, error) {
	list, err := read(ctx, tx, "")
	if err != nil {
		return nil, err
	}
	found, now := map[string]strength{}, a.now()
	for _, u := range list {
		if !u.Works(now) || u.MustChange || !u.Second && !u.OpenID {
			continue
		}
		var codes []string
		switch u.Role {
		case Administrator:
			codes = u.Authorities
		case Operator:
			codes = []string{operators}
		}
		for _, code := range codes {
			s := found[code]
			s.usable++
			if u.Until.IsZero() {
				s.lasting++
			}
			found[code] = s
		}
	}
	return found, nil
}
