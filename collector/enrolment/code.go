package enrolment

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
)

// An Issued code is what NewCode made. Text is the only place that holds the
// secret: show it once and forget it.
type Issued struct {
	Text    string
	ID      protocol.CodeID
	Expires time.Time
	Ask     protocol.Ask
}

// NewCode makes a code for a school with the collector's address (https) and,
// for a trial certificate, its pin. A school that nobody asks anything of, or
// that does not exist, is refused.
func (d *Desk) NewCode(ctx context.Context, school, address string, pin []byte) (Issued, error) {
	code, err := protocol.NewCode(address, d.Root, pin)
	if err != nil {
		return Issued{}, err
	}
	now := clock.Now()
	made := Issued{Text: code.String(), ID: code.ID(), Expires: now.Add(protocol.CodeLife)}
	err = d.Store.Write(ctx, func(tx *store.Tx) error {
		var err error
		if made.Ask, err = d.ask(ctx, tx, school); err != nil {
			return err
		}
		if len(made.Ask.Requests) == 0 {
			return fmt.Errorf("make a code for %s: %w: no authority asks anything of it; make a provision first", school, store.ErrInvalid)
		}
		offer, err := d.offer(made.Ask, now)
		if err != nil {
			return err
		}
		return tx.AddCode(ctx, store.Code{School: school, ID: made.ID, Public: code.Key().Public().(ed25519.PublicKey),
			Created: now, Expires: made.Expires}, offer)
	})
	if err != nil {
		return Issued{}, err
	}
	return made, nil
}

// ask is what is asked of a school, with what the operator says of it.
func (d *Desk) ask(ctx context.Context, tx *store.Tx, school string) (protocol.Ask, error) {
	ask, err := tx.Ask(ctx, school, d.Operator)
	ask.Handling = &d.Handling
	return ask, err
}

// offer is a statement that stands with its code and not among the statements:
// no agent exists yet that it could be addressed to.
func (d *Desk) offer(ask protocol.Ask, now time.Time) (protocol.Signed, error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return protocol.Signed{}, fmt.Errorf("make an offer: %w", err)
	}
	return protocol.Sign(d.Control, protocol.DomainStatement, protocol.Statement{
		Kind: protocol.KindOffer, Serial: uint64(now.UnixMilli()), Issued: now.UTC(), Body: body,
	})
}

// askHash is what EnrolRequest.Accepted names: SHA-256 of the Ask's JSON.
func askHash(ask protocol.Ask) ([]byte, error) {
	text, err := json.Marshal(ask)
	if err != nil {
		return nil, fmt.Errorf("hash what is asked: %w", err)
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}
