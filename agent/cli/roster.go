package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/agent/evidence"
	"rollbridge/agent/mis"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/shared/protocol"
)

func (p *program) roster() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "roster",
		Short: "Children whom an authority looks after and the MIS does not mark",
		Long: `An authority may tell the school which of its pupils it looks after (its roster). Counts them,
as the last read of the MIS found them. A pupil whom the MIS does not mark waits: nothing of
that pupil is sent until a person at the school says so with roster accept.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			r, err := either(c.Context(), set, askRoster, nil, func(s *school.School) (school.RosterReport, error) { return s.Roster(c.Context()) })
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(r)
			}
			p.showRoster(r)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	c.AddCommand(p.rosterList(), p.rosterWord(accepting), p.rosterWord(withdrawing))
	return c
}

func (p *program) showRoster(r school.RosterReport) {
	if !r.Held {
		p.printf("No roster is held: no authority has sent one, or the collector was not reached since the start.\n")
	}
	for _, code := range slices.Sorted(maps.Keys(r.Children)) {
		p.printf("%s%s: %d children on the roster at this school\n", code, named(r.Names[code]), r.Children[code])
	}
	for _, u := range r.Use {
		p.printf("%s at the last read (%s): %d wait for a yes, %d sent by the roster (%d of them accepted here), %d not found\n",
			u.Authority, when(r.Read), u.Waiting, u.Sent, u.Accepted, u.NotFound)
	}
	if r.Held && len(r.Children) > 0 && len(r.Use) == 0 {
		p.printf("The last read was without the roster, or this MIS's profile cannot look pupils up by UPN.\n")
	}
	p.printf("Accepted by the school: %d\n", r.Accepted)
}

func named(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

func (p *program) rosterList() *cobra.Command {
	var reveal bool
	c := &cobra.Command{
		Use:   "list",
		Short: "Read the MIS now and show who waits",
		Long: `Shows the pupils who are on an authority's roster and whom the MIS does not mark, numbered. Names
and UPNs are shortened unless --reveal is given; the output is personal data, and nothing of it is kept.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			waiting, err := waitingOf(c.Context(), set)
			if err != nil {
				return err
			}
			if len(waiting) == 0 {
				p.printf("Nobody waits: the MIS marks every pupil here who is on a roster, or they are not here.\n")
				return nil
			}
			for i, w := range waiting {
				p.printf("%s\n", waitingLine(i+1, w, reveal))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&reveal, "reveal", false, "show names and UPNs in full")
	return c
}

func waitingOf(ctx context.Context, set settings.Settings) ([]mis.Waiting, error) {
	return either(ctx, set, askRosterList, nil, func(s *school.School) ([]mis.Waiting, error) {
		waiting, err := s.RosterWaiting(ctx)
		return append([]mis.Waiting{}, waiting...), err
	})
}

// waitingLine is enough to tell pupils apart who are known anyway; the rest is
// for whoever asks to see it.
func waitingLine(n int, w mis.Waiting, reveal bool) string {
	state := "waits"
	if w.Accepted {
		state = "accepted"
	}
	if reveal {
		return fmt.Sprintf("%3d  %s, %s  born %s  UPN %s  authority %s  %s", n, w.Surname, w.Forename, w.DOB, w.UPN, w.Authority, state)
	}
	return fmt.Sprintf("%3d  %s %s  UPN %s  authority %s  %s", n, evidence.Mask(w.Forename), evidence.Mask(w.Surname), evidence.Mask(w.UPN), w.Authority, state)
}

// A word is what a person says about one child.
type word struct {
	use, short, long, ask, question, done string
	// among are the pupils who can be chosen by their number.
	among func(mis.Waiting) bool
	say   func(context.Context, *school.School, school.RosterChoice) (string, error)
}

