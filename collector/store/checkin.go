package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"slices"
	"sync"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// checkins keeps what agents said last, verified: each look at the schools needs it
// of every school, and two signatures of each cost more than all the rest. There is
// one for each agent, so it grows with the schools only.
type checkins struct {
	mu   sync.Mutex
	last map[envelope.AgentID]verified
}

// A saidMark says which check-in of an agent stands in the database without reading
// it: one is only ever stored with a higher counter, and taken away as a whole.
type saidMark struct{ counter, length int64 }

// verified is what one frame said under one key.
type verified struct {
	mark  saidMark
	key   string
	frame [sha256.Size]byte
	said  protocol.Checkin
	ok    bool
}

// at finds what an agent said, as it stood at a mark under its present key. What it
// returns is the caller's own.
func (c *checkins) at(s speaker) (verified, bool) {
	if c == nil {
		return verified{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v, known := c.last[s.agent.ID]
	v.said.Problems = slices.Clone(v.said.Problems)
	return v, known && v.mark == s.said && v.key == string(s.agent.Sign)
}

// read is readCheckin, once for each frame and key. What it returns is the caller's
// own.
func (c *checkins) read(frame []byte, s speaker) verified {
	v := verified{mark: s.said, key: string(s.agent.Sign), frame: sha256.Sum256(frame)}
	if c == nil {
		v.said, v.ok = readCheckin(frame, s.agent)
		return v
	}
	c.mu.Lock()
	before, known := c.last[s.agent.ID]
	c.mu.Unlock()
	if known && before.frame == v.frame && before.key == v.key {
		v.said, v.ok = before.said, before.ok
	} else {
		v.said, v.ok = readCheckin(frame, s.agent)
	}
	c.mu.Lock()
	if c.last == nil {
		c.last = map[envelope.AgentID]verified{}
	}
	c.last[s.agent.ID] = v
	c.mu.Unlock()
	v.said.Problems = slices.Clone(v.said.Problems)
	return v
}

// saidBy finds what agents said last. Only what changed since the last look is read.
func (t *Tx) saidBy(ctx context.Context, speakers []speaker) (map[envelope.AgentID]verified, error) {
	found := make(map[envelope.AgentID]verified, len(speakers))
	missing := map[envelope.AgentID]speaker{}
	var args []any
	for _, s := range speakers {
		if s.said.length == 0 {
			continue
		}
		if v, known := t.said.at(s); known {
			found[s.agent.ID] = v
			continue
		}
		missing[s.agent.ID] = s
		args = append(args, s.agent.School)
	}
	for len(args) > 0 {
		n := piece(len(args))
		err := t.Each(ctx, "SELECT agent, checkin FROM attempts WHERE checkin IS NOT NULL AND school IN "+marks(n), args[:n], func(r *sql.Rows) error {
			var id, frame sql.RawBytes
			if err := r.Scan(&id, &frame); err != nil || len(id) != len(envelope.AgentID{}) {
				return err
			}
			if s, wanted := missing[envelope.AgentID(id)]; wanted {
				found[s.agent.ID] = t.said.read(frame, s)
			}
			return nil
		})
		if err != nil {
			return found, wrap(err, "read what agents said")
		}
		args = args[n:]
	}
	return found, nil
}
