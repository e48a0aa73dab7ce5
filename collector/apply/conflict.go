package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

const maxConflicts = 1000

// conflicts looks at the batches that contradicted a chain when they arrived.
// One that proves two copies of an agent gets the copy that is behind a
// superseded statement; anything else is only cleared.
func (a *Applier) conflicts(ctx context.Context) (worked bool, err error) {
	var found []inbox.Conflict
	err = a.Store.Read(ctx, func(tx *store.Tx) (err error) {
		found, err = inbox.Conflicts(ctx, tx.Tx, maxConflicts)
		return err
	})
	for _, c := range found {
		failed := a.Store.Write(ctx, func(tx *store.Tx) error {
			if err := a.decide(ctx, tx, c); err != nil {
				return err
			}
			return inbox.ClearConflict(ctx, tx.Tx, c.School, c.Agent)
		})
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("look at a conflict of %s: %w", c.School, failed))
		}
		worked = true
	}
	return worked, err
}

func (a *Applier) decide(ctx context.Context, tx *store.Tx, c inbox.Conflict) error {
	agent, err := tx.Agent(ctx, c.Agent)
	if errors.Is(err, store.ErrNotFound) || err == nil && (agent.School != c.School || !agent.State.Live()) {
		return nil
	}
	if err != nil {
		return err
	}
	h, digest, ok := evidence(c.Frame, agent)
	if !ok {
		return nil // intake noted what the agent never signed: no evidence
	}
	behind, stored, err := inbox.Contradiction(ctx, tx.Tx, agent.School, h, digest)
	if err != nil || behind == nil {
		return err
	}
	if ok, err := genuine(ctx, tx, stored, agent); err != nil || !ok {
		if err == nil {
			a.Log.Error("the inbox holds a batch that its agent never sealed: it was damaged or forged; run fsck", logkey.School, agent.School,
				logkey.Agent, agent.ID.String(), logkey.Sequence, stored.Sequence)
		}
		return err
	}
	if told, err := a.told(ctx, tx, agent, *behind); err != nil || told {
		return err
	}
	a.Log.Warn("two copies of one agent send batches; the one behind is told to stop", logkey.School, agent.School,
		logkey.Agent, agent.ID.String(), logkey.Sequence, behind.Sequence)
	_, err = tx.Issue(ctx, a.Control, store.AddressOf(agent), protocol.KindRefusal,
		protocol.Refusal{Reason: protocol.RefusalSuperseded, Behind: behind})
	return err
}

// evidence verifies a frame and its envelope as if they came from the network.
func evidence(frame []byte, agent store.Agent) (h envelope.Header, digest envelope.Digest, ok bool) {
	f, err := protocol.ParseFrame(frame, protocol.MessageBatch)
	if err != nil || f.Verify(agent.Sign) != nil {
		return h, digest, false
	}
	e, err := envelope.Parse(f.Body)
	if err != nil || e.Verify(agent.Sign) != nil || e.Header.Generation != agent.Generation {
		return h, digest, false
	}
	return e.Header, e.Digest(), true
}

// genuine says whether the agent sealed what is stored: otherwise whoever writes
// the inbox could stop an agent by storing what contradicts its next batch. Of
// a batch that was applied or withdrawn only the decision is left, which was
// made after its signature, or the agent's own list of it, had been verified.
func genuine(ctx context.Context, tx *store.Tx, stored inbox.Row, agent store.Agent) (bool, error) {
	switch stored.State {
	case inbox.StateApplied, inbox.StateWithdrawn:
		return true, nil
	case inbox.StateWaiting, inbox.StateSetAside:
	default:
		return false, nil
	}
	sealed, err := inbox.Envelope(ctx, tx.Tx, stored.ID)
	if errors.Is(err, inbox.ErrNoBody) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, bad := verify(sealed, stored, agent)
	return bad == nil, nil
}

// told says whether the last refusal already named this copy.
func (a *Applier) told(ctx context.Context, tx *store.Tx, agent store.Agent, behind envelope.Link) (bool, error) {
	last, err := tx.LastStatement(ctx, store.AddressOf(agent), protocol.KindRefusal)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var r protocol.Refusal
	if json.Unmarshal(last.Body, &r) != nil {
		return false, nil
	}
	return r.Reason == protocol.RefusalSuperseded && r.Behind != nil && *r.Behind == behind, nil
}
