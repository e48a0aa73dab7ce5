package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/record"
)

// Cutoffs say what of a school's data is past its time.
type Cutoffs struct {
	// History: versions replaced or removed before it, and refused records that
	// were set aside before it.
	History time.Time
	// Left: children who left the list before it.
	Left time.Time
	// Marks: weeks before the week of this day.
	Marks record.Date
}

// Forgotten counts what is past its time, or was forgotten, by the rule it is
// forgotten by: children of record.RuleLeft, weeks of a child of
// record.RuleMarks, versions of record.RuleHistory, refused records of
// record.RuleRefused.
type Forgotten map[record.Rule]int

// maxForgotten bounds the records that one transaction forgets something of, so
// that it never keeps apply or intake waiting for long.
const maxForgotten = 200

// Nothing below touches a record that counts in the position's state or that
// waits in a hold; of a child with anything in a hold, nothing at all.
const (
	// unheld is true of a row x of records or record_history unless its child, or
	// the member of staff, waits in a hold.
	unheld = ` AND NOT EXISTS (SELECT 1 FROM records w WHERE w.school = x.school AND w.pupil = x.pupil AND w.held <> ''
		AND (x.pupil <> '' OR w.dataset = x.dataset AND w.key = x.key))`

	// dueVersion is true of an old version x if it and all before it are past
	// their time, so that no gap is made where a clock was set back. Parameters:
	// the cutoff, twice.
	dueVersion = ` AND x.replaced_at < ? AND NOT EXISTS (SELECT 1 FROM record_history e WHERE e.school = x.school AND e.dataset = x.dataset
		AND e.key = x.key AND e.version < x.version AND e.replaced_at >= ?)`

	// dueMarks are the keys of weeks before a day, of records and of old versions
	// without a record. Parameters: school and day, twice.
	dueMarks = `SELECT x.key FROM records x WHERE x.school = ? AND x.dataset = 'attendance' AND x.week <> '' AND x.week < ?
		AND NOT x.counted` + unheld + `
		UNION SELECT x.key FROM record_history x WHERE x.school = ? AND x.dataset = 'attendance' AND substr(x.key, length(x.key) - 9) < ?
		AND NOT EXISTS (SELECT 1 FROM records r WHERE r.school = x.school AND r.dataset = x.dataset AND r.key = x.key)` + unheld

	// dueRefused are refused records whose content is past its time. Parameters:
	// school, cutoff.
	dueRefused = ` FROM quarantine q JOIN records x ON x.school = q.school AND x.dataset = q.dataset AND x.key = q.key
		WHERE q.school = ? AND q.at < ? AND length(q.body) > 0` + unheld

	// done is true of a pupil p of whom nothing counts, waits in a hold or stands
	// on the list, even refused.
	done = ` AND NOT EXISTS (SELECT 1 FROM records r WHERE r.school = p.school AND r.pupil = p.pupil
		AND (r.counted OR r.held <> '' OR r.dataset = 'pupil'))`

	// dueLeft are pupils who left. Parameters: school, cutoff.
	dueLeft = ` FROM pupils p WHERE p.school = ? AND p.left_at < ?` + done
)

// Due counts what is past its time at a school.
func (t *Tx) Due(ctx context.Context, school string, c Cutoffs) (Forgotten, error) {
	history, day := database.Micros(c.History), string(c.Marks.Monday())
	due := Forgotten{}
	for _, q := range []struct {
		rule  record.Rule
		query string
		args  []any
	}{
		{record.RuleLeft, "SELECT COUNT(*)" + dueLeft, []any{school, database.Micros(c.Left)}},
		{record.RuleMarks, "SELECT COUNT(*) FROM (" + dueMarks + ") d", []any{school, day, school, day}},
		{record.RuleHistory, "SELECT COUNT(*) FROM record_history x WHERE x.school = ?" + dueVersion + unheld, []any{school, history, history}},
		{record.RuleRefused, "SELECT COUNT(*)" + dueRefused, []any{school, history}},
	} {
		var n int
		if err := t.QueryRow(ctx, q.query, q.args...).Scan(&n); err != nil {
			return nil, wrap(err, "count what %s is to forget by the rule %s", school, q.rule)
		}
		due[q.rule] = n
	}
	return due, nil
}

// Forget forgets a piece of what is past its time at a school by one rule and
// says how much it was; 0 when nothing is left. The position and its state stay
// as they are: call it after Claim. ErrNotFound before the first agent of the
// school is confirmed, when there is nothing to forget.
func (t *Tx) Forget(ctx context.Context, school string, rule record.Rule, c Cutoffs) (n int, err error) {
	p, err := t.Position(ctx, school)
	if err != nil {
		return 0, err
	}
	if err := t.Claim(ctx, p); err != nil {
		return 0, err
	}
	switch rule {
	case record.RuleLeft:
		n, err = t.forgetLeft(ctx, school, c.Left)
	case record.RuleMarks:
		n, err = t.forgetMarks(ctx, school, c.Marks)
	case record.RuleHistory:
		n, err = t.forgetVersions(ctx, school, c.History)
	case record.RuleRefused:
		n, err = t.forgetRefused(ctx, school, c.History)
	default:
		err = errors.New("no such rule")
	}
	if err == nil && n > 0 {
		err = t.dropEmpty(ctx, school)
	}
	if err == nil && n > 0 {
		_, err = t.Exec(ctx, `UPDATE pupils SET was = NULL WHERE school = ? AND was IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM pupils p WHERE p.school = pupils.school AND p.pupil = pupils.was)`, school)
	}
	return n, wrap(err, "forget by the rule %s at %s", rule, school)
}

