package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

func (p *program) codeCommand() *cobra.Command {
	var asJSON bool
	create := &cobra.Command{
		Use: "create SCHOOL", Short: "Make an enrolment code for a school; it is shown once", Args: exactly(1),
		Long: `Make an enrolment code: one line that school IT pastes into the agent. It enrols
one agent, within 72 hours. The code is printed alone to standard output, once;
the collector keeps no copy of its secret. Send it by a way that only the school
reads.`,
		RunE: func(c *cobra.Command, args []string) error { return p.createCode(c.Context(), args[0], asJSON) },
	}
	create.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return parent("code", "Enrolment codes", create)
}

func (p *program) createCode(ctx context.Context, id string, asJSON bool) error {
	return p.withDesk(ctx, func(s settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if s.PublicURL == "" {
			return settled(errors.New("public_url is not set: set it to the address that schools reach, as https://HOST:PORT, in the settings file"))
		}
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		pin, err := server.TrialPin(s)
		if err != nil {
			return err
		}
		u, err := settings.ParsePublicURL(s.PublicURL)
		if err != nil {
			return settled(err)
		}
		issued, err := desk.NewCode(ctx, id, u.String(), pin)
		if err != nil {
			return err
		}
		if asJSON {
			return p.printJSON(struct {
				Code    string    `json:"code"`
				ID      string    `json:"id"`
				Expires time.Time `json:"expires"`
			}{issued.Text, issued.ID.String(), issued.Expires.UTC()})
		}
		if err := p.printf("%s\n", issued.Text); err != nil {
			return err
		}
		p.notef("This code enrols one agent of %s, until %s. It is shown only now.\n"+
			"Next: school IT runs `rollbridge-agent enrol CODE` and reads out a phrase; compare it with\n"+
			"`rollbridge-collector agent list`, then run `rollbridge-collector agent confirm %s PHRASE`.\n",
			issued.Ask.SchoolName, issued.Expires.In(status.London()).Format("3:04pm Monday 2 January 2006"), id)
		if unsaid := s.Handling.Unsaid(); len(unsaid) > 0 {
			p.notef("The school will read that you have not said all it should know of its data. Set %s in the\nsettings file; codes made afterwards, and every agent after the next start, say it.\n", strings.Join(unsaid, ", "))
		}
		return nil
	})
}

func (p *program) agentCommand() *cobra.Command {
	var asJSON bool
	list := &cobra.Command{
		Use: "list [SCHOOL]", Short: "List the agents", Args: between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			return p.listAgents(c.Context(), id, asJSON)
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	confirm := &cobra.Command{
		Use: "confirm SCHOOL PHRASE", Short: "Accept the agent that shows this phrase", Args: exactly(2),
		Long: `Accept the agent of a school, after the school has read its phrase to you over a
channel that you trust, such as the telephone number that you know. Any other
agent of the school is superseded. An agent's batches wait sealed until then.`,
		RunE: func(c *cobra.Command, args []string) error { return p.confirm(c.Context(), args[0], args[1]) },
	}
	var yes bool
	revoke := &cobra.Command{
		Use: "revoke SCHOOL [AGENT]", Short: "Stop an agent for good", Args: between(1, 2),
		Long: `Stop an agent by the operator's word. It stops, erases its own state, and nothing
that it sends later is taken. If it is the school's confirmed agent, the school
is stopped: its data are hidden at once and destroyed 30 days later. AGENT is a
phrase or an agent id; without it the school's confirmed agent is meant. This
cannot be undone: the school needs a new code afterwards. Phone the school first,
on the number that you know.`,
		RunE: func(c *cobra.Command, args []string) error {
			if !yes {
				return refuse("revoking an agent cannot be undone and hides the school's data; run it again with --yes if that is what you want")
			}
			return p.revoke(c.Context(), args)
		},
	}
	revoke.Flags().BoolVar(&yes, "yes", false, "do it")
	return parent("agent", "The agents that speak for schools", list, confirm, revoke)
}

func (p *program) listAgents(ctx context.Context, id string, asJSON bool) error {
	return p.withStore(ctx, func(_ settings.Settings, _ *database.DB, st *store.Store) error {
		if id != "" {
			if _, err := school(ctx, st, id); err != nil {
				return err
			}
		}
		list, err := st.Agents(ctx, id)
		if err != nil {
			return err
		}
		type line struct {
			School     string     `json:"school"`
			Agent      string     `json:"agent"`
			Generation uint32     `json:"generation"`
			State      string     `json:"state"`
			Phrase     string     `json:"phrase"`
			Reenrolled bool       `json:"reenrolled"`
			Created    *time.Time `json:"created"`
			Confirmed  *time.Time `json:"confirmed"`
			Heard      *time.Time `json:"last_heard"`
		}
		lines, rows := []line{}, []string{}
		for _, a := range list {
			lines = append(lines, line{a.School, a.ID.String(), a.Generation, string(a.State), a.Phrase, a.Reenrolled,
				timeJSON(a.Created), timeJSON(a.Confirmed), timeJSON(a.Heard)})
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", a.School, a.ID, a.State, a.Phrase, timeWords(a.Created), timeWords(a.Heard)))
		}
		if asJSON {
			return p.printJSON(lines)
		}
		return p.table("SCHOOL\tAGENT\tSTATE\tPHRASE\tENROLLED\tLAST HEARD", rows, "There is no agent yet. Make a code with `code create SCHOOL`.")
	})
}

func (p *program) confirm(ctx context.Context, id, phrase string) error {
	return p.withDesk(ctx, func(_ settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		a, err := desk.Confirm(ctx, id, phrase)
		if err != nil {
			return err
		}
		return p.printf("Agent %s of %s is confirmed. What it sends is now opened.\n", a.ID, id)
	})
}

func (p *program) revoke(ctx context.Context, args []string) error {
	id := args[0]
	return p.withDesk(ctx, func(_ settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		ref := ""
		if len(args) == 2 {
			ref = args[1]
		} else {
			list, err := st.Agents(ctx, id)
			if err != nil {
				return err
			}
			for _, a := range list {
				if a.State == store.AgentConfirmed {
					ref = a.ID.String()
				}
			}
			if ref == "" {
				return refused(fmt.Errorf("%s has no confirmed agent; name the one to stop: see `agent list %s`", id, id))
			}
		}
		a, err := desk.Revoke(ctx, id, ref)
		if err != nil {
			return err
		}
		if err := p.printf("Agent %s of %s is revoked.\n", a.ID, id); err != nil {
			return err
		}
		return p.sayStopped(ctx, st, id)
	})
}
