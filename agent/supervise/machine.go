package supervise

import (
	"cmp"
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"rollbridge/agent/event"
	"rollbridge/agent/slot"
	"rollbridge/shared/logkey"
	"rollbridge/shared/release"
)

// maxAttempts is how often a version is started while it is on probation.
const maxAttempts = 3

// A disk is the versions directory; slot.Dir is one.
type disk interface {
	There() bool
	State() (slot.State, error)
	Save(slot.State) error
	SetAside() error
	WishFile() (os.FileInfo, error)
	Wished() (slot.Wish, bool, error)
	Floor() (string, error)
	Verify(version string) (release.File, error)
	MarkServed(version string) error
	Served(version string) bool
	Slots() ([]string, error)
	Program(version string) string
	Remove(version string) error
	ClearUnfinished(now time.Time) error
}

// A machine decides which version runs. It belongs to one goroutine. What it
// decides it writes before it acts; where that cannot be written, a version that
// was never in force is not started.
type machine struct {
	disk disk
	// own is the package's own copy of the program, of version.
	own, version string
	// updates says that there are other versions to run than the package's own.
	updates bool
	limits  limits
	log     *slog.Logger
	start   func(program string, metered bool) (*process, error)
	// works is called when a worker says that it is ready, and when it has served
	// its probation.
	works func(run choice)
	// settle is called when a worker was started.
	settle func()

	// now is the time of day, for notes only: nothing is measured by it but for how
	// many days something is kept or skipped.
	now func() time.Time

	state slot.State
	// suspect is the version that was just left for a reason that may lie in this
	// computer, which the next life of the version before shows.
	suspect *slot.Skip
	said    map[string]string // errors by what failed, each said once
	cleaned time.Time         // by time.Now
	// heard is the file of the last wish that was answered.
	heard os.FileInfo
}

// A choice is a program to run.
type choice struct {
	version, path string
	trial         bool // on probation
}

// load reads the state; one that cannot be used is made anew.
func (m *machine) load() {
	m.state = slot.State{Current: m.version}
	if !m.updates {
		return
	}
	s, err := m.disk.State()
	if err != nil {
		m.log.Error("the state of the versions is lost and is made anew", logkey.Event, event.NotReleased, logkey.Error, err.Error())
		m.rebuild()
		return
	}
	changed := s.Current == ""
	s.Current = cmp.Or(s.Current, m.version)
	m.state = s
	packaged, forgot := m.packaged(), m.forgetGone()
	if packaged || forgot || changed {
		m.save("which version the package has brought")
	}
}

// packaged has a package's copy that is newer than what is in force take its
// place: a person installed it. Unless a person went back from that very version.
func (m *machine) packaged() bool {
	skip, skipped := m.state.Skips(m.version, m.now())
	newer := release.Compare(m.version, m.state.Current) > 0 && !(skipped && skip.Reason == slot.Asked)
	if newer {
		from := m.state.Current
		m.enter(m.version, "")
		m.state.Failing = nil
		m.log.Info("a newer version was installed", logkey.Event, event.Updated, logkey.Version, m.version, logkey.Reason, "package", logkey.Previous, from)
	}
	if c := m.state.Candidate; c != nil && release.Compare(c.Version, m.state.Current) <= 0 {
		m.state.Candidate = nil
		return true
	}
	return newer
}

// forgetGone drops what there is no way back to: a package's copy that a newer
// package has overwritten never had a slot.
func (m *machine) forgetGone() bool {
	slots, err := m.disk.Slots()
	if err != nil {
		return false
	}
	n := len(m.state.Previous)
	m.state.Previous = slices.DeleteFunc(m.state.Previous, func(p slot.Past) bool {
		return p.Version != m.version && !slices.Contains(slots, p.Version)
	})
	return len(m.state.Previous) != n
}

