package rest

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// A Session is one read of a MIS. It may be used concurrently; more than
// Settings.Connections calls at a time wait for each other.
type Session struct {
	set   Settings
	base  *url.URL
	auth  *signing
	http  *http.Client
	slots chan struct{} // one for each request at a time

	requests, rows, bytes atomic.Int64
	spent                 atomic.Int64 // nanoseconds
	patience              patience
}

// A Cost is what a session asked of the MIS.
type Cost struct {
	Requests int           // with tries again and tokens
	Rows     int64         // given to the caller
	Bytes    int64         // of answers, as they crossed the wire
	Time     time.Duration // from each request to the end of its answer, and waiting for a busy MIS
}

// Open checks the settings; it connects to nothing. An error is a *Fault.
func Open(set Settings, auth Auth) (*Session, error) {
	set = set.withDefaults()
	base, err := address("address of the MIS", set.URL)
	if err != nil {
		return nil, err
	}
	if base.RawQuery != "" || base.Fragment != "" {
		return nil, &Fault{Kind: Setting, Text: "The address of the MIS holds a question mark or a number sign: give only the part before it."}
	}
	signing, err := newSigning(set, auth)
	if err != nil {
		return nil, err
	}
	s := &Session{set: set, base: base, auth: signing, slots: make(chan struct{}, set.Connections), patience: patience{left: maxWaiting}}
	s.http = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &wire{session: s, base: &http.Transport{
			DialContext:            set.Dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: set.Roots},
			TLSHandshakeTimeout:    30 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
			MaxIdleConnsPerHost:    set.Connections,
			IdleConnTimeout:        90 * time.Second,
			// Answers are unpacked in answer.go, where their size is counted.
			DisableCompression: true,
		}},
	}
	return s, nil
}

// Cost is what was asked so far.
func (s *Session) Cost() Cost {
	return Cost{Requests: int(s.requests.Load()), Rows: s.rows.Load(), Bytes: s.bytes.Load(), Time: time.Duration(s.spent.Load())}
}

// Close forgets the token and drops idle connections.
func (s *Session) Close() {
	s.auth.forget("")
	s.http.CloseIdleConnections()
}

// client retries as c says. Its logger is none: the default prints URLs.
func (s *Session) client(c *call) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient:   s.http,
		RetryMax:     2 * maxTries, // c.check says when it is enough
		CheckRetry:   c.check,
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return c.wait },
		PrepareRetry: c.sign,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// maxWaiting bounds what a session waits for a busy MIS altogether.
const maxWaiting = 10 * time.Minute

// A patience is how long a session is still willing to wait.
type patience struct {
	mu   sync.Mutex
	left time.Duration
}

// take takes d if so much is left.
func (p *patience) take(d time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d > p.left {
		return false
	}
	p.left -= d
	return true
}
