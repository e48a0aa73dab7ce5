package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// An upload is one frame, ready to be posted.
type upload struct {
	frame  []byte
	digest envelope.Digest // of the envelope inside
	// after, if not nil, is closed when the agent's batch before this one is
	// answered: an agent never sends the next one earlier. done is this one's.
	after, done chan struct{}
}

// A server is what uploads are sent to: intake, or the yardstick.
type server struct {
	name string
	url  string // of POST
	// cpu is what the server has used so far, its database included.
	cpu func() (time.Duration, error)
	// settle returns when the work that uploads have left behind is done.
	settle func(context.Context) error
	// check looks at an answer of status 200.
	check func(upload, []byte) error
}

// A load is what one run of uploads took.
type load struct {
	uploads int
	wall    time.Duration // until the last answer
	cpu     time.Duration // of the server, until it had settled
	latency []time.Duration
	late    int // open loop: uploads that began more than 50 ms after their time
}

func (l load) perSecond() float64 { return float64(l.uploads) / l.wall.Seconds() }

func (l load) cpuEach() time.Duration { return l.cpu / time.Duration(max(1, l.uploads)) }

// percentile p of the latencies, 0 to 100.
func (l load) percentile(p int) time.Duration {
	if len(l.latency) == 0 {
		return 0
	}
	slices.Sort(l.latency)
	return l.latency[min(len(l.latency)-1, len(l.latency)*p/100)]
}

func (l load) String() string {
	return fmt.Sprintf("%.0f/s, %.2f ms CPU, p50 %.0f p99 %.0f ms",
		l.perSecond(), millis(l.cpuEach()), millis(l.percentile(50)), millis(l.percentile(99)))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pace says how uploads are sent.
type pace struct {
	// kept keeps connections alive; otherwise each upload has its own, with a
	// whole handshake.
	kept bool
	// workers is how many uploads are under way at once; with perSecond set, at
	// most how many.
	workers int
	// perSecond, if not 0, starts uploads at that rate whatever the answers do:
	// latency then counts from when an upload was due, so that a server that
	// stalls cannot hide it.
	perSecond int
}

// send posts every upload once and returns what it took. An upload that gets no
// good answer makes the run broken.
func (s *server) send(ctx context.Context, uploads []upload, p pace) (load, error) {
	before, err := s.cpu()
	if err != nil {
		return load{}, err
	}
	l, err := s.post(ctx, uploads, p)
	if err != nil {
		return load{}, fmt.Errorf("upload to %s: %w", s.name, err)
	}
	if s.settle != nil {
		if err := s.settle(ctx); err != nil {
			return load{}, fmt.Errorf("wait for %s to finish: %w", s.name, err)
		}
	}
	after, err := s.cpu()
	l.cpu = after - before
	return l, err
}

func (s *server) post(ctx context.Context, uploads []upload, p pace) (load, error) {
	client := newClient(p)
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := load{uploads: len(uploads), latency: make([]time.Duration, len(uploads))}
	var next, late atomic.Int64
	var workers sync.WaitGroup
	begin := time.Now()
	for range p.workers {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(uploads) {
					return
				}
				due := time.Now()
				if p.perSecond > 0 {
					due = begin.Add(time.Duration(i) * time.Second / time.Duration(p.perSecond))
					time.Sleep(time.Until(due))
					if time.Since(due) > 50*time.Millisecond {
						late.Add(1)
					}
				}
				if err := s.inTurn(ctx, client, uploads[i]); err != nil {
					cancel(fmt.Errorf("upload %d of %d: %w", i+1, len(uploads), err))
					return
				}
				l.latency[i] = time.Since(due)
			}
		})
	}
	workers.Wait()
	l.wall, l.late = time.Since(begin), int(late.Load())
	return l, context.Cause(ctx)
}

func newClient(p pace) *http.Client {
	return &http.Client{
		Timeout: 5 * time.Minute, // slow is a figure, not a broken run
		Transport: &http.Transport{
			// Both ends are on loopback; who the server is is proved in messages.
			// No session cache: a fresh connection is a full handshake.
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13},
			DisableKeepAlives:   !p.kept,
			MaxIdleConnsPerHost: p.workers,
		},
	}
}

func (s *server) inTurn(ctx context.Context, client *http.Client, u upload) error {
	if u.after != nil {
		select {
		case <-u.after:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if u.done != nil {
		defer close(u.done)
	}
	return s.one(ctx, client, u)
}

func (s *server) one(ctx context.Context, client *http.Client, u upload) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(u.frame))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	response, err := client.Do(req)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return s.check(u, body)
}

// hasReceipt accepts only a receipt for the envelope sent. Who signed it is not
// proved here: that would be the generator's work, on the same two cores.
func hasReceipt(u upload, body []byte) error {
	var reply protocol.Reply
	if err := json.Unmarshal(body, &reply); err != nil {
		return errors.New("the answer is not a reply")
	}
	if reply.Receipt == nil {
		var a protocol.Answer
		if reply.Answer != nil && json.Unmarshal(reply.Answer.Payload, &a) == nil {
			return fmt.Errorf("no receipt: intake said %s (%s)", a.Kind, a.Why)
		}
		return errors.New("no receipt in the reply")
	}
	var r protocol.Receipt
	if err := json.Unmarshal(reply.Receipt.Payload, &r); err != nil || r.Digest != u.digest {
		return errors.New("the receipt names another batch")
	}
	return nil
}

func anything(upload, []byte) error { return nil }
