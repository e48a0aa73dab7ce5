package apply

import (
	"context"
	"fmt"
	"slices"

	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// maxRows bounds how much of a school's chain one step looks at.
const maxRows = 4096

// A read is the next thing to apply: the parts of one read of a MIS, and what
// it withdraws.
type read struct {
	school   string
	position store.Position
	agent    store.Agent
	manifest protocol.Manifest
	// first is the body of the first part, opened; the others are opened when
	// their turn comes, so that memory holds one part.
	first     []byte
	parts     []inbox.Row
	withdrawn []inbox.Row
	// head is the newest batch of the agent that the inbox has.
	head envelope.Link
	// unreadable is set where the first part cannot be read; nothing else is.
	unreadable *unreadable
}

func (r *read) last() inbox.Row { return r.parts[len(r.parts)-1] }

// next finds what can be applied next, nil if nothing can. A newer full batch
// that takes back everything before it comes first: what it withdraws would be
// work for nothing. stale says that something waits of an agent that may not be
// applied: refuseStale comes first then.
func (a *Applier) next(ctx context.Context, school string) (found *read, stale bool, err error) {
	err = a.Store.Read(ctx, func(tx *store.Tx) error {
		found = nil
		agents, err := tx.Agents(ctx, school)
		if err != nil {
			return err
		}
		refused, err := staleRows(ctx, tx, school, agents)
		if stale = len(refused) > 0; err != nil || stale {
			return err
		}
		agent, ok := confirmed(agents)
		if !ok {
			return nil // what a pending agent sends waits sealed
		}
		position, err := tx.Position(ctx, school)
		if err != nil {
			return err
		}
		if position.Agent != agent.ID || position.Generation != agent.Generation {
			return fmt.Errorf("the position of %s is not its confirmed agent's: run fsck", school)
		}
		after := inbox.ID{School: school, Agent: agent.ID, Generation: agent.Generation, Sequence: position.Link.Sequence}
		rows, err := inbox.Rows(ctx, tx.Tx, after, maxRows)
		if err != nil {
			return err
		}
		c := chain{Applier: a, tx: tx, position: position, agent: agent, rows: rows}
		found, err = c.choose(ctx)
		return err
	})
	return found, stale, err
}

// confirmed is the one agent whose batches are applied.
func confirmed(agents []store.Agent) (store.Agent, bool) {
	for _, g := range slices.Backward(agents) {
		if g.State == store.AgentConfirmed {
			return g, true
		}
	}
	return store.Agent{}, false
}

// A chain is the part of an agent's chain that is not applied.
type chain struct {
	*Applier
	tx       *store.Tx
	position store.Position
	agent    store.Agent
	rows     []inbox.Row // after the position, decided or not
}

// choose tries the places where a read can begin, newest first. One whose
// parts have not all arrived is passed over.
func (c *chain) choose(ctx context.Context) (*read, error) {
	for i := len(c.rows) - 1; i >= 0; i-- {
		row := c.rows[i]
		if row.State != inbox.StateWaiting || (row.Type != envelope.TypeFull && !c.follows(row)) {
			continue
		}
		found, err := c.begin(ctx, i)
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}

// follows says whether a batch comes directly after the position.
func (c *chain) follows(row inbox.Row) bool {
	return row.Sequence == c.position.Link.Sequence+1 && row.Previous == c.position.Link.Digest
}

// begin looks at the read that starts with row i; nil if it may not be applied
// now.
func (c *chain) begin(ctx context.Context, i int) (*read, error) {
	row := c.rows[i]
	r := &read{school: c.position.School, position: c.position, agent: c.agent, head: c.rows[len(c.rows)-1].Link()}
	e, bad, err := sealedBatch(ctx, c.tx, row, c.agent)
	if err != nil {
		return nil, err
	}
	if bad != nil {
		if !c.follows(row) {
			return nil, nil // it is looked at when its turn comes, if nothing withdraws it
		}
		r.unreadable = bad
		return r, nil
	}
	if !c.takesBack(i, e.Header) {
		return nil, nil
	}
	for _, before := range c.rows[:i] {
		if before.State == inbox.StateWaiting || before.State == inbox.StateSetAside {
			r.withdrawn = append(r.withdrawn, before)
		}
	}
	if r.first, r.manifest, bad, err = c.open(e, row); err != nil {
		return nil, err
	}
	if bad == nil {
		bad = c.admissible(r, row)
	}
	if bad != nil {
		r.unreadable = bad
		return r, nil
	}
	r.parts = c.parts(i, r.manifest.Parts)
	if r.parts == nil {
		return nil, nil
	}
	return r, nil
}

// takesBack says whether row i may be the first applied after the position:
// directly, or as a full batch that withdraws everything undecided before it
// and follows the chain as intake must have seen it.
func (c *chain) takesBack(i int, h envelope.Header) bool {
	if c.follows(c.rows[i]) {
		return true
	}
	head := c.position.Link
	for _, before := range c.rows[:i] {
		undecided := before.State == inbox.StateWaiting || before.State == inbox.StateSetAside
		if undecided && !slices.Contains(h.Withdrawn, before.Link()) {
			return false
		}
		head = before.Link()
	}
	return inbox.Follows(head, h)
}

// admissible says whether a first part may begin a read here: it must be part
// 1, and where records of an earlier agent are there only a full batch says
// what has become of them.
func (c *chain) admissible(r *read, row inbox.Row) *unreadable {
	full := row.Type == envelope.TypeFull
	switch {
	case r.manifest.Part != 1:
		return &unreadable{row: row, why: whyCannotOpen, cause: "it is not the first part of a read"}
	case r.manifest.Full != full:
		return &unreadable{row: row, why: whyCannotOpen, cause: "header and manifest differ about full"}
	case !full && c.position.Link.Sequence == 0 && c.agent.Generation > 1:
		return &unreadable{row: row, why: whyDigest, cause: "the first batch of a new enrolment is not full"}
	}
	return nil
}

// parts are the n rows of a read that begins with row i, nil until all are
// there.
func (c *chain) parts(i, n int) []inbox.Row {
	if n > len(c.rows)-i {
		return nil
	}
	parts := c.rows[i : i+n]
	for k, p := range parts {
		if p.State != inbox.StateWaiting {
			return nil
		}
		if k > 0 && (p.Sequence != parts[k-1].Sequence+1 || p.Previous != parts[k-1].Digest) {
			return nil
		}
	}
	return parts
}

// staleRows are what waits of agents that may not be applied (any more): an
// older generation is never applied after a newer.
func staleRows(ctx context.Context, tx *store.Tx, school string, agents []store.Agent) ([]inbox.Row, error) {
	waiting, err := inbox.WaitingRows(ctx, tx.Tx, school, maxRows)
	return slices.DeleteFunc(waiting, func(row inbox.Row) bool {
		return slices.ContainsFunc(agents, func(g store.Agent) bool {
			return g.ID == row.Agent && g.Generation == row.Generation && g.State.Live()
		})
	}), err
}

// refuseStale decides what staleRows finds.
func (a *Applier) refuseStale(ctx context.Context, school string) error {
	return a.Store.Write(ctx, func(tx *store.Tx) error {
		agents, err := tx.Agents(ctx, school)
		if err != nil {
			return err
		}
		rows, err := staleRows(ctx, tx, school, agents)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := inbox.MarkRefused(ctx, tx.Tx, row.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
