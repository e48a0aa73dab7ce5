package school

import (
	"rollbridge/agent/outbox"
	"rollbridge/agent/uplink"
	"rollbridge/shared/protocol"
)

// A Way is how this school reaches its collector.
type Way struct {
	Route uplink.Route
	// Key is SHA-256 of the public key that the collector serves, as its newest
	// receipt names it; nil where none does.
	Key []byte
	// Trust is what its answers are checked against.
	Trust uplink.Trust
}

// Way says how the collector is reached; it tries nothing.
func (s *School) Way() (Way, error) {
	f, err := s.box.Facts()
	if err != nil {
		return Way{}, err
	}
	w := Way{Route: s.route(f.Collector), Trust: s.trust(f)}
	var r protocol.Receipt
	if f.LastReceipt != nil && protocol.Verify(f.LastReceipt.Receipt, protocol.DomainReceipt, w.Trust.Keyring.Intake, &r) == nil {
		w.Key = r.TLSKey
	}
	return w, nil
}

func (s *School) route(c outbox.Collector) uplink.Route {
	return uplink.Route{URL: c.URL, Pin: c.Pin, Exit: s.set.Uplink.Exit()}
}
