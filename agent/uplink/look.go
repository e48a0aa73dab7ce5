package uplink

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"time"
)

// A Sight is what the other end of a secure connection showed.
type Sight struct {
	// Key is SHA-256 of its public key; Issuer who signed its certificate, and
	// Ends when that is over.
	Key    []byte
	Issuer string
	Ends   time.Time
	// Pinned says that it is the key that the code named.
	Pinned bool
}

// Look makes a secure connection to the collector and says what was seen. It
// asks for nothing that means anything, and whatever comes back is left
// unread. An error is a *Fault, or ctx's.
func (c *Client) Look(ctx context.Context, lastHeard time.Time) (Sight, error) {
	var seen Sight
	trace := &httptrace.ClientTrace{TLSHandshakeDone: func(s tls.ConnectionState, err error) {
		// A proxy may be spoken to by TLS too, which is not what is looked at.
		if err == nil && (s.ServerName == "" || s.ServerName == c.tls.host) {
			seen = c.tls.sight(s)
		}
	}}
	// A connection of its own: one that is kept may have been made before the
	// network changed.
	c.Close()
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodHead, c.base.JoinPath("v1").String(), nil)
	if err != nil {
		return seen, err
	}
	response, err := c.http.HTTPClient.Transport.RoundTrip(request)
	if err == nil {
		err = response.Body.Close()
	}
	if err != nil && seen.Key == nil {
		return seen, c.explain(err, lastHeard)
	}
	return seen, nil
}

func (v verifier) sight(s tls.ConnectionState) Sight {
	if len(s.PeerCertificates) == 0 {
		return Sight{}
	}
	leaf := s.PeerCertificates[0]
	seen := Sight{Key: keyHash(leaf), Issuer: issuerOf(leaf), Ends: leaf.NotAfter}
	seen.Pinned = v.pin != nil && string(v.pin) == string(seen.Key)
	return seen
}
