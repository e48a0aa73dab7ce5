package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rollbridge/collector/database"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
)

// contactFlags are how a school is reached, and who speaks for it.
func contactFlags(c *cobra.Command, s *store.School) {
	c.Flags().StringVar(&s.Phone, "phone", "", "the school office's telephone `number`, for those who must phone")
	c.Flags().StringVar(&s.Signatory.Name, "signatory", "", "`name` of who speaks for the school when it stops")
	c.Flags().StringVar(&s.Signatory.Role, "signatory-role", "", "that person's `office`, such as head teacher")
	c.Flags().StringVar(&s.Signatory.Phone, "signatory-phone", "", "that person's telephone `number`")
	c.Flags().StringVar(&s.Signatory.Email, "signatory-email", "", "that person's e-mail `address`; nothing is sent to it")
}

func (p *program) setSchoolCommand() *cobra.Command {
	var given store.School
	c := &cobra.Command{
		Use: "set ID", Short: "Change a school's name, telephone number or signatory", Args: exactly(1),
		Long: `Change what is said of a school; what is not named stays. The signatory is who
speaks for the school when it stops: you phone that person to learn whether the
school meant it.`,
		RunE: func(c *cobra.Command, args []string) error { return p.setSchool(c, args[0], given) },
	}
	c.Flags().StringVar(&given.Name, "name", "", "the school's `name`")
	contactFlags(c, &given)
	return c
}

func (p *program) setSchool(c *cobra.Command, id string, given store.School) error {
	return p.withStore(c.Context(), func(_ settings.Settings, _ *database.DB, st *store.Store) error {
		was, err := school(c.Context(), st, id)
		if err != nil {
			return err
		}
		now := was
		for flag, f := range map[string]struct {
			to *string
			of string
		}{
			"name": {&now.Name, given.Name}, "phone": {&now.Phone, given.Phone}, "signatory": {&now.Signatory.Name, given.Signatory.Name},
			"signatory-role": {&now.Signatory.Role, given.Signatory.Role}, "signatory-phone": {&now.Signatory.Phone, given.Signatory.Phone},
			"signatory-email": {&now.Signatory.Email, given.Signatory.Email},
		} {
			if c.Flags().Changed(flag) {
				*f.to = f.of
			}
		}
		if now == was {
			return usage(errors.New("say what changes, such as --signatory NAME --signatory-phone NUMBER; see `school show`"))
		}
		if err := st.ChangeSchool(c.Context(), now); err != nil {
			return err
		}
		return p.printf("School %s is changed.\n", id)
	})
}

func (p *program) showSchoolCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show ID", Short: "Show how a school is reached, and whether it has stopped", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error { return p.showSchool(c.Context(), args[0], asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// signatoryLine is a signatory as --json prints it.
type signatoryLine struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	Phone string `json:"phone"`
	Email string `json:"email"`
}

func (p *program) showSchool(ctx context.Context, id string, asJSON bool) error {
	return p.withStore(ctx, func(s settings.Settings, _ *database.DB, st *store.Store) error {
		c, err := school(ctx, st, id)
		if err != nil {
			return err
		}
		stops, err := standingStops(ctx, st)
		if err != nil {
			return err
		}
		stop, stopped := stops[id]
		if asJSON {
			out := struct {
				ID        string        `json:"id"`
				Name      string        `json:"name"`
				Phone     string        `json:"phone"`
				Signatory signatoryLine `json:"signatory"`
				Stop      *stopLine     `json:"stop"`
			}{c.ID, c.Name, c.Phone, signatoryLine(c.Signatory), nil}
			if stopped {
				out.Stop = &stop
			}
			return p.printJSON(out)
		}
		text := fmt.Sprintf("School:     %s (%s)\nPhone:      %s\nSignatory:  %s\n", c.Name, c.ID, orNot(c.Phone), signatoryWords(c.Signatory))
		if stopped {
			text += "Stopped:    " + stop.words() + "\n"
		}
		return p.printf("%s", text)
	})
}

func orNot(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// signatoryWords is whom to phone.
func signatoryWords(s store.Signatory) string {
	if s.Name == "" && s.Phone == "" {
		return "not known; set one with `school set`, so that you know whom to phone when the school stops"
	}
	text := orNot(s.Name)
	if s.Role != "" {
		text += " (" + s.Role + ")"
	}
	if s.Phone != "" {
		text += ", " + s.Phone
	}
	if s.Email != "" {
		text += ", " + s.Email
	}
	return text
}
