package intake

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/language"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// standing is how far the stop of a code's school has come.
type standing struct {
	school string
	agent  envelope.AgentID
	// asked is when the code was given; hidden, destroy and destroyed as in a
	// stop. Zero is not yet.
	asked, hidden, destroy, destroyed time.Time
	certificate                       []byte
}

func (s standing) state() string {
	switch {
	case !s.hidden.IsZero():
		return "hidden"
	case !s.asked.IsZero():
		return "stopping"
	}
	return "running"
}

// readStanding finds the school of a code by the code's hash; errUnknown if
// there is none.
func readStanding(ctx context.Context, db *database.DB, code protocol.RevocationCode) (s standing, err error) {
	hash := code.Hash()
	err = db.Read(ctx, func(tx *database.Tx) error {
		s = standing{}
		var id []byte
		var generation int64
		err := tx.QueryRow(ctx, "SELECT school, agent, generation FROM agents WHERE revocation = ?", hash[:]).Scan(&s.school, &id, &generation)
		if err != nil {
			return err
		}
		copy(s.agent[:], id)
		// None of these need be there.
		var hidden, destroy, destroyed, asked sql.NullInt64
		for _, q := range []error{
			tx.QueryRow(ctx, "SELECT hidden_at, destroy_at, destroyed_at FROM stops WHERE school = ? AND generation >= ? ORDER BY generation LIMIT 1", s.school, generation).
				Scan(&hidden, &destroy, &destroyed),
			tx.QueryRow(ctx, "SELECT received_at FROM stop_requests WHERE school = ? AND agent = ?", s.school, id).Scan(&asked),
			tx.QueryRow(ctx, "SELECT signed FROM certificates WHERE school = ? AND agent = ?", s.school, id).Scan(&s.certificate),
		} {
			if q != nil && !errors.Is(q, sql.ErrNoRows) {
				return q
			}
		}
		s.hidden, s.destroy, s.destroyed = database.FromNullMicros(hidden), database.FromNullMicros(destroy), database.FromNullMicros(destroyed)
		s.asked = database.FromNullMicros(asked)
		return nil
	})
	if errors.Is(err, sql.ErrNoRows) {
		return standing{}, errUnknown
	}
	if err != nil {
		return standing{}, fmt.Errorf("look up a revocation code: %w", err)
	}
	return s, nil
}

// A view is what the page shows.
type view struct {
	*language.Printer
	Title, Operator, Contact string
	// Error is what is wrong, Field whether it is the code.
	Error string
	Field bool
	// Form asks for a code; Code is what was typed.
	Form     bool
	Code     string
	Standing *spoken
}

// FullTitle says first that something is wrong.
func (v view) FullTitle() string {
	title := v.Title + " - Rollbridge"
	if v.Error != "" {
		title = v.T("stop.error-title", "Title", title)
	}
	return title
}

// Other is the language that the page is not in.
func (v view) Other() language.Language { return other(v.Language()) }

// spoken is a standing in words.
type spoken struct {
	title              string
	Lines              []string
	Dates              []moment
	Certificate, Waits bool
}

type moment struct{ What, When string }

func (s standing) words(p *language.Printer) *spoken {
	var w spoken
	say := func(title string, lines ...string) {
		w.title = p.T(title)
		for _, l := range lines {
			w.Lines = append(w.Lines, p.T(l))
		}
	}
	onDay := func(t time.Time) string { return p.Day(record.DateOf(t.In(status.London()))) }
	add := func(key string, t time.Time) {
		if !t.IsZero() {
			w.Dates = append(w.Dates, moment{p.T(key), p.T("web.moment", "Day", onDay(t), "Time", p.Time(t))})
		}
	}
	add("stop.date.asked", s.asked)
	add("stop.date.hidden", s.hidden)
	switch {
	case !s.destroyed.IsZero():
		say("stop.destroyed.title", "stop.destroyed.text")
		w.Certificate = s.certificate != nil
		add("stop.date.destroyed", s.destroyed)
	case !s.hidden.IsZero():
		say("stop.hidden.title", "stop.hidden.text", "stop.hidden.again")
		w.Dates = append(w.Dates, moment{p.T("stop.date.destroy"), onDay(s.destroy)})
	case !s.asked.IsZero():
		say("stop.asked.title", "stop.asked.text", "stop.asked.keep")
		w.Waits = true
	default:
		say("stop.running.title", "stop.running.text")
	}
	return &w
}

//go:embed page/style.css
var stylesheet []byte

//go:embed page/stop.html
var stopPage string

var stopTemplate = template.Must(template.New("stop").Parse(stopPage))

// pageHeaders let the page load its own stylesheet and post to itself, nothing
// else, and be kept nowhere.
func pageHeaders(w http.ResponseWriter) {
	for name, value := range map[string]string{
		"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "X-Robots-Tag": "noindex",
	} {
		w.Header().Set(name, value)
	}
}

func (h *Handler) show(w http.ResponseWriter, code int, v view) {
	v.Operator, v.Contact, v.Title = h.Operator, h.Contact, v.T("stop.title")
	if v.Standing != nil {
		v.Title = v.Standing.title
	}
	var page bytes.Buffer
	if err := stopTemplate.Execute(&page, v); err != nil {
		h.Log.Error("the public page cannot be shown", logkey.Error, err.Error())
		h.refuse(w, &rejection{http.StatusInternalServerError, reasonPanic, "something went wrong in the collector; try again later"})
		return
	}
	pageHeaders(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(v.Language()))
	w.Header().Set("Vary", "Accept-Language")
	w.WriteHeader(code)
	_, _ = w.Write(page.Bytes())
}
