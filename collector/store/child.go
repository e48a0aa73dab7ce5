package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A File is all that is held of one child at one school, as the child's
// authority may see it. It prints as one fixed word.
type File struct {
	Listing
	// Asked is what the authority asks the school for: datasets and their fields.
	Asked map[record.Dataset][]string
	// Reads is Position.Reads: what is asked and not in it, the school does not give.
	Reads map[record.Dataset]time.Time
	// Calendar is the school's.
	Calendar calendar.Calendar
	// Records are the child's, in the order of dataset and key. Of a child who has
	// left the list they are what stood when it left, without the times of their
	// arrival; of one who is given no more there are none but the registration.
	Records []Stored
	// Staff are those of the school whom the authority is given, with the fields
	// that it is given.
	Staff []record.Record
	// Elsewhere is the same child, by the UPN, at other schools in sight. Two
	// children whom schools have given the same UPN are found so as well.
	Elsewhere []Listing
}

// Of gives the child's records of one dataset.
func (f File) Of(d record.Dataset) (list []Stored) {
	for _, r := range f.Records {
		if r.Record.Dataset() == d {
			list = append(list, r)
		}
	}
	return list
}

// File reads one child in sight: ErrNotFound for any other, whether it is not
// there, is another authority's, or its school has stopped. Nothing is opened
// but the child's own records, by the child's own key, and the school's staff
// where the authority is given them.
func (s *Store) File(ctx context.Context, v *vault.Vault, sight Sight, child Child) (f File, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		f, err = tx.file(ctx, v, sight, child)
		return err
	})
	return f, wrap(err, "read a child at %s", child.School)
}

func (t *Tx) file(ctx context.Context, v *vault.Vault, sight Sight, child Child) (f File, err error) {
	// The caseload may name an id of before, so the whole school is looked at.
	found, err := t.listings(ctx, sight, " AND p.school = ?", []any{child.School})
	if err != nil {
		return f, err
	}
	at := slices.IndexFunc(found, func(o unopened) bool { return o.Child == child })
	if at < 0 {
		return f, ErrNotFound
	}
	own := found[at]
	if err := own.open(v); err != nil {
		return f, err
	}
	f.Listing = own.Listing
	if err := t.askedAndRead(ctx, &f, sight.Authority); err != nil {
		return f, err
	}
	if err := t.ownRecords(ctx, v, &f); err != nil {
		return f, err
	}
	if err := t.earlierWeeks(ctx, v, &f, sight.Authority); err != nil {
		return f, err
	}
	order := record.Datasets()
	slices.SortStableFunc(f.Records, func(a, b Stored) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Record.Dataset()), slices.Index(order, b.Record.Dataset())), cmp.Compare(a.Record.Key(), b.Record.Key()))
	})
	if f.Staff, err = t.staffFor(ctx, v, child.School, sight.Authority); err != nil {
		return f, err
	}
	f.Elsewhere, err = t.elsewhere(ctx, v, sight, f.Listing)
	return f, err
}

func (t *Tx) askedAndRead(ctx context.Context, f *File, authority string) error {
	var asked string
	err := t.QueryRow(ctx, "SELECT datasets FROM provisions WHERE school = ? AND authority = ?", f.School, authority).Scan(&asked)
	if err == nil && json.Unmarshal([]byte(asked), &f.Asked) != nil {
		err = fmt.Errorf("the provision of authority %s is damaged", authority)
	}
	if err != nil {
		return err
	}
	p, err := t.Position(ctx, f.School)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	f.Reads = p.Reads
	if err == nil {
		f.Calendar, err = calendar.Read(ctx, t.Tx, f.School)
	}
	return err
}

// ownRecords reads what stands of the child, and of one who has left the list
// what left with it: what had gone before is not brought back.
func (t *Tx) ownRecords(ctx context.Context, v *vault.Vault, f *File) error {
	key, err := v.Unwrap(vault.Owner{School: f.School, Pupil: f.Child.Pupil}, f.wrapped)
	if err != nil {
		return err
	}
	if f.Records, err = t.recordsOf(ctx, key, f.Child, ""); err != nil {
		return err
	}
	if f.Standing != StandingLeft {
		return nil
	}
	return t.Each(ctx, "SELECT dataset, key, version, body FROM record_history WHERE school = ? AND pupil = ? AND why = 'left' AND replaced_at = ? AND body IS NOT NULL",
		[]any{f.School, string(f.Child.Pupil), database.Micros(f.Since)}, func(r *sql.Rows) error {
			var ref Ref
			var version int64
			var body []byte
			if err := r.Scan((*string)(&ref.Dataset), (*string)(&ref.Key), &version, &body); err != nil {
				return err
			}
			rec, err := openRecord(key, f.School, ref, uint64(version), body)
			f.Records = append(f.Records, Stored{Record: rec, Version: int(version), Uncounted: true})
			return err
		})
}

