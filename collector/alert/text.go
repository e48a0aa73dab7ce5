package alert

import (
	"strings"
	"time"

	"rollbridge/collector/call"
	"rollbridge/collector/language"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// Counts are what an e-mail says.
type Counts struct {
	Authority store.Authority
	Session   status.Session
	At        time.Time
	// Schools are to be called still; Received of Expected sent their register.
	Schools, Received, Expected int
	// NoReason, NoMark and NotReceived count children.
	NoReason, NoMark, NotReceived int
}

// countsOf counts a list and its register.
func countsOf(d call.Day) Counts {
	c := Counts{Authority: d.Authority, Session: d.Current.Session, At: d.Now, Schools: len(call.Pending(call.List(d))),
		NoReason: d.Current.Counts[register.AbsentNoReason], NoMark: d.Current.Counts[register.NoMark], NotReceived: d.Current.Counts[register.NotReceived]}
	for _, s := range d.Current.Schools {
		if !s.Facts(c.Session).InSession {
			continue
		}
		c.Expected++
		if s.Received {
			c.Received++
		}
	}
	return c
}

// text is an e-mail in a person's language.
func (c Counts) text(p *language.Printer, link string) (subject, body string) {
	about := "alert.about.am"
	if c.Session == status.PM {
		about = "alert.about.pm"
	}
	subject = p.N("alert.subject", c.Schools, "Authority", c.Authority.Name)
	lines := []string{
		p.T(about, "Authority", c.Authority.Name),
		p.T("alert.correct-at", "Time", p.Time(c.At), "Date", p.Date(c.At)),
		"",
		p.T("alert.schools", "Count", p.Number(c.Schools)),
		p.T("alert.no-reason", "Count", p.Number(c.NoReason)),
		p.T("alert.no-mark", "Count", p.Number(c.NoMark)),
		p.T("alert.not-received", "Count", p.Number(c.NotReceived)),
		p.T("alert.registers", "Received", p.Number(c.Received), "Expected", p.Number(c.Expected)),
		"",
		p.T("alert.link"),
		link,
		"",
		p.T("alert.why"),
		link + "/account",
	}
	if review := p.T("web.review"); p.Language() == language.Welsh && review != "" {
		lines = append(lines, "", review)
	}
	return subject, strings.Join(lines, "\n") + "\n"
}
