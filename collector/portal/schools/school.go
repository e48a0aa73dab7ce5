package schools

import (
	"slices"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/calendar"
	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// stripDays is how many days the strip of a school shows, and how far back its
// deliveries go.
const stripDays = 14

// schoolPage is the data of pages/school.html.
type schoolPage struct {
	overview.School
	ID       string
	Correct  string
	Now      status.Verdict
	Sessions []sessionRow
	Causes   []cause
	Waiting  int
	Strip    *strip
	Refused  []refused
	Children string
	Rows     []deliveryRow // the newest deliveries
	Times    []timesRow
	Coming   []calendar.Entry // of the calendar, from today on
	Phone    *phoneState
	Stop     *stopState
	Staff    []staffRow
	CanEdit  bool
}

// sessionRow is one of today's sessions.
type sessionRow struct {
	Session           status.Session
	Word              status.Word
	Since, Next, Acts string
}

// cause is one thing that is wrong at a school, in words.
type cause struct {
	What, Means, Next, Acts string
	Since                   time.Time
}

type timesRow struct {
	Session                     status.Session
	Register, Late, NotReceived time.Duration
}

type phoneState struct{ Reason, Changed string }

// stopState says what has become of a school that has stopped.
type stopState struct {
	By                         string
	Hidden, Destroy, Destroyed time.Time
}

type staffRow struct {
	Role, Name, Phone, Email string
}

func (p *pages) show(v *web.Visit) error {
	s, o, err := p.find(v)
	if err != nil {
		return err
	}
	if err := v.Log(audit.SchoolViewed, audit.Subject{School: s.School.ID}); err != nil {
		return err
	}
	d := &schoolPage{
		School: s, ID: s.School.ID, Correct: v.Time(o.At), Now: s.Now(o.Session), Causes: causes(v, s), Waiting: s.Waiting, Children: childrenWords(v.Printer, s),
		Coming: coming(s.Calendar, v.Now), CanEdit: canEdit(v),
	}
	for _, session := range []status.Session{status.AM, status.PM} {
		verdict := s.Now(session)
		d.Sessions = append(d.Sessions, sessionRow{session, verdict.Word, since(v.Printer, verdict), v.NextStep(verdict), v.Acts(verdict)})
		c := s.Calendar.Clocks(v.Now.In(status.London()))[session]
		d.Times = append(d.Times, timesRow{session, c.Register, c.Late, c.NotReceived})
	}
	if c := s.Calendar.Phone; c != nil {
		changed, err := p.changed(v, c.Changed)
		if err != nil {
			return err
		}
		d.Phone = &phoneState{v.T("schools.reason." + string(c.Reason)), changed}
	}
	if err := p.fill(v, d); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "school", Title: s.School.Name, Data: d})
}

func canEdit(v *web.Visit) bool { return v.User.May("EditSchools") }

// fill reads what is not part of the overview. Of a school that has stopped that is
// only the stop.
func (p *pages) fill(v *web.Visit, d *schoolPage) (err error) {
	id := d.School.School.ID
	if !d.School.School.Stopped.IsZero() {
		d.Stop, err = p.stop(v, d.School.School)
		return err
	}
	past, err := overview.Past(v.Context(), p.Store, id, d.Calendar, v.Now, stripDays)
	if err != nil {
		return err
	}
	d.Strip = newStrip(v, past)
	if d.Refused, err = p.refused(v, id); err != nil {
		return err
	}
	if d.Rows, _, err = p.recent(v, id, 0, 5); err != nil {
		return err
	}
	d.Staff, err = p.staff(v, id)
	return err
}

// causes are what is wrong: what safety stops hold, then what the agent reports.
func causes(v *web.Visit, s overview.School) (list []cause) {
	if s.Pending > 0 {
		list = append(list, cause{What: v.T("schools.pending"), Next: v.T("schools.pending.next"), Acts: v.T("schools.pending.acts")})
	}
	for _, h := range s.Holds {
		w := overview.HoldWords(h.Hold)
		list = append(list, cause{v.Part(w.Why, v.Now), v.Part(w.Means, v.Now), v.Part(w.Next, v.Now), v.Part(w.Owner, v.Now), h.Since})
	}
	for _, problem := range s.Problems {
		if problem.Code == protocol.ProblemHeld && len(s.Holds) > 0 {
			continue // each of them is explained above
		}
		w := overview.ProblemWords(problem)
		list = append(list, cause{What: v.Parts(w.What, v.Now), Next: v.Part(w.Next, v.Now), Acts: v.Part(w.Owner, v.Now), Since: problem.Since})
	}
	if s.SetAside > 0 {
		list = append(list, cause{What: v.N("schools.set-aside", s.SetAside), Next: v.T("schools.set-aside.next"), Acts: v.T("schools.owner.operator")})
	}
	return list
}

// coming are the entries that have not ended, the next few.
func coming(c calendar.Calendar, now time.Time) (list []calendar.Entry) {
	today := record.DateOf(now.In(status.London()))
	for _, e := range c.Entries {
		if e.Last >= today {
			list = append(list, e)
		}
	}
	return list[:min(len(list), 5)]
}

// stop finds the newest stop of a school.
func (p *pages) stop(v *web.Visit, s store.School) (*stopState, error) {
	state := &stopState{Hidden: s.Stopped}
	err := p.Store.Read(v.Context(), func(tx *store.Tx) error {
		stops, err := tx.Stops(v.Context(), s.ID)
		if err == nil && len(stops) > 0 {
			newest := stops[0]
			state.By = v.T("schools.stopped-by." + string(newest.Source))
			state.Hidden, state.Destroy, state.Destroyed = newest.Hidden, newest.Destroy, newest.Destroyed
		}
		return err
	})
	return state, err
}

// staff are whom the school names for looked-after children, where it has given
// them to this authority; the designated teacher first.
func (p *pages) staff(v *web.Visit, school string) ([]staffRow, error) {
	found, err := p.Store.Staff(v.Context(), p.Vault, school, v.Authority.Code)
	if err != nil {
		return nil, err
	}
	list := make([]staffRow, 0, len(found))
	for _, s := range found {
		list = append(list, staffRow{s.Role, joined(s.Title, s.Forename, s.Surname), s.Phone, s.Email})
	}
	slices.SortStableFunc(list, func(a, b staffRow) int { return designated(b) - designated(a) })
	return list, nil
}

// refused is why records of a school are not taken over.
type refused struct {
	Dataset, What, Next, Acts string
	Records                   int
	Since                     time.Time
}

func (p *pages) refused(v *web.Visit, school string) ([]refused, error) {
	found, err := p.Store.Refusals(v.Context(), school, v.Authority.Code)
	if err != nil {
		return nil, err
	}
	list := make([]refused, 0, len(found))
	for _, r := range found {
		one := refused{Dataset: v.T("status.dataset." + string(r.Dataset)), Records: r.Records, Since: r.Since,
			What: v.Refused(r.Code, r.Field), Next: v.T("schools.refused.next"), Acts: v.T("status.who.office")}
		if r.Code == record.FaultKey || r.Code == record.FaultDecode || language.Unexplained(r.Code) {
			one.Next, one.Acts = v.T("schools.refused.next-operator"), v.T("status.who.operator")
		}
		list = append(list, one)
	}
	return list, nil
}
