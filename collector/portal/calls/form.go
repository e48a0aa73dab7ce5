package calls

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// formData is the form that records a call, or corrects one.
type formData struct {
	ID, Opened string
	Authority  store.Authority
	Several    bool
	School     overview.School
	Session    status.Session
	Why        call.Why
	// Corrects is the id of the call that this one takes the place of; Used says
	// that the form was recorded before, at that time.
	Corrects string
	Used     time.Time
	Old      call.Call
	// Past says that the corrected call is about a register of another day, of which
	// what is known now says nothing.
	Past bool
	From string // the page to go back to: "today" or empty

	Outcomes, Sessions, Marks, Days []web.Option
	Children                        []childRow
	// Calls are those about the session that are recorded already, Asked is an earlier
	// one after which somebody is to call again, Claim is somebody else's.
	Calls []call.Call
	Asked *call.Call
	Claim *call.Claim
	// FollowUp is the time of day to call again of the call that is corrected, On
	// its day.
	FollowUp, On string
}

// A childRow is one child on the form.
type childRow struct {
	Pupil record.PupilID
	Name  string
	// State is what the register says, Code its mark; Phoned is the mark that the
	// school gave by phone, with By and At.
	State  register.State
	Code   string
	Phoned *call.PhoneMark
	// About says that the box is ticked, Mark which mark is chosen, before anything
	// is typed.
	About, Mark string
	// Box and Select are the inputs' names.
	Box, Select string
}

const ticked = "yes"

// load finds what a form is made of; given reads what the address or the form
// says. It names children, so it is logged.
func (c *section) load(v *web.Visit, given func(string) string) (d formData, err error) {
	if d.Authority, err = c.of(v, given("authority")); err != nil {
		return d, err
	}
	d.Several = len(v.User.Authorities) > 1
	items, m, err := c.items(v, d.Authority)
	if err != nil {
		return d, err
	}
	at := slices.IndexFunc(m.Schools, func(s overview.School) bool { return s.School.ID == given("school") })
	if at < 0 {
		return d, web.ErrNotFound
	}
	d.School, d.From, d.Session = m.Schools[at], given("from"), m.Session
	if s := status.Session(strings.ToUpper(given("session"))); s == status.AM || s == status.PM {
		d.Session = s
	}
	if d.Corrects = given("corrects"); d.Corrects != "" {
		if d.Old, err = c.book.Find(v.Context(), sight(v, d.Authority), d.School.School.ID, d.Corrects); err != nil {
			return d, absent(err)
		}
		d.Session = d.Old.Session
	}
	d.ID, d.Opened = call.NewID(), strconv.FormatInt(v.Now.UnixMicro(), 10)
	var concerned []register.Child
	if at := slices.IndexFunc(items, func(i call.Item) bool { return i.School.School.School.ID == d.School.School.ID }); at >= 0 {
		d.Why, d.Claim, d.Asked = items[at].Why, items[at].Claim, asked(items[at])
		if d.Why == call.WhyChildren {
			concerned = items[at].Concerned
		}
	}
	if d.Claim != nil && d.Claim.By == v.User.ID {
		d.Claim = nil
	}
	return d, c.fill(v, &d, m, concerned)
}

// fill puts in the children, the choices and the calls of before.
func (c *section) fill(v *web.Visit, d *formData, m morning, concerned []register.Child) error {
	day := m.day()
	if d.Corrects != "" {
		day, d.Past = d.Old.Day, d.Old.Day != day
	}
	for _, s := range []status.Session{status.AM, status.PM} {
		d.Sessions = append(d.Sessions, web.Option{Value: string(s), Text: sessionWords(v.Printer, s)})
	}
	d.Marks = append(d.Marks, web.Option{Text: v.T("calls.mark.none")})
	for _, mark := range call.Codes(d.Authority.Code, day, d.Session) {
		d.Marks = append(d.Marks, web.Option{Value: mark.Code, Text: markWords(v.Printer, mark)})
	}
	for n := range 8 {
		t := v.Now.In(status.London()).AddDate(0, 0, n)
		if n == 0 || status.DefaultInSession(t) {
			d.Days = append(d.Days, web.Option{Value: string(record.DateOf(t)), Text: v.ShortDate(t)})
		}
	}
	d.Days[0].Text = v.T("calls.today")
	calls, err := c.book.OfDay(v.Context(), sight(v, d.Authority), day)
	if err != nil {
		return err
	}
	for _, o := range calls {
		if o.School == d.School.School.ID && o.Session == d.Session {
			d.Calls = append(d.Calls, o)
		}
	}
	if t := d.Old.FollowUp; !t.IsZero() {
		t = t.In(status.London())
		d.FollowUp, d.On = v.Time(t), string(record.DateOf(t))
	}
	if err := c.children(v, d, m, concerned); err != nil {
		return err
	}
	for _, o := range call.Outcomes() {
		if len(d.Children) == 0 && (o == call.Marked || o == call.Absent) {
			continue // they need a child
		}
		d.Outcomes = append(d.Outcomes, web.Option{Value: string(o), Text: outcomeWords(v.Printer, o), Hint: v.T("calls.outcome." + string(o) + "-hint")})
	}
	return nil
}

