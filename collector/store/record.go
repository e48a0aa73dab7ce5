package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Ref names a record within a school.
type Ref struct {
	Dataset record.Dataset
	Key     record.Key
}

// OfSchool says whether the record belongs to the school and not to a pupil,
// as staff do. A dataset that this program does not know is taken for one of
// pupils: its records go when the pupil goes.
func (r Ref) OfSchool() bool { return record.Fields(r.Dataset) != nil && !r.Dataset.OfPupils() }

// Pupil is the pupil that the record is about; empty where it is OfSchool, whose
// keys look like a pupil's id.
func (r Ref) Pupil() record.PupilID {
	if r.OfSchool() {
		return ""
	}
	return r.Key.Pupil()
}

// A Row is what is known of a record without opening it.
type Row struct {
	Ref
	Version uint64
	// HasBody is false where no version was ever good.
	HasBody bool
	Tag     record.Tag
	// Counted: the tag is part of the position's state. Refused: the tag is of a
	// quarantined version; the body, if any, is the last good one.
	Counted, Refused bool
	// Held is the code of the hold that the record's removal waits in.
	Held string
}

// An Arrival says how what is written came here.
type Arrival struct {
	School     string
	Generation uint32
	Sequence   uint64
	// Received is when the batch arrived, Now when it is applied.
	Received, Now time.Time
}

// A Writer writes the records of one school in one transaction, and keeps
// State, the sum of the counted tags, in step with them. It is good for that
// transaction only.
type Writer struct {
	Arrival
	State record.Digest

	tx    *Tx
	vault *vault.Vault
	// pupils are all of the school; nil until one is asked for.
	pupils map[record.PupilID]*pupil
	// school is the school's own key, opened; nil until it is needed.
	school *vault.Key
	// loaded are the rows read so far; looked are the refs that were looked for,
	// whole says that all rows were read: what is then not loaded is not there.
	loaded map[Ref]Row
	looked map[Ref]bool
	whole  bool
	// history says whether the school has old versions; nil until it is asked.
	history *bool
}

// Writer begins writing at a position's state.
func (t *Tx) Writer(v *vault.Vault, a Arrival, state record.Digest) *Writer {
	return &Writer{Arrival: a, State: state, tx: t, vault: v, loaded: map[Ref]Row{}, looked: map[Ref]bool{}}
}

const rowColumns = "SELECT dataset, key, version, body IS NOT NULL, tag, counted, refused, held FROM records WHERE school = ? "

func scanRow(r interface{ Scan(...any) error }) (row Row, err error) {
	var tag []byte
	var version int64
	err = r.Scan((*string)(&row.Dataset), (*string)(&row.Key), &version, &row.HasBody, &tag, &row.Counted, &row.Refused, &row.Held)
	copy(row.Tag[:], tag)
	row.Version = uint64(version)
	return row, err
}

// All gives every row of the school, and makes Find answer from memory.
func (w *Writer) All(ctx context.Context) (map[Ref]Row, error) {
	if w.whole {
		return w.loaded, nil
	}
	err := w.tx.Each(ctx, rowColumns, []any{w.School}, func(r *sql.Rows) error {
		row, err := scanRow(r)
		w.loaded[row.Ref] = row
		return err
	})
	w.whole = err == nil
	return w.loaded, wrap(err, "read the rows of %s", w.School)
}

// Look reads the rows of records, so that Find answers from memory.
func (w *Writer) Look(ctx context.Context, refs []Ref) error {
	if w.whole {
		return nil
	}
	fresh := slices.DeleteFunc(slices.Clone(refs), func(r Ref) bool { return w.looked[r] })
	err := eachKeys(fresh, func(d record.Dataset, in string, keys []any) error {
		return w.tx.Each(ctx, rowColumns+"AND dataset = ? AND key "+in, append([]any{w.School, string(d)}, keys...), func(r *sql.Rows) error {
			row, err := scanRow(r)
			w.loaded[row.Ref] = row // the claim on the position keeps others from changing it
			return err
		})
	})
	if err != nil {
		return wrap(err, "find rows of %s", w.School)
	}
	for _, r := range fresh {
		w.looked[r] = true
	}
	return nil
}

// Find reads the row of a record; ok is false if there is none.
func (w *Writer) Find(ctx context.Context, ref Ref) (row Row, ok bool, err error) {
	err = w.Look(ctx, []Ref{ref})
	row, ok = w.loaded[ref]
	return row, ok, err
}

