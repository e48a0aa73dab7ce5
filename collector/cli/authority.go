package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
)

func (p *program) authorityCommand() *cobra.Command {
	var a store.Authority
	var change bool
	add := &cobra.Command{
		Use: "add CODE", Short: "Add an authority that asks schools for data", Args: exactly(1),
		Example: `  rollbridge-collector authority add 855 --why "Promote the education of looked-after children (Children Act 1989 s22(3A))"`,
		RunE: func(c *cobra.Command, args []string) error {
			a.Code = args[0]
			return p.addAuthority(c.Context(), a, change)
		},
	}
	add.Flags().StringVar(&a.Name, "name", "", "`name` that schools read (default: the name in the DfE's list)")
	add.Flags().StringVar(&a.Why, "why", "", "purpose and lawful basis, in a `sentence` that schools read")
	add.Flags().BoolVar(&change, "change", false, "change the name and reason of an authority that is there")

	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List the authorities", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return p.listAuthorities(c.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return parent("authority", "The authorities that ask schools for data", add, list)
}

func (p *program) addAuthority(ctx context.Context, a store.Authority, change bool) error {
	if a.Why == "" {
		return usage(errors.New("say why the authority asks, with --why: purpose and lawful basis in a sentence; schools read it before they say yes"))
	}
	return p.withStore(ctx, func(_ settings.Settings, _ *database.DB, st *store.Store) error {
		known, err := st.Authorities(ctx)
		if err != nil {
			return err
		}
		there := slices.ContainsFunc(known, func(k store.Authority) bool { return k.Code == a.Code })
		if there && !change {
			return refused(fmt.Errorf("authority %s is there already; nothing was changed. To change its name or reason, add --change", a.Code))
		}
		if err := st.PutAuthority(ctx, a); err != nil {
			return err
		}
		if there {
			err := p.withDesk(ctx, func(_ settings.Settings, _ *store.Store, d *enrolment.Desk) error { return d.Provisions(ctx) })
			if err != nil {
				return fmt.Errorf("the authority is changed, but its schools were not told: %w; run the same command again", err)
			}
		}
		return p.said(fmt.Sprintf("Authority %s is %s.", a.Code, map[bool]string{true: "changed", false: "added"}[there]),
			fmt.Sprintf("Next: say what it asks of a school, with `rollbridge-collector school provision SCHOOL --authority %s --dataset pupil …`.", a.Code))
	})
}

func (p *program) listAuthorities(ctx context.Context, asJSON bool) error {
	return p.withStore(ctx, func(_ settings.Settings, _ *database.DB, st *store.Store) error {
		list, err := st.Authorities(ctx)
		if err != nil {
			return err
		}
		type line struct {
			Code string `json:"code"`
			Name string `json:"name"`
			Why  string `json:"why"`
		}
		lines, rows := []line{}, []string{}
		for _, a := range list {
			lines = append(lines, line{a.Code, a.Name, a.Why})
			rows = append(rows, a.Code+"\t"+a.Name+"\t"+a.Why)
		}
		if asJSON {
			return p.printJSON(lines)
		}
		return p.table("CODE\tNAME\tWHY", rows, "There is no authority yet. Add one with `authority add CODE --why \"…\"`.")
	})
}
