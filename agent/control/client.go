package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

var (
	// ErrNoService: nobody listens, so the command may act by itself.
	ErrNoService = errors.New("the service is not running")
	// ErrSilent: somebody listens and does not answer.
	ErrSilent = errors.New("the service does not answer")
)

// A Client reaches the service of one data directory.
type Client struct {
	http *http.Client
}

// NewClient prepares a client; it connects only in Call.
func NewClient(dir string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) }
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Call runs a command and decodes its answer into out, a pointer, or copies it
// if out is a *[]byte. Errors wrap ErrNoService, ErrSilent, or are a *Refusal.
// silence bounds how long the service may take to begin its answer; 0 is as
// long as ctx lasts.
func (c *Client) Call(ctx context.Context, command string, silence time.Duration, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if silence > 0 {
		timer := time.AfterFunc(silence, func() { cancel(ErrSilent) })
		defer timer.Stop()
	}
	request, err := http.NewRequestWithContext(waiting, http.MethodPost, "http://agent/v1/"+command, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the service: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return explain(waiting, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return explain(waiting, err)
	}
	if response.StatusCode != http.StatusOK {
		no := new(Refusal)
		if json.Unmarshal(data, no) != nil || no.Text == "" {
			no = &Refusal{Text: "the service does not know this command: it may be of another version"}
		}
		return no
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
		return nil
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return errors.New("the service's answer is not understood: it may be of another version")
	}
	return nil
}

func explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), ErrSilent):
		return ErrSilent
	case errors.Is(err, errNotThere):
		return ErrNoService
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrSilent, err)
}

// errNotThere is what dial returns where nobody listens.
var errNotThere = errors.New("nobody listens")
