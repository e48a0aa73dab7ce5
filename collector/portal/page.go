package portal

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"

	"rollbridge/collector/overview"
	"rollbridge/collector/portal/account"
	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/status"
)

//go:embed pages/*.html
var pageFiles embed.FS

var templates = parse("schools", "roster", "message")

// parse joins each page with the layout and what pages share. The files are part of the program, so
// that a mistake in one ends every test.
func parse(names ...string) map[string]*template.Template {
	all := make(map[string]*template.Template, len(names))
	for _, name := range names {
		t := template.New("layout.html")
		all[name] = template.Must(t.ParseFS(pageFiles, "pages/layout.html", "pages/unsent.html", "pages/"+name+".html"))
	}
	return all
}

// page is what a template is given.
type page struct {
	Template string
	Title    string
	User     string // name of who is signed in; empty shows no navigation
	Text     string // of a message
	Schools  *schoolsPage
	Roster   *rosterPage
}

// FullTitle is the title as browsers show it.
func (p page) FullTitle() string { return p.Title + " - Rollbridge" }

// show renders before it answers, so that a fault ends in the error page and
// not in half a page.
func (p *Portal) show(w http.ResponseWriter, r *http.Request, code int, content page) {
	var b bytes.Buffer
	if err := templates[content.Template].Execute(&b, content); err != nil {
		if content.Template == "message" {
			http.Error(w, "There is a problem. Try again later.", http.StatusInternalServerError)
			return
		}
		p.fault(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // the browser went away
}

// plain shows a page that only says what happened and what to do.
func (p *Portal) plain(w http.ResponseWriter, r *http.Request, code int) {
	content := page{Template: "message"}
	switch code {
	case http.StatusNotFound:
		content.Title = "Page not found"
		content.Text = "There is nothing at this address. If you typed it, check that it is correct."
	case http.StatusForbidden:
		content.Title = "This did not come from this service"
		content.Text = "The form was sent from another site, so nothing was changed. Open the service and try again there."
	default:
		content.Title = "There is a problem with the service"
		content.Text = "Nothing that has arrived is lost. Try again in a few minutes. If it goes on, tell the operator and say at what time it happened."
	}
	p.show(w, r, code, content)
}

// schoolsPage is the overview as the table shows it.
type schoolsPage struct {
	Correct   string // when the figures were true
	Authority string // whose schools these are
	Session   string
	Summary   string // how many registers of it are in
	Rows      []schoolRow
}

type schoolRow struct {
	Name, Phone      string
	Word             status.Word
	Colour           string
	Since            string
	NextStep, Owner  string
	Problems         []string
	Heard, Register  moment
	List             moment
	Children, Left   int
	Waiting, Refused int
	Hidden           bool // the school has stopped: its data are shown to nobody
}

// moment is a time as a cell shows it, relative and absolute; both empty is
// never.
type moment struct{ Ago, At string }

func momentOf(t, now time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{Ago: ago(t, now), At: shortTime(t, now)}
}

func (p *Portal) schools(w http.ResponseWriter, r *http.Request, u account.User) {
	o, err := overview.Read(r.Context(), p.store, one(u), clock.Now())
	if err != nil {
		p.fault(w, r, err)
		return
	}
	roster, err := p.readRoster(r.Context(), u, o.At)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, page{Template: "schools", Title: "Schools", User: u.Name, Schools: schoolsOf(o, one(u)), Roster: roster})
}

func schoolsOf(o overview.Overview, authority string) *schoolsPage {
	s := &schoolsPage{Correct: longTime(o.At), Authority: "all authorities", Session: sessionWords(o.Session), Summary: o.Summary()}
	if a, ok := codes.LookupAuthority(authority); ok {
		s.Authority = a.Name
	} else if authority != "" {
		s.Authority = "Authority " + authority
	}
	for _, school := range o.Schools {
		s.Rows = append(s.Rows, rowOf(school, o))
	}
	return s
}

func rowOf(s overview.School, o overview.Overview) schoolRow {
	v := s.Now(o.Session)
	row := schoolRow{
		Name: s.School.Name, Phone: s.School.Phone,
		Word: v.Word, Colour: v.Word.Info().Colour, NextStep: v.NextStep, Owner: v.Owner,
		Heard: momentOf(s.LastHeard, o.At), Register: momentOf(s.AttendanceAsAt, o.At), List: momentOf(s.PupilsAsAt, o.At),
		Children: s.Children, Left: s.Left, Waiting: s.Waiting, Refused: s.Quarantined,
		Hidden: v.Word == status.Stopped,
	}
	switch v.Word {
	case status.Due, status.NotInSession: // since midnight, which says nothing
	case status.Received:
		row.Since = "as at " + shortTime(v.Since, o.At)
	default:
		if !v.Since.IsZero() {
			row.Since = "since " + shortTime(v.Since, o.At)
		}
	}
	if s.Pending > 0 {
		row.Problems = append(row.Problems, "A new agent waits until the operator has compared its phrase with the school.")
	}
	for _, p := range s.Problems {
		row.Problems = append(row.Problems, overview.ProblemNote(p, o.At))
	}
	return row
}

// one is the authority whose schools these pages show; empty for all.
func one(u account.User) string {
	if len(u.Authorities) == 0 {
		return ""
	}
	return u.Authorities[0]
}