// enter makes a version the one in force, and the one that was the newest of
// those before.
func (m *machine) enter(version string, why slot.Reason) {
	now := m.now()
	m.state.Previous = slices.DeleteFunc(m.state.Previous, func(p slot.Past) bool {
		return p.Version == version || p.Version == m.state.Current
	})
	if m.state.Current != version {
		m.state.Previous = slices.Insert(m.state.Previous, 0, slot.Past{Version: m.state.Current, Since: now})
	}
	m.state.Changed = &slot.Change{From: m.state.Current, To: version, Reason: why, At: now}
	m.state.Current = version
}

// rebuild makes a state of what is on disk: the newest version that has served
// its probation here and is what was released, else the package's own. What was
// on probation is left; the updater asks for it again.
func (m *machine) rebuild() {
	m.state = slot.State{Current: m.version}
	if err := m.disk.SetAside(); err != nil {
		m.log.Warn("the lost state could not be kept aside", logkey.Error, err.Error())
	}
	slots, err := m.disk.Slots()
	if err != nil {
		m.log.Error("the versions directory cannot be read", logkey.Error, err.Error())
	}
	now := m.now()
	var past []slot.Past
	for _, v := range slots { // the newest first
		switch {
		case !m.disk.Served(v):
		case release.Compare(v, m.state.Current) > 0 && m.verified(v) == nil:
			m.state.Current, m.state.Changed = v, &slot.Change{To: v, Reason: slot.Unreadable, At: now}
		case release.Compare(v, m.state.Current) < 0:
			past = append(past, slot.Past{Version: v, Since: now})
		}
	}
	if m.state.Previous = past; m.state.Current != m.version {
		m.state.Previous = append(past, slot.Past{Version: m.version, Since: now})
	}
	// What was asked before is not heard twice.
	if w, there, err := m.disk.Wished(); err == nil && there {
		m.state.Heard = slot.Answer{ID: w.ID, Refused: slot.Unreadable}
	}
	m.save("the state that was made anew")
}

// save writes the state and says once if it cannot.
func (m *machine) save(what string) bool {
	return m.say("the state of the versions cannot be written", m.disk.Save(m.state))
}

// say logs an error once, until it is another one or over.
func (m *machine) say(what string, err error) (good bool) {
	switch {
	case err == nil:
		delete(m.said, what)
	case m.said[what] != err.Error():
		m.said[what] = err.Error()
		m.log.Error(what, logkey.Error, err.Error())
	}
	return err == nil
}

// program is the file of a version; the package's own needs no slot.
func (m *machine) program(version string) string {
	if version == m.version {
		return m.own
	}
	return m.disk.Program(version)
}

// verified checks a version as it is on disk now. The package's own copy is what
// runs already.
func (m *machine) verified(version string) error {
	if version == m.version {
		return nil
	}
	_, err := m.disk.Verify(version)
	return err
}

func (m *machine) below(version string) bool {
	return m.state.Floor != "" && release.Compare(version, m.state.Floor) < 0
}

// raise takes over the highest security floor of the signed metadata. A floor
// that nothing reaches yet is no reason to stop what is in force.
func (m *machine) raise() {
	floor, err := m.disk.Floor()
	if err != nil {
		return // what needs the signed list says so
	}
	if release.Compare(floor, m.state.Floor) > 0 {
		m.state.Floor = floor
	}
}

// choose says what to start, and writes before that what must be known after a
// crash.
func (m *machine) choose() choice {
	if !m.updates {
		return choice{version: m.version, path: m.own}
	}
	before := copyOf(m.state)
	m.raise()
	if run, good := m.chooseCandidate(); good {
		return run
	}
	v := m.chooseForce()
	if m.state.Running = v; before.Running != v || before.Floor != m.state.Floor {
		m.save("what is started")
	}
	return choice{version: v, path: m.program(v)}
}

