package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rollbridge/agent/mis"
	"rollbridge/agent/settings"
	"rollbridge/shared/config"
)

func (p *program) config() *cobra.Command {
	var asJSON bool
	explain := &cobra.Command{
		Use:   "explain",
		Short: "Show every setting, and where this school differs from its profile",
		Long: `Shows every setting, its value and where it came from, and below them every place where
the site file or the settings have something else than the profile that comes with the
program: what the profile says, what holds, and from where. Secrets are not shown.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			set, explained, err := settings.Load(p.given, p.Environ)
			var found []explainedSetting
			if err == nil {
				found, err = differing(set, explained)
			}
			if len(explained) > 0 {
				if bad := p.showExplained(asJSON, set.MIS.Profile, explained, found); bad != nil {
					return bad
				}
			}
			if err != nil {
				return usageError{err}
			}
			return nil
		},
	}
	explain.Flags().BoolVar(&asJSON, "json", false, "print the settings and the differences as one JSON list")
	c := &cobra.Command{Use: "config", Short: "The settings in force", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(explain)
	return c
}

// An explainedSetting is a setting, or a place of the profile, which alone has
// Profile.
type explainedSetting struct {
	config.Setting
	// Profile is what the profile says there, "" for nothing.
	Profile *string `json:"profile,omitempty"`
}

// differing are the places where the school has something else than its profile;
// none while no profile is set.
func differing(set settings.Settings, explained config.Explained) ([]explainedSetting, error) {
	if set.MIS.Profile == "" {
		return nil, nil
	}
	profile, err := mis.LoadProfile(set.MIS.Profile)
	if err != nil {
		return nil, err
	}
	site, err := set.Overlay()
	if err != nil {
		return nil, err
	}
	all, err := mis.Differences(profile, site)
	if err != nil {
		return nil, fmt.Errorf("compare the settings with the profile: %w", err)
	}
	origins := map[string]string{}
	for _, s := range explained {
		origins[s.Key] = s.Origin
	}
	var found []explainedSetting
	for _, d := range all {
		origin := "site file " + d.File
		if d.Setting != "" {
			origin = origins["mis."+d.Setting]
		}
		found = append(found, explainedSetting{config.Setting{Key: d.Path, Value: d.Here, Origin: origin}, &d.Profile})
	}
	return found, nil
}

func (p *program) showExplained(asJSON bool, profile string, explained config.Explained, found []explainedSetting) error {
	if asJSON {
		var all []explainedSetting
		for _, s := range explained {
			all = append(all, explainedSetting{Setting: s})
		}
		return p.printJSON(append(all, found...))
	}
	if err := explained.WriteTable(p.Out); err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	p.printf("\nWhere this school differs from the profile %s:\n", profile)
	table := tabwriter.NewWriter(p.Out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "PLACE\tPROFILE\tHERE\tORIGIN")
	for _, s := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Key, inCell(*s.Profile), inCell(s.Value), s.Origin)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the differences: %w", err)
	}
	return nil
}

// inCell is a text on one line, of a length for a table; --json has all of it.
func inCell(text string) string {
	const most = 60
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "-"
	}
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
