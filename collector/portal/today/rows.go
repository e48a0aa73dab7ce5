package today

import (
	"slices"
	"strings"

	"rollbridge/collector/call"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/shared/status"
)

// A row is one school to phone, ready to be shown. It names no child.
type row struct {
	ID, School string
	// Children says how many are concerned, in words where that is not known.
	Children string
	Word     status.Word
	What     string
	Since    string
	Acts     string
	Phone    string
	// Calling says who is at it now; Phoned what came of the last call.
	Calling, Phoned string
	Session         string
	Open            bool
}

func (m *morning) rows(v *web.Visit, items []call.Item) []row {
	list := make([]row, len(items))
	for i, item := range items {
		list[i] = m.row(v, item)
	}
	return list
}

func (m *morning) row(v *web.Visit, i call.Item) row {
	s := i.School
	r := row{
		ID: s.School.School.ID, School: s.School.School.Name, Phone: s.School.School.Phone,
		Word: s.Verdict.Word, Session: strings.ToLower(string(i.Session)), Open: i.Standing == call.Open,
		Children: m.concerned(v, i), What: what(v, i), Since: since(v, i), Acts: v.T("today.acts.you"),
	}
	if i.Why == call.WhyRegister || i.Why == call.WhyDaily {
		r.Acts = v.Acts(s.Verdict)
	}
	if i.Claim != nil && i.Claim.By != v.User.ID {
		r.Calling = v.T("today.calling", "Time", v.Time(i.Claim.At))
	} else if i.Claim != nil {
		r.Calling = v.T("today.calling-you", "Time", v.Time(i.Claim.At))
	}
	if at := slices.IndexFunc(i.Calls, func(c call.Call) bool { return !c.Corrected }); at >= 0 {
		last := i.Calls[at]
		r.Phoned = v.T("today.phoned."+string(last.Outcome), "Time", v.Time(last.At))
	}
	return r
}

// concerned says how many children an item is about. Of a school whose data are
// hidden, or never came, the roster knows how many there should be.
func (m *morning) concerned(v *web.Visit, i call.Item) string {
	s := i.School
	if len(i.Concerned) > 0 {
		return v.Number(len(i.Concerned))
	}
	if n := m.rostered[s.School.School.ID]; n > 0 && len(s.Children) == 0 {
		return v.N("today.children.roster", n)
	}
	if s.Verdict.Word == status.Stopped {
		return v.T("today.children.hidden")
	}
	if s.PupilsAsAt.IsZero() {
		return v.T("today.children.unknown")
	}
	return v.Number(len(s.Children))
}

// what says what happened, without what the list says already: that somebody must
// phone.
func what(v *web.Visit, i call.Item) string {
	var texts []string
	s := i.School
	switch {
	case i.Carried:
		texts = append(texts, v.T("today.what.carried"))
	case i.Morning:
		texts = append(texts, v.T("today.what.morning"))
	}
	switch i.Why {
	case call.WhyRegister, call.WhyDaily, call.WhyPaused:
		texts = append(texts, happened(v, s))
	case call.WhyNotTaken:
		texts = append(texts, v.N("today.what.not-taken", len(s.Children), "Time", v.Moment(s.AsAt, v.Now)))
	case call.WhyChildren:
		texts = append(texts, children(v, i.Concerned))
	case call.WhyFollowUp:
	}
	if !i.FollowUp.IsZero() {
		texts = append(texts, v.T("today.what.follow-up", "Time", v.Moment(i.FollowUp, v.Now)))
	}
	return strings.Join(texts, " ")
}

// happened is what the verdict says but "phone the school", and what the agent
// reports.
func happened(v *web.Visit, s register.School) string {
	var parts []status.Part
	next := s.Verdict.Word.Next()
	for _, p := range s.Verdict.Parts {
		if p.Key != next.Key {
			parts = append(parts, p)
		}
	}
	switch {
	case s.Verdict.Word == status.Held && len(parts) > 0:
		parts = parts[:1] // what it means and what to do next is on the school's page
	case len(parts) == 0:
		parts = append(parts, s.Verdict.Word.Meaning())
	}
	if s.Verdict.Word == status.NotReceived && len(s.Problems) > 0 {
		parts = append(parts, overview.ProblemWords(s.Problems[0]).What...)
	}
	return v.Parts(parts, v.Now)
}

func children(v *web.Visit, list []register.Child) string {
	counts := map[register.State]int{}
	for _, c := range list {
		counts[c.State]++
	}
	var texts []string
	for _, s := range []register.State{register.AbsentNoReason, register.NoMark, register.NotReceived} {
		if counts[s] > 0 {
			texts = append(texts, v.N("today.what."+string(s), counts[s]))
		}
	}
	return strings.Join(texts, " ")
}

// since is since when it is so, as far as it is known.
func since(v *web.Visit, i call.Item) string {
	at := i.School.Verdict.Since
	switch {
	case i.Why == call.WhyNotTaken, i.Why == call.WhyChildren:
		at = i.School.AsAt
	case i.Carried:
		return v.T("today.session.am")
	}
	if at.IsZero() {
		return ""
	}
	return v.Moment(at, v.Now)
}
