package enrolment

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"

	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

func headOf(ctx context.Context, tx *store.Tx, a store.Agent) (envelope.Link, error) {
	return inbox.Head(ctx, tx.Tx, a.School, a.ID, a.Generation)
}

// Revoke stops an agent by the operator's word; ref as in Confirm. If it was
// the school's confirmed agent, or the school has none, the school is stopped.
// Revoking it again changes nothing.
func (d *Desk) Revoke(ctx context.Context, school, ref string) (agent store.Agent, err error) {
	err = d.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockSchool(ctx, school); err != nil {
			return err
		}
		if agent, err = find(ctx, tx, school, ref); err != nil {
			return err
		}
		confirmed, err := tx.ConfirmedAgent(ctx, school)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		another := err == nil && confirmed.ID != agent.ID
		return d.revoke(ctx, tx, &agent, agent.State.Live() && !another)
	})
	if err != nil {
		return store.Agent{}, err
	}
	d.Log.Info("an agent is revoked", logkey.School, school, logkey.Agent, agent.ID.String())
	return agent, nil
}

// revokeByAgent obeys the school's own last word.
func (d *Desk) revokeByAgent(ctx context.Context, tx *store.Tx, q inbox.Request) error {
	agent, err := tx.Agent(ctx, envelope.AgentID(q.Sender))
	if errors.Is(err, store.ErrNotFound) || err == nil && agent.School != q.School {
		return refuse("unknown", "no such agent is enrolled for the school")
	}
	if err != nil {
		return err
	}
	f, err := protocol.ParseFrame(q.Frame, protocol.MessageRevoke)
	if err != nil || f.Verify(agent.Sign) != nil || f.Content != q.Digest {
		return refuse("signature", "the request is not signed by the agent")
	}
	var posted protocol.Posted
	var said protocol.Revoke
	if json.Unmarshal(f.Body, &posted) != nil ||
		protocol.Verify(posted.Request, protocol.DomainRevoke, []ed25519.PublicKey{agent.Sign}, &said) != nil || said.Agent != agent.ID {
		return refuse("signature", "the request is not signed by the agent")
	}
	// A school that says stop on a machine that may still speak means itself;
	// one that does so on a machine it gave up stops that machine only.
	return d.revoke(ctx, tx, &agent, agent.State.Live())
}

// revoke stops an agent, and with stop the whole school: then none of its
// agents may speak, and its data are hidden from this transaction on.
func (d *Desk) revoke(ctx context.Context, tx *store.Tx, agent *store.Agent, stop bool) error {
	ending := []store.Agent{*agent}
	if stop {
		agents, err := tx.Agents(ctx, agent.School)
		if err != nil {
			return err
		}
		for _, a := range agents {
			if a.ID != agent.ID && a.State.Live() {
				ending = append(ending, a)
			}
		}
		if err := tx.StopSchool(ctx, agent.School, clock.Now()); err != nil {
			return err
		}
	}
	for _, a := range ending {
		if a.State == store.AgentRevoked {
			continue
		}
		if err := d.end(ctx, tx, a, store.AgentRevoked, protocol.RefusalRevoked); err != nil {
			return err
		}
	}
	agent.State, agent.IDKey = store.AgentRevoked, nil
	return nil
}
