package today

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/call"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/shared/status"
)

// A pageData is what the page and its paper form show.
type pageData struct {
	Session string // am or pm, for links
	Date    string
	Correct string
	Summary string
	// Silent names the schools that have not reported, by what is to be done about them;
	// empty where all have.
	Silent   []silent
	Sessions []sessionLink
	Banner   string
	Counts   []count
	Rows     []row
	Paging   web.Paging
	Total    int
	Notes    []string
	Closed   string // why there is nothing to expect; empty where there is
	// Excluded counts new suspensions and exclusions, since when.
	Excluded int
	Since    string
	// Schools says that there is any.
	Schools   bool
	CanRecord bool
	CanSchool bool
}

// A silent answers who has not reported, without scrolling.
type silent struct{ Text, Names string }

// maxSilent bounds the names: beyond some lines nobody reads them there.
const maxSilent = 40

type sessionLink struct {
	Text, Path string
	Here       bool
}

// A count is one figure with the list behind it.
type count struct {
	Name, Key string
	// Value is the figure, Unknown says that there is none.
	Value   string
	Unknown bool
	Note    string
	Path    string
}

func (t *section) today(v *web.Visit) error {
	m, err := t.read(v)
	if err != nil {
		return err
	}
	data := m.page(v)
	items := m.phone
	data.Paging = v.Paging(len(items))
	data.Rows = m.rows(v, items[data.Paging.From():data.Paging.To()])
	return v.Show(pages, web.Page{Name: "today", Title: v.T("today.title." + data.Session), Data: data})
}

func (m *morning) page(v *web.Visit) pageData {
	d := pageData{
		Session: strings.ToLower(string(m.Session)), Date: v.Date(v.Now), Correct: v.Time(v.Now),
		Banner: m.banner(v), Total: len(m.phone), CanRecord: v.User.May(account.RecordCalls), CanSchool: v.User.May(account.SeeSchools),
		Excluded: len(m.excluded), Since: v.ShortDate(m.since), Schools: len(m.Schools) > 0,
	}
	d.Sessions = m.sessions(v)
	d.Summary, d.Silent = m.summary(v), m.silent(v)
	d.Counts = m.counts(v, d)
	d.Notes = m.notes(v)
	if !m.expected() && len(m.Schools) > 0 {
		d.Closed = m.closed(v)
	}
	return d
}

func (m *morning) sessions(v *web.Visit) (list []sessionLink) {
	for _, s := range []status.Session{status.AM, status.PM} {
		name := strings.ToLower(string(s))
		list = append(list, sessionLink{v.T("today.session." + name), "/?session=" + name, s == m.Session})
	}
	return list
}

// summary says how much of the picture is there: how many registers of how many
// schools and children, and how old the oldest of them is.
func (m *morning) summary(v *web.Visit) string {
	in, of := m.received()
	if of == 0 {
		return ""
	}
	marked := m.total() - m.Counts[register.NotReceived]
	text := v.N("today.summary.schools", of, "In", v.Number(in)) + " " +
		v.N("today.summary.children", m.total(), "In", v.Number(marked))
	if !m.Oldest.IsZero() {
		text += " " + v.T("today.summary.oldest", "Time", v.Moment(m.Oldest, v.Now), "Ago", v.Ago(m.Oldest, v.Now))
	}
	return text
}

// silent names those from which a register should have come, or never does: whom to
// phone first, then who has been phoned and is silent still, and who is only late. What
// the morning left open is told apart: this session's register may not be due.
func (m *morning) silent(v *web.Visit) (list []silent) {
	groups := map[string][]string{}
	for _, i := range m.items {
		key := "today.silent"
		switch {
		case i.Why != call.WhyRegister && i.Why != call.WhyDaily:
			continue
		case i.Carried:
			key = "today.silent-morning"
		case i.Standing == call.Settled:
			key = "today.silent-phoned"
		}
		groups[key] = append(groups[key], i.School.School.School.Name)
	}
	for _, s := range m.Schools {
		if s.Verdict.Word == status.Late && (len(s.Children) > 0 || s.PupilsAsAt.IsZero()) {
			groups["today.silent-late"] = append(groups["today.silent-late"], s.School.School.Name)
		}
	}
	for _, key := range []string{"today.silent", "today.silent-morning", "today.silent-phoned", "today.silent-late"} {
		names := groups[key]
		if len(names) == 0 {
			continue
		}
		text := v.N(key, len(names))
		if more := len(names) - maxSilent; more > 0 {
			names = append(names[:maxSilent:maxSilent], v.N("today.silent-more", more))
		}
		list = append(list, silent{text, v.List(names...) + "."})
	}
	return list
}

