package account

import (
	"context"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
)

// ReviewEvery is how often somebody says of each person that the access is still
// right.
const ReviewEvery = 90 * 24 * time.Hour

// ReviewDue is when the access of a person is to be looked at next.
func (u User) ReviewDue() time.Time {
	last := u.Created
	if u.Reviewed.After(last) {
		last = u.Reviewed
	}
	return last.Add(ReviewEvery)
}

// Manageable are the people whom by may manage, in the order of their names; of
// an administrator also those who work for other authorities too, who can only be
// taken out of the own ones (Leave).
func (a *Accounts) Manageable(ctx context.Context, by User) ([]User, error) {
	list, err := a.List(ctx)
	if err != nil {
		return nil, err
	}
	var found []User
	for _, u := range list {
		if manages(by, u) || by.May(ManagePeople) && u.Role.OfAuthority() && overlap(by.Authorities, u.Authorities) {
			found = append(found, u)
		}
	}
	return found, nil
}

// Manages says whether by may change, reset and disable a person, not only take
// the person out of the own authorities.
func Manages(by, u User) bool { return manages(by, u) && by.ID != u.ID }

// Confirm notes that by looked at the access of a person and found it right.
// Nobody says so of the own, unless there is no other administrator to ask.
func (a *Accounts) Confirm(ctx context.Context, by User, id string) error {
	return a.db.Write(ctx, func(tx *database.Tx) error {
		u, found, err := findIn(ctx, tx, "id", id)
		switch {
		case err != nil:
			return err
		case !found || !manages(by, u) && !(by.May(ManagePeople) && u.Role.OfAuthority() && overlap(by.Authorities, u.Authorities)):
			return ErrNoUser
		}
		if by.ID == u.ID {
			alone, err := a.alone(ctx, tx, u)
			if err != nil {
				return err
			}
			if !alone {
				return ErrSelf
			}
		}
		_, err = tx.Exec(ctx, "UPDATE users SET reviewed_at = ?, reviewed_by = ? WHERE id = ?", database.Micros(a.now()), by.ID, u.ID)
		if err != nil {
			return err
		}
		return a.tell(ctx, tx, by, audit.AccessReviewed, u, nil)
	})
}

// alone says whether nobody else could review a person.
func (a *Accounts) alone(ctx context.Context, tx *database.Tx, u User) (bool, error) {
	found, err := a.strengths(ctx, tx)
	codes := u.Authorities
	if u.Role == Operator {
		codes = []string{operators}
	}
	for _, code := range codes {
		if found[code].usable > 1 {
			return false, err
		}
	}
	return true, err
}
