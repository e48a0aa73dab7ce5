package account

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"rollbridge/collector/database"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

const columns = `u.id, u.name, u.email, u.role, u.school, u.password, u.password_new, u.must_change, u.one_time_until, u.totp, u.totp_new, u.totp_step,
	u.subject, u.ended, u.language, u.created_at, u.until_at, u.disabled_at, u.signed_in_at, u.reviewed_at, u.reviewed_by, u.invited_by, u.alerts`

// List returns all users in the order of their names.
func (a *Accounts) List(ctx context.Context) (list []User, err error) {
	err = a.db.Read(ctx, func(tx *database.Tx) error {
		list, err = read(ctx, tx, "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return list, nil
}

// ByID finds the user of a session; found is false for one who is gone, disabled
// or past the end of the access.
func (a *Accounts) ByID(ctx context.Context, id string) (u User, found bool, err error) {
	u, found, err = a.find(ctx, "id", id)
	return u, found && u.Works(a.now()), err
}

// ByName finds a user, who may be disabled.
func (a *Accounts) ByName(ctx context.Context, name string) (u User, found bool, err error) {
	return a.find(ctx, "name", normalName(name))
}

func (a *Accounts) find(ctx context.Context, column, value string) (u User, found bool, err error) {
	err = a.db.Read(ctx, func(tx *database.Tx) error {
		u, found, err = findIn(ctx, tx, column, value)
		return err
	})
	if err != nil {
		return User{}, false, fmt.Errorf("find user: %w", err)
	}
	return u, found, nil
}

func findIn(ctx context.Context, tx *database.Tx, column, value string) (User, bool, error) {
	list, err := read(ctx, tx, " WHERE u."+column+" = ?", value)
	if err != nil || len(list) == 0 {
		return User{}, false, err
	}
	return list[0], true, nil
}

// read reads people, with what each may see.
func read(ctx context.Context, tx *database.Tx, where string, args ...any) ([]User, error) {
	var list []User
	err := tx.Each(ctx, "SELECT "+columns+" FROM users u"+where+" ORDER BY u.name", args, func(r *sql.Rows) error {
		u, err := scan(r)
		list = append(list, u)
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	at := make(map[string]*User, len(list))
	for i := range list {
		at[list[i].ID] = &list[i]
	}
	err = tx.Each(ctx, "SELECT a.user_id, a.authority FROM user_authorities a JOIN users u ON u.id = a.user_id"+where+" ORDER BY a.authority", args,
		func(r *sql.Rows) error {
			var id, authority string
			err := r.Scan(&id, &authority)
			if u := at[id]; u != nil {
				u.Authorities = append(u.Authorities, authority)
			}
			return err
		})
	if err != nil {
		return nil, err
	}
	return list, readCaseloads(ctx, tx, at, where, args)
}

// readCaseloads fills the children of those who are limited to some.
func readCaseloads(ctx context.Context, tx *database.Tx, at map[string]*User, where string, args []any) error {
	limited := false
	for _, u := range at {
		if u.Role == Caseload {
			limited, u.Only = true, []store.Child{}
		}
	}
	if !limited {
		return nil
	}
	err := tx.Each(ctx, "SELECT c.user_id, c.school, c.pupil FROM caseload c JOIN users u ON u.id = c.user_id"+where+" ORDER BY c.school, c.pupil", args,
		func(r *sql.Rows) error {
			var id string
			var c store.Child
			err := r.Scan(&id, &c.School, (*string)(&c.Pupil))
			if u := at[id]; u != nil && u.Role == Caseload {
				u.Only, u.Chosen = append(u.Only, c), append(u.Chosen, c)
			}
			return err
		})
	if err != nil {
		return err
	}
	return follow(ctx, tx, at)
}

// follow adds to caseloads the ids that their children had before, under which
// their history is kept. When a child gets a new id, the store moves the caseload
// along.
func follow(ctx context.Context, tx *database.Tx, at map[string]*User) error {
	before := map[store.Child]record.PupilID{}
	err := tx.Each(ctx, "SELECT p.school, p.pupil, p.was FROM pupils p WHERE p.was IS NOT NULL AND p.school IN (SELECT school FROM caseload)", nil,
		func(r *sql.Rows) error {
			var c store.Child
			var was record.PupilID
			err := r.Scan(&c.School, (*string)(&c.Pupil), (*string)(&was))
			before[c] = was
			return err
		})
	for _, u := range at {
		for i := 0; i < len(u.Only); i++ {
			was := store.Child{School: u.Only[i].School, Pupil: before[u.Only[i]]}
			if was.Pupil != "" && !slices.Contains(u.Only, was) {
				u.Only = append(u.Only, was)
			}
		}
	}
	return err
}

func scan(row *sql.Rows) (User, error) {
	var u User
	var until, access, disabled, signedIn, reviewed sql.NullInt64
	var school, subject sql.NullString
	var created int64
	err := row.Scan(&u.ID, &u.Name, &u.Email, (*string)(&u.Role), &school, &u.password, &u.newOne, &u.MustChange, &until, &u.totp, &u.totpNew, &u.totpStep,
		&subject, &u.ended, &u.Language, &created, &access, &disabled, &signedIn, &reviewed, &u.ReviewedBy, &u.InvitedBy, &u.Alerts)
	if err != nil {
		return User{}, err
	}
	u.School, u.OpenID, u.Second = school.String, subject.Valid, u.totp != nil
	u.OneTimeUntil, u.Until = database.FromNullMicros(until), database.FromNullMicros(access)
	u.Created, u.Disabled = database.FromMicros(created), database.FromNullMicros(disabled)
	u.SignedIn, u.Reviewed = database.FromNullMicros(signedIn), database.FromNullMicros(reviewed)
	return u, nil
}
