package intake

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rollbridge/collector/inbox"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// Bounds of the public page. A person types a code a few times; nobody guesses
// 115 bits, so these only keep the database from being kept busy.
const (
	maxForm     = 4 << 10
	perSource   = 6 * time.Second
	burst       = 10
	perSecond   = 10
	totalBurst  = 50
	wholeSecond = 50 // of codes whose check characters match
	wholeBurst  = 500
	maxSources  = 10_000
	retryAfter  = "60"
	answerAfter = 250 * time.Millisecond // the same for every code, known or not
)

// visitors bounds how often the page may be asked: with slips by each source and
// by all, with whole codes by all only. Schools may share an address, and a head
// teacher who has the paper is not to wait for those who have not.
type visitors struct {
	all, whole *rate.Limiter

	mu      sync.Mutex
	sources map[netip.Prefix]*rate.Limiter
}

func newVisitors() *visitors {
	return &visitors{all: rate.NewLimiter(perSecond, totalBurst), whole: rate.NewLimiter(wholeSecond, wholeBurst), sources: map[netip.Prefix]*rate.Limiter{}}
}

// allow says whether a source may ask now, with a whole code or with less. An
// IPv6 network counts as one.
func (v *visitors) allow(address string, whole bool) bool {
	if whole {
		return v.whole.Allow()
	}
	source := sourceOf(address)
	v.mu.Lock()
	own, known := v.sources[source]
	if !known {
		if len(v.sources) >= maxSources {
			clear(v.sources) // the bound of all holds meanwhile
		}
		own = rate.NewLimiter(rate.Every(perSource), burst)
		v.sources[source] = own
	}
	v.mu.Unlock()
	return own.Allow() && v.all.Allow()
}

func sourceOf(address string) netip.Prefix {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return netip.Prefix{}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 64
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 32
	}
	source, _ := ip.Prefix(bits)
	return source
}

// stopRoutes adds the page on which a school stops without its machine.
func (h *Handler) stopRoutes() {
	h.mux.HandleFunc("GET /stop", func(w http.ResponseWriter, _ *http.Request) { h.show(w, http.StatusOK, view{Form: true}) })
	h.mux.HandleFunc("GET /stop/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(stylesheet)
	})
	h.mux.HandleFunc("POST /stop", h.postStop)
	h.mux.HandleFunc("POST /stop/certificate", h.postCertificate)
}

// Words of the page that do not depend on the code.
const (
	wordsBusy    = "Too many codes were tried in a short time. Wait a minute, then try again."
	wordsAway    = "The collector cannot answer now, and nothing was stopped. Try again in a few minutes, or phone the collector's operator."
	wordsUnknown = "This code is not known here, and nothing was stopped. Compare it with the paper from the head teacher's safe; if the school has joined more than once, use the newest."
)

// typed reads the code of a posted form, once the visitor may ask. A nil code
// has been answered by fail, whose words are for the person.
func (h *Handler) typed(w http.ResponseWriter, r *http.Request, fail func(status int, words, typed string)) *protocol.RevocationCode {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	formErr := r.ParseForm()
	typed := r.PostForm.Get("code")
	code, err := protocol.ParseRevocationCode(typed)
	if !h.visitors.allow(r.RemoteAddr, formErr == nil && err == nil) {
		w.Header().Set("Retry-After", retryAfter)
		h.metrics.stops.WithLabelValues(stopBusy).Inc()
		fail(http.StatusTooManyRequests, wordsBusy, "")
		return nil
	}
	if formErr != nil {
		h.metrics.stops.WithLabelValues(stopSlip).Inc()
		fail(http.StatusBadRequest, "The form did not arrive as it was sent. Try again.", "")
		return nil
	}
	if err != nil {
		words := "Enter the code: 25 letters and digits in five groups, as they stand on the paper from the head teacher's safe."
		if errors.Is(err, protocol.ErrRevocationCheck) {
			words = "There is a slip in the code: its last two characters do not match the others. Compare it with the paper, character by character. Nothing was stopped."
		}
		h.metrics.stops.WithLabelValues(stopSlip).Inc()
		fail(http.StatusUnprocessableEntity, words, typed)
		return nil
	}
	return &code
}

