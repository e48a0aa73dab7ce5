package schools

import (
	"fmt"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// timesPage is the data of pages/times.html.
type timesPage struct {
	ID, Name string
	Fields   []timeFields
	Changed  string
}

// timeFields are the inputs of one session.
type timeFields struct {
	Session status.Session
	Inputs  []timeInput
}

type timeInput struct {
	Name, Label, Hint string
	Value             time.Duration
}

func (p *pages) showTimes(v *web.Visit) error { return p.timesAgain(v, nil) }

func (p *pages) timesAgain(v *web.Visit, problems web.Problems) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	d := &timesPage{ID: s.School.ID, Name: s.School.Name}
	if n := len(s.Calendar.Times); n > 0 {
		if d.Changed, err = p.changed(v, s.Calendar.Times[n-1].Changed); err != nil {
			return err
		}
	}
	clocks := s.Calendar.Clocks(v.Now.In(status.London()))
	for _, session := range []status.Session{status.AM, status.PM} {
		c, in := clocks[session], prefix[session]
		d.Fields = append(d.Fields, timeFields{session, []timeInput{
			{in + "register", "schools.times.register", "schools.times.register-hint", c.Register},
			{in + "late", "schools.times.late", "schools.times.late-hint", c.Late},
			{in + "not_received", "schools.times.not-received", "schools.times.not-received-hint", c.NotReceived},
		}})
	}
	return v.Show(templates, web.Page{Name: "times", Title: v.T("schools.times.title", "School", s.School.Name), Data: d, Problems: problems})
}

// prefix begins the names of the inputs of a session.
var prefix = map[status.Session]string{status.AM: "am_", status.PM: "pm_"}

func (p *pages) setTimes(v *web.Visit) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	f := v.Form()
	clocks := map[status.Session]status.Clock{}
	for _, session := range []status.Session{status.AM, status.PM} {
		in := prefix[session]
		clocks[session] = status.Clock{
			Register: clockTime(v, f, session, in+"register", "schools.times.register"), Late: clockTime(v, f, session, in+"late", "schools.times.late"),
			NotReceived: clockTime(v, f, session, in+"not_received", "schools.times.not-received"),
		}
	}
	if !f.OK() {
		return p.timesAgain(v, f.Problems())
	}
	about := fmt.Sprintf("times AM %s PM %s", aboutClock(clocks[status.AM]), aboutClock(clocks[status.PM]))
	err = p.change(v, s.School.ID, audit.CalendarChanged, about, func(tx *database.Tx) error {
		return calendar.SetTimes(v.Context(), tx, s.School.ID, record.DateOf(v.Now.In(status.London())), clocks, by(v))
	})
	if err := problem(v, f, err); err != nil {
		return err
	}
	if !f.OK() {
		return p.timesAgain(v, f.Problems())
	}
	v.Flash("schools.times.done")
	return v.Redirect("/schools/" + s.School.ID)
}

func clockTime(v *web.Visit, f *web.Form, s status.Session, field, label string) time.Duration {
	d, given := f.ClockTime(field, label)
	if !given {
		f.Add(field, "schools.times.missing", "Session", sessionWord(v, s), "Field", v.T(label))
	}
	return d
}

func sessionWord(v *web.Visit, s status.Session) string {
	if s == status.AM {
		return v.T("schools.am")
	}
	return v.T("schools.pm")
}

func aboutClock(c status.Clock) string {
	text := ""
	for i, d := range []time.Duration{c.Register, c.Late, c.NotReceived} {
		if i > 0 {
			text += "/"
		}
		text += fmt.Sprintf("%02d:%02d", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
	return text
}
