package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
)

func (p *program) fsckCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "fsck", Short: "Check that everything stored is whole and opens", Args: exactly(0),
		Long: `Check, school by school, what the collector holds: every record opens under its
key, versions have no gaps, digests are those of the records. It only reads, and
may run beside the service. The exit code is 5 when something is not right.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.fsck(c.Context(), asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (p *program) fsck(ctx context.Context, asJSON bool) error {
	return p.withVault(ctx, func(_ settings.Settings, st *store.Store, v *vault.Vault) error {
		found, err := st.Fsck(ctx, v)
		if err != nil {
			return err
		}
		type line struct {
			School string `json:"school"`
			Check  string `json:"check"`
			Text   string `json:"text"`
		}
		lines, rows := []line{}, []string{}
		for _, f := range found {
			lines = append(lines, line{f.School, f.Check, f.Text})
			rows = append(rows, f.School+"\t"+f.Check+"\t"+f.Text)
		}
		if asJSON {
			err = p.printJSON(lines)
		} else {
			err = p.table("SCHOOL\tCHECK\tFOUND", rows, "Everything stored is whole.")
		}
		if err == nil && len(found) > 0 {
			err = &exitError{ExitFaults, fmt.Errorf("%d faults; keep a copy of the database and the keys before anything else, then restore the newest backup that passes: agents send again what is missing", len(found))}
		}
		return err
	})
}

func (p *program) compareCommand() *cobra.Command {
	var reveal, asJSON bool
	c := &cobra.Command{
		Use: "compare SCHOOL --reveal --json", Short: "Print a school's records in clear, to compare with its MIS", Args: exactly(1),
		DisableFlagsInUseLine: true,
		Long: `Print every record that the collector holds of a school, decrypted, as JSON
lines: to compare with what the school's MIS holds, with the school's consent.
Nothing of it is logged. What you do with the output is your responsibility:
these are the data of looked-after children, so write it to no file that is not
encrypted, and delete it when you are done.`,
		RunE: func(c *cobra.Command, args []string) error {
			if !reveal {
				return refuse("this prints the data of looked-after children in clear; it is for comparing with the school's MIS, when a person on this server has asked for it. Add --reveal if that is what you want, and keep the output off unencrypted disks")
			}
			if !asJSON {
				return usage(errors.New("records are printed as JSON lines only: add --json"))
			}
			return p.compare(c.Context(), args[0])
		},
	}
	c.Flags().BoolVar(&reveal, "reveal", false, "print personal data in clear")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func (p *program) compare(ctx context.Context, id string) error {
	return p.withVault(ctx, func(_ settings.Settings, st *store.Store, v *vault.Vault) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		return st.Export(ctx, id, v, p.out)
	})
}
