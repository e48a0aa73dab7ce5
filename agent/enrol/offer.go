package enrol

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"time"

	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// An Offer is what a collector asks of the school, proved by its signatures.
type Offer struct {
	Ask protocol.Ask

	code          protocol.Code
	accepted      [sha256.Size]byte
	keyring       protocol.Signed
	sealing       protocol.SealingKey
	sealingSerial uint64
	heard         time.Time
}

// Ask fetches the offer of a code. It changes nothing on either side. Errors
// are of a school.Kind and hold nothing of the code.
func Ask(ctx context.Context, set settings.Settings, code protocol.Code) (*Offer, error) {
	_, offer, err := ask(ctx, set, code)
	return offer, err
}

// Try is Ask for who wants to know what was heard; of an error too, as far as
// anything was proved.
func Try(ctx context.Context, set settings.Settings, code protocol.Code) (uplink.Heard, error) {
	h, _, err := ask(ctx, set, code)
	return h, err
}

func ask(ctx context.Context, set settings.Settings, code protocol.Code) (h uplink.Heard, offer *Offer, err error) {
	client, err := uplink.New(uplink.Route{URL: code.URL, Pin: code.Pin, Exit: set.Uplink.Exit()})
	if err != nil {
		return h, nil, &school.Fault{Kind: school.Refused, Text: err.Error()}
	}
	defer client.Close()
	request, err := protocol.Sign(code.Key(), protocol.DomainOffer, protocol.OfferRequest{Code: code.ID()})
	if err != nil {
		return h, nil, err
	}
	body, err := protocol.MarshalLine(protocol.Posted{Request: request})
	if err != nil {
		return h, nil, err
	}
	h, err = client.Post(ctx, uplink.Request{
		Message: protocol.MessageOffer, Sender: protocol.Sender(code.ID()), Key: code.Key(),
		// There is no place yet to count in: the clock rises by itself.
		Counter: uint64(time.Now().UnixMicro()), Body: body,
	}, uplink.Trust{Root: code.Root})
	made, found := read(h, code)
	switch {
	case found:
		return h, made, nil
	case err != nil:
		return h, nil, fmt.Errorf("ask for the offer: %w", err)
	case h.Expired:
		return h, nil, &school.Fault{Kind: school.Refused, Text: "the collector's list of keys has expired: tell its operator, or set this computer's clock right"}
	case h.Answer != nil:
		return h, nil, school.CodeFault(*h.Answer)
	}
	return h, nil, &school.Fault{Kind: school.Unreachable, Text: "the collector's answer holds no offer that it signed: tell its operator, with the version of this program"}
}

// read takes the offer and the key to seal to from what was proved.
func read(h uplink.Heard, code protocol.Code) (*Offer, bool) {
	o := &Offer{code: code, keyring: h.KeyringSigned, heard: h.Time}
	asked, sealing := false, false
	for _, st := range h.Statements {
		switch st.Kind {
		case protocol.KindOffer:
			asked = st.Decode(&o.Ask) == nil
			o.Ask = o.Ask.Plain()
			o.accepted = sha256.Sum256(st.Body)
		case protocol.KindSealingKey:
			sealing = st.Decode(&o.sealing) == nil && envelope.KeyIDOf(o.sealing.Public) == o.sealing.ID
			o.sealingSerial = st.Serial
		}
	}
	return o, asked && sealing && len(o.Ask.Requests) > 0
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func now() time.Time { return clock.Now().UTC().Truncate(time.Second) }
