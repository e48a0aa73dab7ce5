package supervise

import (
	"os"
	"slices"

	"rollbridge/agent/event"
	"rollbridge/agent/slot"
	"rollbridge/shared/logkey"
	"rollbridge/shared/release"
)

// hear looks at what is asked. It says whether another program is to run than
// the one that does. A wish is answered in the same write that grants it, so that
// it is granted once; while a version is on probation another has to wait.
func (m *machine) hear(running choice) (other bool) {
	if !m.updates {
		return false
	}
	file, err := m.disk.WishFile()
	if err != nil || m.heard != nil && os.SameFile(file, m.heard) && file.Size() == m.heard.Size() && file.ModTime().Equal(m.heard.ModTime()) {
		return false
	}
	w, there, err := m.disk.Wished()
	if !m.say("what is asked of the supervisor cannot be read", err) || !there {
		return false
	}
	if w.ID == m.state.Heard.ID {
		m.heard = file
		return false
	}
	old := copyOf(m.state)
	m.state.Heard = slot.Answer{ID: w.ID}
	switch {
	case w.Back:
		other = m.back(w, running)
	case m.state.Candidate != nil && m.state.Candidate.Version != w.Version:
		m.state = old
		return false
	default:
		other = m.apply(w, running)
	}
	if m.state.Heard.Refused != "" {
		m.log.Warn("what was asked of the supervisor was refused", logkey.Reason, string(m.state.Heard.Refused), logkey.Version, w.Version)
	}
	if !m.save("an answer") {
		m.state = old // asked again at the next look
		return false
	}
	if w.Back && other {
		m.log.Warn("a version was left for the one before, as was asked", logkey.Event, event.WentBack,
			logkey.Version, m.state.Current, logkey.Previous, w.From, logkey.Reason, string(slot.Asked))
		m.suspect = nil
	}
	return other
}

// apply puts a version on probation, if it may be.
func (m *machine) apply(w slot.Wish, running choice) (other bool) {
	v := w.Version
	refuse := func(r slot.Reason) bool {
		m.state.Heard.Refused = r
		return false
	}
	if release.Valid(v) != nil {
		return refuse(slot.NotReleased)
	}
	if m.state.OnProbation(v) || v == m.state.Current {
		return v != running.version // it may be asked for because something stands in for it
	}
	if release.Compare(v, m.state.Current) < 0 {
		return refuse(slot.Older)
	}
	if _, skipped := m.state.Skips(v, m.now()); skipped && !w.Insist {
		return refuse(slot.Skipped)
	}
	m.raise()
	if m.below(v) {
		return refuse(slot.Below)
	}
	if err := m.verified(v); err != nil {
		m.unreleased(v, err)
		reason := reasonOf(err)
		if reason == slot.Vanished || reason == slot.Altered {
			// Whatever takes it away would take it again: it is not fetched at every look.
			m.skip(slot.Skip{Version: v, Reason: reason})
		}
		return refuse(reason)
	}
	m.unskip(v)
	m.state.Candidate = &slot.Candidate{Version: v, Since: m.now()}
	return true
}

// back leaves what runs for the version before. What was left already is not left
// again.
func (m *machine) back(w slot.Wish, running choice) (other bool) {
	from := m.state.Current
	if c := m.state.Candidate; c != nil {
		from = c.Version
	}
	if w.From != from {
		return false
	}
	if m.state.Candidate != nil {
		m.state.Candidate = nil
		m.skip(slot.Skip{Version: from, Reason: slot.Asked})
		m.state.Changed = &slot.Change{From: from, To: m.state.Current, Reason: slot.Asked, At: m.now()}
		return true
	}
	m.raise()
	refused := slot.NoPrevious
	for _, v := range m.before() {
		if release.Compare(v, from) >= 0 {
			continue
		}
		if m.below(v) {
			refused = slot.Below
			continue
		}
		if err := m.verified(v); err != nil {
			m.unreleased(v, err)
			refused = reasonOf(err)
			continue
		}
		m.skip(slot.Skip{Version: from, Reason: slot.Asked})
		m.enter(v, slot.Asked)
		// What was left is not what is gone back to next.
		m.state.Previous = slices.DeleteFunc(m.state.Previous, func(p slot.Past) bool { return p.Version == from })
		m.state.Failing = nil
		return v != running.version
	}
	m.state.Heard.Refused = refused
	return false
}
