package update

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// A Status is how the program stands. Its JSON is a contract with scripts.
type Status struct {
	// Version is the one that runs.
	Version string `json:"version"`
	// Off says that no updates are looked for.
	Off protocol.UpdateOff `json:"off,omitempty"`
	// Text says in a sentence how things stand, Next what to do, "" for nothing.
	Text string `json:"text"`
	Next string `json:"next,omitempty"`
	// Repository is the host that is asked, Checked when it was last proved.
	Repository string       `json:"repository,omitempty"`
	Checked    time.Time    `json:"checked,omitzero"`
	Ring       release.Ring `json:"ring,omitempty"`
	Window     string       `json:"window,omitempty"`
	HoldDays   int          `json:"hold_days,omitempty"`
	// Offered is the version that the school may have next, nil for none; Wait why
	// it does not run yet, and Until when that ends by itself.
	Offered *Offer              `json:"offered,omitempty"`
	Wait    protocol.UpdateWait `json:"waiting,omitempty"`
	Until   time.Time           `json:"until,omitzero"`
	// Newest is the newest version of all, where another than Offered.
	Newest string `json:"newest,omitempty"`
	// Problem is why the last check or download came to nothing.
	Problem *Problem `json:"problem,omitempty"`
	// Probation says that Version is still being tried; Previous is what it would
	// go back to, Skipped what failed here.
	Probation bool        `json:"probation,omitempty"`
	Previous  string      `json:"previous,omitempty"`
	Skipped   []slot.Skip `json:"skipped,omitempty"`
	// Metadata and Root are versions of what was proved, Ends when people must have
	// signed anew.
	Metadata int64     `json:"metadata,omitempty"`
	Root     int64     `json:"root,omitempty"`
	Ends     time.Time `json:"ends,omitzero"`
	Floor    string    `json:"security_floor,omitempty"`
}

// An Offer is a version that the school may have.
type Offer struct {
	Version   string    `json:"version"`
	Published time.Time `json:"published"`
	// Security marks what a school should not hold back.
	Security bool   `json:"security,omitempty"`
	Notes    string `json:"notes,omitempty"`
	// Scope says that its profiles and datasets differ from those of what runs.
	// Nothing more leaves by that.
	Scope bool `json:"data_scope_changed,omitempty"`
	// Staged says that it is here and complete.
	Staged bool `json:"staged,omitempty"`
}

// A Problem is a Fault as it is kept.
type Problem struct {
	Kind  protocol.UpdateProblem `json:"kind"`
	Text  string                 `json:"text"`
	Since time.Time              `json:"since"`
}

// Status says how things stand, by what is kept; it asks nobody.
func (u *Updater) Status() Status { return u.status("") }

func (u *Updater) status(asked string) Status {
	st := Status{Version: u.running, Off: u.Off(), Ring: u.o.Ring, Window: u.o.Window.String(), HoldDays: u.o.HoldDays}
	if u.o.Dir.There() {
		u.supervised(&st)
	}
	if st.Off != "" {
		st.Text, st.Next = u.offText(st.Off)
		return st
	}
	m, lost := recall(u.o.Dir)
	if errors.Is(lost, fs.ErrPermission) {
		st.Text, st.Next = "this account may not look how the program is kept current", "run the command as an administrator or as the service's own user"
		return st
	}
	st.Repository, st.Checked, st.Problem, st.Floor = u.host(), m.Checked, m.trouble(), m.Floor
	st.Metadata, st.Root, st.Ends = m.Marks.Timestamp, m.Marks.Root, earlier(m.RootEnds, m.TargetsEnds)
	proof, err := u.proof()
	if err != nil || m.Checked.IsZero() {
		st.Text = "no update was looked for yet"
		st.trouble()
		return st
	}
	d := Decide(u.facts(m, proof, asked))
	st.Wait, st.Until, st.Newest = d.Wait, d.Until, d.Newest
	if d.Offered != nil {
		o := Offer{Version: d.Offered.Version, Published: d.Offered.Published, Security: d.Offered.Security, Notes: d.Offered.Notes, Scope: d.Scope}
		o.Staged = slot.Same(u.o.Dir.Program(o.Version), *d.Offered) == nil
		st.Offered = &o
		if d.Wait == "" {
			st.Wait = protocol.UpdateWaitDownload
			if o.Staged {
				st.Wait = protocol.UpdateWaitSupervise
			}
		}
	}
	st.word(d)
	st.trouble()
	return st
}

