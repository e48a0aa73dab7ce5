package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/status"
)

func (p *program) userCommand() *cobra.Command {
	return parent("user", "The people who may sign in to the portal", p.userInvite(), p.userReset(), p.userChange(), p.userDisable(), p.userList())
}

// accessFlags are what `user invite` and `user change` take alike.
type accessFlags struct {
	role, school, email, until string
	authorities                []string
}

func (f *accessFlags) add(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.authorities, "authority", nil, "`code` of an authority whose schools and children the person sees; again for more")
	c.Flags().StringVar(&f.role, "role", "", "`role`: "+roleNames())
	c.Flags().StringVar(&f.school, "school", "", "`id` of the school whose own page the person sees, for the role school")
	c.Flags().StringVar(&f.email, "email", "", "`address` to write to, and to know the person by at the authority's own sign-in service")
	c.Flags().StringVar(&f.until, "until", "", "last `day` of the access, such as 2027-07-31; none for no end")
}

func roleNames() string {
	names := make([]string, 0, len(account.Roles()))
	for _, r := range account.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// person is what the flags say of somebody.
func (f *accessFlags) person(name string) (account.Person, error) {
	until, err := lastDay(f.until)
	if err != nil {
		return account.Person{}, err
	}
	role := account.Role(f.role)
	if !slices.Contains(account.Roles(), role) {
		return account.Person{}, usage(fmt.Errorf("--role must be one of %s", roleNames()))
	}
	return account.Person{Name: name, Role: role, Authorities: f.authorities, School: f.school, Email: f.email, Until: until}, nil
}

// lastDay is the end of a day in London.
func lastDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, status.London())
	if err != nil {
		return time.Time{}, usage(errors.New("--until must be a day written like 2027-07-31"))
	}
	return day.AddDate(0, 0, 1), nil
}

func (p *program) userInvite() *cobra.Command {
	var f accessFlags
	c := &cobra.Command{
		Use: "invite NAME --role ROLE", Short: "Invite somebody to the portal", Args: exactly(1),
		Long: `Invite adds a person and prints a one-time password, once. With the name and it
the person signs in within 72 hours, chooses an own password and sets up a second
factor; then the one-time password is spent.

An administrator, a caller, a viewer and a caseload need one --authority or more, a
school's own person needs --school, and an operator, who sees no child, neither.`,
		RunE: func(c *cobra.Command, args []string) error {
			person, err := f.person(args[0])
			if err != nil {
				return err
			}
			return p.withAccounts(c.Context(), func(a *account.Accounts) error {
				oneTime, err := a.Invite(c.Context(), account.User{}, person)
				if err != nil {
					return err
				}
				return p.giveOneTime(oneTime)
			})
		},
	}
	f.add(c)
	return c
}

func (p *program) userReset() *cobra.Command {
	return &cobra.Command{
		Use: "reset NAME", Short: "Give somebody a new one-time password", Args: exactly(1),
		Long: `Give a person a new one-time password, forget the second factor and end every
session of theirs. A person who was disabled may sign in again.`,
		RunE: func(c *cobra.Command, args []string) error {
			return p.withAccounts(c.Context(), func(a *account.Accounts) error {
				oneTime, err := a.Reset(c.Context(), account.User{}, args[0])
				if err != nil {
					return err
				}
				return p.giveOneTime(oneTime)
			})
		},
	}
}

func (p *program) userChange() *cobra.Command {
	var f accessFlags
	c := &cobra.Command{
		Use: "change NAME", Short: "Change what somebody may do, for whom and until when", Args: exactly(1),
		Long: `Change replaces the role, the authorities, the school, the e-mail address or the
end of the access, each only where its flag is given; --until "" takes the end away.
A caseload's children are chosen by an administrator in the portal.`,
		RunE: func(c *cobra.Command, args []string) error {
			return p.withAccounts(c.Context(), func(a *account.Accounts) error {
				u, found, err := a.ByName(c.Context(), args[0])
				if err != nil {
					return err
				}
				if !found {
					return account.ErrNoUser
				}
				person, err := f.over(c, u)
				if err != nil {
					return err
				}
				if err := a.Change(c.Context(), account.User{}, u.ID, person); err != nil {
					return err
				}
				return p.printf("Changed.\n")
			})
		},
	}
	f.add(c)
	return c
}

