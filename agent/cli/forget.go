package cli

import (
	"github.com/spf13/cobra"

	"rollbridge/agent/school"
)

func (p *program) forget() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "forget",
		Short: "Take the enrolment away from this machine, for an image that is to have none",
		Long: `Deletes keys, queue, state and every logbook of this school from this machine, without a word
to the collector and without a network. A machine that is copied with an enrolment on it
would be met as a second agent of one identity, and stop. Settings stay: look into agent.yaml
for a password before an image is made. A running service goes on, and waits for a code.

Where the collector has heard from this agent it would see nothing but silence. That is
refused, unless --yes says that it is meant: ` + "`revoke`" + ` stops for good, ` + "`move`" + ` goes on elsewhere.`,
		Example: "  rollbridge-agent forget",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			// A running service gives the state up; what is refused it takes again.
			if _, err := byService(c.Context(), set.DataDir, askLetGo, nil, nil); err != nil {
				return err
			}
			if err := school.Forget(c.Context(), set.DataDir, yes, patience); err != nil {
				return readable(err)
			}
			p.printf("Nothing of an enrolment is left on this machine.\n")
			p.printf("The settings stay as they are: look for a password in agent.yaml before an image is made.\n")
			return nil
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "forget even what the collector has heard from; it will see silence")
	return c
}