func (m *morning) counts(v *web.Visit, d pageData) []count {
	phoned := count{Name: v.T("today.count.phone"), Key: "phone", Value: v.Number(d.Total), Path: "#phone"}
	concerned, unknown := 0, 0
	for _, i := range m.phone {
		concerned += len(i.Concerned)
		if len(i.Concerned) == 0 && (i.Why == call.WhyRegister || i.Why == call.WhyDaily) {
			unknown++
		}
	}
	if d.Total > 0 {
		phoned.Note = v.N("today.count.children", concerned)
	}
	if unknown > 0 {
		phoned.Note = v.N("today.count.and-unknown", unknown, "Children", phoned.Note)
	}
	list := []count{phoned}
	for _, s := range states() {
		c := count{
			Name: v.T("today.count." + string(s)), Key: string(s), Value: v.Number(m.Counts[s]),
			Path: "/today/children?" + url.Values{"session": {d.Session}, "state": {string(s)}}.Encode(),
		}
		if m.notKnown() && s != register.NotReceived && s != register.NotInSession && m.Counts[s] == 0 {
			c.Value, c.Unknown = v.T("today.count.unknown"), true
		}
		list = append(list, c)
	}
	return list
}

// states lists the states in the order in which the page shows them.
func states() []register.State {
	return []register.State{register.AbsentNoReason, register.NoMark, register.AbsentReason, register.Present, register.NotInSession, register.NotReceived}
}

// quiet is how long no agent at all may be silent before the fault is looked for
// here: each speaks every half hour. late is how long what has arrived may wait.
const (
	quiet = 65 * time.Minute
	late  = 15 * time.Minute
	// several is how many silent schools are no chance.
	several = 3
)

// banner says what is wrong with the whole picture, if anything is.
func (m *morning) banner(v *web.Visit) string {
	if b := m.backlog; !b.Since.IsZero() && v.Now.Sub(b.Since) > late {
		return v.N("today.banner.waiting", b.Schools, "Time", v.Moment(b.Since, v.Now))
	}
	var newest time.Time
	n := 0
	for _, s := range m.Schools {
		if s.LastHeard.IsZero() || !s.School.School.Stopped.IsZero() {
			continue
		}
		n++
		if s.LastHeard.After(newest) {
			newest = s.LastHeard
		}
	}
	if n >= several && v.Now.Sub(newest) > quiet {
		return v.T("today.banner.silent", "Time", v.Moment(newest, v.Now))
	}
	return ""
}

// notes are what else is worth a sentence, quietly.
func (m *morning) notes(v *web.Visit) (list []string) {
	if n := m.settled(); n > 0 {
		list = append(list, v.N("today.note.settled", n))
	}
	paused, children := 0, 0
	for _, i := range m.items {
		if i.Why == call.WhyPaused && i.Standing != call.Settled {
			paused++
			children += len(i.Concerned)
		}
	}
	if paused > 0 {
		list = append(list, v.N("today.note.paused", paused, "Children", v.N("today.count.children", children)))
	}
	if m.Twice > 0 {
		list = append(list, v.N("today.note.twice", m.Twice))
	}
	first := 0
	for _, s := range m.Schools {
		if s.Calendar.FirstOfTerm(v.Now.In(status.London())) {
			first++
		}
	}
	if first > 0 {
		list = append(list, v.N("today.note.first-day", first))
	}
	return list
}

// closed says why no school is in session, where they all say the same.
func (m *morning) closed(v *web.Visit) string {
	var reasons []string
	for _, s := range m.Schools {
		f := s.Facts(m.Session)
		if text := v.Parts(status.Decide(status.Facts{Now: f.Now, Day: f.Day, Session: f.Session, SetUp: true, Calendar: f.Calendar}).Parts, v.Now); !slices.Contains(reasons, text) {
			reasons = append(reasons, text)
		}
	}
	if len(reasons) == 1 && reasons[0] != "" {
		return v.T("today.closed.why", "Why", reasons[0])
	}
	return v.T("today.closed.no-school")
}
