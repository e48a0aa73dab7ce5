package retention

import (
	"context"
	"errors"
	"time"

	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A School is how much of one school is past its time, or was forgotten.
type School struct {
	School string
	store.Forgotten
}

// None says whether that is nothing.
func (s School) None() bool {
	for _, n := range s.Forgotten {
		if n > 0 {
			return false
		}
	}
	return true
}

// Cutoffs says what is past its time at a moment. A period of days ends at the
// same time of the day; academic years begin on 1 September at the schools.
func Cutoffs(p settings.Retention, now time.Time) store.Cutoffs {
	year := record.DateOf(now.In(status.London())).AcademicYearStart().Time()
	return store.Cutoffs{
		History: now.AddDate(0, 0, -p.HistoryDays),
		Left:    now.AddDate(0, 0, -p.LeftDays),
		Marks:   record.DateOf(year.AddDate(1-p.AttendanceYears, 0, 0)),
	}
}

// Calls is the first day whose calls to schools are kept: they go after the
// shorter of the two periods of days, so that nothing said of a child by telephone
// outlives what is kept of the child.
func Calls(p settings.Retention, now time.Time) record.Date {
	return record.DateOf(now.In(status.London()).AddDate(0, 0, -min(p.HistoryDays, p.LeftDays)))
}

// A Job forgets. Several may run on one database.
type Job struct {
	Store   *store.Store
	Periods settings.Retention
	// Forgot, which may be nil, hears of each piece when it is committed.
	Forgot func(school string, rule record.Rule, n int)
}

// Due counts what is past its time at now, for every school.
func (j *Job) Due(ctx context.Context, now time.Time) ([]School, error) {
	cutoffs := Cutoffs(j.Periods, now)
	return j.each(ctx, func(id string) (store.Forgotten, error) { return j.due(ctx, id, cutoffs) })
}

// Run forgets what is past its time at now, school by school and rule by rule,
// and counts it. One school's error does not stop the others; what was
// forgotten is counted beside an error too.
func (j *Job) Run(ctx context.Context, now time.Time) ([]School, error) {
	cutoffs := Cutoffs(j.Periods, now)
	return j.each(ctx, func(id string) (store.Forgotten, error) {
		done := store.Forgotten{}
		due, err := j.due(ctx, id, cutoffs)
		for _, k := range record.Keepings() {
			for more := due[k.Rule] > 0; more && err == nil; {
				var n int
				n, err = j.piece(ctx, id, k.Rule, cutoffs)
				done[k.Rule] += n
				more = n > 0
			}
		}
		return done, err
	})
}

func (j *Job) due(ctx context.Context, school string, c store.Cutoffs) (due store.Forgotten, err error) {
	err = j.Store.Read(ctx, func(tx *store.Tx) error {
		due, err = tx.Due(ctx, school, c)
		return err
	})
	return due, err
}

// piece forgets one piece and says how much; 0 at the end.
func (j *Job) piece(ctx context.Context, school string, rule record.Rule, c store.Cutoffs) (n int, err error) {
	for ctx.Err() == nil {
		err = j.Store.Write(ctx, func(tx *store.Tx) error {
			n, err = tx.Forget(ctx, school, rule, c)
			return err
		})
		switch {
		case errors.Is(err, store.ErrMoved):
			continue // a batch was applied meanwhile: look again
		case errors.Is(err, store.ErrNotFound):
			return 0, nil // no agent was ever confirmed, so there are no records
		case err != nil:
			return 0, err
		}
		if n > 0 && j.Forgot != nil {
			j.Forgot(school, rule, n)
		}
		return n, nil
	}
	return 0, ctx.Err()
}

func (j *Job) each(ctx context.Context, f func(school string) (store.Forgotten, error)) (list []School, err error) {
	ids, err := j.Store.SchoolIDs(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		n, failed := f(id)
		if failed != nil {
			err = errors.Join(err, failed)
		}
		list = append(list, School{id, n})
		if ctx.Err() != nil {
			break
		}
	}
	return list, err
}
