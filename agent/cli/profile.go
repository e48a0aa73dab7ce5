package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"rollbridge/agent/mis"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/agent/trial"
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
			return p.showLinted(profile, site)
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
func (p *program) showLinted(profile *mis.Profile, site mis.Site) error {
	laid, err := profile.With(site.File)
	if err != nil {
		return err
	}
	file := site.File
	if file == nil {
		file = new(mis.SiteFile)
	}
	p.printf("%s: no mistake found\n", profile.Name)
	for _, d := range slices.Sorted(maps.Keys(laid.Datasets)) {
		evidence, own := laid.Datasets[d].Evidence, file.Datasets[d]
		if own != nil && own.File+own.Report+own.Who+own.Query.Text+own.Get != "" {
			evidence = "of the site file"
		}
		if site.Datasets[d].Drop {
			evidence = "left out by the settings"
		}
		p.printf("  %-17s %s\n", d, evidence)
		p.showFields(laid.Datasets[d], own, site.Datasets[d])
	}
	for _, name := range slices.Sorted(maps.Keys(laid.Needs)) {
		need := laid.Needs[name]
		evidence := need.Evidence
		if file.Needs[name] != nil {
			evidence = "of the site file"
		}
		p.printf("  needs %s: %d columns, %s\n", name, len(need.Columns), evidence)
	}
	return nil
}

// showFields says how single fields are known: those that the school gives, of
// which somebody must still be asked, or about which the profile says it.
func (p *program) showFields(laid, file *mis.DatasetProfile, site mis.SiteDataset) {
	said := map[string]string{}
	for field, evidence := range laid.ColumnEvidence {
		said[field] = fmt.Sprintf("%q, %s", laid.Columns[field], evidence)
	}
	for field, entry := range laid.Confirm {
		known := laid.Columns[field]
		if known == "" && laid.Gate != nil {
			known = laid.Gate.Columns[field]
		}
		switch {
		case entry == nil || entry.Confirmed:
		case known == "":
			said[field] = "not known. " + entry.Ask
		default:
			said[field] = fmt.Sprintf("%q, to be confirmed. %s", known, entry.Ask)
		}
	}
	give := func(columns map[string]string, who string) {
		for field, text := range columns {
			if said[field] = fmt.Sprintf("%q, of %s", text, who); text == "" {
				said[field] = "left out, of " + who
			}
		}
	}
	if file != nil {
		give(file.Columns, "the site file")
	}
	give(site.Columns, "the settings")
	for _, field := range slices.Sorted(maps.Keys(said)) {
		p.printf("    %s: %s\n", field, said[field])
	}
}

func (p *program) profileTest() *cobra.Command {
	var asJSON bool
	var flags tryFlags
	c := &cobra.Command{
		Use:   "test [FILE|NAME]",
		Short: "Try a profile on the MIS itself, or on a folder or web interface",
		Long: `Reads the MIS as a sync begins to, keeps and sends nothing, and says what is as it should
be, what to look at and what fails. For a database it first looks at the login: each right
that is missing or too much, with the T-SQL to hand to the database administrator. Of
reports each is made once; of a web interface each resource that can be asked for without naming a
pupil. The output holds counts and names of tables, nothing of any pupil. It needs no enrolment.

With --against a profile is tried on any folder (profiles that read files) or web interface,
and then everything of the pupils in care is read and counted. Beside a FILE or NAME no
agent.yaml is read: the account stands in ROLLBRIDGE_MIS_API_USER and
ROLLBRIDGE_MIS_API_PASSWORD, and what else the profile asks for under --name. Databases and
reports are reached as agent.yaml says, and nowhere else.

Exit code 0 if a read works, warnings or not; 5 if it does not.`,
		Example: `  rollbridge-agent profile test
  rollbridge-agent profile test csv --against /srv/export
  rollbridge-agent profile test my-mis.yaml --against https://mis.example --name estab=9991234`,
		Args: arguments(0, 1, "give one profile at most"),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := p.tested(c, args, flags)
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
	c.Flags().StringVar(&flags.against, "against", "", "`folder or address` to try the profile on")
	c.Flags().StringVar(&flags.site, "site", "", "site `file` to lay over the profile")
	c.Flags().StringArrayVar(&flags.names, "name", nil, "`NAME=VALUE` of what the profile asks for; may be repeated")
	return c
}

// tested tries the profile of the settings, or that of the arguments.
func (p *program) tested(c *cobra.Command, args []string, flags tryFlags) (*trial.Trial, error) {
	if err := flags.check(); err != nil {
		return nil, usageError{err}
	}
	set, err := p.settingsToTry(args, flags)
	if err != nil {
		return nil, err
	}
	profile, err := mis.LoadProfile(set.MIS.Profile)
	if err != nil && set.MIS.Profile != "" {
		return nil, &school.Fault{Kind: school.MIS, Text: err.Error()}
	}
	var site mis.Site
	if flags.against == "" {
		if site, err = set.Site(); err != nil {
			return nil, &school.Fault{Kind: school.MIS, Text: err.Error()}
		}
	} else if profile == nil {
		return nil, usageError{errors.New("give a profile to try: its name, or the path of its file")}
	} else if profile, site, err = flags.place(profile, set); err != nil {
		return nil, usageError{err}
	}
	t, err := trial.New(profile, site, flags.against != "")
	if err != nil {
		return nil, err
	}
	ctx := c.Context()
	if flags.against == "" { // what is tried is the school's own MIS
		var cancel context.CancelFunc
		ctx, cancel = school.UntilStopped(ctx, set.DataDir)
		defer cancel()
	}
	err = t.Run(ctx)
	if stopped := context.Cause(ctx); stopped != nil {
		return nil, stopped
	}
	if err != nil && !errors.As(err, new(*mis.Error)) {
		return nil, fmt.Errorf("try the profile: %w", err)
	}
	return t, nil
}

// settingsToTry are the settings in force, with what the arguments name in its
// place; or, where these say all, what stands in the environment.
func (p *program) settingsToTry(args []string, flags tryFlags) (settings.Settings, error) {
	var set settings.Settings
	var err error
	if len(args) == 1 && flags.against != "" {
		set, err = settings.Environment(p.Environ)
	} else {
		set, err = p.readable()
	}
	if err != nil {
		return set, err
	}
	if len(args) == 1 {
		set.MIS.Profile = args[0]
	}
	if flags.site != "" {
		set.MIS.SiteFile, err = filepath.Abs(flags.site)
	}
	return set, err
}

// readable are the settings of a school whose MIS may be read.
func (p *program) readable() (settings.Settings, error) {
	set, err := p.settings()
	if err != nil {
		return set, err
	}
	if _, yes := school.Revoked(set.DataDir); yes {
		return set, &school.Fault{Kind: school.Refused, Text: "this school has stopped: nothing is read until it enrols again"}
	}
	if _, yes := school.Paused(set.DataDir); yes {
		return set, &school.Fault{Kind: school.Refused, Text: "this school has paused: nothing is read until `rollbridge-agent resume`"}
	}
	return set, nil
}

// marks are what a person sees of a level.
var marks = map[string]string{"ok": "✓", "warn": "!", "fail": "✗"}

// showTested prints one line for each thing, what to do below it, and then all
// T-SQL in one block, which can be handed over as it is.
func (p *program) showTested(t *trial.Trial) {
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
			p.printf("\nT-SQL for the database administrator, to run in %s (docs/mis/sql-views.md explains it):\n", t.Database())
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
