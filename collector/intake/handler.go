package intake

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"rollbridge/collector/database"
	"rollbridge/collector/disclosure"
	"rollbridge/collector/inbox"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// Limits of what is read, and of what all requests hold in memory together.
const (
	maxSmallBytes = 128 << 10
	memoryBudget  = 128 << 20
	memoryWait    = 5 * time.Second
	bodyWait      = 3 * time.Minute
)

// limits are the largest body of each message, attempt header included.
var limits = map[protocol.Message]int64{
	protocol.MessageBatch:   protocol.MaxFrameBytes,
	protocol.MessageOffer:   maxSmallBytes,
	protocol.MessageEnrol:   maxSmallBytes,
	protocol.MessageCheckin: maxSmallBytes,
	protocol.MessageRevoke:  maxSmallBytes,
}

// Config is what a Handler works with.
type Config struct {
	DB    *database.DB
	Inbox *inbox.Inbox
	// Keys are the intake keys held; the first that the current keyring lists
	// signs.
	Keys []ed25519.PrivateKey
	Log  *slog.Logger
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Operator is who runs the collector, Contact whom to ask about data
	// protection, as the public page says it; both may be empty.
	Operator, Contact string
	// Security is what /.well-known/security.txt says.
	Security disclosure.Notice
	// Updates is the public directory of the releases, served under /updates/; empty is
	// none. It need not be there yet.
	Updates string
	// Kept, if not nil, is called after something new was kept, so that apply in
	// the same process need not wait. It must not block.
	Kept func(protocol.Message)
}

// A Handler answers POST /v1/<message>, the public page at /stop, and the files of
// releases below /updates/. Make it with New.
type Handler struct {
	Config
	mux      *http.ServeMux
	memory   *semaphore.Weighted
	senders  senders
	visitors *visitors
	metrics  metrics
	registry *registry
}

// New makes a Handler. It fails when the database has no keyring, or none that
// lists a key held: nothing that this process signed would be believed.
func New(ctx context.Context, c Config) (*Handler, error) {
	h := &Handler{
		Config: c, mux: http.NewServeMux(), memory: semaphore.NewWeighted(memoryBudget),
		senders: senders{now: map[protocol.Sender]int{}}, visitors: newVisitors(),
		metrics: newMetrics(c.Registerer), registry: newRegistry(c.DB, c.Keys),
	}
	if _, err := h.registry.current(ctx); err != nil {
		return nil, fmt.Errorf("start intake: %w", err)
	}
	for message := range limits {
		h.mux.HandleFunc("POST /v1/"+string(message), func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, message) })
	}
	h.stopRoutes()
	h.mux.HandleFunc("GET "+disclosure.Path, func(w http.ResponseWriter, _ *http.Request) { c.Security.Serve(w, clock.Now()) })
	h.updatesRoutes()
	return h, nil
}

// ServeHTTP survives a fault in one request: the others are not its concern.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		// The value may quote what was being worked on; its type and place suffice.
		h.Log.Error("a fault ended a request", logkey.Reason, reasonPanic, logkey.Kind, fmt.Sprintf("%T", p), logkey.Error, string(debug.Stack()))
		h.refuse(w, &rejection{http.StatusInternalServerError, reasonPanic, "something went wrong in the collector; try again later"})
	}()
	h.mux.ServeHTTP(w, r)
}

// A rejection is an unsigned answer: to what nobody has provably said, or what
// was not read. Agents take no notice of its content and try again.
type rejection struct {
	status int
	reason string
	text   string
}

func (r *rejection) Error() string { return r.text }

