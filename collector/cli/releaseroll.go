package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
	"rollbridge/collector/release"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	signed "rollbridge/shared/release"
)

// programs are what the agents run by their check-ins; known is false where there is
// no database here.
func (p *program) programs(ctx context.Context) (list []release.Program, known bool, err error) {
	s, err := p.load()
	if err != nil {
		return nil, false, err
	}
	if present(s) != nil {
		return nil, false, nil
	}
	err = p.withStore(ctx, func(_ settings.Settings, _ *database.DB, st *store.Store) error {
		list, err = server.Programs(ctx, st)
		return err
	})
	return list, err == nil, err
}

func (p *program) releasePromoteCommand() *cobra.Command {
	var dir, ring, force string
	var percent int
	c := &cobra.Command{
		Use: "promote VERSION", Short: "Let a version go to a ring, or to more of it", Args: exactly(1),
		Long: `Let a version go to so many percent of a ring: early first, then general. It
reaches each school within its own window, and not while the school holds it back.
Where the database is, it is refused while fewer than 98 % of the early agents
have the version, or one returned from it, unless --force says why. A lower
percentage than before is never refused.`,
		RunE: func(c *cobra.Command, args []string) error {
			if ring == "" || !c.Flags().Changed("percent") {
				return usage(errors.New("say how far with --ring early or general, and --percent"))
			}
			return p.releasePromote(c.Context(), dir, args[0], signed.Ring(ring), percent, force)
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringVar(&ring, "ring", "", "`early` or general")
	c.Flags().IntVar(&percent, "percent", 0, "how much of the ring, 0 to 100")
	c.Flags().StringVar(&force, "force", "", "do it against the advice of the check-ins, for this `reason`")
	return c
}

func (p *program) releasePromote(ctx context.Context, dir, version string, ring signed.Ring, percent int, force string) error {
	r, o, err := p.releases(dir)
	if err != nil {
		return err
	}
	now := clock.Now()
	if force == "" {
		if err := p.judge(ctx, r, version, ring, percent, now); err != nil {
			return err
		}
	}
	if err := r.Promote(ctx, now, o, version, ring, percent, force); err != nil {
		return err
	}
	return p.printf("%s goes to %d %% of the %s ring.\n", version, percent, ring)
}

// judge refuses what the check-ins speak against. Holding back is never refused.
func (p *program) judge(ctx context.Context, r *release.Repository, version string, ring signed.Ring, percent int, now time.Time) error {
	s, err := r.State()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(s.Releases, func(l release.Standing) bool { return l.Version == version })
	if at >= 0 && !further(s.Releases[at].Stage, ring, percent) {
		return nil
	}
	list, known, err := p.programs(ctx)
	if err != nil {
		return err
	}
	if !known {
		p.notef("There is no database here, so nobody can say how %s does at schools.\n", version)
		return nil
	}
	if against := release.Judge(list, version, ring, now); len(against) > 0 {
		return refuse(fmt.Sprintf("%s was not promoted. %s Find out why, see `release status`; or give a reason with --force", version, strings.Join(against, " ")))
	}
	return nil
}

// further says whether a version would go to more than now: the general ring comes
// after all of the early one.
func further(was *signed.Stage, ring signed.Ring, percent int) bool {
	reach := func(r signed.Ring, n int) int {
		if r == signed.General {
			return 100 + n
		}
		return n
	}
	now := 0
	if was != nil {
		now = reach(was.Ring, was.Percent)
	}
	return reach(ring, percent) > now
}

func (p *program) releasePauseCommand() *cobra.Command {
	var dir, reason string
	c := &cobra.Command{
		Use: "pause [VERSION]", Short: "Let a version, or all, go no further", Args: between(0, 1),
		Long: `Let a version go to nobody more, or without a version no version at all. Agents
that have it keep it; a security floor holds all the same.`,
		RunE: func(c *cobra.Command, args []string) error {
			r, o, err := p.releases(dir)
			if err != nil {
				return err
			}
			version := strings.Join(args, "")
			if err := r.Pause(c.Context(), clock.Now(), o, version, reason); err != nil {
				return err
			}
			return p.printf("%s no further. Agents hear of it at their next check.\n", goes(version))
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringVar(&reason, "reason", "", "why, for the history")
	return c
}

func goes(version string) string {
	if version == "" {
		return "All versions go"
	}
	return version + " goes"
}

func (p *program) releaseResumeCommand() *cobra.Command {
	var dir, reason string
	c := &cobra.Command{
		Use: "resume [VERSION]", Short: "End a pause", Args: between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			r, o, err := p.releases(dir)
			if err != nil {
				return err
			}
			version := strings.Join(args, "")
			if err := r.Resume(c.Context(), clock.Now(), o, version, reason); err != nil {
				return err
			}
			return p.printf("%s on as far as before.\n", goes(version))
		},
	}
	dirFlag(c, &dir)
	c.Flags().StringVar(&reason, "reason", "", "why, for the history")
	return c
}

func (p *program) releaseStatusCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: "Show what is released, how far it has come, and what needs the operator", Args: exactly(0),
		Long: `Show the releases and how far each has come, when the metadata expire, what waits
to be signed, and, where the database is, which versions agents run, which agents
returned from one, and which see no new metadata. The exit code is 5 when an alarm
is due.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.releaseStatus(c.Context(), dir, asJSON) },
	}
	dirFlag(c, &dir)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// releaseJSON is how releases stand, for scripts.
type releaseJSON struct {
	At     time.Time `json:"at"`
	Alarms []string  `json:"alarms"`
	release.State
	// Adoption is null where there is no database.
	Adoption []release.Adoption `json:"adoption"`
	Returned []returnedJSON     `json:"returned"`
	Frozen   []string           `json:"frozen"`
}

type returnedJSON struct {
	School  string     `json:"school"`
	Version string     `json:"version"`
	Reason  string     `json:"reason"`
	Since   *time.Time `json:"since"`
	Runs    string     `json:"runs"`
}

func (p *program) releaseStatus(ctx context.Context, dir string, asJSON bool) error {
	r, _, err := p.releases(dir)
	if err != nil {
		return err
	}
	now := clock.Now()
	s, err := r.State()
	if err != nil {
		return err
	}
	list, known, err := p.programs(ctx)
	if err != nil {
		return err
	}
	out := releaseJSON{At: now.UTC(), Alarms: []string{}, State: s, Returned: []returnedJSON{}, Frozen: []string{}}
	for _, a := range s.Alarms(now) {
		out.Alarms = append(out.Alarms, a.Words.Words(now, nil))
	}
	if known {
		out.Adoption = release.Count(list)
	}
	for _, g := range list {
		for _, k := range g.Skipped {
			if k.Version != g.Version {
				out.Returned = append(out.Returned, returnedJSON{g.School, k.Version, k.Reason, timeJSON(k.Since), g.Version})
			}
		}
		if s.Frozen(g, now) && !slices.Contains(out.Frozen, g.School) {
			out.Frozen = append(out.Frozen, g.School)
		}
	}
	if len(out.Frozen) > 0 {
		out.Alarms = append(out.Alarms, fmt.Sprintf("Agents of %d schools have seen no new metadata for 3 days: %s. See what keeps them from the address of updates.", len(out.Frozen), strings.Join(out.Frozen, ", ")))
	}
	if asJSON {
		err = p.printJSON(out)
	} else {
		err = p.releaseTable(out, known)
	}
	if err == nil && len(out.Alarms) > 0 {
		err = &exitError{ExitFaults, errors.New(out.Alarms[0])}
	}
	return err
}

func (p *program) releaseTable(out releaseJSON, known bool) error {
	var lines []string
	for _, a := range out.Alarms {
		lines = append(lines, "ALARM: "+a)
	}
	if out.Paused {
		lines = append(lines, "All versions are paused: end it with `release resume`.")
	}
	if d := out.Draft; d != nil {
		what := "The draft changes no release."
		if len(d.Versions) > 0 {
			what = "The draft holds " + strings.Join(d.Versions, ", ") + "."
		}
		for _, n := range d.Needs {
			what += " " + strings.ToUpper(n.String()[:1]) + n.String()[1:] + "."
		}
		lines = append(lines, what)
	}
	if len(lines) > 0 {
		if err := p.printf("%s\n\n", strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	runs := map[string]release.Adoption{}
	for _, a := range out.Adoption {
		runs[a.Version] = a
	}
	var rows []string
	for _, l := range out.Releases {
		agents, returned := "unknown", "unknown"
		if known {
			agents, returned = fmt.Sprint(runs[l.Version].Agents), fmt.Sprint(runs[l.Version].Returned)
		}
		rows = append(rows, strings.Join([]string{l.Version, stageWords(l.Stage), strings.Join(l.Platforms, " "), timeWords(l.Published), agents, returned}, "\t"))
		delete(runs, l.Version)
	}
	if err := p.table("VERSION\tGOES TO\tFOR\tPUBLISHED\tAGENTS\tRETURNED", rows, "Nothing is released yet."); err != nil {
		return err
	}
	return p.releaseNotes(out, runs)
}

// releaseNotes are the lines below the table.
func (p *program) releaseNotes(out releaseJSON, other map[string]release.Adoption) error {
	var lines []string
	for _, a := range out.Adoption {
		if _, is := other[a.Version]; is && a.Agents > 0 {
			lines = append(lines, fmt.Sprintf("%d agents run %s, which is not released here.", a.Agents, a.Version))
		}
	}
	for _, r := range out.Returned {
		lines = append(lines, fmt.Sprintf("%s: returned from %s to %s (%s).", r.School, r.Version, r.Runs, r.Reason))
	}
	for _, m := range out.Metadata {
		lines = append(lines, fmt.Sprintf("%s %d is good until %s.", m.Role, m.Version, timeWords(m.Expires)))
	}
	if len(lines) == 0 {
		return nil
	}
	return p.printf("\n%s\n", strings.Join(lines, "\n"))
}

func stageWords(s *signed.Stage) string {
	switch {
	case s == nil:
		return "nobody"
	case s.Paused:
		return fmt.Sprintf("%s %d %%, paused", s.Ring, s.Percent)
	}
	return fmt.Sprintf("%s %d %%", s.Ring, s.Percent)
}
