package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A RegisterRead is one applied read: when it arrived, and for when the registers
// were true after it. The first that is as at a session's register time or later
// is when that register came.
type RegisterRead struct{ Received, RegistersAsAt time.Time }

// RegisterReads lists a school's reads that arrived from a time on, the oldest first.
// began is when its very first arrived, zero if none did.
func (s *Store) RegisterReads(ctx context.Context, school string, from time.Time) (list []RegisterRead, began time.Time, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		var first sql.NullInt64
		if err := tx.QueryRow(ctx, "SELECT MIN(received_at) FROM deliveries WHERE school = ?", school).Scan(&first); err != nil {
			return err
		}
		began = database.FromNullMicros(first)
		return tx.Each(ctx, `SELECT received_at, attendance_as_at FROM deliveries WHERE school = ? AND received_at >= ? AND attendance_as_at IS NOT NULL
			ORDER BY received_at`, []any{school, database.Micros(from)}, func(r *sql.Rows) error {
			var received, asAt int64
			err := r.Scan(&received, &asAt)
			list = append(list, RegisterRead{database.FromMicros(received), database.FromMicros(asAt)})
			return err
		})
	})
	return list, began, wrap(err, "list when the registers of %s came", school)
}

// DeliveriesFrom lists a school's deliveries that arrived from a time on, newest
// first: those from first to first+limit, of how many there are.
func (s *Store) DeliveriesFrom(ctx context.Context, school string, from time.Time, first, limit int) (list []Delivery, total int, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM deliveries WHERE school = ? AND received_at >= ?", school, database.Micros(from)).Scan(&total); err != nil {
			return err
		}
		list, err = tx.deliveries(ctx, "WHERE school = ? AND received_at >= ? ORDER BY received_at DESC, generation DESC, sequence DESC LIMIT ? OFFSET ?",
			school, database.Micros(from), limit, first)
		return err
	})
	return list, total, wrap(err, "list the deliveries of %s", school)
}

// A Batch is one sealed part of a delivery as intake took it.
type Batch struct {
	Sequence uint64
	Digest   envelope.Digest
	Received time.Time
	Bytes    int
	Receipt  protocol.Receipt // as intake signed it
}

// Delivery finds one delivery of a school with the batches that it came in;
// ErrNotFound if there is none. Batches that were withdrawn are not among them.
func (s *Store) Delivery(ctx context.Context, school string, generation uint32, sequence uint64) (d Delivery, batches []Batch, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		batches = nil
		list, err := tx.deliveries(ctx, "WHERE school = ? AND generation = ? AND sequence = ?", school, int64(generation), int64(sequence))
		if err == nil && len(list) == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		d = list[0]
		return tx.Each(ctx, `SELECT sequence, digest, received_at, bytes, receipt FROM inbox WHERE school = ? AND generation = ?
			AND sequence >= ? AND sequence <= ? AND state = 'applied' AND agent = (SELECT agent FROM agents a WHERE a.school = inbox.school AND a.generation = inbox.generation)
			ORDER BY sequence`, []any{school, int64(generation), int64(d.First), int64(d.Sequence)}, func(r *sql.Rows) error {
			b, err := scanBatch(r)
			batches = append(batches, b)
			return err
		})
	})
	return d, batches, wrap(err, "find a delivery of %s", school)
}

func scanBatch(r *sql.Rows) (b Batch, err error) {
	var digest, receipt []byte
	var sequence, received int64
	if err := r.Scan(&sequence, &digest, &received, &b.Bytes, &receipt); err != nil {
		return b, err
	}
	b.Sequence, b.Received = uint64(sequence), database.FromMicros(received)
	copy(b.Digest[:], digest)
	var signed protocol.Signed
	err = json.Unmarshal(receipt, &signed)
	if err == nil {
		err = json.Unmarshal(signed.Payload, &b.Receipt)
	}
	if err != nil {
		return b, errors.New("a receipt is damaged: run fsck")
	}
	return b, nil
}

// Refusals are records of one dataset that were refused for one reason.
type Refusals struct {
	Dataset record.Dataset
	Field   string // empty where the record as a whole is meant
	Code    record.FaultCode
	Records int
	Since   time.Time // of the oldest
}

// Refusals counts why records of a school are refused, those with most records
// first. An authority is told of its own children's, and of staff's if the school
// gave them to it; no authority is everybody's.
func (s *Store) Refusals(ctx context.Context, school, authority string) (list []Refusals, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		given, err := tx.given(ctx, school)
		if err != nil {
			return err
		}
		found := map[Refusals]Refusals{}
		err = tx.Each(ctx, `SELECT q.dataset, q.reasons, q.at, COALESCE(p.authority, '') FROM quarantine q JOIN schools s ON s.school = q.school
			LEFT JOIN records r ON r.school = q.school AND r.dataset = q.dataset AND r.key = q.key
			LEFT JOIN pupils p ON p.school = r.school AND p.pupil = r.pupil
			WHERE q.school = ? AND s.revoked_at IS NULL`, []any{school}, func(r *sql.Rows) error {
			var d record.Dataset
			var reasons, of string
			var at int64
			if err := r.Scan((*string)(&d), &reasons, &at, &of); err != nil {
				return err
			}
			_, staff := given[d][authority]
			if known := authority == "" || of == authority || (Ref{Dataset: d}).OfSchool() && staff; known {
				return addRefusals(found, d, reasons, database.FromMicros(at))
			}
			return nil
		})
		list = list[:0]
		for _, f := range found {
			list = append(list, f)
		}
		return err
	})
	slices.SortFunc(list, func(a, b Refusals) int {
		if a.Records != b.Records {
			return b.Records - a.Records
		}
		return strings.Compare(string(a.Dataset)+" "+a.Field+" "+string(a.Code), string(b.Dataset)+" "+b.Field+" "+string(b.Code))
	})
	return list, wrap(err, "count what is refused of %s", school)
}

func addRefusals(found map[Refusals]Refusals, d record.Dataset, reasons string, at time.Time) error {
	var list []string
	if err := json.Unmarshal([]byte(reasons), &list); err != nil {
		return errors.New("why a record was refused is damaged: run fsck")
	}
	seen := map[Refusals]bool{}
	for _, text := range list {
		field, code, whole := strings.Cut(text, ":")
		if !whole {
			field, code = "", field
		}
		key := Refusals{Dataset: d, Field: field, Code: record.FaultCode(code)}
		if seen[key] {
			continue
		}
		seen[key] = true
		f := found[key]
		f.Dataset, f.Field, f.Code = key.Dataset, key.Field, key.Code
		f.Records++
		if f.Since.IsZero() || at.Before(f.Since) {
			f.Since = at
		}
		found[key] = f
	}
	return nil
}

// Staff opens the staff of a school whom an authority is given, with the fields
// that it is given; none of a school that has stopped.
func (s *Store) Staff(ctx context.Context, v *vault.Vault, school, authority string) (list []record.Staff, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		c, err := tx.School(ctx, school)
		if err != nil || !c.Stopped.IsZero() {
			return err
		}
		found, err := tx.staffFor(ctx, v, school, authority)
		for _, r := range found {
			if one, ok := r.(*record.Staff); ok {
				list = append(list, *one)
			}
		}
		return err
	})
	return list, wrap(err, "read the staff of %s", school)
}