func (h *Handler) refuse(w http.ResponseWriter, r *rejection) {
	h.metrics.refused.WithLabelValues(r.reason).Inc()
	if r.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	http.Error(w, r.text, r.status)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, message protocol.Message) {
	reply, err := h.receive(w, r, message)
	var rejected *rejection
	switch {
	case errors.As(err, &rejected):
		h.refuse(w, rejected)
		return
	case err != nil:
		h.Log.Error("intake cannot answer", logkey.Kind, string(message), logkey.Error, err.Error())
		h.refuse(w, &rejection{http.StatusServiceUnavailable, protocol.LaterBusy, "the collector cannot answer now; try again later"})
		return
	}
	body, err := json.Marshal(reply)
	if err != nil {
		h.Log.Error("intake cannot answer", logkey.Kind, string(message), logkey.Error, err.Error())
		h.refuse(w, &rejection{http.StatusInternalServerError, reasonPanic, "something went wrong in the collector; try again later"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// An error here is a connection that is gone: the sender tries again.
	_, _ = w.Write(body)
}

// receive proves the sender by the attempt header, which is small, then makes
// room for the message and answers it: strangers cannot fill the memory.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request, message protocol.Message) (*protocol.Reply, error) {
	limit, size := limits[message], r.ContentLength
	if size > limit {
		w.Header().Set("Connection", "close")
		return nil, tooLarge(message)
	}
	if size < 0 {
		size = limit
	}
	// A deadline that cannot be set (a test's recorder) leaves Server's.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait))
	body := http.MaxBytesReader(w, r.Body, limit)
	// Read to the end what is not wanted: a sender still writing when the
	// connection closes would never see its answer.
	defer func() { _, _ = io.Copy(io.Discard, body) }()
	head := make([]byte, protocol.AttemptBytes)
	if n, err := io.ReadFull(body, head); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, cutOrLarge(err, message)
	} else if n < len(head) {
		head = head[:n]
	}
	x := &exchange{Handler: h, ctx: r.Context(), now: clock.Now().UTC().Truncate(time.Microsecond), tlsKey: servedKey(r.Context())}
	var err error
	if x.frame, err = protocol.ParseAttempt(head, message); err != nil {
		return nil, notAMessage(err)
	}
	if x.signer, err = h.registry.current(r.Context()); err != nil {
		return nil, err
	}
	return x.answer(func() error {
		if x.release, err = h.makeRoom(r.Context(), x.frame.Sender, size); err != nil {
			return err
		}
		if x.whole, err = readRest(body, head, r.ContentLength); err != nil {
			return cutOrLarge(err, message)
		}
		if x.frame, err = protocol.ParseFrame(x.whole, message); err != nil {
			return notAMessage(err)
		}
		return nil
	})
}

// errBusy is answered by a signed later: its sender is proved by then.
var errBusy = errors.New("too many messages at once")

// makeRoom takes memory for a message of a proved sender, which the caller
// gives back by release.
func (h *Handler) makeRoom(ctx context.Context, from protocol.Sender, size int64) (release func(), err error) {
	leave, ok := h.senders.enter(from)
	if !ok {
		return func() {}, errBusy
	}
	wait, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	if h.memory.Acquire(wait, size) != nil {
		return leave, errBusy
	}
	return func() { h.memory.Release(size); leave() }, nil
}

// readRest reads what follows head, declared bytes in all; fewer are
// io.ErrUnexpectedEOF, a negative number is not known beforehand.
func readRest(body io.Reader, head []byte, declared int64) ([]byte, error) {
	if declared < 0 {
		rest, err := io.ReadAll(body)
		return append(head, rest...), err
	}
	data := make([]byte, declared)
	_, err := io.ReadFull(body, data[copy(data, head):])
	return data, err
}

func tooLarge(message protocol.Message) *rejection {
	return &rejection{http.StatusRequestEntityTooLarge, reasonSize, fmt.Sprintf("a %s message is at most %d bytes", message, limits[message])}
}

func notAMessage(err error) *rejection {
	return &rejection{http.StatusBadRequest, reasonForm, "this is not a Rollbridge message: " + err.Error()}
}

func cutOrLarge(err error, message protocol.Message) *rejection {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge(message)
	}
	return &rejection{http.StatusBadRequest, reasonCut, "the message did not arrive in whole"}
}
