package enrolment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// Roster tells a school's confirmed agent its part of the rosters, sealed to
// it, unless that is what it was told within the last day. told says that there is a new
// statement; a school without a confirmed agent is told when it has one.
func (d *Desk) Roster(ctx context.Context, school string) (told bool, err error) {
	err = d.Store.Write(ctx, func(tx *store.Tx) error {
		told = false
		if err := tx.LockSchool(ctx, school); err != nil {
			return err
		}
		agent, err := tx.ConfirmedAgent(ctx, school)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			told, err = d.tellRoster(ctx, tx, agent)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("tell %s its part of the rosters: %w", school, err)
	}
	return told, nil
}

// Rosters is the job that tells schools what a killed import did not, tells all
// of them anew each day (toldFor), and destroys what an import left behind.
func (d *Desk) Rosters(ctx context.Context) error {
	authorities, err := d.Store.Authorities(ctx)
	if err != nil {
		return err
	}
	for _, a := range authorities {
		if err := d.Store.DropEditions(ctx, a.Code, clock.Now().Add(-stagedFor).UnixMicro()); err != nil {
			return err
		}
	}
	schools, err := d.Store.RosterSchools(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, school := range schools {
		var stale bool
		err := d.Store.Read(ctx, func(tx *store.Tx) error {
			agent, err := tx.ConfirmedAgent(ctx, school)
			if errors.Is(err, store.ErrNotFound) {
				stale = false
				return nil
			}
			if err == nil {
				_, stale, err = d.rosterFor(ctx, tx, agent)
			}
			return err
		})
		if err == nil && stale {
			_, err = d.Roster(ctx, school)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// stagedFor is how old an edition must be before it counts as left behind.
const stagedFor = 24 * time.Hour

// rosterFor is an agent's part of the rosters. news says that it is not what
// the agent was told lately; an agent that was told nothing need not hear that
// there is nothing.
func (d *Desk) rosterFor(ctx context.Context, tx *store.Tx, agent store.Agent) (r protocol.Roster, news bool, err error) {
	listed, err := tx.RosterOf(ctx, d.Vault, agent.School)
	if err != nil {
		return r, false, err
	}
	for authority, children := range listed {
		for _, c := range children {
			r.Entries = append(r.Entries, protocol.RosterEntry{Authority: authority, UPN: c.UPN, DOB: c.DOB})
		}
	}
	r.Sort()
	told, err := tx.Told(ctx, d.Vault, agent.School)
	if err != nil {
		return r, false, err
	}
	if !bytes.Equal(told.Agent, agent.ID[:]) {
		return r, len(r.Entries) > 0, nil
	}
	digest, err := rosterDigest(r)
	return r, !bytes.Equal(told.Digest, digest) || clock.Now().Sub(told.At) > toldFor, err
}

// toldFor is how long what an agent was told counts. A collector restored from
// a backup relays statements that its agents have gone beyond and so refuse; a
// new one each day ends that by itself.
const toldFor = 24 * time.Hour

func rosterDigest(r protocol.Roster) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("compare rosters: %w", err)
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

func (d *Desk) tellRoster(ctx context.Context, tx *store.Tx, agent store.Agent) (told bool, err error) {
	r, news, err := d.rosterFor(ctx, tx, agent)
	if err != nil || !news {
		return false, err
	}
	to, err := envelope.ParsePublicKey(agent.Receive)
	if err != nil {
		return false, err
	}
	body, err := protocol.SealRoster(to, agent.ID, r)
	if err != nil {
		return false, err
	}
	digest, err := rosterDigest(r)
	if err != nil {
		return false, err
	}
	st, err := tx.Issue(ctx, d.Control, store.AddressOf(agent), protocol.KindRoster, body)
	if err != nil {
		return false, err
	}
	if err := tx.SetTold(ctx, d.Vault, agent.School, store.Told{Agent: agent.ID[:], Digest: digest, At: st.Issued}); err != nil {
		return false, err
	}
	d.Log.Info("a school is told its part of the rosters", logkey.School, agent.School, logkey.Agent, agent.ID.String(), logkey.Count, len(r.Entries))
	return true, nil
}
