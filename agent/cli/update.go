package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/agent/control"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/agent/update"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// askUpdate has the service look for a version, or bring one.
const askUpdate = "update"

// An updateRequest is what askUpdate is asked: only to look, or to bring Version
// (update.AskedNewest for the newest).
type updateRequest struct {
	Apply   bool   `json:"apply"`
	Version string `json:"version,omitempty"`
}

// An updateAnswer is its answer. Fault and Kind are why it came to nothing.
type updateAnswer struct {
	update.Advanced
	Fault string                 `json:"fault,omitempty"`
	Kind  protocol.UpdateProblem `json:"kind,omitempty"`
	// Refused says that it was not even tried.
	Refused bool `json:"refused,omitempty"`
}

func (p *program) update() *cobra.Command {
	c := &cobra.Command{
		Use:   "update",
		Short: "Look for newer versions of this program, take one, or go back",
		Long: `The service keeps the program current by itself: it takes what the operator has released and
signed, in the school's window and after its hold (updates in agent.yaml), never on the
morning of a school day, and goes back by itself when a new version fails. These commands are
for looking at it, and for a person who does not want to wait.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.updateCheck(), p.updateApply(), p.updateRollback())
	return c
}

// updateFlags are those of all commands of update.
type updateFlags struct {
	asJSON  bool
	schools string
}

func (f *updateFlags) on(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&f.asJSON, "json", false, "print how things stand as JSON")
	c.Flags().StringVar(&f.schools, "schools", "", "on a computer of many schools: the `directory` with one data directory for each")
	return c
}

func (p *program) updateCheck() *cobra.Command {
	var flags updateFlags
	return flags.on(&cobra.Command{
		Use:   "check",
		Short: "Look for a newer version now; nothing is fetched or replaced",
		Long: `Asks the repository of releases for its signed list and says which version runs, which may
come next and why it does not run yet. Nothing is sent but the question.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			answer, err := p.asked(c.Context(), flags, updateRequest{})
			if err != nil {
				return err
			}
			if err := p.showUpdate(answer.Status, flags.asJSON); err != nil {
				return err
			}
			return answer.err()
		},
	})
}

func (p *program) updateApply() *cobra.Command {
	var flags updateFlags
	return flags.on(&cobra.Command{
		Use:   "apply [VERSION]",
		Short: "Take the newest version, or this one, now",
		Long: `Fetches the newest version that the operator lets this computer have, checks it against what
was signed, puts it beside the running one and has the service start it. The school's window
and hold do not count, as a person has asked. If it fails within its first ten minutes, the
service goes back by itself. With VERSION one that failed here before is tried again.`,
		Example: `  rollbridge-agent update apply
  rollbridge-agent update apply 1.4.0`,
		Args: arguments(0, 1, "give one version, or none for the newest"),
		RunE: func(c *cobra.Command, args []string) error {
			wanted := updateRequest{Apply: true, Version: update.AskedNewest}
			if len(args) == 1 {
				if err := release.Valid(args[0]); err != nil {
					return usageError{err}
				}
				wanted.Version = args[0]
			}
			return p.applyUpdate(c.Context(), flags, wanted)
		},
	})
}

func (p *program) applyUpdate(ctx context.Context, flags updateFlags, wanted updateRequest) error {
	answer, err := p.asked(ctx, flags, wanted)
	if err != nil {
		return err
	}
	st := answer.Status
	if answer.Wish == nil {
		if err := p.showUpdate(st, flags.asJSON); err != nil {
			return err
		}
		if err := answer.err(); err != nil {
			return err
		}
		if st.Offered == nil && wanted.Version == update.AskedNewest {
			return nil // the newest runs
		}
		text := st.Text
		if st.Offered == nil {
			text = fmt.Sprintf("there is no version %s for this computer that is newer than %s, which runs; `rollbridge-agent update rollback` goes back", wanted.Version, st.Version)
		}
		return &school.Fault{Kind: school.Refused, Text: "nothing was replaced: " + text}
	}
	if !flags.asJSON {
		p.note("version %s is here and complete", answer.Version)
	}
	return p.awaitSupervisor(ctx, answer.Wish.ID, answer.Version, flags)
}

