package store

import (
	"context"
	"database/sql"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/protocol"
)

// A Hold is what a safety stop keeps back until a person at the school has
// looked, or its cause is mended.
type Hold struct {
	protocol.Hold
	Since time.Time
	// ByAgent says that the agent keeps it back, otherwise the collector does,
	// which holds removals only.
	ByAgent bool
}

const (
	originAgent     = "agent"
	originCollector = "collector"
)

// Holds lists the holds of a school that nobody has released, oldest first.
func (t *Tx) Holds(ctx context.Context, school string) (list []Hold, err error) {
	err = t.Each(ctx, `SELECT code, why, dataset, authority, gone, of_, since, origin FROM holds
		WHERE school = ? AND released_at IS NULL ORDER BY since, code`, []any{school}, func(r *sql.Rows) error {
		h, err := scanHold(r)
		list = append(list, h)
		return err
	})
	return list, wrap(err, "list the holds of %s", school)
}

func scanHold(r *sql.Rows, before ...any) (h Hold, err error) {
	var since int64
	var origin string
	err = r.Scan(append(before, &h.Code, (*string)(&h.Why), (*string)(&h.Dataset), &h.Authority, &h.Gone, &h.Of, &since, &origin)...)
	h.Since, h.ByAgent = database.FromMicros(since), origin == originAgent
	return h, err
}

// Hold stores a hold. One that is there keeps its time; what the collector
// holds stays the collector's.
func (w *Writer) Hold(ctx context.Context, h Hold) error {
	origin := originCollector
	if h.ByAgent {
		origin = originAgent
	}
	_, err := w.tx.Exec(ctx, `INSERT INTO holds (school, code, why, dataset, authority, gone, of_, since, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (school, code) DO UPDATE SET why = excluded.why, gone = excluded.gone, of_ = excluded.of_,
		since = CASE WHEN holds.released_at IS NULL THEN holds.since ELSE excluded.since END,
		origin = CASE WHEN holds.released_at IS NULL AND holds.origin = 'collector' THEN holds.origin ELSE excluded.origin END,
		released_at = NULL`,
		w.School, h.Code, string(h.Why), string(h.Dataset), h.Authority, h.Gone, h.Of, database.Micros(h.Since), origin)
	return wrap(err, "store a hold of %s", w.School)
}

// Release marks a hold as released; releasing one that is not there is no
// error.
func (w *Writer) Release(ctx context.Context, code string) error {
	_, err := w.tx.Exec(ctx, "UPDATE holds SET released_at = ? WHERE school = ? AND code = ? AND released_at IS NULL",
		database.Micros(w.Now), w.School, code)
	return wrap(err, "release a hold of %s", w.School)
}

// Held lists the records that wait in a hold of the collector.
func (w *Writer) Held(ctx context.Context, code string) (rows []Row, err error) {
	err = w.tx.Each(ctx, rowColumns+"AND held = ?", []any{w.School, code}, func(r *sql.Rows) error {
		row, err := scanRow(r)
		rows = append(rows, row)
		return err
	})
	return rows, wrap(err, "list what a hold of %s holds", w.School)
}
