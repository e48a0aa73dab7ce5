package intake

import (
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/inbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A code is what intake knows of an enrolment code.
type code struct {
	school  string
	key     ed25519.PublicKey
	offer   []byte
	expires time.Time
	usedBy  []byte
	// stored is the result of this very message, if it was kept before.
	stored inbox.Result
}

// fromCode checks that the sender is a code, and its attempt.
func (x *exchange) fromCode() (*protocol.Reply, error) {
	c, err := x.code()
	if errors.Is(err, sql.ErrNoRows) {
		return x.unknown()
	}
	if err != nil {
		return nil, fmt.Errorf("look up code: %w", err)
	}
	if x.frame.Verify(c.key) != nil {
		return nil, notSigned()
	}
	if err := x.load(); err != nil {
		return nil, err
	}
	p, ok := x.posted()
	if !ok {
		return x.later(protocol.LaterBad, nil)
	}
	if x.frame.Message == protocol.MessageOffer {
		return x.offer(c, p)
	}
	return x.enrol(c, p)
}

func (x *exchange) code() (code, error) {
	var c code
	var expires int64
	err := x.DB.Read(x.ctx, func(tx *database.Tx) error {
		err := tx.QueryRow(x.ctx, "SELECT school, public_key, offer, expires_at, used_by FROM codes WHERE code_id = ?", x.frame.Sender[:]).
			Scan(&c.school, (*[]byte)(&c.key), &c.offer, &expires, &c.usedBy)
		if err != nil || x.frame.Message != protocol.MessageEnrol {
			return err
		}
		c.stored, err = inbox.StoredRequest(x.ctx, tx, c.school, x.frame.Content)
		return err
	})
	c.expires = database.FromMicros(expires)
	return c, err
}

// offer shows who asks for what. It burns nothing and keeps nothing.
func (x *exchange) offer(c code, p protocol.Posted) (*protocol.Reply, error) {
	var o protocol.OfferRequest
	if protocol.Verify(p.Request, protocol.DomainOffer, []protocol.PublicKey{protocol.PublicKey(c.key)}, &o) != nil ||
		protocol.Sender(o.Code) != x.frame.Sender {
		return x.later(protocol.LaterBad, nil)
	}
	if c.usedBy != nil || !x.now.Before(c.expires) {
		return x.expired(p)
	}
	offer, err := decodeSigned(c.offer)
	if err != nil {
		return nil, err
	}
	s, err := x.receipt(protocol.Receipt{Digest: x.frame.Content})
	if err != nil {
		return nil, err
	}
	reply := &protocol.Reply{Receipt: &s, Statements: []protocol.Signed{offer}}
	x.relayKeyring(reply, p.Have.Epoch)
	x.relaySealing(reply, p.Have)
	return reply, nil
}

func (x *exchange) expired(p protocol.Posted) (*protocol.Reply, error) {
	reply, err := x.later(protocol.LaterExpired, nil)
	if err == nil {
		x.relayKeyring(reply, p.Have.Epoch)
	}
	return reply, err
}

// enrol keeps an agent's request for apply to decide, and relays the decision
// once there is one. The same request again gets the same receipt, also after
// the code's time; keys other than those that used the code get nothing.
func (x *exchange) enrol(c code, p protocol.Posted) (*protocol.Reply, error) {
	var q protocol.EnrolRequest
	if protocol.Verify(p.Request, protocol.DomainEnrol, []protocol.PublicKey{protocol.PublicKey(c.key)}, &q) != nil ||
		protocol.Sender(q.Code) != x.frame.Sender || len(q.Sign) != ed25519.PublicKeySize {
		return x.later(protocol.LaterBad, nil)
	}
	id := envelope.AgentOf(ed25519.PublicKey(q.Sign))
	same := string(c.usedBy) == string(id[:])
	known := c.stored.Verdict == inbox.Repeated
	switch {
	case c.usedBy != nil && !same, c.stored.State == inbox.StateRefused:
		return x.expired(p)
	case !same && !known && !x.now.Before(c.expires):
		return x.expired(p)
	}
	reply, _, err := x.request(c.school, id, 0)
	if err != nil {
		return nil, err
	}
	return reply, x.relay(reply, c.school, id, p.Have)
}