var (
	accepting = word{
		use: "accept", short: "Let a pupil on a roster be sent although the MIS does not mark the pupil", ask: askRosterAccept,
		long: `Shows who waits and asks for one of them, by number or UPN, on standard input: never as an argument,
so that it stays out of shell histories and process lists. From the next sync on the pupil is sent,
with the datasets and fields that the school allowed that authority, as long as the authority's
roster has the child. With --yes nothing is shown or asked, and standard input holds the UPN.`,
		question: "Send this pupil's records from the next sync on?", done: "Accepted for authority %s: sent from the next sync on; `rollbridge-agent roster withdraw` takes it back.\n",
		among: func(w mis.Waiting) bool { return !w.Accepted },
		say: func(ctx context.Context, s *school.School, c school.RosterChoice) (string, error) {
			return s.RosterAccept(ctx, c)
		},
	}
	withdrawing = word{
		use: "withdraw", short: "Take an acceptance back", ask: askRosterWithdraw,
		long: `Shows who was accepted and asks for one of them, by number or UPN, on standard input. The pupil is not
sent again, and the next sync removes the pupil as one who has left. With --yes nothing is shown
or asked, and standard input holds the UPN. The word counts without the MIS and without the network.`,
		question: "Stop sending this pupil's records?", done: "Withdrawn for authority %s: the next sync removes the pupil.\n",
		among: func(w mis.Waiting) bool { return w.Accepted },
		say: func(_ context.Context, s *school.School, c school.RosterChoice) (string, error) {
			return s.RosterWithdraw(c)
		},
	}
)

func (p *program) rosterWord(w word) *cobra.Command {
	var choice school.RosterChoice
	var yes bool
	c := &cobra.Command{
		Use: w.use, Short: w.short, Long: w.long, Args: arguments(0, 0, "a UPN is asked for on standard input, never given as an argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			if choice, err = p.choose(c.Context(), set, w, choice.Authority, yes); err != nil {
				return err
			}
			authority, err := either(c.Context(), set, w.ask, choice, func(s *school.School) (string, error) { return w.say(c.Context(), s, choice) })
			if err != nil {
				return err
			}
			p.printf(w.done, authority)
			return nil
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not show or ask anything; standard input holds the UPN")
	c.Flags().StringVar(&choice.Authority, "authority", "", "`code` of the authority, where several have the child")
	return c
}

// choose finds out which child is meant. Only a child who waits can be accepted:
// the list says who of the roster is a pupil here.
func (p *program) choose(ctx context.Context, set settings.Settings, w word, authority string, yes bool) (school.RosterChoice, error) {
	chosen := school.RosterChoice{Authority: authority}
	waiting, err := waitingOf(ctx, set)
	if err != nil && w.use == accepting.use {
		return chosen, err
	}
	waiting = slices.DeleteFunc(waiting, func(x mis.Waiting) bool { return !w.among(x) || authority != "" && x.Authority != authority })
	if !yes {
		if err != nil {
			p.note("Who was accepted cannot be shown: %s", err)
		}
		for i, x := range waiting {
			p.note("%s", waitingLine(i+1, x, false))
		}
		fmt.Fprint(p.Err, "Number or UPN: ")
	}
	line, _ := p.in.ReadString('\n')
	text := strings.ToUpper(strings.TrimSpace(line))
	if text == "" {
		return chosen, usageError{fmt.Errorf("no UPN came on standard input")}
	}
	n, notNumber := strconv.Atoi(text)
	at := slices.IndexFunc(waiting, func(x mis.Waiting) bool { return x.UPN == text })
	switch {
	case notNumber == nil && !yes && n >= 1 && n <= len(waiting):
		chosen = school.RosterChoice{Authority: waiting[n-1].Authority, UPN: waiting[n-1].UPN}
	case at < 0 && w.use == accepting.use:
		return chosen, &school.Fault{Kind: school.Refused, Text: "no pupil of that number or UPN waits: `rollbridge-agent roster list --reveal` shows who does; the MIS must have the UPN and the date of birth that the authority has"}
	default:
		chosen.UPN = text
	}
	if !yes && !p.yes(w.question) {
		return chosen, &school.Fault{Kind: school.Refused, Text: "nothing was changed"}
	}
	return chosen, nil
}

// rosterLine says in a line what the rosters did in a read, "" for nothing.
func rosterLine(uses []protocol.RosterUse) string {
	var parts []string
	for _, u := range uses {
		if u.Waiting+u.Sent > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d sent by its roster, %d wait for a yes (`rollbridge-agent roster`)", u.Authority, u.Sent, u.Waiting))
		}
	}
	return strings.Join(parts, "; ")
}
