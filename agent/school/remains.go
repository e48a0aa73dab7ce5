package school

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/secret"
	"rollbridge/agent/uplink"
	"rollbridge/agent/uplink/exit"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

const remainsName = "revoke.json"

// remains is what is left of a revoked school: one message and how to deliver
// it; once it is delivered, its receipt and how to ask for the certificate.
type remains struct {
	Collector  outbox.Collector `json:"collector"`
	Exit       exit.Settings    `json:"exit,omitzero"`
	Keyring    protocol.Signed  `json:"keyring"`
	Agent      envelope.AgentID `json:"agent"`
	Generation uint32           `json:"generation"`
	Revoke     Presigned        `json:"revoke"`
	Receipt    *protocol.Signed `json:"receipt,omitempty"`
	// Delivered is set when the receipt is in the logbook too, if there is one.
	Delivered time.Time `json:"delivered,omitzero"`
}

// message signs the school's last word; nil where there is no collector to
// tell.
func (l *last) message(rest outbox.Remainder, restErr error) (*remains, error) {
	switch {
	case restErr != nil:
		return nil, restErr
	case l.sign == nil:
		return nil, errors.New("the signing key is gone")
	case rest.Facts.Collector.URL == "":
		return nil, nil
	}
	f := rest.Facts
	r := &remains{Collector: f.Collector, Exit: l.set.Uplink.Exit(), Keyring: f.Keyring,
		Agent: envelope.AgentOf(l.sign.Public().(ed25519.PublicKey)), Generation: f.Generation}
	have := protocol.Have{Serials: f.Serials}
	if k, err := protocol.VerifyKeyring(f.Keyring, f.Collector.Root, 0); err == nil {
		have.Epoch = k.Epoch
	}
	now := whole(clock.Now())
	request, err := protocol.Sign(l.sign, protocol.DomainRevoke, protocol.Revoke{Agent: r.Agent, Generation: r.Generation, Time: now, Head: rest.Head})
	if err != nil {
		return nil, err
	}
	body, err := protocol.MarshalLine(protocol.Posted{Request: request, Have: have})
	if err != nil {
		return nil, err
	}
	// Above every number that was given; nothing else of this agent is ever sent.
	counter := rest.Counter
	attempt := protocol.Attempt{Message: protocol.MessageRevoke, Sender: uplink.SenderOf(r.Agent), Time: now}
	r.Revoke, err = Presign(attempt, body, l.sign, func() (uint64, error) { counter++; return counter, nil })
	return r, err
}

// ended is what is kept where the collector itself has ended the enrolment:
// nothing to deliver, but whom to ask for the certificate.
func (l *last) ended(rest outbox.Remainder) *remains {
	f := rest.Facts
	if l.sign == nil || f.Collector.URL == "" {
		return nil
	}
	return &remains{Collector: f.Collector, Keyring: f.Keyring, Agent: envelope.AgentOf(l.sign.Public().(ed25519.PublicKey)),
		Generation: f.Generation, Delivered: whole(clock.Now())}
}

func readRemains(dir string) (remains, error) {
	var r remains
	data, err := secret.Read(filepath.Join(dir, remainsName))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("read %s: it is damaged: use the revocation code in the head teacher's safe, or phone the operator", remainsName)
	}
	return r, nil
}

func (r remains) write(dir string) error { return writeSecret(dir, remainsName, r) }

// RevokeWaits says whether a revoke message still has to be delivered.
func RevokeWaits(dir string) bool {
	r, err := readRemains(dir)
	return err == nil && r.Delivered.IsZero()
}

// deliveryPatience is how long to wait for whoever else delivers.
const deliveryPatience = 5 * time.Second

// DeliverRevoke makes one attempt to deliver what a revoke left, and returns
// nil when nothing is left to deliver. From then on nothing is sent from here.
func DeliverRevoke(ctx context.Context, dir string, log *slog.Logger) error {
	if !exists(filepath.Join(dir, remainsName)) {
		return nil
	}
	lock, err := LockState(ctx, dir, deliveryPatience)
	if errors.Is(err, ErrInUse) {
		return &Fault{Kind: Unreachable, Text: "the revoke is being delivered by another process"}
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	r, err := readRemains(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !r.Delivered.IsZero() {
		return err
	}
	// A crash may have come between the end and its entry, or while the message
	// was written. Neither is a reason not to tell the collector.
	if err := errors.Join(secret.ClearUnfinished(dir), completeLogbook(dir)); err != nil {
		log.Warn("the end is not yet in the logbook", logkey.Error, err.Error())
	}
	if r.Receipt == nil {
		if err := r.post(ctx, dir); err != nil {
			return err
		}
		log.Info("the collector has the revoke", logkey.Attempt, r.Revoke.Used)
	}
	switch err := completeLogbook(dir); {
	case forGood(err):
		log.Warn("the receipt of the revoke cannot be entered into the logbook, which is not as it was written", logkey.Error, err.Error())
	case err != nil:
		return fmt.Errorf("%w (%w): put that right, or take %s away to leave the logbook as it is, then run `rollbridge-agent revoke` again", ErrNotEntered, err, identity.LogbookKeyName)
	}
	r.Delivered = whole(clock.Now())
	r.Revoke, r.Exit = Presigned{}, exit.Settings{}
	return r.write(dir)
}

// ErrNotEntered is why a revoke is not over that the collector has.
var ErrNotEntered = errors.New("the collector has the revoke, but its receipt could not be entered into the logbook")

// forGood says of an error of completeLogbook that it never passes: the logbook
// was changed, or its key is damaged. Any other is waited for; nothing is sent
// meanwhile.
func forGood(err error) bool {
	return errors.Is(err, logbook.ErrFormat) || errors.Is(err, logbook.ErrBroken) || errors.Is(err, secret.ErrDamaged)
}

// post makes one attempt; the receipt is kept before it counts.
func (r *remains) post(ctx context.Context, dir string) error {
	client, err := uplink.New(uplink.Route{URL: r.Collector.URL, Pin: r.Collector.Pin, Exit: r.Exit})
	if err != nil {
		return err
	}
	defer client.Close()
	frame, err := r.Revoke.next()
	if err != nil {
		return fmt.Errorf("read %s: %w: use the revocation code in the head teacher's safe, or phone the operator", remainsName, err)
	}
	if err := r.write(dir); err != nil {
		return err
	}
	h, err := client.Post(ctx, uplink.Request{Message: protocol.MessageRevoke, Body: r.Revoke.Message, Frame: frame}, r.trust())
	if h.Keyring != nil {
		r.Keyring = h.KeyringSigned
		err = errors.Join(err, r.write(dir))
	}
	if err != nil {
		return err
	}
	if h.Receipt == nil {
		return &Fault{Kind: Unreachable, Text: "the collector has not yet taken the revoke: it is sent again until it has"}
	}
	r.Receipt = &h.ReceiptSigned
	return r.write(dir)
}

func (r *remains) trust() uplink.Trust {
	trust := uplink.Trust{Root: r.Collector.Root, Agent: r.Agent, Generation: r.Generation}
	if k, err := protocol.VerifyKeyring(r.Keyring, r.Collector.Root, 0); err == nil {
		trust.Keyring = k
	}
	return trust
}
