package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"rollbridge/agent/mis"
	"rollbridge/agent/school"
	"rollbridge/shared/record"
)

func (p *program) profile() *cobra.Command {
	c := &cobra.Command{Use: "profile", Short: "Check how the MIS is read", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(p.profileList(), p.profileShow(), p.profileSchema(), p.profileLint(), p.profileTest())
	return c
}

func (p *program) profileLint() *cobra.Command {
	var siteFile string
	c := &cobra.Command{
		Use:   "lint [FILE|NAME]",
		Short: "Check a profile and a site file for mistakes, without the MIS",
		Long: `Checks a profile that comes with the program (by its name) or a file, with the site file
laid over it, and prints how each name in it is known. Without an argument it checks what
the settings name. It opens no file of the MIS and connects to nothing.`,
		Example: `  rollbridge-agent profile lint
  rollbridge-agent profile lint sims-sql --site /etc/rollbridge/site.yaml`,
		Args: arguments(0, 1, "give one profile at most"),
		RunE: func(_ *cobra.Command, args []string) error {
			profile, site, err := p.toLint(args, siteFile)
			if err == nil {
				err = mis.Lint(profile, site)
			}
			if err != nil {
				return usageError{err}
			}
			p.showLinted(profile, site)
			return nil
		},
	}
	c.Flags().StringVar(&siteFile, "site", "", "site `file` to lay over the profile")
	return c
}

// toLint is what the arguments name, and what the settings name where they do
// not.
func (p *program) toLint(args []string, siteFile string) (profile *mis.Profile, site mis.Site, err error) {
	name := ""
	if len(args) == 1 {
		name = args[0]
	} else {
		set, err := p.settings()
		if err != nil {
			return nil, site, err
		}
		name = set.MIS.Profile
		if site, err = set.Site(); err != nil {
			return nil, site, err
		}
	}
	if siteFile != "" {
		if site.File, err = mis.LoadSite(siteFile); err != nil {
			return nil, site, err
		}
	}
	profile, err = mis.LoadProfile(name)
	return profile, site, err
}

// showLinted says how the names are known, since that is what a person must
// judge.
func (p *program) showLinted(profile *mis.Profile, site mis.Site) {
	p.printf("%s: no mistake found\n", profile.Name)
	datasets, needs := profile.Datasets, profile.Needs
	evidence := map[record.Dataset]string{}
	for d, own := range datasets {
		evidence[d] = own.Evidence
	}
	if site.File != nil {
		for d, own := range site.File.Datasets {
			if own.Who+own.Query.Text != "" {
				evidence[d] = "of the site file"
			}
		}
	}
	for d, own := range site.Datasets {
		if own.Drop {
			evidence[d] = "left out by the settings"
		}
	}
	for _, d := range slices.Sorted(maps.Keys(evidence)) {
		p.printf("  %-17s %s\n", d, evidence[d])
		p.showColumns(datasets[d], site.Datasets[d])
		p.showConfirm(datasets[d], site.Datasets[d])
	}
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		p.printf("  needs %s: %d columns, %s\n", name, len(needs[name].Columns), needs[name].Evidence)
	}
	if site.File == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(site.File.Needs)) {
		p.printf("  needs %s: %d columns, of the site file\n", name, len(site.File.Needs[name].Columns))
	}
}

// showColumns says how single columns are known, where a profile says so.
func (p *program) showColumns(own *mis.DatasetProfile, site mis.SiteDataset) {
	if own == nil {
		return
	}
	for _, field := range slices.Sorted(maps.Keys(own.ColumnEvidence)) {
		if _, given := site.Columns[field]; !given {
			p.printf("    %s: %q, %s\n", field, own.Columns[field], own.ColumnEvidence[field])
		}
	}
	for _, field := range slices.Sorted(maps.Keys(site.Columns)) {
		if caption := site.Columns[field]; caption != "" && len(own.ColumnEvidence) > 0 {
			p.printf("    %s: %q, of the settings\n", field, caption)
		}
	}
}