// children lists the children whom the school sends, with what is known of them.
func (c *section) children(v *web.Visit, d *formData, m morning, concerned []register.Child) error {
	school := d.School.School.ID
	list, err := c.site.Store.ChildrenAt(v.Context(), c.site.Vault, sight(v, d.Authority), school)
	if err != nil {
		return err
	}
	phoned := call.Marks(d.Calls, d.Session)
	states := statesAt(m, school, d.Session)
	var seen []record.PupilID
	for _, l := range list {
		if l.Standing != store.StandingOn && l.Standing != store.StandingHeld && !d.Old.About(l.Child.Pupil) {
			continue
		}
		seen = append(seen, l.Child.Pupil)
		row := childRow{Pupil: l.Child.Pupil, Name: childName(v.Printer, l.Pupil), Box: "about-" + string(l.Child.Pupil), Select: "mark-" + string(l.Child.Pupil)}
		if !d.Past {
			row.State, row.Code = states[l.Child.Pupil].State, states[l.Child.Pupil].Code
		}
		if mark, ok := phoned[l.Child]; ok {
			row.Phoned = &mark
		}
		if slices.ContainsFunc(concerned, func(o register.Child) bool { return o.Pupil == l.Child.Pupil }) && d.Corrects == "" {
			row.About = ticked
		}
		for _, o := range d.Old.Children {
			if o.Pupil == l.Child.Pupil {
				row.About, row.Mark = ticked, o.Mark
			}
		}
		d.Children = append(d.Children, row)
	}
	slices.SortFunc(d.Children, func(a, b childRow) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(string(a.Pupil), string(b.Pupil)))
	})
	if len(seen) == 0 {
		return nil
	}
	return c.log(v, d.Authority, audit.ChildrenListed, audit.Subject{School: school, Children: seen, About: "call form"})
}

// statesAt is what the register of a session says of the children at a school.
func statesAt(m morning, school string, session status.Session) map[record.PupilID]register.Child {
	of := m.Current
	if session != m.Session {
		if m.Earlier == nil {
			return nil
		}
		of = *m.Earlier
	}
	states := map[record.PupilID]register.Child{}
	for _, s := range of.Schools {
		if s.School.School.ID != school {
			continue
		}
		for _, child := range s.Children {
			states[child.Pupil] = child
		}
	}
	return states
}

func markWords(p *language.Printer, m codes.Mark) string { return m.Code + " " + p.Mark(m.Label) }

// form shows the form.
func (c *section) form(v *web.Visit) error {
	d, err := c.load(v, v.R.URL.Query().Get)
	if err != nil {
		return err
	}
	return c.show(v, d, nil)
}

func (c *section) show(v *web.Visit, d formData, problems web.Problems) error {
	title := "calls.form.title"
	if d.Corrects != "" {
		title = "calls.form.correct"
	}
	return v.Show(templates, web.Page{Name: "form", Title: v.T(title), Problems: problems, Data: d})
}

// record records what was typed.
func (c *section) record(v *web.Visit) error {
	f := v.Form()
	d, err := c.load(v, f.Raw)
	if err != nil {
		return err
	}
	said := c.read(v, f, d)
	if !f.OK() {
		d.ID, d.Opened = f.Raw("id"), f.Raw("opened")
		return c.show(v, d, f.Problems())
	}
	entries := []audit.Entry{entry(v, d.Authority, c.action(said), audit.Subject{School: said.School, Children: pupils(said), About: said.ID})}
	done, err := c.book.Record(v.Context(), sight(v, d.Authority), said, opened(f.Raw("opened")), c.logIn(v.Context(), entries...))
	var faults *call.FaultError
	switch {
	case errors.As(err, &faults):
		d.ID, d.Opened = f.Raw("id"), f.Raw("opened")
		c.explain(f, d, faults)
		return c.show(v, d, f.Problems())
	case errors.Is(err, call.ErrUsed):
		// What was recorded stays; what was typed is not lost, and becomes a correction
		// when it is sent again.
		d.Corrects, d.Used, d.Session, d.Old.Day = done.Call.ID, done.Call.At, done.Call.Session, done.Call.Day
		f.Add("", "calls.fault.used", "Time", v.Time(done.Call.At))
		return c.show(v, d, f.Problems())
	case errors.Is(err, call.ErrIncomplete): // only another page than ours sends no number
		return web.ErrNotFound
	case err != nil:
		return absent(err)
	}
	c.tell(v, d, done)
	if d.From == "today" {
		return v.Redirect("/")
	}
	return v.Redirect("/calls")
}