func (p *program) updateRollback() *cobra.Command {
	var flags updateFlags
	return flags.on(&cobra.Command{
		Use:   "rollback",
		Short: "Go back to the version before",
		Long: `Has the service start the version before the present one again. The present one is then not
taken again by itself; ` + "`update apply VERSION`" + ` takes it after all. It works without a network,
whether or not the present version still works.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cur, err := p.currency(flags.schools)
			if err != nil {
				return err
			}
			id, to, err := cur.Back()
			switch {
			case errors.Is(err, update.ErrOff):
				return updateRefused(cur.Status().Text)
			case errors.Is(err, update.ErrNoPrevious):
				return updateRefused(err.Error())
			case err != nil:
				return rightsOf(err)
			}
			return p.awaitSupervisor(c.Context(), id, to, flags)
		},
	})
}

func updateRefused(text string) error { return &school.Fault{Kind: school.Refused, Text: text} }

// rightsOf words that a command may not do it.
func rightsOf(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return updateRefused("you may not replace the program: run the command as an administrator or as the service's own user")
	}
	return err
}

// err is why it came to nothing.
func (a updateAnswer) err() error {
	if a.Fault == "" {
		return nil
	}
	kind := school.Failed
	switch a.Kind {
	case protocol.UpdateUnreachable, protocol.UpdateProxy, protocol.UpdateTLS, protocol.UpdateRefused, protocol.UpdateNotMetadata,
		protocol.UpdateTooSlow, protocol.UpdateClock:
		kind = school.Unreachable
	}
	if a.Refused {
		kind = school.Refused
	}
	return &school.Fault{Kind: kind, Text: a.Fault}
}

// asked has the running service do it, whose account and network are those that
// count, or does it where none runs.
func (p *program) asked(ctx context.Context, flags updateFlags, wanted updateRequest) (updateAnswer, error) {
	var answer updateAnswer
	cur, err := p.currency(flags.schools)
	if err != nil {
		return answer, err
	}
	for _, dir := range cur.dirs() {
		err := control.NewClient(dir).Call(ctx, askUpdate, 0, wanted, &answer)
		no, _ := errors.AsType[*control.Refusal](err)
		switch {
		case errors.Is(err, control.ErrNoService):
			continue
		case errors.Is(err, fs.ErrPermission):
			return answer, updateRefused("you may not speak to the service: run the command as an administrator or as the service's own user")
		case no != nil:
			return answer, &school.Fault{Kind: school.Kind(no.Code), Text: no.Text}
		}
		return answer, err
	}
	defer cur.lookInto(ctx, p)()
	answer = cur.do(ctx, wanted)
	if answer.Wish != nil {
		if err := cur.Ask(*answer.Wish); err != nil {
			return answer, rightsOf(err)
		}
	}
	return answer, nil
}

// lookInto opens the schools, which no service has open, to learn where their
// collectors are.
func (c *currency) lookInto(ctx context.Context, p *program) (closed func()) {
	var all []func()
	for _, dir := range c.dirs() {
		if _, there := school.Enrolled(dir); !there {
			continue
		}
		s, err := school.Open(ctx, settingsIn(dir), school.Options{})
		if err != nil {
			continue // in use, or damaged: what is remembered serves
		}
		forget := c.opened(dir, s)
		all = append(all, func() {
			forget()
			_ = s.Close()
		})
	}
	return func() {
		for _, f := range all {
			f()
		}
	}
}

// settingsIn are enough to open a school for its collector's address.
func settingsIn(dir string) settings.Settings {
	set := settings.Defaults()
	set.DataDir = filepath.Clean(dir)
	return set
}

// do does what a command asks.
func (c *currency) do(ctx context.Context, wanted updateRequest) updateAnswer {
	var a updateAnswer
	var err error
	if wanted.Apply {
		a.Advanced, err = c.Advance(ctx, wanted.Version)
	} else {
		a.Status, err = c.Check(ctx, "")
	}
	fault, _ := errors.AsType[*update.Fault](err)
	switch {
	case err == nil:
	case fault != nil:
		a.Fault, a.Kind = fault.Error(), fault.Kind
	case errors.Is(err, update.ErrOff):
		a.Fault, a.Refused = a.Status.Text, true
		if a.Status.Next != "" {
			a.Fault += "; " + a.Status.Next
		}
	case errors.Is(err, update.ErrSilent):
		a.Fault, a.Refused = err.Error(), true
	case errors.Is(err, context.Canceled):
		a.Fault = "it was broken off, because the service stopped or starts another version; `rollbridge-agent update check` says how things stand"
	default:
		a.Fault = err.Error()
	}
	return a
}

// answerUpdate does for a command what the service does better: it has the
// account and the network that count.
func (s *worker) answerUpdate(ctx context.Context, in json.RawMessage) (any, error) {
	wanted, err := decode[updateRequest](in)
	if err != nil {
		return nil, err
	}
	if s.current == nil {
		return nil, &control.Refusal{Code: string(school.Refused), Text: "the service looks for no updates, because the settings of updates cannot be used"}
	}
	a := s.current.do(ctx, wanted)
	s.current.askLater(a.Advanced)
	return a, nil
}

// heardWithin is how long a supervisor may take to hear of a wish.
const heardWithin = 30 * time.Second

// awaitSupervisor says what the supervisor does with a wish.
func (p *program) awaitSupervisor(ctx context.Context, id, version string, flags updateFlags) error {
	dir := update.Default().Dir
	heard := false
	for end := time.Now().Add(heardWithin); !heard && time.Now().Before(end) && ctx.Err() == nil; wait(ctx, 200*time.Millisecond) {
		state, err := dir.State()
		if err != nil || state.Heard.ID != id {
			continue
		}
		heard = true
		if state.Heard.Refused != "" {
			return updateRefused(fmt.Sprintf("version %s is not started: %s", version, update.ReasonText(state.Heard.Refused)))
		}
	}
	if flags.asJSON {
		cur, err := p.currency(flags.schools)
		if err != nil {
			return err
		}
		return p.printJSON(cur.Status())
	}
	if !heard {
		p.printf("Version %s is started as soon as the service runs: see `rollbridge-agent service status`.\n", version)
		return nil
	}
	p.printf("The service starts version %s. `rollbridge-agent update check` shows in ten minutes whether it stayed.\n", version)
	return nil
}

// showUpdate prints how the program stands.
func (p *program) showUpdate(st update.Status, asJSON bool) error {
	if asJSON {
		return p.printJSON(st)
	}
	line := func(name, format string, args ...any) { p.printf("%-16s%s\n", name+":", fmt.Sprintf(format, args...)) }
	line("Version", "%s", runningText(st))
	line("Updates", "%s", sentence(st.Text))
	if st.Next != "" {
		line("Next step", "%s", st.Next)
	}
	if o := st.Offered; o != nil {
		kind := "release"
		if o.Security {
			kind = "security fix"
		}
		line("Next version", "%s, a %s of %s", o.Version, kind, o.Published.Local().Format("2 January 2006"))
		if o.Notes != "" {
			line("Notes", "%s", o.Notes)
		}
		data := "no; what leaves stays the same"
		if o.Scope {
			data = "yes; nothing more leaves until `rollbridge-agent scope accept`"
		}
		line("Data changed", "%s", data)
	}
	for _, s := range st.Skipped {
		line("Left out", "version %s since %s: %s", s.Version, when(s.Since), update.ReasonText(s.Reason))
	}
	if st.Previous != "" {
		line("Version before", "%s; `rollbridge-agent update rollback` goes back to it", st.Previous)
	}
	if !st.Checked.IsZero() {
		line("Looked", "%s, at %s", when(st.Checked), st.Repository)
	}
	if st.Off == "" {
		line("Ring", "%s", st.Ring)
		line("Window", "%s", windowText(st))
	}
	return nil
}

func runningText(st update.Status) string {
	if st.Probation {
		return st.Version + ", in its first ten minutes: if it fails, the service goes back by itself"
	}
	return st.Version
}

func windowText(st update.Status) string {
	text := "any time"
	if st.Window != "" {
		text = st.Window
	}
	text += ", but never from 05:00 to 12:00 on a day from Monday to Friday"
	if st.HoldDays > 0 {
		text += fmt.Sprintf("; each release is held for %d days", st.HoldDays)
	}
	return text
}

// versionLine is the part of `status` on the program.
func versionLine(st *update.Status) (text string, worth bool) {
	if st == nil {
		return "", false
	}
	switch st.Off {
	case protocol.UpdateOffBuild, protocol.UpdateOffPlace:
		return "", false // a build in a checkout, or a program that somebody else looks after
	}
	return st.Text, true
}
