package enrolment

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

const idKeyLen = 32

// enrol makes an agent known, if its request is good.
func (d *Desk) enrol(ctx context.Context, tx *store.Tx, q inbox.Request) error {
	code, err := tx.Code(ctx, protocol.CodeID(q.Sender))
	if errors.Is(err, store.ErrNotFound) || err == nil && code.School != q.School {
		return refuse("unknown", "no such code was made for the school")
	}
	if err != nil {
		return err
	}
	req, err := d.readEnrol(q, code)
	if err != nil {
		return err
	}
	agent := store.Agent{School: q.School, ID: envelope.AgentOf(ed25519.PublicKey(req.Sign)), Sign: ed25519.PublicKey(req.Sign),
		Receive: req.Receive, Revocation: req.Revocation, Phrase: protocol.Phrase(d.Root, req.Sign, req.Receive),
		State: store.AgentPending, Created: clock.Now()}
	known, err := tx.Agent(ctx, agent.ID)
	if err == nil {
		if code.UsedBy == agent.ID && bytes.Equal(known.Receive, agent.Receive) {
			return nil // the same again: its statement is there already
		}
		return refuse("known", "these keys are enrolled already; a new enrolment makes new ones")
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	idKey, err := d.openIDKey(req, agent.ID)
	if err != nil {
		return err
	}
	free, err := tx.UseCode(ctx, code, agent.ID)
	if err != nil {
		return err
	}
	if !free {
		return refuse("used", "the code was used by other keys; make a new one")
	}
	return d.admit(ctx, tx, agent, idKey)
}

// readEnrol verifies a request against its code.
func (d *Desk) readEnrol(q inbox.Request, code store.Code) (req protocol.EnrolRequest, err error) {
	f, err := protocol.ParseFrame(q.Frame, protocol.MessageEnrol)
	if err != nil || f.Verify(code.Public) != nil || f.Content != q.Digest {
		return req, refuse("signature", "the request is not signed by the holder of the code")
	}
	var posted protocol.Posted
	if json.Unmarshal(f.Body, &posted) != nil ||
		protocol.Verify(posted.Request, protocol.DomainEnrol, []ed25519.PublicKey{code.Public}, &req) != nil || req.Code != code.ID {
		return req, refuse("signature", "the request is not signed by the holder of the code")
	}
	if _, err := envelope.ParsePublicKey(req.Receive); err != nil || len(req.Sign) != ed25519.PublicKeySize || len(req.Revocation) != sha256.Size {
		return req, refuse("malformed", "the request's keys are not understood; a newer collector may be needed")
	}
	switch {
	case !bytes.Equal(req.Root, d.Root[:]):
		return req, refuse("root", "the agent trusts another collector's root key")
	case !q.Received.Before(code.Expires):
		return req, refuse("expired", "the code had expired when the request arrived; make a new one")
	}
	return req, nil
}

// openIDKey opens the agent's id key. A key directory that cannot be read is
// an error; a key that cannot be opened refuses the request.
func (d *Desk) openIDKey(req protocol.EnrolRequest, agent envelope.AgentID) ([]byte, error) {
	held, err := keys.OpenSealing(d.Keys)
	if err != nil {
		return nil, err
	}
	k, ok := held[req.SealingKey]
	if !ok {
		return nil, refuse("sealing_key", "the id key is sealed to a key that does not exist any more; enrol again")
	}
	idKey, err := envelope.OpenFrom(k.Private, protocol.PurposeIDKey, agent[:], req.IDKey)
	if err != nil || len(idKey) != idKeyLen {
		return nil, refuse("id_key", "the id key cannot be opened; enrol again")
	}
	return idKey, nil
}

// admit stores a new agent, pending, and says so to it.
func (d *Desk) admit(ctx context.Context, tx *store.Tx, agent store.Agent, idKey []byte) error {
	school, err := tx.School(ctx, agent.School)
	if err != nil {
		return err
	}
	if agent.Generation, err = tx.Newest(ctx, agent.School); err != nil {
		return err
	}
	agent.Generation++
	had, err := tx.IDKey(ctx, d.Vault, agent.School)
	if err != nil {
		return err
	}
	agent.Reenrolled = had != nil && school.Stopped.IsZero()
	if !agent.Reenrolled {
		if agent.IDKey, err = tx.SealIDKey(ctx, d.Vault, agent.School, idKey); err != nil {
			return err
		}
	}
	if err := tx.AddAgent(ctx, agent); err != nil {
		return err
	}
	if _, err := tx.Issue(ctx, d.Control, store.AddressOf(agent), protocol.KindEnrolled,
		protocol.Enrolled{School: agent.School, Wait: agent.Reenrolled}); err != nil {
		return err
	}
	_, err = d.provide(ctx, tx, agent)
	return err
}

// provide tells an agent what is asked, if that is not the last it was told.
func (d *Desk) provide(ctx context.Context, tx *store.Tx, agent store.Agent) (changed bool, err error) {
	ask, err := d.ask(ctx, tx, agent.School)
	if err != nil {
		return false, err
	}
	now, err := askHash(ask)
	if err != nil {
		return false, err
	}
	last, err := tx.LastStatement(ctx, store.AddressOf(agent), protocol.KindProvision)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return false, err
	default:
		if told := sha256.Sum256(last.Body); bytes.Equal(told[:], now) {
			return false, nil
		}
	}
	_, err = tx.Issue(ctx, d.Control, store.AddressOf(agent), protocol.KindProvision, ask)
	return err == nil, err
}

// Provision tells a school's agents what is asked now, if that has changed
// since they were last told. It says whether it had.
func (d *Desk) Provision(ctx context.Context, school string) (changed bool, err error) {
	err = d.Store.Write(ctx, func(tx *store.Tx) error {
		changed = false
		if err := tx.LockSchool(ctx, school); err != nil {
			return err
		}
		agents, err := tx.Agents(ctx, school)
		if err != nil {
			return err
		}
		for _, a := range agents {
			if !a.State.Live() {
				continue
			}
			told, err := d.provide(ctx, tx, a)
			if err != nil {
				return err
			}
			changed = changed || told
			if a.State != store.AgentConfirmed {
				continue
			}
			// What an authority no longer asks for, its roster is not told for either.
			if _, err := d.tellRoster(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("tell %s what is asked: %w", school, err)
	}
	return changed, nil
}

// Provisions tells every school what is asked of it now, where that has changed:
// with the operator's settings it may.
func (d *Desk) Provisions(ctx context.Context) error {
	schools, err := d.Store.SchoolIDs(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, school := range schools {
		_, err := d.Provision(ctx, school)
		failed = errors.Join(failed, err)
	}
	return failed
}
