package cli

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"rollbridge/agent/school"
)

func (p *program) fsck() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Check keys, queue and logbook against one another",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			found, err := either(c.Context(), set, askFsck, nil, func(s *school.School) ([]string, error) { return s.Fsck(c.Context()) })
			if err != nil {
				return err
			}
			if asJSON {
				if err := p.printJSON(append([]string{}, found...)); err != nil {
					return err
				}
			} else {
				for _, f := range found {
					p.printf("%s\n", f)
				}
			}
			if len(found) > 0 {
				return errors.New("the school's state is not whole: keep the data directory as it is and ask for help; a new enrolment costs a full sync, never data")
			}
			if !asJSON {
				p.printf("Keys, queue and logbook are whole.\n")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print what was found as a JSON list")
	return c
}

// checkReadable tells a directory that is not there from one that this user
// may not look into.
func checkReadable(dir string) error {
	_, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return readable(err)
}
