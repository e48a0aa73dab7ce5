package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"rollbridge/shared/logkey"
	"rollbridge/shared/version"
)

// How often a request is tried: in all, and if it took too long.
const (
	maxTries     = 6
	maxSlowTries = 2
)

// A call is one request with its tries, which retryablehttp makes: it sends,
// answered reads, check decides whether to send again, sign renews the headers.
type call struct {
	session *Session
	ctx     context.Context
	what    string
	host    string
	post    []byte // nil: GET
	form    bool   // post is a form, not JSON
	bare    bool   // not signed in: it asks for the token
	// read reads an answer; body is nil if there is none (204).
	read func(body io.Reader) error

	token   string // that the try was signed with
	renewed bool
	tries   int
	slow    int
	wait    time.Duration
}

// An againError is a try that failed for a reason that may pass.
type againError struct {
	status int           // 0: the connection broke
	after  time.Duration // that the server asks to wait; 0 if it says nothing
	err    error
	slow   bool
}

func (e *againError) Error() string { return "try again" }
func (e *againError) Unwrap() error { return e.err }

// errUnauthorized is HTTP 401.
var errUnauthorized = errors.New("HTTP 401")

// A rowError is what the caller's row returned.
type rowError struct{ err error }

func (e *rowError) Error() string { return e.err.Error() }
func (e *rowError) Unwrap() error { return e.err }

// do sends the request to target until it is answered, refused, or tried enough.
func (c *call) do(target *url.URL) error {
	start := time.Now()
	defer func() { c.session.spent.Add(int64(time.Since(start))) }()
	c.host = target.Host
	method, body := http.MethodGet, any(nil)
	if c.post != nil {
		method, body = http.MethodPost, c.post
	}
	request, err := retryablehttp.NewRequestWithContext(c.ctx, method, target.String(), body)
	if err != nil {
		return &Fault{Kind: Setting, Text: fmt.Sprintf("The request for %s cannot be made: check the address of the MIS and the profile.", c.what)}
	}
	request.SetResponseHandler(c.answered)
	if err := c.sign(request.Request); err != nil {
		return c.ended(err)
	}
	_, err = c.session.client(c).Do(request)
	return c.ended(err)
}

// ended keeps URLs, which the HTTP client's errors hold, out of what is returned.
func (c *call) ended(err error) error {
	var (
		row   *rowError
		fault *Fault
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &row):
		return row
	case c.ctx.Err() != nil:
		return fmt.Errorf("ask the MIS for %s: %w", c.what, context.Cause(c.ctx))
	case errors.As(err, &fault):
		return fault
	}
	return c.transportFault(err)
}

// sign sets the headers of a try.
func (c *call) sign(request *http.Request) error {
	h := request.Header.Clone()
	h.Set("User-Agent", "rollbridge-agent/"+version.Version)
	h.Set("Accept", "application/json")
	h.Set("Accept-Encoding", "gzip")
	if c.post != nil {
		h.Set("Content-Type", "application/json")
		if c.form {
			h.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	if !c.bare {
		token, err := c.session.token(c.ctx)
		if err != nil {
			return err
		}
		c.token = token
		c.session.auth.set(h, token)
	}
	request.Header = h
	return nil
}

// check decides whether a try is followed by another one. It is called for an
// answer before it is read (err nil) and after it.
func (c *call) check(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	var (
		row   *rowError
		fault *Fault
		again *againError
	)
	switch {
	case errors.As(err, &row), errors.As(err, &fault), ctx.Err() != nil:
		return false, err
	case errors.Is(err, errUnauthorized):
		return c.renew()
	case !errors.As(err, &again):
		if fault := c.finalFault(err); fault != nil {
			return false, fault
		}
		again = &againError{err: err, slow: timedOut(err)}
	}
	c.tries++
	if again.slow {
		c.slow++
	}
	c.wait = again.after
	if c.wait <= 0 {
		c.wait = pause(c.tries)
	}
	if c.tries >= maxTries || c.slow >= maxSlowTries || !c.session.patience.take(c.wait) {
		return false, c.downFault(again)
	}
	c.session.set.Log.WarnContext(ctx, "the MIS is asked again", logkey.Dataset, c.what, logkey.Status, again.status,
		logkey.Attempt, c.tries+1, logkey.Duration, c.wait.Milliseconds())
	return true, nil
}

// renew lets a request be tried once with a new token.
func (c *call) renew() (bool, error) {
	if c.bare || c.session.auth.kind != AuthToken || c.renewed {
		return false, c.signInFault(http.StatusUnauthorized)
	}
	c.renewed, c.wait = true, 0
	c.session.auth.forget(c.token)
	return true, nil
}

// pause is one second after the first try and doubles with each, less up to a
// half, so that many agents do not come back at one moment.
func pause(tries int) time.Duration {
	d := time.Second << (tries - 1)
	return d - rand.N(d/2)
}

// retryAfter is what a busy server asks to wait, 0 if it says nothing that can be
// understood. A date counts from the server's own clock.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(24*time.Hour/time.Second))) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(0, until.Sub(now))
}

// busy says that a status may pass.
func busy(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
