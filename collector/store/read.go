package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Stored is one record as the collector holds it.
type Stored struct {
	Record  record.Record
	Version int
	// Authority looks after the pupil; empty if no pupil record has arrived.
	Authority string
	// Received is when the batch arrived, AsAt for when the data are true.
	Received, AsAt time.Time
	// Held says that the record's removal waits for a person; Uncounted that it
	// lies outside what the agent last reported (an older year).
	Held, Uncounted bool
}

// Records gives a school's records, decrypted, pupils first and then in the
// order of dataset and key. A record whose every version was refused is not
// there. The error comes once, as the last pair; ErrStopped for a stopped
// school. All of it is one state of the database: read it to the end quickly.
func (s *Store) Records(ctx context.Context, school string, v *vault.Vault) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		err := s.Read(ctx, func(tx *Tx) error {
			c, err := tx.School(ctx, school)
			if err == nil && !c.Stopped.IsZero() {
				err = ErrStopped
			}
			if err == nil {
				err = tx.records(ctx, school, v, func(r Stored) bool { return yield(r, nil) })
			}
			return err
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(Stored{}, wrap(err, "read the records of %s", school))
		}
	}
}

// errEnough ends a read whose reader wants no more.
var errEnough = errors.New("enough")

func (t *Tx) records(ctx context.Context, school string, v *vault.Vault, f func(Stored) bool) error {
	keys, authorities, err := t.pupilKeys(ctx, school, v)
	if err != nil {
		return err
	}
	for _, d := range record.Datasets() {
		err := t.each(ctx, `SELECT key, version, body, counted, held, received_at, as_at FROM records
			WHERE school = ? AND dataset = ? AND body IS NOT NULL ORDER BY key`, []any{school, string(d)}, func(r *sql.Rows) error {
			ref := Ref{Dataset: d}
			var body []byte
			var counted bool
			var held string
			var version, received, asAt int64
			if err := r.Scan((*string)(&ref.Key), &version, &body, &counted, &held, &received, &asAt); err != nil {
				return err
			}
			pupil := ref.Key.Pupil()
			rec, err := openRecord(keys[pupil], school, ref, uint64(version), body)
			if err != nil {
				return err
			}
			if !f(Stored{Record: rec, Version: int(version), Authority: authorities[pupil], Held: held != "", Uncounted: !counted && held == "",
				Received: database.FromMicros(received), AsAt: database.FromMicros(asAt)}) {
				return errEnough
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pupilKeys opens the key of every pupil of a school.
func (t *Tx) pupilKeys(ctx context.Context, school string, v *vault.Vault) (map[record.PupilID]vault.Key, map[record.PupilID]string, error) {
	keys, authorities := map[record.PupilID]vault.Key{}, map[record.PupilID]string{}
	err := t.each(ctx, "SELECT pupil, authority, key, epoch FROM pupils WHERE school = ?", []any{school}, func(r *sql.Rows) error {
		var id, authority string
		var w vault.Wrapped
		if err := r.Scan(&id, &authority, &w.Key, &w.Epoch); err != nil {
			return err
		}
		key, err := v.Unwrap(vault.Owner{School: school, Pupil: record.PupilID(id)}, w)
		keys[record.PupilID(id)], authorities[record.PupilID(id)] = key, authority
		return err
	})
	return keys, authorities, err
}

func openRecord(key vault.Key, school string, ref Ref, version uint64, body []byte) (record.Record, error) {
	plain, err := key.Open(bodyName(school, ref, version), body)
	if err != nil {
		return nil, err
	}
	rec, err := record.Decode(ref.Dataset, plain)
	if err == nil && rec.Key() != ref.Key {
		err = fmt.Errorf("a %s record is stored under another record's key", ref.Dataset)
	}
	return rec, err
}

type exported struct {
	Dataset   record.Dataset `json:"dataset"`
	Key       record.Key     `json:"key"`
	Version   int            `json:"version"`
	Authority string         `json:"authority"`
	Received  time.Time      `json:"received"`
	AsAt      time.Time      `json:"as_at"`
	Held      bool           `json:"held,omitempty"`
	Uncounted bool           `json:"uncounted,omitempty"`
	Record    record.Record  `json:"record"`
}

// Export writes a school's records as JSON lines: dataset, key, version,
// authority, received, as_at and the record itself.
func (s *Store) Export(ctx context.Context, school string, v *vault.Vault, w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for r, err := range s.Records(ctx, school, v) {
		if err != nil {
			return err
		}
		line := exported{r.Record.Dataset(), r.Record.Key(), r.Version, r.Authority, r.Received, r.AsAt, r.Held, r.Uncounted, r.Record}
		if err := e.Encode(line); err != nil {
			return fmt.Errorf("export the records of %s: %w", school, err)
		}
	}
	return nil
}