// over is a person as it was, with what the flags say.
func (f *accessFlags) over(c *cobra.Command, u account.User) (account.Person, error) {
	was := account.Person{Name: u.Name, Role: u.Role, Authorities: u.Authorities, School: u.School, Email: u.Email, Until: u.Until, Only: u.Chosen}
	if f.role == "" {
		f.role = string(u.Role)
	}
	given, err := f.person(u.Name)
	if err != nil {
		return account.Person{}, err
	}
	was.Role = given.Role
	for name, take := range map[string]func(){
		"authority": func() { was.Authorities = given.Authorities },
		"school":    func() { was.School = given.School },
		"email":     func() { was.Email = given.Email },
		"until":     func() { was.Until = given.Until },
	} {
		if c.Flags().Changed(name) {
			take()
		}
	}
	return was, nil
}

func (p *program) userDisable() *cobra.Command {
	return &cobra.Command{
		Use: "disable NAME", Short: "End somebody's access", Args: exactly(1),
		Long: `Disable ends a person's access and every session at once. The last administrator
of an authority and the last operator stay: invite another first. To shut out whoever
has taken over such an account, use ` + "`user reset`" + `.`,
		RunE: func(c *cobra.Command, args []string) error {
			return p.withAccounts(c.Context(), func(a *account.Accounts) error {
				if err := a.Disable(c.Context(), account.User{}, args[0]); err != nil {
					return err
				}
				return p.printf("Access has ended. To give it back: `rollbridge-collector user reset NAME`.\n")
			})
		},
	}
}

func (p *program) userList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List who may sign in", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return p.listUsers(c.Context(), asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// withAccounts needs no vault: no command looks at a second factor.
func (p *program) withAccounts(ctx context.Context, f func(*account.Accounts) error) error {
	return p.withStore(ctx, func(_ settings.Settings, db *database.DB, _ *store.Store) error { return f(account.Open(db, nil)) })
}

func (p *program) giveOneTime(password string) error {
	if err := p.printf("%s\n", password); err != nil {
		return err
	}
	p.notef("This one-time password works for 72 hours and is shown only now. Hand it over by a way that only this person reads.\n")
	return nil
}

// A userLine is a person as `user list` shows one.
type userLine struct {
	Name        string     `json:"name"`
	Role        string     `json:"role"`
	Authorities []string   `json:"authorities"`
	School      string     `json:"school,omitempty"`
	Email       string     `json:"email,omitempty"`
	State       string     `json:"state"`
	Created     *time.Time `json:"created"`
	Until       *time.Time `json:"until,omitempty"`
	SignedIn    *time.Time `json:"signed_in,omitempty"`
	ReviewDue   *time.Time `json:"review_due"`
}

func (p *program) listUsers(ctx context.Context, asJSON bool) error {
	return p.withAccounts(ctx, func(a *account.Accounts) error {
		list, err := a.List(ctx)
		if err != nil {
			return err
		}
		lines, rows := []userLine{}, []string{}
		for _, u := range list {
			l := userLine{
				Name: u.Name, Role: string(u.Role), Authorities: append([]string{}, u.Authorities...), School: u.School, Email: u.Email, State: userState(u),
				Created: timeJSON(u.Created), Until: timeJSON(u.Until), SignedIn: timeJSON(u.SignedIn), ReviewDue: timeJSON(u.ReviewDue()),
			}
			lines = append(lines, l)
			rows = append(rows, l.Name+"\t"+l.Role+"\t"+strings.Join(append(l.Authorities, u.School), " ")+"\t"+l.State)
		}
		if asJSON {
			return p.printJSON(lines)
		}
		return p.table("NAME\tROLE\tFOR\tSTATE", rows, "Nobody may sign in yet. Invite a person with `user invite NAME`.")
	})
}

func userState(u account.User) string {
	switch {
	case !u.Disabled.IsZero():
		return "disabled"
	case !u.Works(clock.Now()):
		return "ended " + timeWords(u.Until)
	case u.MustChange:
		return "one-time password until " + timeWords(u.OneTimeUntil)
	case !u.Second && !u.OpenID:
		return "active, no second factor yet"
	case !u.Until.IsZero():
		return "active until " + timeWords(u.Until)
	}
	return "active"
}
