package schoolpage

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/hosted"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/status"
)

// A logPage is the agent's logbook of some days.
type logPage struct {
	Days []logDay
	Span string
	// Older is the page of the fortnight before.
	Older string
	Terms []term
}

type logDay struct {
	Day    time.Time
	Events []hosted.Event
}

type term struct{ Name, Text string }

// logDays is how many days a page of the logbook shows.
const logDays = 14

// maxBack is how many such pages back it goes: seven years.
const maxBack = 190

func (c *section) logbook(v *web.Visit) error {
	if err := c.log(v, audit.SchoolLogViewed, "logbook"); err != nil {
		return err
	}
	f := v.Form()
	back, _ := f.Number("back", "school.log.title", 0, maxBack)
	if !f.OK() {
		return web.ErrNotFound
	}
	until := midnight(v.Now).AddDate(0, 0, 1-back*logDays)
	since := until.AddDate(0, 0, -logDays)
	events, err := c.Agents.Logbook(v.Context(), v.User.School, since, until)
	if err != nil {
		return c.away(v, err)
	}
	p := logPage{Span: v.T("school.log.span", "From", v.Date(since), "To", v.Date(until.AddDate(0, 0, -1))), Terms: terms(v)}
	if back < maxBack {
		p.Older = Home + "/log?back=" + strconv.Itoa(back+1)
	}
	for _, e := range events {
		day := midnight(e.At)
		if n := len(p.Days); n == 0 || !p.Days[n-1].Day.Equal(day) {
			p.Days = append(p.Days, logDay{Day: day})
		}
		at := &p.Days[len(p.Days)-1]
		at.Events = append(at.Events, e)
	}
	return v.Show(pages, web.Page{Name: "log", Title: v.T("school.log.title"), Data: p})
}

func midnight(t time.Time) time.Time {
	t = t.In(status.London())
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, status.London())
}

// terms are this term and the three before, as the agent names them.
func terms(v *web.Visit) (list []term) {
	year, month := v.Now.In(status.London()).Year(), v.Now.In(status.London()).Month()
	at := 0
	switch {
	case month >= time.September:
		at = 2
	case month >= time.April:
		at = 1
	}
	names := []func(string) string{
		func(y string) string { return v.T("school.term.spring", "Year", y) },
		func(y string) string { return v.T("school.term.summer", "Year", y) },
		func(y string) string { return v.T("school.term.autumn", "Year", y) },
	}
	seasons := []string{"spring", "summer", "autumn"}
	for range 4 {
		list = append(list, term{fmt.Sprintf("%s-%d", seasons[at], year), names[at](strconv.Itoa(year))})
		if at--; at < 0 {
			at, year = 2, year-1
		}
	}
	return list
}

// verify proves the logbook.
func (c *section) verify(v *web.Visit) error {
	if err := c.log(v, audit.SchoolLogViewed, "verified"); err != nil {
		return err
	}
	proved, err := c.Agents.Verify(v.Context(), v.User.School)
	if err != nil {
		return c.away(v, err)
	}
	return v.Show(pages, web.Page{Name: "verify", Title: v.T("school.verify.title"), Data: proved})
}

// statement is the signed statement of a term as a file: the signed one, or its text.
func (c *section) statement(v *web.Visit) error {
	f := v.Form()
	name, form := f.Raw("term"), f.Choice("form", "json", "txt")
	if !hosted.GoodTerm(name) || !f.OK() {
		return web.ErrNotFound
	}
	if err := c.log(v, audit.SchoolLogViewed, "statement "+name); err != nil {
		return err
	}
	s, err := c.Agents.Statement(v.Context(), v.User.School, name)
	if err != nil {
		return c.away(v, err)
	}
	content, kind := s.Signed, "application/json"
	if form == "txt" {
		content, kind = s.Text, "text/plain; charset=utf-8"
	} else {
		form = "json"
	}
	return v.Download("rollbridge-statement-"+name+"."+form, kind, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