// Refuse quarantines a version: its tag counts, because the agent holds it as
// sent, and the last good body stays.
func (w *Writer) Refuse(ctx context.Context, ref Ref, content []byte, tag record.Tag, reasons []string) error {
	row, known, err := w.Find(ctx, ref)
	if err != nil {
		return err
	}
	if !known {
		last, err := w.lastVersions(ctx, []Ref{ref})
		if err != nil {
			return err
		}
		row.Version = last[ref]
	}
	next := row
	next.Ref, next.Tag, next.Counted, next.Refused, next.Held = ref, tag, true, true, ""
	if known {
		_, err = w.tx.Exec(ctx, `UPDATE records SET tag = ?, counted = TRUE, refused = TRUE, held = '' WHERE school = ? AND dataset = ? AND key = ?`,
			tag[:], w.School, string(ref.Dataset), string(ref.Key))
	} else {
		err = w.put(ctx, []written{{row: next, asAt: w.Received}})
	}
	if err != nil {
		return wrap(err, "quarantine a %s row", ref.Dataset)
	}
	w.recount(row, next)
	return w.quarantine(ctx, ref, content, reasons)
}

func (w *Writer) quarantine(ctx context.Context, ref Ref, content []byte, reasons []string) error {
	key, err := w.schoolKey(ctx)
	if err != nil {
		return err
	}
	body, err := key.Seal(quarantineName(w.School, ref, w.Sequence), content)
	if err != nil {
		return err
	}
	text, err := json.Marshal(reasons)
	if err != nil {
		return fmt.Errorf("quarantine a %s row: %w", ref.Dataset, err)
	}
	_, err = w.tx.Exec(ctx, `INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (school, dataset, key) DO UPDATE SET sequence = excluded.sequence, reasons = excluded.reasons,
		body = excluded.body, at = excluded.at`,
		w.School, string(ref.Dataset), string(ref.Key), int64(w.Sequence), string(text), body, database.Micros(w.Now))
	return wrap(err, "quarantine a %s row", ref.Dataset)
}

// Mark changes whether a record counts and in which hold it waits; nothing
// else of it changes.
func (w *Writer) Mark(ctx context.Context, row Row, counted bool, held string) error {
	if row.Counted == counted && row.Held == held {
		return nil
	}
	next := row
	next.Counted, next.Held = counted, held
	_, err := w.tx.Exec(ctx, "UPDATE records SET counted = ?, held = ? WHERE school = ? AND dataset = ? AND key = ?",
		counted, held, w.School, string(row.Dataset), string(row.Key))
	w.recount(row, next)
	return wrap(err, "mark a %s row", row.Dataset)
}

// Remove takes a record out: its last good version goes to the history, a
// quarantined one is forgotten.
func (w *Writer) Remove(ctx context.Context, row Row, why string) error {
	if err := w.retire(ctx, []Row{row}, why); err != nil {
		return err
	}
	if row.Refused {
		if err := w.unquarantine(ctx, row.Ref); err != nil {
			return err
		}
	}
	_, err := w.tx.Exec(ctx, "DELETE FROM records WHERE school = ? AND dataset = ? AND key = ?", w.School, string(row.Dataset), string(row.Key))
	if err != nil {
		return wrap(err, "remove a %s row", row.Dataset)
	}
	if row.Counted {
		w.State.Remove(row.Tag)
	}
	delete(w.loaded, row.Ref)
	return nil
}

func (w *Writer) unquarantine(ctx context.Context, ref Ref) error {
	_, err := w.tx.Exec(ctx, "DELETE FROM quarantine WHERE school = ? AND dataset = ? AND key = ?", w.School, string(ref.Dataset), string(ref.Key))
	return wrap(err, "empty the quarantine of a %s row", ref.Dataset)
}

// week is the week that a row is of, for attendance only.
func week(ref Ref) record.Date {
	if ref.Dataset != record.DatasetAttendance {
		return ""
	}
	return ref.Key.Week()
}

// recount keeps State and memory in step with a changed row.
func (w *Writer) recount(old, next Row) {
	if old.Counted {
		w.State.Remove(old.Tag)
	}
	if next.Counted {
		w.State.Add(next.Tag)
	}
	w.loaded[next.Ref] = next
}

func bodyName(school string, ref Ref, version uint64) vault.Name {
	return vault.Name{School: school, Dataset: string(ref.Dataset), Key: string(ref.Key), Version: version}
}

func quarantineName(school string, ref Ref, sequence uint64) vault.Name {
	return vault.Name{School: school, Dataset: "quarantine/" + string(ref.Dataset), Key: string(ref.Key), Version: sequence}
}
