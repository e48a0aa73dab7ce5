package call

import (
	"context"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A Claim is a person's word that he or she is calling a school.
type Claim = store.Claim

// ClaimFor is how long a claim runs: a call takes minutes, and a forgotten claim
// must not keep the others away.
const ClaimFor = 10 * time.Minute

// Claim says at c.At that a person is calling a school about a session's
// register. Where somebody else is, it returns that claim with ErrClaimed and
// changes nothing, unless takeOver is set.
func (b *Book) Claim(ctx context.Context, sight store.Sight, c Claim, takeOver bool, then Then) (got Claim, err error) {
	c.Authority = sight.Authority
	c.At = c.At.Truncate(time.Microsecond).UTC()
	c.Until = c.At.Add(ClaimFor)
	err = b.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockSchool(ctx, c.School); err != nil {
			return err
		}
		known, err := tx.AuthorityKnows(ctx, c.Authority, c.School)
		if err == nil && !known {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		if got, err = tx.ClaimCall(ctx, c, takeOver); err != nil {
			return err
		}
		return then.do(tx)
	})
	return got, wrap(err, "claim a call to %s", c.School)
}

// Release ends a person's own claims of a school on a day.
func (b *Book) Release(ctx context.Context, sight store.Sight, school string, day record.Date, by string, then Then) error {
	return b.store.Write(ctx, func(tx *store.Tx) error {
		known, err := tx.AuthorityKnows(ctx, sight.Authority, school)
		if err == nil && !known {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := tx.DropClaims(ctx, sight.Authority, school, day, by); err != nil {
			return err
		}
		return then.do(tx)
	})
}

// Claims lists who is calling about a session's register at now.
func (b *Book) Claims(ctx context.Context, sight store.Sight, day record.Date, session status.Session, now time.Time) (list []Claim, err error) {
	err = b.store.Read(ctx, func(tx *store.Tx) error {
		list, err = tx.Claims(ctx, sight.Authority, day, session, now)
		return err
	})
	return list, err
}