// recordsOf reads a child's records that stand, of one dataset or of all.
func (t *Tx) recordsOf(ctx context.Context, key vault.Key, c Child, d record.Dataset) (list []Stored, err error) {
	err = t.Each(ctx, "SELECT "+storedColumns+" FROM records r WHERE r.school = ? AND r.pupil = ? AND r.body IS NOT NULL AND (? = '' OR r.dataset = ?)",
		[]any{c.School, string(c.Pupil), string(d), string(d)}, func(r *sql.Rows) error {
			var row storedRow
			if err := r.Scan(row.fields()...); err != nil {
				return err
			}
			one, err := row.open(key, c.School)
			list = append(list, one)
			return err
		})
	return list, err
}

// storedColumns are what a storedRow is read from, of records r.
const storedColumns = "r.dataset, r.key, r.version, r.body, r.counted, r.held, r.received_at, r.as_at"

// A storedRow is a record that is not opened yet.
type storedRow struct {
	child          Child // of records of several children only
	ref            Ref
	version        int64
	body           []byte
	counted        bool
	held           string
	received, asAt int64
}

// fields are where storedColumns are scanned to.
func (r *storedRow) fields() []any {
	return []any{(*string)(&r.ref.Dataset), (*string)(&r.ref.Key), &r.version, &r.body, &r.counted, &r.held, &r.received, &r.asAt}
}

func (r *storedRow) open(key vault.Key, school string) (Stored, error) {
	rec, err := openRecord(key, school, r.ref, uint64(r.version), r.body)
	s := Stored{Record: rec, Version: int(r.version), Held: r.held != "", Uncounted: !r.counted && r.held == ""}
	if r.received != 0 {
		s.Received, s.AsAt = database.FromMicros(r.received), database.FromMicros(r.asAt)
	}
	return s, err
}

// earlierWeeks adds the weeks of earlier academic years that stand under an id
// that the child had before: what is of this year has come again under the new
// one. An id that another authority looked after gives nothing.
func (t *Tx) earlierWeeks(ctx context.Context, v *vault.Vault, f *File, authority string) error {
	have := map[record.Date]bool{}
	for _, r := range f.Of(record.DatasetAttendance) {
		have[r.Record.Key().Week()] = true
	}
	seen := map[record.PupilID]bool{f.Child.Pupil: true}
	for id := f.was; id != "" && !seen[id]; {
		seen[id] = true
		before := Child{f.School, id}
		var w vault.Wrapped
		var was sql.NullString
		err := t.QueryRow(ctx, "SELECT key, epoch, was FROM pupils WHERE school = ? AND pupil = ? AND authority = ?", f.School, string(id), authority).
			Scan(&w.Key, &w.Epoch, &was)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		var key vault.Key
		if err == nil {
			key, err = v.Unwrap(vault.Owner{School: f.School, Pupil: id}, w)
		}
		var list []Stored
		if err == nil {
			list, err = t.recordsOf(ctx, key, before, record.DatasetAttendance)
		}
		if err != nil {
			return err
		}
		for _, r := range list {
			if week := r.Record.Key().Week(); !have[week] {
				have[week] = true
				f.Records = append(f.Records, r)
			}
		}
		id = record.PupilID(was.String)
	}
	return nil
}

// staffFor opens the staff of a school whom an authority is given.
func (t *Tx) staffFor(ctx context.Context, v *vault.Vault, school, authority string) (list []record.Record, err error) {
	given, err := t.given(ctx, school)
	if err != nil {
		return nil, err
	}
	if _, ok := given[record.DatasetStaff][authority]; !ok {
		return nil, nil
	}
	key, ok, err := t.findSchoolKey(ctx, v, school)
	if err != nil || !ok {
		return nil, err
	}
	err = t.Each(ctx, "SELECT "+storedColumns+" FROM records r WHERE r.school = ? AND r.dataset = 'staff' AND r.body IS NOT NULL ORDER BY r.key", []any{school}, func(r *sql.Rows) error {
		var row storedRow
		if err := r.Scan(row.fields()...); err != nil {
			return err
		}
		s, err := row.open(key, school)
		if err != nil {
			return err
		}
		s.Given = given[record.DatasetStaff]
		if own, ok := s.For(authority); ok {
			list = append(list, own)
		}
		return nil
	})
	return list, err
}

// elsewhere finds other children in sight with the same UPN.
func (t *Tx) elsewhere(ctx context.Context, v *vault.Vault, sight Sight, own Listing) (list []Listing, err error) {
	if own.upn == nil {
		return nil, nil
	}
	found, err := t.listings(ctx, sight, " AND p.upn_index = ?", []any{own.upn})
	if err != nil {
		return nil, err
	}
	for _, o := range found {
		if o.Child == own.Child || !bytes.Equal(o.upn, own.upn) {
			continue
		}
		if err := o.open(v); err != nil {
			return nil, err
		}
		list = append(list, o.Listing)
	}
	slices.SortFunc(list, func(a, b Listing) int {
		return cmp.Or(cmp.Compare(a.School, b.School), cmp.Compare(a.Child.Pupil, b.Child.Pupil))
	})
	return list, nil
}
