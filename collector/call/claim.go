package call

import (
	"context"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A Claim is a person's word that he or she is calling a school.
type Claim = store.Claim

// ClaimFor is how long a claim runs: a call takes minutes, and a forgotten claim
// must not keep the others away.
const ClaimFor = 10 * time.Minute

// Claim says that a person is calling a school about a session's register. Where
// somebody else is, it returns that claim with ErrClaimed and changes nothing,
// unless takeOver is set.
func (b *Book) Claim(ctx context.Context, sight store.Sight, school string, day record.Date, session status.Session, by string, takeOver bool) (got Claim, err error) {
	err = b.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockSchool(ctx, school); err != nil {
			return err
		}
		known, err := tx.AuthorityKnows(ctx, sight.Authority, school)
		if err == nil && !known {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		now := clock.Now().Truncate(time.Microsecond).UTC()
		got, err = tx.ClaimCall(ctx, Claim{School: school, Authority: sight.Authority, Day: day, Session: session, By: by, At: now, Until: now.Add(ClaimFor)}, takeOver)
		return err
	})
	return got, wrap(err, "claim a call to %s", school)
}

// Release ends a person's own claim.
func (b *Book) Release(ctx context.Context, sight store.Sight, school string, day record.Date, session status.Session, by string) error {
	return b.store.Write(ctx, func(tx *store.Tx) error {
		return tx.DropClaim(ctx, Claim{School: school, Authority: sight.Authority, Day: day, Session: session, By: by})
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
