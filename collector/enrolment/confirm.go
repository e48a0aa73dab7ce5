package enrolment

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// minRef is how many digits of an agent's id name it.
const minRef = 8

// find is the one agent of a school that ref names. A school with one agent
// that may still speak needs no more than an empty ref refuses.
func find(ctx context.Context, tx *store.Tx, school, ref string) (store.Agent, error) {
	if _, err := tx.School(ctx, school); err != nil {
		return store.Agent{}, err
	}
	agents, err := tx.Agents(ctx, school)
	if err != nil {
		return store.Agent{}, err
	}
	ref = strings.ToLower(strings.Join(strings.Fields(ref), "-"))
	var found []store.Agent
	for _, a := range agents {
		if a.Phrase == ref || len(ref) >= minRef && strings.HasPrefix(a.ID.String(), ref) {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 0:
		return store.Agent{}, fmt.Errorf("find an agent of %s: %w: no agent has this phrase or id; compare it with `agent list`, and if the school sees another phrase, confirm nothing and make a new code",
			school, store.ErrNotFound)
	case 1:
		return found[0], nil
	}
	return store.Agent{}, fmt.Errorf("find an agent of %s: %w: %d agents match; give the whole id", school, store.ErrInvalid, len(found))
}

// Confirm accepts the agent of a school that ref names: its phrase, or its id
// or the first 8 or more digits of it. All other agents of the school are
// superseded. Confirming a confirmed agent changes nothing.
func (d *Desk) Confirm(ctx context.Context, school, ref string) (agent store.Agent, err error) {
	err = d.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockSchool(ctx, school); err != nil {
			return err
		}
		if agent, err = find(ctx, tx, school, ref); err != nil {
			return err
		}
		switch agent.State {
		case store.AgentConfirmed:
			return nil
		case store.AgentPending:
		default:
			return fmt.Errorf("confirm an agent of %s: %w: it is %s for good; make a new code", school, store.ErrInvalid, agent.State)
		}
		sealed, err := d.settleIDKey(ctx, tx, agent)
		if err != nil {
			return err
		}
		if err := d.supersede(ctx, tx, agent); err != nil {
			return err
		}
		agent.Confirmed = clock.Now()
		if err := tx.SetAgentState(ctx, agent, store.AgentConfirmed, agent.Confirmed); err != nil {
			return err
		}
		agent.State, agent.IDKey = store.AgentConfirmed, nil
		if err := tx.Begin(ctx, agent); err != nil {
			return err
		}
		if _, err := tx.Issue(ctx, d.Control, store.AddressOf(agent), protocol.KindConfirmed, protocol.Confirmed{IDKey: sealed}); err != nil {
			return err
		}
		_, err = d.tellRoster(ctx, tx, agent)
		return err
	})
	if err != nil {
		return store.Agent{}, err
	}
	d.Log.Info("an agent is confirmed", logkey.School, school, logkey.Agent, agent.ID.String(), logkey.Generation, agent.Generation)
	return agent, nil
}

// settleIDKey decides which id key the school has from now on. A re-enrolled
// agent gets the old one back, sealed to it; a new one's becomes the school's,
// and after a revoke everything of the time before is destroyed first, for
// under another id key nothing of it could be matched.
func (d *Desk) settleIDKey(ctx context.Context, tx *store.Tx, agent store.Agent) (sealed []byte, err error) {
	had, err := tx.IDKey(ctx, d.Vault, agent.School)
	if err != nil {
		return nil, err
	}
	school, err := tx.School(ctx, agent.School)
	if err != nil {
		return nil, err
	}
	if agent.Reenrolled {
		if had == nil || !school.Stopped.IsZero() {
			return nil, fmt.Errorf("confirm an agent of %s: %w: the school stopped after it enrolled, so its id key is never given back; make a new code", agent.School, store.ErrInvalid)
		}
		to, err := envelope.ParsePublicKey(agent.Receive)
		if err != nil {
			return nil, err
		}
		return envelope.SealTo(to, protocol.PurposeIDKey, agent.ID[:], had)
	}
	if had != nil && school.Stopped.IsZero() {
		return nil, fmt.Errorf("confirm an agent of %s: %w: another agent was confirmed first, with another id key; make a new code", agent.School, store.ErrInvalid)
	}
	idKey, err := tx.OpenAgentIDKey(ctx, d.Vault, agent)
	if err != nil {
		return nil, err
	}
	if !school.Stopped.IsZero() {
		forget := func() error { return tx.ForgetSchool(ctx, agent.School) }
		if err := tx.KeepOwn(ctx, d.Vault, agent.School, forget); err != nil {
			return nil, err
		}
	}
	own, err := tx.SealIDKey(ctx, d.Vault, agent.School, idKey)
	if err != nil {
		return nil, err
	}
	return nil, tx.SetIDKey(ctx, agent.School, own)
}

// supersede ends every other agent of the school that may still speak.
func (d *Desk) supersede(ctx context.Context, tx *store.Tx, by store.Agent) error {
	agents, err := tx.Agents(ctx, by.School)
	if err != nil {
		return err
	}
	for _, a := range agents {
		if a.ID == by.ID || !a.State.Live() {
			continue
		}
		if a.State == store.AgentConfirmed && a.Generation > by.Generation {
			return fmt.Errorf("confirm an agent of %s: %w: a newer agent is confirmed already; make a new code", by.School, store.ErrInvalid)
		}
		if err := d.end(ctx, tx, a, store.AgentSuperseded, protocol.RefusalSuperseded); err != nil {
			return err
		}
	}
	return nil
}

// end stops an agent for good and tells it why. What it sent and is not
// applied is destroyed; apply refuses what still comes.
func (d *Desk) end(ctx context.Context, tx *store.Tx, a store.Agent, state store.AgentState, reason protocol.RefusalReason) error {
	if err := tx.SetAgentState(ctx, a, state, a.Confirmed); err != nil {
		return err
	}
	if err := inbox.RefuseAll(ctx, tx.Tx, inbox.ID{School: a.School, Agent: a.ID, Generation: a.Generation}); err != nil {
		return err
	}
	if err := tx.ForgetTold(ctx, a); err != nil {
		return err
	}
	_, err := tx.Issue(ctx, d.Control, store.AddressOf(a), protocol.KindRefusal, protocol.Refusal{Reason: reason})
	return err
}

// Resync asks a school's agent for a full batch by the operator's word.
func (d *Desk) Resync(ctx context.Context, school string) error {
	err := d.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockSchool(ctx, school); err != nil {
			return err
		}
		agent, err := tx.ConfirmedAgent(ctx, school)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: no agent of the school is confirmed", err)
		}
		if err != nil {
			return err
		}
		head, err := headOf(ctx, tx, agent)
		if err != nil {
			return err
		}
		_, err = tx.Issue(ctx, d.Control, store.AddressOf(agent), protocol.KindRefusal,
			protocol.Refusal{Reason: protocol.RefusalResync, After: head.Sequence, Why: "operator"})
		return err
	})
	if err != nil {
		return fmt.Errorf("ask %s for a full batch: %w", school, err)
	}
	return nil
}
