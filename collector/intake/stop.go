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
	"rollbridge/collector/language"
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
	h.mux.HandleFunc("GET /stop", func(w http.ResponseWriter, r *http.Request) {
		h.show(w, http.StatusOK, view{Printer: spokenHere(r), Form: true})
	})
	h.mux.HandleFunc("GET /stop/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(stylesheet)
	})
	h.mux.HandleFunc("POST /stop", h.postStop)
	h.mux.HandleFunc("POST /stop/certificate", h.postCertificate)
}

// spokenHere is the language of a page: what its own links and forms say, else what the
// browser asks for. There is no cookie to keep it.
func spokenHere(r *http.Request) *language.Printer {
	given := r.URL.Query().Get("language")
	if r.Method == http.MethodPost {
		given = r.PostForm.Get("language")
	}
	if p := language.In(language.Language(given)); string(p.Language()) == given {
		return p
	}
	return language.Asked(r.Header.Get("Accept-Language"))
}

func other(l language.Language) language.Language {
	if l == language.English {
		return language.Welsh
	}
	return language.English
}

// typed reads the code of a posted form, once the visitor may ask. A nil code
// has been answered by fail, with the key of words for the person.
func (h *Handler) typed(w http.ResponseWriter, r *http.Request, fail func(status int, key, typed string)) *protocol.RevocationCode {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	formErr := r.ParseForm()
	typed := r.PostForm.Get("code")
	code, err := protocol.ParseRevocationCode(typed)
	if !h.visitors.allow(r.RemoteAddr, formErr == nil && err == nil) {
		w.Header().Set("Retry-After", retryAfter)
		h.metrics.stops.WithLabelValues(stopBusy).Inc()
		fail(http.StatusTooManyRequests, "stop.busy", "")
		return nil
	}
	if formErr != nil {
		h.metrics.stops.WithLabelValues(stopSlip).Inc()
		fail(http.StatusBadRequest, "stop.broken", "")
		return nil
	}
	if err != nil {
		key := "stop.empty"
		if errors.Is(err, protocol.ErrRevocationCheck) {
			key = "stop.slip"
		}
		h.metrics.stops.WithLabelValues(stopSlip).Inc()
		fail(http.StatusUnprocessableEntity, key, typed)
		return nil
	}
	return &code
}

func (h *Handler) postStop(w http.ResponseWriter, r *http.Request) {
	code := h.typed(w, r, func(status int, key, typed string) {
		p := spokenHere(r)
		h.show(w, status, view{Printer: p, Form: true, Error: p.T(key), Field: status == http.StatusUnprocessableEntity, Code: typed})
	})
	if code == nil {
		return
	}
	p := spokenHere(r)
	begun := time.Now()
	s, err := h.standing(r.Context(), *code, r.PostForm.Get("action") == "revoke")
	sameTime(r.Context(), begun)
	switch {
	case errors.Is(err, errUnknown):
		h.metrics.stops.WithLabelValues(stopUnknown).Inc()
		h.show(w, http.StatusNotFound, view{Printer: p, Form: true, Error: p.T("stop.unknown"), Field: true, Code: code.Reveal()})
	case err != nil:
		h.metrics.stops.WithLabelValues(stopFailed).Inc()
		h.Log.Error("the public page cannot answer", logkey.Error, err.Error())
		w.Header().Set("Retry-After", retryAfter)
		h.show(w, http.StatusServiceUnavailable, view{Printer: p, Form: true, Error: p.T("stop.away"), Code: code.Reveal()})
	default:
		h.metrics.stops.WithLabelValues(stopShown).Inc()
		h.show(w, http.StatusOK, view{Printer: p, Standing: s.words(p), Code: code.Reveal()})
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
	code := h.typed(w, r, func(status int, key, _ string) { answer(status, refused{spokenHere(r).T(key)}) })
	if code == nil {
		return
	}
	p, begun := spokenHere(r), time.Now()
	s, err := readStanding(r.Context(), h.DB, *code)
	sameTime(r.Context(), begun)
	switch {
	case errors.Is(err, errUnknown):
		h.metrics.stops.WithLabelValues(stopUnknown).Inc()
		answer(http.StatusNotFound, refused{p.T("stop.unknown")})
	case err != nil:
		h.metrics.stops.WithLabelValues(stopFailed).Inc()
		h.Log.Error("the public page cannot answer", logkey.Error, err.Error())
		w.Header().Set("Retry-After", retryAfter)
		answer(http.StatusServiceUnavailable, refused{p.T("stop.away")})
	case s.certificate == nil:
		h.metrics.stops.WithLabelValues(stopShown).Inc()
		answer(http.StatusConflict, notYet{s.state(), s.destroy.UTC()})
	default:
		h.metrics.stops.WithLabelValues(stopCertificate).Inc()
		w.Header().Set("Content-Disposition", `attachment; filename="rollbridge-deletion-certificate.json"`)
		answer(http.StatusOK, json.RawMessage(s.certificate))
	}
}
