package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/shared/record"
)

// A Supply is how far a school gives what an authority asks it for: a report that
// counts records says by it of which schools it knows nothing.
type Supply struct {
	School, Name string
	// Asked are the datasets that the authority asks for, with their fields.
	Asked map[record.Dataset][]string
	// Reads is Position.Reads, nil of a school that sent nothing yet.
	Reads    map[record.Dataset]time.Time
	Calendar calendar.Calendar
}

// Supplies lists the schools that an authority asks and that have not stopped, in no
// order.
func (s *Store) Supplies(ctx context.Context, authority string) (list []Supply, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		all, err := calendar.All(ctx, tx.Tx)
		if err != nil {
			return err
		}
		return tx.Each(ctx, `SELECT q.school, s.name, q.datasets, p.reads FROM provisions q JOIN schools s ON s.school = q.school AND s.revoked_at IS NULL
			LEFT JOIN positions p ON p.school = q.school WHERE q.authority = ?`, []any{authority}, func(r *sql.Rows) error {
			var one Supply
			var asked string
			var reads sql.NullString
			if err := r.Scan(&one.School, &one.Name, &asked, &reads); err != nil {
				return err
			}
			if json.Unmarshal([]byte(asked), &one.Asked) != nil {
				return fmt.Errorf("the provision of authority %s at %s is damaged", authority, one.School)
			}
			if reads.Valid {
				if one.Reads, err = parseReads(reads.String); err != nil {
					return err
				}
			}
			one.Calendar = all[one.School]
			list = append(list, one)
			return nil
		})
	})
	return list, wrap(err, "read what the schools give that authority %s asks", authority)
}