// showConfirm says of which names somebody must still be asked.
func (p *program) showConfirm(own *mis.DatasetProfile, site mis.SiteDataset) {
	if own == nil {
		return
	}
	for _, field := range slices.Sorted(maps.Keys(own.Confirm)) {
		entry := own.Confirm[field]
		if entry == nil || entry.Confirmed {
			continue
		}
		if given := site.Columns[field]; given != "" {
			p.printf("    %s: %q, of the settings\n", field, given)
			continue
		}
		known := own.Columns[field]
		if own.Gate != nil && known == "" {
			known = own.Gate.Columns[field]
		}
		if known == "" {
			p.printf("    %s: not known. %s\n", field, entry.Ask)
		} else {
			p.printf("    %s: %q, to be confirmed. %s\n", field, known, entry.Ask)
		}
	}
}

func (p *program) profileTest() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "test",
		Short: "Try the profile of the settings on the MIS itself",
		Long: `Reads the MIS as a sync begins to, keeps and sends nothing, and says what is as it should
be, what to look at and what fails. For a database it first looks at the login: each right
that is missing or too much, with the T-SQL to hand to the database administrator. Of
reports each is made once; of a web interface each resource that can be asked for without naming a
pupil. The output holds counts and names of tables, nothing of any pupil. It needs no enrolment.
Exit code 0 if a read works, warnings or not; 5 if it does not.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := p.tested(c)
			if err != nil {
				return err
			}
			if asJSON {
				err = p.printJSON(t)
			} else {
				p.showTested(t)
			}
			switch {
			case err != nil:
				return err
			case !t.Works:
				return &school.Fault{Kind: school.MIS, Text: "the MIS cannot be read like this: put right what is marked ✗, and run this command again"}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

// tested tries the profile of the settings.
func (p *program) tested(c *cobra.Command) (*trial, error) {
	set, err := p.settings()
	if err != nil {
		return nil, err
	}
	if _, yes := school.Revoked(set.DataDir); yes {
		return nil, &school.Fault{Kind: school.Refused, Text: "this school has stopped: nothing is read until it enrols again"}
	}
	if _, yes := school.Paused(set.DataDir); yes {
		return nil, &school.Fault{Kind: school.Refused, Text: "this school has paused: nothing is read until `rollbridge-agent resume`"}
	}
	site, err := set.Site()
	if err != nil {
		return nil, &school.Fault{Kind: school.MIS, Text: err.Error()}
	}
	site.Log = slog.New(slog.DiscardHandler) // what it would say of the connection is among the findings
	profile, err := mis.LoadProfile(set.MIS.Profile)
	if err != nil {
		return nil, &school.Fault{Kind: school.MIS, Text: err.Error()}
	}
	source, err := mis.Open(profile, site)
	if err != nil {
		return nil, err
	}
	t := &trial{Profile: profile.Name, Works: true, source: source, datasets: source.Datasets()}
	if site.Server != nil {
		t.server = &site.Server.Settings
	}
	if err := t.run(c.Context()); err != nil && !errors.As(err, new(*mis.Error)) {
		return nil, fmt.Errorf("try the profile: %w", err)
	}
	return t, nil
}

// marks are what a person sees of a level.
var marks = map[string]string{"ok": "✓", "warn": "!", "fail": "✗"}

// showTested prints one line for each thing, what to do below it, and then all
// T-SQL in one block, which can be handed over as it is.
func (p *program) showTested(t *trial) {
	for _, f := range t.Findings {
		p.printf("%s %s\n", marks[string(f.Level)], oneLine(f.What))
		if f.Do != "" {
			p.printf("    What to do: %s\n", f.Do)
		}
	}
	printed := false
	for _, f := range t.Findings {
		if f.TSQL == "" {
			continue
		}
		if !printed {
			p.printf("\nT-SQL for the database administrator, to run in %s (docs/mis/sql-views.md explains it):\n", t.server.Database)
			printed = true
		}
		p.printf("\n-- %s\n%s\n", oneLine(f.What), f.TSQL)
	}
}

// oneLine keeps a sentence within its comment, or its line: a name in it may be that of any
// table in the database, line breaks included, and what follows one would be run.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
