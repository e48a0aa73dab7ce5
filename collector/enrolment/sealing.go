package enrolment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// SealingKeys is the weekly job: a new sealing key when the newest retires, a
// statement of the newest to all agents if there is none yet, and the
// destruction of those whose time is over. Called again, it changes nothing.
func (d *Desk) SealingKeys(ctx context.Context) error {
	now := clock.Now()
	held, err := keys.OpenSealing(d.Keys)
	if err != nil {
		return err
	}
	var newest keys.SealingKey
	for _, k := range held {
		if newer(k.SealingKey, newest.SealingKey) && !ahead(k.SealingKey, now) {
			newest = k
		}
	}
	if !now.Before(newest.Retires) {
		if newest, err = keys.NewSealing(d.Keys, now); err != nil {
			return err
		}
		d.Log.Info("there is a new sealing key", logkey.KeyID, newest.ID.String())
	}
	if err := d.broadcast(ctx, newest.SealingKey, now); err != nil {
		return err
	}
	for id, k := range held {
		if id == newest.ID || now.Before(k.Destroyed) {
			continue
		}
		if err := keys.DestroySealing(d.Keys, id); err != nil {
			return err
		}
		d.Log.Info("a sealing key is destroyed", logkey.KeyID, id.String())
	}
	return nil
}

// newer orders keys by when they were made, in whole seconds; of one second the
// order is any, but always the same.
func newer(a, b protocol.SealingKey) bool {
	if a.Created.Equal(b.Created) {
		return a.ID.String() > b.ID.String()
	}
	return a.Created.After(b.Created)
}

// ahead says whether a key was made by a clock that was wrong by more than a
// day: agents would seal to it for as long.
func ahead(k protocol.SealingKey, now time.Time) bool { return k.Created.Sub(now) > 24*time.Hour }

// broadcast tells all agents which key to seal to, unless that is the last
// they were told.
func (d *Desk) broadcast(ctx context.Context, k protocol.SealingKey, now time.Time) error {
	err := d.Store.Write(ctx, func(tx *store.Tx) error {
		last, err := tx.LastStatement(ctx, store.Address{}, protocol.KindSealingKey)
		var told protocol.SealingKey
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case json.Unmarshal(last.Body, &told) != nil:
		case told.ID == k.ID, told.Created.After(k.Created) && !ahead(told, now):
			return nil
		}
		_, err = tx.Issue(ctx, d.Control, store.Address{}, protocol.KindSealingKey, k)
		return err
	})
	if err != nil {
		return fmt.Errorf("tell agents the sealing key: %w", err)
	}
	return nil
}
