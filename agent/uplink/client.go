package uplink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"rollbridge/agent/uplink/exit"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// A Route says where the collector is and how a school reaches it.
type Route struct {
	// URL is https://host[:port], from the enrolment code.
	URL string
	// Pin, if not nil, is SHA-256 of a TLS public key that needs no CA.
	Pin []byte
	// Exit is how connections leave the school.
	Exit exit.Settings
	// Roots, if not nil, stand for the system's trusted certificates.
	Roots *x509.CertPool
	// Patience bounds one attempt from dialling to the last byte; 0 means
	// DefaultPatience.
	Patience time.Duration
}

// DefaultPatience lets 4 MB through a line of 128 kbit/s.
const DefaultPatience = 5 * time.Minute

// A Client posts messages to one collector. It may be used concurrently.
type Client struct {
	base     *url.URL
	way      *exit.Way
	tls      verifier
	http     *retryablehttp.Client
	patience time.Duration
}

// New checks the route and prepares a client; it sends nothing. Errors hold no
// credentials.
func New(r Route) (*Client, error) {
	base, err := url.Parse(r.URL)
	if err != nil || base.Scheme != "https" || base.Hostname() == "" {
		return nil, errors.New("the collector's address must be https://host[:port]")
	}
	return newClient(base, r)
}

func newClient(base *url.URL, r Route) (*Client, error) {
	way, roots, err := wayOf(r.Exit, r.Roots)
	if err != nil {
		return nil, err
	}
	v := verifier{host: base.Hostname(), pin: r.Pin, roots: roots}
	transport := &http.Transport{
		DialContext: way.Dial,
		// The verifier does what crypto/tls would do, and accepts a pinned key too.
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: v.check},
		TLSHandshakeTimeout:   30 * time.Second,
		ExpectContinueTimeout: time.Second,
		// Answers are small and never compressed: asking for it is bytes on the line
		// and a way to make a small answer large.
		DisableCompression: true,
		IdleConnTimeout:    90 * time.Second,
	}
	c := &Client{base: base, way: way, tls: v, patience: r.Patience}
	if c.patience == 0 {
		c.patience = DefaultPatience
	}
	c.http = &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		// No retry inside: every try is a new attempt with a counter of its own,
		// and the caller waits between them. No logger: the default prints URLs.
		CheckRetry: func(ctx context.Context, _ *http.Response, err error) (bool, error) { return false, err },
		Backoff:    retryablehttp.DefaultBackoff,
	}
	return c, nil
}

// Close drops idle connections; the client stays usable.
func (c *Client) Close() { c.http.HTTPClient.CloseIdleConnections() }

// A Request is one message to post.
type Request struct {
	Message protocol.Message
	Sender  protocol.Sender
	// Key signs the attempt: the agent's, or the code's for offer and enrol.
	Key ed25519.PrivateKey
	// Counter must be above that of every earlier attempt of this sender.
	Counter uint64
	Body    []byte
	// Generation and Sequence are what a batch's receipt must name.
	Generation uint32
	Sequence   uint64
	// Frame, if set, is a whole attempt signed earlier: after a revoke there is
	// no key left to sign another. Sender, Key and Counter are then not used.
	Frame []byte
}

// Post makes one attempt and returns what of the answer is proved. An error is
// a *Fault if the collector was not reached or its answer proves nothing; with
// such an answer, Heard still holds the statements in it that are proved.
func (c *Client) Post(ctx context.Context, r Request, t Trust) (Heard, error) {
	frame, err := r.frame()
	if err != nil {
		return Heard{}, err
	}
	parsed, err := protocol.ParseFrame(frame, r.Message)
	if err != nil {
		return Heard{}, fmt.Errorf("post %s: %w", r.Message, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	response, err := c.send(ctx, r.Message, frame)
	if err != nil {
		return Heard{}, c.explain(err, t.LastHeard)
	}
	defer response.Body.Close()
	reply, err := c.read(response)
	if err != nil {
		return Heard{}, err
	}
	sent := sent{Request: r, attempt: parsed.Digest(), content: parsed.Content}
	h, err := t.hear(reply, sent, clock.Now())
	c.tls.look(response.TLS, &h)
	return h, c.named(err)
}

// frame is the attempt to send: the one given, or a new one.
func (r Request) frame() ([]byte, error) {
	if r.Frame != nil {
		return r.Frame, nil
	}
	attempt := protocol.Attempt{Message: r.Message, Sender: r.Sender, Counter: r.Counter, Time: clock.Now()}
	if _, err := rand.Read(attempt.Nonce[:]); err != nil {
		return nil, fmt.Errorf("post %s: %w", r.Message, err)
	}
	return attempt.Encode(r.Body, r.Key), nil
}

func (c *Client) send(ctx context.Context, m protocol.Message, frame []byte) (*http.Response, error) {
	target := c.base.JoinPath("v1", string(m)).String()
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(frame))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("User-Agent", "rollbridge-agent/"+version.Version)
	return c.http.Do(req)
}

// read returns the unsigned wrapper of an answer, or a Fault if it cannot come
// from a collector.
func (c *Client) read(response *http.Response) (protocol.Reply, error) {
	var reply protocol.Reply
	data, err := io.ReadAll(io.LimitReader(response.Body, protocol.MaxReplyBytes+1))
	switch {
	case response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests:
		return reply, c.fault(Unavailable, nil, "HTTP %d", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return reply, c.fault(NotCollector, nil, "HTTP %d", response.StatusCode)
	case err != nil:
		return reply, c.explain(err, time.Time{})
	case len(data) > protocol.MaxReplyBytes:
		return reply, c.fault(NotCollector, nil, "the answer is over %d bytes", protocol.MaxReplyBytes)
	}
	// The decoder's error is left out: it quotes what it read.
	if json.Unmarshal(data, &reply) != nil {
		return reply, c.fault(NotCollector, nil, "HTTP 200")
	}
	return reply, nil
}

// SenderOf is how an agent names itself in attempts.
func SenderOf(a envelope.AgentID) protocol.Sender { return protocol.Sender(a) }
