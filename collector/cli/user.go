package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
)

func (p *program) userCommand() *cobra.Command {
	var authority string
	add := &cobra.Command{
		Use: "add NAME", Short: "Let somebody sign in to the portal", Args: exactly(1),
		Long: `Add a person and print a one-time password, once. With it the person signs in
and chooses an own password, within 72 hours. With --authority the person sees
only the schools and children of that authority.`,
		RunE: func(c *cobra.Command, args []string) error {
			return p.withAccounts(c.Context(), func(a *account.Accounts) error {
				oneTime, err := a.Add(c.Context(), args[0], authority)
				if err != nil {
					return err
				}
				return p.giveOneTime(oneTime)
			})
		},
	}
	add.Flags().StringVar(&authority, "authority", "", "`code` of the only authority whose schools the person sees (default: all)")
	reset := &cobra.Command{
		Use: "reset NAME", Short: "Give somebody a new one-time password", Args: exactly(1),
		Long: "Give a person a new one-time password and end every session of theirs. A person who was disabled may sign in again.",
		RunE: func(c *cobra.Command, args []string) error {
			return p.withAccounts(c.Context(), func(a *account.Accounts) error {
				oneTime, err := a.Reset(c.Context(), args[0])
				if err != nil {
					return err
				}
				return p.giveOneTime(oneTime)
			})
		},
	}
	disable := &cobra.Command{
		Use: "disable NAME", Short: "End somebody's access", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.withAccounts(c.Context(), func(a *account.Accounts) error {
				if err := a.Disable(c.Context(), args[0]); err != nil {
					return err
				}
				return p.printf("Access has ended. To give it back: `rollbridge-collector user reset NAME`.\n")
			})
		},
	}
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List who may sign in", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return p.listUsers(c.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return parent("user", "The people who may sign in to the portal", add, reset, disable, list)
}

func (p *program) withAccounts(ctx context.Context, f func(*account.Accounts) error) error {
	return p.withStore(ctx, func(_ settings.Settings, db *database.DB, _ *store.Store) error { return f(account.Open(db)) })
}

func (p *program) giveOneTime(password string) error {
	if err := p.printf("%s\n", password); err != nil {
		return err
	}
	p.notef("This one-time password works for 72 hours and is shown only now. Hand it over by a way that only this person reads.\n")
	return nil
}

func (p *program) listUsers(ctx context.Context, asJSON bool) error {
	return p.withAccounts(ctx, func(a *account.Accounts) error {
		list, err := a.List(ctx)
		if err != nil {
			return err
		}
		type line struct {
			Name      string     `json:"name"`
			Authority string     `json:"authority"`
			State     string     `json:"state"`
			Created   *time.Time `json:"created"`
		}
		lines, rows := []line{}, []string{}
		for _, u := range list {
			state := "active"
			switch {
			case !u.Disabled.IsZero():
				state = "disabled"
			case u.MustChange:
				state = "one-time password until " + timeWords(u.OneTimeUntil)
			}
			lines = append(lines, line{u.Name, strings.Join(u.Authorities, ","), state, timeJSON(u.Created)})
			sees := strings.Join(u.Authorities, ",")
			if sees == "" {
				sees = "all"
			}
			rows = append(rows, u.Name+"\t"+sees+"\t"+state)
		}
		if asJSON {
			return p.printJSON(lines)
		}
		return p.table("NAME\tAUTHORITY\tSTATE", rows, "Nobody may sign in yet. Add a person with `user add NAME`.")
	})
}
