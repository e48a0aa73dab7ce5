package store

import (
	"context"
	"errors"
	"time"

	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// overdue is how long after its day a destruction may take: role jobs looks
// several times an hour.
const overdue = 24 * time.Hour

// stopped looks at the stops of a school. readable says whether what the school
// sent may be looked at: it is not being destroyed.
func (f *fsck) stopped(ctx context.Context) (readable bool, err error) {
	school, err := f.tx.School(ctx, f.school)
	if err != nil {
		return false, err
	}
	stops, err := f.tx.Stops(ctx, f.school)
	if err != nil {
		return false, err
	}
	for _, s := range stops {
		if s.Destroyed.IsZero() && clock.Now().After(s.Destroy.Add(overdue)) {
			f.add(CheckStop, "the school stopped, and its data were to be destroyed on %s: does a process with role jobs run?", s.Destroy.Format(time.DateOnly))
		}
		if err := f.certified(ctx, s); err != nil {
			return false, err
		}
		if s.Hidden.Equal(school.Stopped) {
			f.stop = &s
		}
	}
	var live, held int
	err = f.tx.QueryRow(ctx, "SELECT (SELECT COUNT(*) FROM pupils WHERE school = ? AND epoch > 0), (SELECT COUNT(*) FROM pupils WHERE school = ? AND epoch = 0)",
		f.school, f.school).Scan(&live, &held)
	switch {
	case err != nil:
		return false, err
	case school.Stopped.IsZero() && held > 0:
		f.add(CheckStop, "%d keys are under a hold key, but the school has not stopped", held)
	case !school.Stopped.IsZero() && f.stop == nil:
		f.add(CheckStop, "the school stopped before this program kept hold keys: role jobs gives it one within the hour")
	case !school.Stopped.IsZero() && live > 0:
		f.add(CheckStop, "the school stopped, and %d keys are not under its hold key", live)
	case f.stop != nil && !f.stop.Destroyed.IsZero() && held > 0:
		f.add(CheckStop, "the school's data are destroyed, but %d pupils are left", held)
	}
	return f.holdLives(), nil
}

// holdLives says whether what waits under the hold key of the stop can be
// looked at.
func (f *fsck) holdLives() bool {
	if f.stop == nil {
		return true
	}
	if !f.stop.KeyDestroyed.IsZero() || !f.stop.Destroyed.IsZero() {
		return false
	}
	if f.vault == nil {
		return true
	}
	_, err := f.vault.Held(f.stop.Hold, vault.Owner{School: f.school}, nil)
	if errors.Is(err, vault.ErrMissing) {
		if clock.Now().Before(f.stop.Destroy) {
			f.add(CheckStop, "the hold key %s is gone: what the school sent opens never again; its rows are destroyed on %s", f.stop.Hold, f.stop.Destroy.Format(time.DateOnly))
		}
		return false
	}
	return true
}

// certified looks for the certificate of each agent of a stop that has ended.
func (f *fsck) certified(ctx context.Context, s Stop) error {
	if s.Destroyed.IsZero() {
		return nil
	}
	var n int
	err := f.tx.QueryRow(ctx, `SELECT COUNT(*) FROM agents a WHERE a.school = ? AND a.generation <= ?
		AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.school = a.school AND c.agent = a.agent)`, s.School, int64(s.Generation)).Scan(&n)
	if err == nil && n > 0 {
		f.add(CheckStop, "%d agents of the school have no deletion certificate", n)
	}
	return err
}