func (m *machine) chooseCandidate() (run choice, good bool) {
	c := m.state.Candidate
	if c == nil {
		return run, false
	}
	v := c.Version
	if c.Attempts >= maxAttempts {
		m.goBack(slot.Attempts, nil)
		return run, false
	}
	if m.below(v) {
		m.goBack(slot.Below, nil)
		return run, false
	}
	if err := m.verified(v); err != nil {
		m.unreleased(v, err)
		m.goBack(reasonOf(err), nil)
		return run, false
	}
	counted := *c
	counted.Attempts++
	m.state.Candidate, m.state.Running = &counted, v
	if !m.save("an attempt") {
		// Not to be counted is not to be started: it would be tried without end.
		m.state.Candidate = nil
		return run, false
	}
	m.log.Info("a version is started on probation", logkey.Version, v, logkey.Attempt, counted.Attempts)
	return choice{version: v, path: m.program(v), trial: true}, true
}

// chooseForce is the version in force, or what takes its place where it cannot
// be started: the newest of those before that is not below the floor, and in the
// last resort the package's own copy.
func (m *machine) chooseForce() string {
	current := m.state.Current
	err := m.verified(current)
	if err == nil {
		return current
	}
	m.unreleased(current, err)
	instead := m.version
	for _, v := range m.before() {
		if !m.below(v) && m.verified(v) == nil {
			instead = v
			break
		}
	}
	switch reason := reasonOf(err); reason {
	case slot.Vanished, slot.Altered:
		// It will not come back by itself: fetched anew, it is a new version.
		m.skip(slot.Skip{Version: current, Reason: reason})
		m.enter(instead, reason)
		m.state.Previous = slices.DeleteFunc(m.state.Previous, func(p slot.Past) bool { return p.Version == current })
		m.state.Failing = nil
		m.save("what takes the place of a program that is gone")
	}
	return instead
}

// before are the versions to go back to, the newest first; the package's own is
// always one.
func (m *machine) before() []string {
	var list []string
	for _, p := range m.state.Previous {
		list = append(list, p.Version)
	}
	if m.version != m.state.Current && !slices.Contains(list, m.version) {
		list = append(list, m.version)
	}
	slices.SortStableFunc(list, func(a, b string) int { return release.Compare(b, a) })
	return list
}

// unreleased says that a version on disk is not started.
func (m *machine) unreleased(version string, err error) {
	if m.said[version] == err.Error() {
		return
	}
	m.said[version] = err.Error()
	m.log.Error("a version on disk is not started", logkey.Event, event.NotReleased,
		logkey.Version, version, logkey.Reason, string(reasonOf(err)), logkey.Error, err.Error())
}

func reasonOf(err error) slot.Reason {
	switch {
	case errors.Is(err, slot.ErrVanished):
		return slot.Vanished
	case errors.Is(err, slot.ErrAltered):
		return slot.Altered
	case errors.Is(err, slot.ErrNotReleased):
		return slot.NotReleased
	case errors.Is(err, slot.ErrNoProof):
		return slot.NoProof
	}
	return slot.Unreadable
}

// skip has a version not tried again.
func (m *machine) skip(k slot.Skip) {
	m.unskip(k.Version)
	k.Since = m.now()
	m.state.Skipped = append(m.state.Skipped, k)
	if n := len(m.state.Skipped) - maxSkipped; n > 0 {
		m.state.Skipped = slices.Delete(m.state.Skipped, 0, n)
	}
}

// copyOf is a state to go back to: nothing in it changes with s.
func copyOf(s slot.State) slot.State {
	s.Previous, s.Skipped, s.Failing = slices.Clone(s.Previous), slices.Clone(s.Skipped), slices.Clone(s.Failing)
	if s.Candidate != nil {
		c := *s.Candidate
		s.Candidate = &c
	}
	return s
}

// maxSkipped bounds the list; the oldest go first.
const maxSkipped = 100

func (m *machine) unskip(version string) {
	m.state.Skipped = slices.DeleteFunc(m.state.Skipped, func(k slot.Skip) bool { return k.Version == version })
}

