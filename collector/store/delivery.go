package store

import (
	"context"
	"database/sql"
	"time"

	"rollbridge/collector/database"
)

// A Delivery is one applied read, in counts. It stays when the data are
// destroyed.
type Delivery struct {
	Generation      uint32
	First, Sequence uint64 // First is after the delivery before; withdrawn batches lie between
	Full            bool
	// Received is when the last part arrived.
	Received, Applied                     time.Time
	Upserts, Removals, Refused, Unchanged int
	// Pupils were on the list after it, Bytes were sealed.
	Pupils, Bytes  int
	AttendanceAsAt time.Time
}

// Deliver stores a delivery; Generation, Sequence and Pupils come from the
// writer and the database.
func (w *Writer) Deliver(ctx context.Context, d Delivery) error {
	_, err := w.tx.Exec(ctx, `INSERT INTO deliveries (school, generation, sequence, first_sequence, full_, received_at, applied_at,
		upserts, removals, refused, unchanged, bytes, attendance_as_at, pupils) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		(SELECT COUNT(*) FROM records WHERE school = ? AND dataset = 'pupil'))`,
		w.School, int64(w.Generation), int64(w.Sequence), int64(d.First), d.Full, database.Micros(d.Received), database.Micros(d.Applied),
		d.Upserts, d.Removals, d.Refused, d.Unchanged, d.Bytes, database.NullMicros(d.AttendanceAsAt), w.School)
	return wrap(err, "store a delivery of %s", w.School)
}

// Deliveries lists a school's newest deliveries, newest first, at most limit.
func (s *Store) Deliveries(ctx context.Context, school string, limit int) (list []Delivery, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list, err = tx.deliveries(ctx, "WHERE school = ? ORDER BY generation DESC, sequence DESC LIMIT ?", school, limit)
		return err
	})
	return list, wrap(err, "list the deliveries of %s", school)
}

func (t *Tx) deliveries(ctx context.Context, where string, args ...any) (list []Delivery, err error) {
	err = t.Each(ctx, `SELECT generation, first_sequence, sequence, full_, received_at, applied_at, upserts, removals, refused, unchanged,
		pupils, bytes, attendance_as_at FROM deliveries `+where, args, func(r *sql.Rows) error {
		var d Delivery
		var first, sequence, received, applied int64
		var asAt sql.NullInt64
		err := r.Scan(&d.Generation, &first, &sequence, &d.Full, &received, &applied, &d.Upserts, &d.Removals, &d.Refused,
			&d.Unchanged, &d.Pupils, &d.Bytes, &asAt)
		d.First, d.Sequence = uint64(first), uint64(sequence)
		d.Received, d.Applied, d.AttendanceAsAt = database.FromMicros(received), database.FromMicros(applied), database.FromNullMicros(asAt)
		list = append(list, d)
		return err
	})
	return list, err
}
