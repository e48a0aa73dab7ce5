package store

import (
	"context"
	"database/sql"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A Program is what a confirmed agent said last of the program that it runs.
type Program struct {
	School  string
	Agent   envelope.AgentID
	Version string
	// Heard is when it last spoke.
	Heard time.Time
	// Update is nil of agents from before releases.
	Update *protocol.Update
}

// Programs lists what the confirmed agents of all schools run, by school. An agent
// that has not checked in yet is not in it.
func (s *Store) Programs(ctx context.Context) (list []Program, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		agents, err := tx.Agents(ctx, "")
		if err != nil {
			return err
		}
		checkins := map[envelope.AgentID][]byte{}
		err = tx.Each(ctx, "SELECT agent, checkin FROM attempts WHERE checkin IS NOT NULL", nil, func(r *sql.Rows) error {
			var id, frame []byte
			err := r.Scan(&id, &frame)
			if err == nil && len(id) == len(envelope.AgentID{}) {
				checkins[envelope.AgentID(id)] = frame
			}
			return err
		})
		for _, a := range agents {
			if a.State != AgentConfirmed {
				continue
			}
			if said, ok := readCheckin(checkins[a.ID], a); ok {
				list = append(list, Program{a.School, a.ID, said.Version, a.Heard, said.Update})
			}
		}
		return err
	})
	return list, wrap(err, "read what the agents run")
}