// goBack leaves the version on probation for the one in force.
func (m *machine) goBack(why slot.Reason, said []string) {
	c := m.state.Candidate
	k := slot.Skip{Version: c.Version, Reason: why, Said: said}
	m.state.Candidate = nil
	m.skip(k)
	m.state.Changed = &slot.Change{From: c.Version, To: m.state.Current, Reason: why, At: m.now()}
	m.save("a return")
	m.log.Error("a new version was left for the one before", logkey.Event, event.WentBack,
		logkey.Version, m.state.Current, logkey.Previous, c.Version, logkey.Reason, string(why), logkey.Attempt, c.Attempts)
	m.suspect = nil
	switch why {
	case slot.Ended, slot.NotReady, slot.SelfTest:
		m.suspect = &k
	}
}

// commit makes the version on probation the one in force.
func (m *machine) commit(version string, said []string) bool {
	if version != m.version && !m.say("a version cannot be taken over", m.disk.MarkServed(version)) {
		return false
	}
	old := copyOf(m.state)
	m.enter(version, "")
	m.state.Candidate, m.state.Failing = nil, said
	if !m.save("a version in force") {
		m.state = old
		return false
	}
	m.suspect = nil
	m.log.Info("a new version is in force", logkey.Event, event.Updated, logkey.Version, version, logkey.Previous, old.Current)
	m.clean()
	return true
}

// clean deletes what is neither in force, running, on probation, kept, asked for
// nor newer and still to be tried, as it is on disk now.
func (m *machine) clean() {
	if !m.updates {
		return
	}
	m.cleaned = time.Now()
	now := m.now()
	kept := m.state.Previous[:0:0]
	for _, p := range m.state.Previous {
		// A clock that was set back keeps it; the newest is kept whatever its age.
		if len(kept) == 0 || now.Sub(p.Since) < m.limits.keep {
			kept = append(kept, p)
		}
	}
	if len(kept) != len(m.state.Previous) {
		old := m.state.Previous
		if m.state.Previous = kept; !m.save("what is kept") {
			m.state.Previous = old
			return
		}
	}
	slots, err := m.disk.Slots()
	if err != nil {
		return // tried again at the next start
	}
	wish, _, wishErr := m.disk.Wished()
	for _, v := range slots {
		skip, skipped := m.state.Skips(v, now)
		switch {
		case v == m.state.Current, v == m.state.Running, m.state.OnProbation(v), wishErr != nil, v == wish.Version && wish.ID != m.state.Heard.ID:
		case slices.ContainsFunc(m.state.Previous, func(p slot.Past) bool { return p.Version == v }):
		case release.Compare(v, m.state.Current) > 0 && (!skipped || skip.Reason == slot.Asked): // who left it may insist
		default:
			m.say("an old version could not be deleted", m.disk.Remove(v))
		}
	}
	m.say("what was left unfinished could not be deleted", m.disk.ClearUnfinished(now))
}

// isReady notes what the self-test of a version in force said: what failed there
// already is no reason to leave the next one.
func (m *machine) isReady(run choice, took time.Duration, said []string) {
	if run.trial {
		return
	}
	said = slices.Compact(slices.Sorted(slices.Values(said)))
	if k := m.suspect; k != nil {
		same := k.Reason == slot.NotReady && took > m.limits.ready ||
			k.Reason == slot.SelfTest && !slices.ContainsFunc(k.Said, func(s string) bool { return !slices.Contains(said, s) })
		m.clear(same)
	}
	if run.version == m.state.Current && !slices.Equal(said, m.state.Failing) {
		m.state.Failing = said
		m.save("what the self-test said")
	}
}

// clear is told whether the version before failed just as the one that was left
// for it: then the reason lies in this computer, and tomorrow may be better.
func (m *machine) clear(same bool) {
	k := m.suspect
	m.suspect = nil
	if k == nil || !same {
		return
	}
	m.skip(slot.Skip{Version: k.Version, Reason: slot.Here, Said: k.Said})
	m.save("that a version is not to blame")
	m.log.Warn("the version before fails in the same way, so the new one is tried again tomorrow", logkey.Version, k.Version, logkey.Reason, string(k.Reason))
}