func (c *section) action(said call.Call) audit.Action {
	switch {
	case said.Corrects != "":
		return audit.CallChanged
	case slices.ContainsFunc(said.Children, func(o call.Child) bool { return o.Mark != "" }):
		return audit.MarkByPhone
	}
	return audit.CallRecorded
}

func pupils(of call.Call) []record.PupilID {
	list := make([]record.PupilID, len(of.Children))
	for i, o := range of.Children {
		list[i] = o.Pupil
	}
	return list
}

// tell says on the next page what was recorded, and who else recorded a call.
func (c *section) tell(v *web.Visit, d formData, done call.Recorded) {
	school := d.School.School.Name
	switch others := done.Others; {
	case len(others) > 0:
		v.Flash("calls.recorded.others", "School", school, "Who", others[0].ByName, "Time", v.Time(others[0].At))
	case d.Corrects != "":
		v.Flash("calls.recorded.corrected", "School", school)
	default:
		v.Flash("calls.recorded.done", "School", school)
	}
}

// read takes over what was typed.
func (c *section) read(v *web.Visit, f *web.Form, d formData) call.Call {
	said := call.Call{ID: f.Raw("id"), School: d.School.School.ID, Session: d.Session, Day: record.DateOf(v.Now.In(status.London())),
		By: v.User.ID, ByName: v.User.Name, At: v.Now, Corrects: d.Corrects}
	if d.Corrects != "" {
		said.Day, said.Session = d.Old.Day, d.Old.Session
	}
	var allowed []string
	for _, o := range call.Outcomes() {
		allowed = append(allowed, string(o))
	}
	said.Outcome = call.Outcome(f.Choice("outcome", allowed...))
	said.Reason = f.Text("reason", "calls.form.reason", call.MaxReason)
	said.Note = f.Lines("note", "calls.form.note", call.MaxNote)
	marks := make([]string, len(d.Marks))
	for i, m := range d.Marks {
		marks[i] = m.Value
	}
	for _, row := range d.Children {
		mark := strings.ToUpper(strings.TrimSpace(f.Raw(row.Select)))
		if !slices.Contains(marks, mark) {
			f.Add(row.Select, "calls.fault.children.code")
			continue
		}
		if f.Has(row.Box) || mark != "" {
			said.Children = append(said.Children, call.Child{Pupil: row.Pupil, Mark: mark})
		}
	}
	if clock, given := f.ClockTime("follow_up", "calls.form.follow-up"); given {
		said.FollowUp = c.followUp(v, f, d, clock)
	}
	return said
}

// followUp is a time of day on the day that was chosen, today without one.
func (c *section) followUp(v *web.Visit, f *web.Form, d formData, clock time.Duration) time.Time {
	days := []string{d.On}
	for _, o := range d.Days {
		days = append(days, o.Value)
	}
	day := v.Now.In(status.London())
	if chosen := record.Date(f.Choice("follow_day", days...)).Time(); !chosen.IsZero() {
		day = chosen
	}
	return time.Date(day.Year(), day.Month(), day.Day(), int(clock/time.Hour), int(clock%time.Hour/time.Minute), 0, 0, status.London())
}

// explain says on the form what the book does not take.
func (c *section) explain(f *web.Form, d formData, faults *call.FaultError) {
	for _, o := range faults.Faults {
		field := o.Field
		if field == "children" {
			if len(d.Children) == 0 { // they were taken out of sight since the form was shown
				f.Add("children-none", "calls.fault.children.nobody")
				continue
			}
			field = d.Children[0].Box
		}
		f.Add(field, "calls.fault."+o.Field+"."+o.What)
	}
}

// opened is when a form was shown, the zero time if it does not say.
func opened(text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(n)
}
