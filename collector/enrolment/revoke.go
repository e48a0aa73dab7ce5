package enrolment

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
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
		if !agent.State.Live() || another {
			err = d.revokeOne(ctx, tx, agent)
		} else {
			err = d.stop(ctx, tx, school, word{by: protocol.StoppedByOperator})
		}
		agent.State, agent.IDKey = store.AgentRevoked, nil
		return err
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
	if !agent.State.Live() {
		return d.revokeOne(ctx, tx, agent)
	}
	return d.stop(ctx, tx, agent.School, word{by: protocol.StoppedByAgent, said: said.Time})
}

// Codes carries out the revocation codes that the public page has taken. worked
// says whether there was one.
func (d *Desk) Codes(ctx context.Context) (worked bool, err error) {
	var waiting []inbox.StopRequest
	err = d.Store.Read(ctx, func(tx *store.Tx) (err error) {
		waiting, err = inbox.WaitingStops(ctx, tx.Tx, maxRequests)
		return err
	})
	for _, q := range waiting {
		if ctx.Err() != nil {
			return worked, errors.Join(err, ctx.Err())
		}
		good := false
		failed := d.Store.Write(ctx, func(tx *store.Tx) (err error) {
			good, err = d.revokeByCode(ctx, tx, q)
			return err
		})
		switch {
		case errors.Is(failed, inbox.ErrDecided):
			continue // another process did
		case failed != nil:
			err = errors.Join(err, fmt.Errorf("decide a revocation code of %s: %w", q.School, failed))
		case good:
			d.Log.Info("a school is stopped by its revocation code", logkey.School, q.School, logkey.Agent, q.Agent.String())
		default:
			d.Log.Warn("a revocation code is not the agent's and is not obeyed", logkey.School, q.School, logkey.Agent, q.Agent.String())
		}
		worked = worked || failed == nil
	}
	return worked, err
}

// revokeByCode obeys whoever holds the code from the head teacher's safe: intake
// is not believed without it. The code of any machine that the school has had
// since it last stopped means the school, for the head has no other word; one of
// before a stop has had its effect.
func (d *Desk) revokeByCode(ctx context.Context, tx *store.Tx, q inbox.StopRequest) (good bool, err error) {
	if err := tx.LockSchool(ctx, q.School); err != nil {
		return false, err
	}
	agent, err := tx.Agent(ctx, q.Agent)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	code, wrong := protocol.ParseRevocationCode(q.Code)
	hash := code.Hash()
	if err != nil || agent.School != q.School || wrong != nil || subtle.ConstantTimeCompare(hash[:], agent.Revocation) != 1 {
		return false, inbox.DropStop(ctx, tx.Tx, q)
	}
	if err := inbox.TakeStop(ctx, tx.Tx, q); err != nil {
		return false, err
	}
	stops, err := tx.Stops(ctx, q.School)
	if err != nil {
		return false, err
	}
	for _, s := range stops {
		if agent.Generation <= s.Generation {
			return true, nil
		}
	}
	return true, d.stop(ctx, tx, q.School, word{by: protocol.StoppedByCode, said: q.Received})
}

// revokeOne stops an agent without its school.
func (d *Desk) revokeOne(ctx context.Context, tx *store.Tx, agent store.Agent) error {
	if agent.State == store.AgentRevoked {
		return nil
	}
	return d.end(ctx, tx, agent, store.AgentRevoked, protocol.RefusalRevoked)
}

// A word is who said stop, and when; zero is now.
type word struct {
	by   protocol.StoppedBy
	said time.Time
	// hidden is when the data were hidden, zero for now.
	hidden time.Time
	// hold is that of a stop which the database has forgotten; nil for a new one.
	hold *vault.Hold
}

// stop stops a school: none of its agents may speak, and its data are hidden
// from this transaction on, under a hold key, until they are destroyed. The
// caller has locked the school.
func (d *Desk) stop(ctx context.Context, tx *store.Tx, school string, w word) error {
	if err := tx.LockPosition(ctx, school); err != nil {
		return err
	}
	agents, err := tx.Agents(ctx, school)
	if err != nil {
		return err
	}
	for _, a := range agents {
		if a.State.Live() {
			if err := d.end(ctx, tx, a, store.AgentRevoked, protocol.RefusalRevoked); err != nil {
				return err
			}
		}
	}
	if w.hidden.IsZero() {
		w.hidden = clock.Now()
	}
	if w.said.IsZero() {
		w.said = w.hidden
	}
	hidden := w.hidden.Truncate(time.Microsecond)
	s := store.Stop{School: school, Source: w.by, Said: w.said, Hidden: hidden, Destroy: hidden.Add(protocol.DestroyAfter)}
	if s.Generation, err = tx.Newest(ctx, school); err != nil {
		return err
	}
	var hold vault.Hold
	if w.hold != nil {
		hold = *w.hold
		s.Generation = max(s.Generation, hold.Generation)
		if !hold.Live {
			s.Destroy = clock.Now() // the school had begun anew, or its day has come
		}
	} else if hold, err = d.Vault.NewHold(vault.Hold{School: school, Generation: s.Generation, By: s.Source, Said: s.Said, Created: hidden}); err != nil {
		// Last of all: what follows can only fail with the database, and then
		// Replay finds the key and stops the school after all.
		return err
	}
	s.Hold = hold.ID
	return tx.StopSchool(ctx, d.Vault, hold, s)
}
