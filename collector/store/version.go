package store

import (
	"context"
	"database/sql"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/record"
)

// A Version is a good version of a record: its canonical bytes and its tag as
// they stood in the batch.
type Version struct {
	Ref
	Canonical []byte
	Tag       record.Tag
	// AsAt is for when the data are true.
	AsAt time.Time
}

// Store writes good versions, each of another record. The versions before go
// to the history, quarantined ones are forgotten.
func (w *Writer) Store(ctx context.Context, list []Version) error {
	refs := make([]Ref, len(list))
	for i, v := range list {
		refs[i] = v.Ref
	}
	if err := w.Look(ctx, refs); err != nil {
		return err
	}
	var before []Row
	var unknown []Ref
	for _, ref := range refs {
		if row, known := w.loaded[ref]; known {
			before = append(before, row)
		} else {
			unknown = append(unknown, ref)
		}
	}
	if err := w.retire(ctx, before, "replaced"); err != nil {
		return err
	}
	last, err := w.lastVersions(ctx, unknown)
	if err != nil {
		return err
	}
	next := make([]written, len(list))
	for i, v := range list {
		version := last[v.Ref]
		if row, known := w.loaded[v.Ref]; known {
			version = row.Version
		}
		if next[i], err = w.seal(ctx, v, version+1); err != nil {
			return err
		}
	}
	if err := w.put(ctx, next); err != nil {
		return err
	}
	for _, row := range before {
		if !row.Refused {
			continue
		}
		if err := w.unquarantine(ctx, row.Ref); err != nil {
			return err
		}
	}
	for _, n := range next {
		w.recount(w.loaded[n.row.Ref], n.row)
	}
	return nil
}

// written is a row as it is to stand, with its sealed body.
type written struct {
	row  Row
	body []byte
	asAt time.Time
}

func (w *Writer) seal(ctx context.Context, v Version, version uint64) (written, error) {
	key, err := w.keyOf(ctx, v.Ref)
	if err != nil {
		return written{}, err
	}
	body, err := key.Seal(bodyName(w.School, v.Ref, version), v.Canonical)
	row := Row{Ref: v.Ref, Version: version, HasBody: true, Tag: v.Tag, Counted: true}
	return written{row, body, v.AsAt}, err
}

const putColumns = 15

// put writes rows, many in one statement.
func (w *Writer) put(ctx context.Context, list []written) error {
	for len(list) > 0 {
		n := piece(len(list))
		args := make([]any, 0, n*putColumns)
		for _, p := range list[:n] {
			args = append(args, w.School, string(p.row.Dataset), string(p.row.Key), string(p.row.Pupil()), string(week(p.row.Ref)),
				int64(p.row.Version), p.body, p.row.Tag[:], p.row.Counted, p.row.Refused, p.row.Held, int64(w.Generation), int64(w.Sequence),
				database.Micros(w.Received), database.Micros(p.asAt))
		}
		_, err := w.tx.Exec(ctx, `INSERT INTO records (school, dataset, key, pupil, week, version, body, tag, counted, refused, held,
			generation, sequence, received_at, as_at) VALUES `+repeated(marks(putColumns), n)+`
			ON CONFLICT (school, dataset, key) DO UPDATE SET version = excluded.version, body = excluded.body, tag = excluded.tag,
			counted = excluded.counted, refused = excluded.refused, held = excluded.held, generation = excluded.generation,
			sequence = excluded.sequence, received_at = excluded.received_at, as_at = excluded.as_at`, args...)
		if err != nil {
			return wrap(err, "write rows of %s", w.School)
		}
		list = list[n:]
	}
	return nil
}

// retire copies the present good versions of rows to the history.
func (w *Writer) retire(ctx context.Context, rows []Row, why string) error {
	var refs []Ref
	for _, row := range rows {
		if row.HasBody {
			refs = append(refs, row.Ref)
		}
	}
	if len(refs) == 0 {
		return nil
	}
	some := true
	w.history = &some
	err := eachKeys(refs, func(d record.Dataset, in string, keys []any) error {
		_, err := w.tx.Exec(ctx, `INSERT INTO record_history (school, dataset, key, version, pupil, body, replaced_at, why)
			SELECT school, dataset, key, version, pupil, body, CAST(? AS BIGINT), CAST(? AS TEXT) FROM records
			WHERE school = ? AND dataset = ? AND key `+in, append([]any{database.Micros(w.Now), why, w.School, string(d)}, keys...)...)
		return err
	})
	return wrap(err, "keep the history of rows of %s", w.School)
}

// lastVersions are the versions that removed records had last; those that
// never were are not in it. Most schools have no removed records when they
// send much that is new, so whether there is a history at all is asked first,
// once.
func (w *Writer) lastVersions(ctx context.Context, refs []Ref) (map[Ref]uint64, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	if w.history == nil {
		var some bool
		if err := w.tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM record_history WHERE school = ?)", w.School).Scan(&some); err != nil {
			return nil, wrap(err, "look for a history of %s", w.School)
		}
		w.history = &some
	}
	if !*w.history {
		return nil, nil
	}
	last := map[Ref]uint64{}
	err := eachKeys(refs, func(d record.Dataset, in string, keys []any) error {
		return w.tx.Each(ctx, "SELECT key, MAX(version) FROM record_history WHERE school = ? AND dataset = ? AND key "+in+" GROUP BY key",
			append([]any{w.School, string(d)}, keys...), func(r *sql.Rows) error {
				ref := Ref{Dataset: d}
				var n int64
				err := r.Scan((*string)(&ref.Key), &n)
				last[ref] = uint64(n)
				return err
			})
	})
	return last, wrap(err, "find the last versions of rows of %s", w.School)
}