// supervised takes over what the supervisor knows.
func (u *Updater) supervised(st *Status) {
	state, err := u.o.Dir.State()
	if err != nil {
		return
	}
	now := u.now()
	st.Previous, st.Probation = state.Back(), state.OnProbation(u.running)
	for _, s := range state.Skipped {
		if s.Holds(now) {
			st.Skipped = append(st.Skipped, s)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (u *Updater) offText(off protocol.UpdateOff) (text, next string) {
	switch off {
	case protocol.UpdateOffBuild:
		return "this program was not built as a release, so it is not kept current by itself", ""
	case protocol.UpdateOffPlace:
		return fmt.Sprintf("there is no directory %s beside the program, so it is not kept current by itself", filepath.Base(u.o.Dir.Path)),
			"install the package, or run `rollbridge-agent service install`, which makes it"
	case protocol.UpdateOffSetting:
		return "updates.url is none: whoever looks after this computer replaces the program", ""
	}
	return "nothing says where to look for updates", "set updates.url, or enrol the school: then its collector is asked"
}

// word says in a sentence what was decided.
func (st *Status) word(d Decision) {
	if d.Offered == nil {
		st.Text = fmt.Sprintf("version %s runs, and is the newest for this computer", st.Version)
		if d.Wait == protocol.UpdateWaitPlatform {
			st.Text = fmt.Sprintf("version %s runs; there is a newer one, which is not made for this kind of computer (%s, %s)", st.Version, runtime.GOOS, runtime.GOARCH)
		}
		return
	}
	v := "version " + d.Offered.Version
	if d.Offered.Security {
		v += ", a security fix,"
	}
	const now = "`rollbridge-agent update apply` takes it now"
	switch st.Wait {
	case protocol.UpdateWaitRollout:
		st.Text = v + " is there, and the operator has not let it go as far as this computer"
	case protocol.UpdateWaitHold:
		st.Text, st.Next = fmt.Sprintf("%s is there, and the school's hold (updates.hold_days) keeps it back until %s", v, day(d.Until)), now
	case protocol.UpdateWaitWindow:
		st.Text, st.Next = fmt.Sprintf("%s waits for the school's window (updates.window), which opens on %s", v, minute(d.Until)), now
	case protocol.UpdateWaitMorning:
		st.Text, st.Next = fmt.Sprintf("%s waits until %s, because nothing is replaced on the morning of a school day", v, minute(d.Until)), now
	case protocol.UpdateWaitTrial:
		st.Text = fmt.Sprintf("%s waits until version %s, which was started only just now, has proved itself", v, st.Version)
	case protocol.UpdateWaitSkipped:
		st.Text = fmt.Sprintf("%s was left before (%s) and is not tried again by itself", v, reasonText(slot.Reason(d.Reason)))
		st.Next = fmt.Sprintf("wait for the next version; `rollbridge-agent update apply %s` tries this one again", d.Offered.Version)
	case protocol.UpdateWaitSystem:
		st.Text = fmt.Sprintf("%s needs a newer Windows (build %d), and this computer stays at version %s", v, d.Least, st.Version)
		st.Next = "have Windows upgraded: without it no fixes come any more"
	case protocol.UpdateWaitState:
		st.Text = v + " cannot be taken from this one in one step"
		st.Next = "tell the collector's operator: no version in between is there"
		if d.Needed != "" {
			st.Text = fmt.Sprintf("%s can be taken only when version %s runs, which comes first", v, d.Needed)
			st.Next = ""
		}
	case protocol.UpdateWaitFloor:
		st.Text = v + " is no longer safe, and a safe one is not to be had"
		st.Next = "tell the collector's operator"
	case protocol.UpdateWaitDownload:
		st.Text = v + " is there and is fetched at the next check"
	case protocol.UpdateWaitSupervise:
		st.Text = v + " is ready, and is started by the service"
	}
	if d.Newest != "" {
		st.Text += fmt.Sprintf("; %s is newer still, and cannot be had yet", d.Newest)
	}
	if d.Scope {
		st.Text += "; its profiles or kinds of records differ from those of now, and nothing more leaves by that: it waits for `rollbridge-agent scope accept`"
	}
}

// trouble puts what is in the way first where it hides how things stand.
func (st *Status) trouble() {
	if st.Problem == nil {
		return
	}
	st.Next = ""
	st.Text = fmt.Sprintf("%s (since %s)", st.Problem.Text, minute(st.Problem.Since))
}

// reasonTexts say why a version was left.
var reasonTexts = map[slot.Reason]string{
	slot.Ended: "it ended before it was ready", slot.Crashed: "it crashed again and again", slot.NotReady: "it was not ready in time",
	slot.SelfTest: "it could not use the school's data", slot.Silent: "it no longer answered", slot.Unchecked: "it no longer looked for updates",
	slot.Flooding: "it wrote without end", slot.Attempts: "the computer went down each time", slot.Unstartable: "the system does not start it",
	slot.Asked: "a person asked for the version before", slot.Vanished: "its file was gone, which is most often the antivirus",
	slot.Altered: "its file was changed", slot.NotReleased: "it is on no list of releases", slot.NoProof: "the list of releases could not be used",
	slot.Unreadable: "its file could not be read", slot.Below: "it is below the security floor", slot.Older: "it is older than what runs",
	slot.Skipped: "it failed here before", slot.NoPrevious: "there is none before it", slot.Here: "it fails for a reason that lies in this computer",
}

// ReasonText says in words why a version was left or not started.
func ReasonText(r slot.Reason) string { return reasonText(r) }

func reasonText(r slot.Reason) string {
	if text, known := reasonTexts[r]; known {
		return text
	}
	return string(r)
}

// reportAge is how old a report may be: many schools of one computer check in.
const reportAge = time.Minute

// Report is what a check-in says of the program.
func (u *Updater) Report() *protocol.Update {
	u.reporting.Lock()
	defer u.reporting.Unlock()
	if u.report == nil || time.Since(u.reported) > reportAge {
		u.report, u.reported = u.newReport(), time.Now()
	}
	r := *u.report
	return &r
}

func (u *Updater) newReport() *protocol.Update {
	st := u.Status()
	r := &protocol.Update{Ring: string(st.Ring), Off: st.Off, Metadata: st.Metadata, Root: st.Root, Checked: whole(st.Checked),
		Waiting: st.Wait, Until: whole(st.Until), Floor: st.Floor, Previous: st.Previous, Probation: st.Probation}
	if st.Offered != nil {
		r.Offered = st.Offered.Version
	}
	if st.Problem != nil {
		r.Problem, r.Since = st.Problem.Kind, whole(st.Problem.Since)
	}
	for _, s := range st.Skipped[max(0, len(st.Skipped)-protocol.MaxUpdateSkips):] {
		r.Skipped = append(r.Skipped, protocol.UpdateSkip{Version: s.Version, Reason: string(s.Reason), Since: whole(s.Since)})
	}
	return r
}

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