// forgetLeft forgets one child with every row and the key, and with the ids that
// the child had before.
func (t *Tx) forgetLeft(ctx context.Context, school string, before time.Time) (int, error) {
	var id string
	err := t.QueryRow(ctx, "SELECT p.pupil"+dueLeft+" ORDER BY p.pupil LIMIT 1", school, database.Micros(before)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	for err == nil && id != "" {
		var was string
		if was, err = t.earlier(ctx, school, id); err == nil {
			err = t.forgetPupil(ctx, school, id)
		}
		id = was
	}
	return 1, err
}

// earlier is the id that a pupil had before, if nothing of it counts or waits
// and no other pupil had it; empty if there is none.
func (t *Tx) earlier(ctx context.Context, school, pupil string) (was string, err error) {
	err = t.QueryRow(ctx, `SELECT p.pupil FROM pupils p JOIN pupils n ON n.school = p.school AND n.was = p.pupil
		WHERE n.school = ? AND n.pupil = ? AND p.pupil <> n.pupil
		AND NOT EXISTS (SELECT 1 FROM pupils o WHERE o.school = n.school AND o.was = p.pupil AND o.pupil <> n.pupil)`+done,
		school, pupil).Scan(&was)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return was, err
}

func (t *Tx) forgetPupil(ctx context.Context, school, pupil string) error {
	_, err := t.Exec(ctx, `DELETE FROM quarantine AS q WHERE q.school = ? AND EXISTS (SELECT 1 FROM records r WHERE r.school = q.school
		AND r.dataset = q.dataset AND r.key = q.key AND r.pupil = ?)`, school, pupil)
	for _, table := range []string{"records", "record_history", "caseload", "pupils"} {
		if err == nil {
			_, err = t.Exec(ctx, "DELETE FROM "+table+" WHERE school = ? AND pupil = ?", school, pupil)
		}
	}
	return err
}

func (t *Tx) forgetMarks(ctx context.Context, school string, before record.Date) (int, error) {
	day := string(before.Monday())
	refs, err := t.refs(ctx, "SELECT 'attendance', key FROM ("+dueMarks+") d ORDER BY key LIMIT ?", school, day, school, day, maxForgotten)
	if err != nil {
		return 0, err
	}
	return len(refs), eachKeys(refs, func(d record.Dataset, in string, keys []any) error {
		for _, table := range []string{"quarantine", "records", "record_history"} {
			if _, err := t.Exec(ctx, "DELETE FROM "+table+" WHERE school = ? AND dataset = ? AND key "+in, append([]any{school, string(d)}, keys...)...); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Tx) forgetVersions(ctx context.Context, school string, before time.Time) (n int, err error) {
	cutoff := database.Micros(before)
	refs, err := t.refs(ctx, "SELECT DISTINCT x.dataset, x.key FROM record_history x WHERE x.school = ?"+dueVersion+unheld+" ORDER BY x.dataset, x.key LIMIT ?",
		school, cutoff, cutoff, maxForgotten)
	if err != nil || len(refs) == 0 {
		return 0, err
	}
	err = eachKeys(refs, func(d record.Dataset, in string, keys []any) error {
		gone, err := t.Exec(ctx, "DELETE FROM record_history AS x WHERE x.school = ?"+dueVersion+" AND x.dataset = ? AND x.key "+in,
			append([]any{school, cutoff, cutoff, string(d)}, keys...)...)
		n += int(gone)
		return err
	})
	if err == nil {
		err = t.historyFrom(ctx, school, cutoff)
	}
	return n, err
}

// forgetRefused empties the quarantine. The rows stay, with their reasons, for
// as long as the school holds the records as sent: they count.
func (t *Tx) forgetRefused(ctx context.Context, school string, before time.Time) (int, error) {
	cutoff := database.Micros(before)
	refs, err := t.refs(ctx, "SELECT q.dataset, q.key"+dueRefused+" ORDER BY q.dataset, q.key LIMIT ?", school, cutoff, maxForgotten)
	if err != nil || len(refs) == 0 {
		return 0, err
	}
	err = eachKeys(refs, func(d record.Dataset, in string, keys []any) error {
		_, err := t.Exec(ctx, "UPDATE quarantine SET body = ? WHERE school = ? AND dataset = ? AND key "+in, append([]any{[]byte{}, school, string(d)}, keys...)...)
		return err
	})
	if err == nil {
		err = t.historyFrom(ctx, school, cutoff)
	}
	return len(refs), err
}

// historyFrom remembers from when on nothing was forgotten, so that Fsck tells
// what was forgotten from what is missing.
func (t *Tx) historyFrom(ctx context.Context, school string, cutoff int64) error {
	_, err := t.Exec(ctx, "UPDATE positions SET history_from = ? WHERE school = ? AND history_from < ?", cutoff, school, cutoff)
	return err
}

// dropEmpty forgets pupils of whom nothing is left.
func (t *Tx) dropEmpty(ctx context.Context, school string) error {
	_, err := t.Exec(ctx, `DELETE FROM pupils AS p WHERE p.school = ?
		AND NOT EXISTS (SELECT 1 FROM records r WHERE r.school = p.school AND r.pupil = p.pupil)
		AND NOT EXISTS (SELECT 1 FROM record_history h WHERE h.school = p.school AND h.pupil = p.pupil)`, school)
	return wrap(err, "forget pupils without records")
}

// refs reads what a query names by dataset and key.
func (t *Tx) refs(ctx context.Context, query string, args ...any) (list []Ref, err error) {
	err = t.Each(ctx, query, args, func(r *sql.Rows) error {
		var ref Ref
		err := r.Scan((*string)(&ref.Dataset), (*string)(&ref.Key))
		list = append(list, ref)
		return err
	})
	return list, err
}
