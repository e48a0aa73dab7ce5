package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Stored is one record as the collector holds it.
type Stored struct {
	Record  record.Record
	Version int
	// Authority looks after the pupil; empty if no pupil record has arrived, and
	// of a record that belongs to the school.
	Authority string
	// Given says of a record that belongs to the school which authority may see
	// which fields of it; nil of a pupil's, which is its own authority's.
	Given map[string][]string
	// Received is when the batch arrived, AsAt for when the data are true.
	Received, AsAt time.Time
	// Held says that the record's removal waits for a person; Uncounted that it
	// lies outside what the agent last reported (an older year).
	Held, Uncounted bool
}

// For is the record as an authority may see it: a pupil's whole, if it looks
// after the pupil; what belongs to the school with the fields that the school
// gave to this authority. It is false where the authority may see nothing.
func (s Stored) For(authority string) (record.Record, bool) {
	if s.Record.Dataset().OfPupils() {
		return s.Record, authority != "" && s.Authority == authority
	}
	fields, ok := s.Given[authority]
	if !ok {
		return nil, false
	}
	// A copy: the record is others' too.
	text, err := record.Encode(s.Record)
	if err != nil {
		return nil, false
	}
	own, err := record.Decode(s.Record.Dataset(), text)
	if err != nil {
		return nil, false
	}
	record.Keep(own, func(field string) bool { return slices.Contains(fields, field) })
	return own, true
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
	keys, err := t.openKeys(ctx, school, v)
	if err != nil {
		return err
	}
	given, err := t.given(ctx, school)
	if err != nil {
		return err
	}
	for _, d := range record.Datasets() {
		err := t.Each(ctx, `SELECT key, version, body, counted, held, received_at, as_at FROM records
			WHERE school = ? AND dataset = ? AND body IS NOT NULL ORDER BY key`, []any{school, string(d)}, func(r *sql.Rows) error {
			ref := Ref{Dataset: d}
			var body []byte
			var counted bool
			var held string
			var version, received, asAt int64
			if err := r.Scan((*string)(&ref.Key), &version, &body, &counted, &held, &received, &asAt); err != nil {
				return err
			}
			key, ok := keys.of(ref)
			if !ok {
				return fmt.Errorf("a %s record has no key to open it: run fsck", d)
			}
			rec, err := openRecord(key, school, ref, uint64(version), body)
			if err != nil {
				return err
			}
			if !f(Stored{Record: rec, Version: int(version), Authority: keys.authorities[ref.Pupil()], Given: given[d], Held: held != "", Uncounted: !counted && held == "",
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
	// Authorities are those that a record of the school is given to.
	Authorities []string      `json:"authorities,omitempty"`
	Received    time.Time     `json:"received"`
	AsAt        time.Time     `json:"as_at"`
	Held        bool          `json:"held,omitempty"`
	Uncounted   bool          `json:"uncounted,omitempty"`
	Record      record.Record `json:"record"`
}

// Export writes a school's records as JSON lines: dataset, key, version,
// authority (or the authorities that a record of the school is given to),
// received, as_at and the record itself.
func (s *Store) Export(ctx context.Context, school string, v *vault.Vault, w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for r, err := range s.Records(ctx, school, v) {
		if err != nil {
			return err
		}
		line := exported{r.Record.Dataset(), r.Record.Key(), r.Version, r.Authority, slices.Sorted(maps.Keys(r.Given)), r.Received, r.AsAt, r.Held, r.Uncounted, r.Record}
		if err := e.Encode(line); err != nil {
			return fmt.Errorf("export the records of %s: %w", school, err)
		}
	}
	return nil
}
