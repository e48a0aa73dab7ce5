package cli

import (
	"fmt"
	"path"

	"github.com/spf13/cobra"

	"rollbridge/agent/mis"
	"rollbridge/configs"
)

func (p *program) profileList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the profiles that come with the program", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			for _, name := range mis.ProfileNames() {
				profile, err := mis.LoadProfile(name)
				if err != nil {
					return err
				}
				p.printf("%-16s %s\n", name, profile.Description)
			}
			return nil
		},
	}
}

func (p *program) profileShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Print a profile that comes with the program, to begin another from",
		Example: "  rollbridge-agent profile show progresso > my-mis.yaml",
		Args:    arguments(1, 1, "give the name of a profile"),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := mis.LoadProfile(args[0]); err != nil {
				return usageError{err}
			}
			return p.printFile(path.Join("mis", args[0]+".yaml"))
		},
	}
}

func (p *program) profileSchema() *cobra.Command {
	var site bool
	c := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the profile language, for an editor",
		Long: `Prints the JSON Schema of profiles, or of site files. An editor that knows YAML and JSON
Schema shows with it which names there are and what is wrong while a file is written; profile
lint checks more.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if site {
				return p.printFile("site.schema.json")
			}
			return p.printFile("profile.schema.json")
		},
	}
	c.Flags().BoolVar(&site, "site", false, "that of site files")
	return c
}

// printFile prints a file that the program carries.
func (p *program) printFile(name string) error {
	text, err := configs.Files.ReadFile(name)
	if err != nil {
		return usageError{fmt.Errorf("the program carries no such profile: %w", err)}
	}
	_, err = p.Out.Write(text)
	return err
}