func (h *Handler) postStop(w http.ResponseWriter, r *http.Request) {
	code := h.typed(w, r, func(status int, words, typed string) {
		h.show(w, status, view{Form: true, Error: words, Field: status == http.StatusUnprocessableEntity, Code: typed})
	})
	if code == nil {
		return
	}
	begun := time.Now()
	s, err := h.standing(r.Context(), *code, r.PostForm.Get("action") == "revoke")
	sameTime(r.Context(), begun)
	switch {
	case errors.Is(err, errUnknown):
		h.metrics.stops.WithLabelValues(stopUnknown).Inc()
		h.show(w, http.StatusNotFound, view{Form: true, Error: wordsUnknown, Field: true, Code: code.Reveal()})
	case err != nil:
		h.metrics.stops.WithLabelValues(stopFailed).Inc()
		h.Log.Error("the public page cannot answer", logkey.Error, err.Error())
		w.Header().Set("Retry-After", retryAfter)
		h.show(w, http.StatusServiceUnavailable, view{Form: true, Error: wordsAway, Code: code.Reveal()})
	default:
		h.metrics.stops.WithLabelValues(stopShown).Inc()
		h.show(w, http.StatusOK, view{Standing: s.words(), Code: code.Reveal()})
	}
}

// sameTime waits until an answer has taken as long as any other.
func sameTime(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(answerAfter - time.Since(begun)):
	case <-ctx.Done():
	}
}

// standing looks a code up, and with stop leaves it for apply to obey.
func (h *Handler) standing(ctx context.Context, code protocol.RevocationCode, stop bool) (standing, error) {
	s, err := readStanding(ctx, h.DB, code)
	if err != nil || !stop || !s.asked.IsZero() || !s.hidden.IsZero() {
		return s, err
	}
	s.asked = clock.Now()
	err = h.Inbox.KeepStop(ctx, inbox.StopRequest{School: s.school, Agent: s.agent, Code: code.Reveal(), Received: s.asked})
	if err != nil {
		return standing{}, err
	}
	h.metrics.stops.WithLabelValues(stopTaken).Inc()
	h.Log.Warn("a revocation code was given on the public page", logkey.School, s.school, logkey.Agent, s.agent.String())
	if h.Kept != nil {
		h.Kept(protocol.MessageRevoke)
	}
	return s, nil
}

// notYet is what stands in place of a certificate while there is none.
type notYet struct {
	// State is running, stopping or hidden; DestroyedOn is when the data will be
	// destroyed, if that is known.
	State       string    `json:"state"`
	DestroyedOn time.Time `json:"destroyed_on,omitzero"`
}

// postCertificate gives the certificate that belongs to a code: to a program, or
// to a browser as a file.
func (h *Handler) postCertificate(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, body any) {
		text, err := json.Marshal(body)
		if err != nil {
			status, text = http.StatusInternalServerError, []byte("{}")
		}
		pageHeaders(w)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(append(text, '\n'))
	}
	type refused struct {
		Error string `json:"error"`
	}
	code := h.typed(w, r, func(status int, words, _ string) { answer(status, refused{words}) })
	if code == nil {
		return
	}
	begun := time.Now()
	s, err := readStanding(r.Context(), h.DB, *code)
	sameTime(r.Context(), begun)
	switch {
	case errors.Is(err, errUnknown):
		h.metrics.stops.WithLabelValues(stopUnknown).Inc()
		answer(http.StatusNotFound, refused{wordsUnknown})
	case err != nil:
		h.metrics.stops.WithLabelValues(stopFailed).Inc()
		h.Log.Error("the public page cannot answer", logkey.Error, err.Error())
		w.Header().Set("Retry-After", retryAfter)
		answer(http.StatusServiceUnavailable, refused{wordsAway})
	case s.certificate == nil:
		h.metrics.stops.WithLabelValues(stopShown).Inc()
		answer(http.StatusConflict, notYet{s.state(), s.destroy.UTC()})
	default:
		h.metrics.stops.WithLabelValues(stopCertificate).Inc()
		w.Header().Set("Content-Disposition", `attachment; filename="rollbridge-deletion-certificate.json"`)
		answer(http.StatusOK, json.RawMessage(s.certificate))
	}
}
