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
	// Kept, if not nil, is called after something new was kept, so that apply in
	// the same process need not wait. It must not block.
	Kept func(protocol.Message)
}

// A Handler answers POST /v1/<message>. Make it with New.
type Handler struct {
	Config
	mux      *http.ServeMux
	memory   *semaphore.Weighted
	metrics  metrics
	registry *registry
}

// New makes a Handler. It fails when the database has no keyring, or none that
// lists a key held: nothing that this process signed would be believed.
func New(ctx context.Context, c Config) (*Handler, error) {
	h := &Handler{
		Config: c, mux: http.NewServeMux(), memory: semaphore.NewWeighted(memoryBudget),
		metrics: newMetrics(c.Registerer), registry: newRegistry(c.DB, c.Keys),
	}
	if _, err := h.registry.current(ctx); err != nil {
		return nil, fmt.Errorf("start intake: %w", err)
	}
	for message := range limits {
		h.mux.HandleFunc("POST /v1/"+string(message), func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, message) })
	}
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

// receive reads a bounded body and answers it.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request, message protocol.Message) (*protocol.Reply, error) {
	limit := limits[message]
	size := r.ContentLength
	if size > limit {
		w.Header().Set("Connection", "close")
		return nil, &rejection{http.StatusRequestEntityTooLarge, reasonSize, fmt.Sprintf("a %s message is at most %d bytes", message, limit)}
	}
	if size < 0 {
		size = limit
	}
	wait, cancel := context.WithTimeout(r.Context(), memoryWait)
	defer cancel()
	if h.memory.Acquire(wait, size) != nil {
		return nil, &rejection{http.StatusServiceUnavailable, reasonMemory, "the collector is busy; try again later"}
	}
	defer h.memory.Release(size)
	data, err := readBody(w, r, size, limit)
	if err != nil {
		return nil, err
	}
	f, err := protocol.ParseFrame(data, message)
	if err != nil {
		return nil, &rejection{http.StatusBadRequest, reasonForm, "this is not a Rollbridge message: " + err.Error()}
	}
	x := &exchange{Handler: h, ctx: r.Context(), frame: f, whole: data, now: clock.Now().UTC().Truncate(time.Microsecond), tlsKey: servedKey(r.Context())}
	if x.signer, err = h.registry.current(r.Context()); err != nil {
		return nil, err
	}
	return x.answer()
}

func readBody(w http.ResponseWriter, r *http.Request, size, limit int64) ([]byte, error) {
	// A deadline that cannot be set (a test's recorder) leaves Server's.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait))
	body := http.MaxBytesReader(w, r.Body, limit)
	var data []byte
	var err error
	if r.ContentLength >= 0 {
		data = make([]byte, size)
		_, err = io.ReadFull(body, data)
	} else {
		data, err = io.ReadAll(body)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &rejection{http.StatusRequestEntityTooLarge, reasonSize, fmt.Sprintf("this message is over the limit of %d bytes", limit)}
	case err != nil:
		return nil, &rejection{http.StatusBadRequest, reasonCut, "the message did not arrive in whole"}
	}
	return data, nil
}
