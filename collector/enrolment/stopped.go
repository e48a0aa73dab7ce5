package enrolment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// Replay stops again every school whose stop the database does not know of: it
// was restored from a backup of before, or the stop was decided and could not be
// stored. It is done before anybody is shown anything.
func (d *Desk) Replay(ctx context.Context) error {
	holds, err := d.Vault.Holds()
	if err != nil {
		return err
	}
	var failed error
	for _, h := range holds {
		again := false
		err := d.Store.Write(ctx, func(tx *store.Tx) error {
			again = false
			if err := tx.LockSchool(ctx, h.School); err != nil {
				return err
			}
			known, err := knownStop(ctx, tx, h)
			if err != nil || known {
				return err
			}
			again = true
			return d.stop(ctx, tx, h.School, word{by: h.By, said: h.Said, hidden: h.Created, hold: &h})
		})
		if again && err == nil {
			d.Log.Warn("the database did not know that a school had stopped: it is stopped again", logkey.School, h.School)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// Unknown counts the stops that the database does not know of: whoever shows
// what schools sent waits until Replay has been.
func Unknown(ctx context.Context, st *store.Store, v *vault.Vault) (n int, err error) {
	holds, err := v.Holds()
	if err != nil {
		return 0, err
	}
	err = st.Read(ctx, func(tx *store.Tx) error {
		n = 0
		for _, h := range holds {
			known, err := knownStop(ctx, tx, h)
			if err != nil {
				return err
			}
			if !known {
				n++
			}
		}
		return nil
	})
	return n, err
}

// knownStop says whether a stop is in the database, or need not be: there is no
// such school, or it went on with a later agent.
func knownStop(ctx context.Context, tx *store.Tx, h vault.Hold) (bool, error) {
	if _, err := tx.School(ctx, h.School); errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	newest, err := tx.Newest(ctx, h.School)
	if err != nil || newest > h.Generation {
		return true, err
	}
	stops, err := tx.Stops(ctx, h.School)
	return slices.ContainsFunc(stops, func(s store.Stop) bool { return s.Generation >= h.Generation }), err
}

// Stopped is the job that ends what schools sent that have stopped: on day 30
// the hold key, then the rows in small pieces, then it signs the certificates.
// Killed anywhere, it goes on where it was.
func (d *Desk) Stopped(ctx context.Context) error {
	err := errors.Join(d.Replay(ctx), d.holdOld(ctx))
	due, failed := d.Store.DueStops(ctx, clock.Now())
	err = errors.Join(err, failed)
	for _, s := range due {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failed := d.destroy(ctx, s); failed != nil {
			err = errors.Join(err, fmt.Errorf("destroy what %s sent: %w", s.School, failed))
		}
	}
	return errors.Join(err, d.tidyHolds(ctx))
}

// holdOld gives a hold key to schools that stopped before there were any.
func (d *Desk) holdOld(ctx context.Context) error {
	ids, err := d.Store.StoppedWithoutHold(ctx)
	for _, id := range ids {
		err = errors.Join(err, d.Store.Write(ctx, func(tx *store.Tx) error {
			if err := tx.LockSchool(ctx, id); err != nil {
				return err
			}
			school, err := tx.School(ctx, id)
			if err != nil || school.Stopped.IsZero() {
				return err
			}
			stops, err := tx.Stops(ctx, id)
			if err != nil || len(stops) > 0 {
				return err
			}
			return d.stop(ctx, tx, id, word{by: protocol.StoppedByAgent, said: school.Stopped, hidden: school.Stopped})
		}))
	}
	return err
}

// destroy ends one stop.
func (d *Desk) destroy(ctx context.Context, s store.Stop) error {
	hold := vault.Hold{ID: s.Hold, School: s.School, Generation: s.Generation, By: s.Source, Said: s.Said.UTC(), Created: s.Hidden.UTC()}
	// The key first: from then on no copy of the database opens what it wraps.
	if err := d.Vault.DestroyHold(hold); err != nil {
		return err
	}
	err := d.Store.Write(ctx, func(tx *store.Tx) error { return tx.KeyDestroyed(ctx, s, clock.Now()) })
	for more := true; more && err == nil; {
		if err = ctx.Err(); err != nil {
			break
		}
		err = d.Store.Write(ctx, func(tx *store.Tx) error {
			n, err := tx.DestroyPiece(ctx, s)
			more = n > 0
			return err
		})
	}
	if err == nil {
		err = d.Store.Write(ctx, func(tx *store.Tx) error { return d.certify(ctx, tx, s) })
	}
	if err == nil {
		d.Log.Info("what a school sent that stopped is destroyed", logkey.School, s.School, logkey.Count, s.Records)
	}
	return err
}

// certify ends a stop with a certificate for each agent of it.
func (d *Desk) certify(ctx context.Context, tx *store.Tx, s store.Stop) error {
	now := clock.Now().Truncate(time.Microsecond)
	if err := tx.LockSchool(ctx, s.School); err != nil {
		return err
	}
	if err := tx.EndStop(ctx, s, now); err != nil {
		return err
	}
	school, err := tx.School(ctx, s.School)
	if err != nil {
		return err
	}
	agents, err := tx.Agents(ctx, s.School)
	if err != nil {
		return err
	}
	ring, err := tx.Keyring(ctx)
	if err != nil {
		return err
	}
	for _, a := range agents {
		if a.Generation > s.Generation {
			continue
		}
		c := protocol.Certificate{Collector: d.Operator, School: school.Name, Agent: a.ID, Generation: a.Generation, By: s.Source,
			Revoked: s.Said.UTC(), Hidden: s.Hidden.UTC(), Destroyed: now.UTC(), Records: s.Records, Children: s.Children, HoldKey: s.Hold}
		if c.Head, err = headOf(ctx, tx, a); err != nil {
			return err
		}
		f := protocol.CertificateFile{Keyring: ring}
		if f.Certificate, err = protocol.Sign(d.Control, protocol.DomainCertificate, c); err != nil {
			return err
		}
		// A keyring renewed beside this process may not list its key any more.
		if _, err := f.Verify(d.Root); err != nil {
			return fmt.Errorf("the certificate would not be believed; restart the collector: %w", err)
		}
		if err := tx.AddCertificate(ctx, a, f); err != nil {
			return err
		}
	}
	return nil
}

// tidyHolds destroys hold keys that wrap nothing, of stops that were decided
// twice.
func (d *Desk) tidyHolds(ctx context.Context) error {
	holds, err := d.Vault.Holds()
	if err != nil {
		return err
	}
	stops, err := d.Store.Stops(ctx)
	if err != nil {
		return err
	}
	for _, h := range holds {
		used := slices.ContainsFunc(stops, func(s store.Stop) bool { return s.Hold == h.ID })
		other := slices.ContainsFunc(stops, func(s store.Stop) bool { return s.School == h.School && s.Generation >= h.Generation })
		if h.Live && !used && other {
			err = errors.Join(err, d.Vault.DestroyHold(h))
		}
	}
	return err
}
