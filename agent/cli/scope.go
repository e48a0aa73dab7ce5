package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/agent/scope"
	"rollbridge/agent/settings"
	"rollbridge/shared/record"
)

func (p *program) scope() *cobra.Command {
	c := &cobra.Command{Use: "scope", Short: "What may leave this school: show it, allow, deny, accept", Args: noArguments,
		Long: `What leaves is what the authorities ask for and the school has allowed. Nothing that the
collector sends, and no profile that gives more, widens it: more waits for a yes here.`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(p.scopeShow(),
		p.scopeChoice(outbox.ScopeAllowed, "allow", "Say yes to a part of what is asked",
			`  rollbridge-agent scope allow 330.contact          a dataset of one authority
  rollbridge-agent scope allow 330.contact.Phones   one field of it`),
		p.scopeChoice(outbox.ScopeDenied, "deny", "Say no to a part of what is asked or was allowed",
			`  rollbridge-agent scope deny 330.contact.Addresses
  rollbridge-agent scope deny 330                   everything for this authority`),
		p.scopeAccept())
	return c
}

// loadScope asks the service, or looks itself.
func (p *program) loadScope(ctx context.Context) (settings.Settings, school.ScopeReport, error) {
	set, err := p.settings()
	if err != nil {
		return set, school.ScopeReport{}, err
	}
	r, err := either(ctx, set, askScope, nil, func(s *school.School) (school.ScopeReport, error) { return s.Scope() })
	return set, r, err
}

func decideScope(ctx context.Context, set settings.Settings, choice school.ScopeChoice) (school.ScopeReport, error) {
	return either(ctx, set, askScopeDecide, choice, func(s *school.School) (school.ScopeReport, error) { return s.Decide(ctx, choice) })
}

func (p *program) scopeShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show", Short: "Show what is asked, what the school has allowed, and what waits", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, r, err := p.loadScope(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(r)
			}
			p.showAsk(r.Ask)
			p.printf("What leaves is what is asked and what the school has allowed:\n")
			p.showAllowed(r.Allowed)
			p.showGaps(r.NotGiven)
			p.showNews(r.News)
			if len(scope.Waiting(r.NotGiven)) > 0 {
				p.printf("\n`rollbridge-agent scope accept` says yes to what waits, `scope allow` to parts of it.\n")
			}
			p.printf("\nHash of what may leave, as in every batch and in the logbook:\n%s\n", r.Hash)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the scope as JSON")
	return c
}

func (p *program) showAllowed(allowed scope.Allowed) {
	if len(allowed) == 0 {
		p.printf("  nothing\n")
	}
	for _, authority := range slices.Sorted(maps.Keys(allowed)) {
		for _, d := range record.Datasets() {
			if fields, there := allowed[authority][d]; there {
				p.printf("%s", wrap("  ", fmt.Sprintf("%s.%s: %s", authority, d, fieldList(fields))))
			}
		}
	}
}

// showGaps lists what does not leave, and why.
func (p *program) showGaps(gaps []scope.Gap) {
	for _, part := range []struct {
		title string
		of    func(scope.Gap) bool
	}{
		{"Asked for, and waiting for the school's yes:", func(g scope.Gap) bool { return !g.Denied && !g.Gained }},
		{"Given by the MIS's profile only since the school's last yes, and waiting:", func(g scope.Gap) bool { return g.Gained }},
		{"Asked for, and denied by the school:", func(g scope.Gap) bool { return g.Denied }},
	} {
		some := slices.DeleteFunc(slices.Clone(gaps), func(g scope.Gap) bool { return !part.of(g) })
		if len(some) == 0 {
			continue
		}
		p.printf("\n%s\n", part.title)
		for _, g := range some {
			p.printf("%s", wrap("  ", fmt.Sprintf("%s.%s (%s): %s", g.Authority, g.Dataset, g.Name, fieldList(g.Fields))))
		}
	}
}

func (p *program) showNews(news []school.News) {
	if len(news) == 0 {
		return
	}
	p.printf("\nThe collector's operator says something new. Nothing more leaves by it:\n")
	for _, n := range news {
		p.printf("%s%s%s", wrap("  ", n.What), wrap("    before: ", n.Before), wrap("    now:    ", n.Now))
	}
}

func (p *program) scopeChoice(cause outbox.ScopeCause, name, short, example string) *cobra.Command {
	return &cobra.Command{
		Use: name + " AUTHORITY[.DATASET[.FIELD]] …", Short: short, Example: example, DisableFlagsInUseLine: true,
		Args: arguments(1, 100, "name what you decide about: AUTHORITY, AUTHORITY.DATASET or AUTHORITY.DATASET.FIELD"),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			r, err := decideScope(c.Context(), set, school.ScopeChoice{Cause: cause, Choices: args})
			if err != nil {
				return err
			}
			p.printf("From now on may leave:\n")
			p.showAllowed(r.Allowed)
			p.showGaps(r.NotGiven)
			if cause == outbox.ScopeDenied {
				p.printf("\n%s", wrap("", "Nothing of what is denied is sealed or sent any more. What was sent of it before is removed at the collector with the next sync: at once with `rollbridge-agent sync`."))
			}
			return nil
		},
	}
}

func (p *program) scopeAccept() *cobra.Command {
	var yes bool
	var hash string
	c := &cobra.Command{
		Use: "accept", Short: "Show what waits, and say yes to it", Args: noArguments,
		Long: `Shows everything that is asked for, or that the profile of the MIS gives since the school's
last yes, and does not leave; and asks for your yes. What was denied by name stays denied.
For scripts: --yes says it at once, --hash only to exactly what was shown before (scope show
--json has it as "shown").`,
		RunE: func(c *cobra.Command, _ []string) error {
			set, r, err := p.loadScope(c.Context())
			if err != nil {
				return err
			}
			waiting := scope.Waiting(r.NotGiven)
			if hash != "" && hash != r.Shown {
				return &school.Fault{Kind: school.Refused, Text: "what waits for a yes is not what the hash stands for: nothing was changed; look with `rollbridge-agent scope show`"}
			}
			if len(waiting) == 0 && len(r.News) == 0 {
				p.printf("Nothing waits for a yes.\n")
				return nil
			}
			p.showGaps(waiting)
			p.showMeanings(waiting)
			p.showNews(r.News)
			p.printf("\nHash of this, for --hash: %s\n", r.Shown)
			question := "Does the school agree that this leaves too?"
			if len(waiting) == 0 {
				question = "Take note of it?"
			}
			if !yes && hash == "" && !p.yes(question) {
				return &school.Fault{Kind: school.Refused, Text: "nothing was agreed, so nothing was changed: run the command again when the school has decided, or allow parts of it with `rollbridge-agent scope allow`"}
			}
			after, err := decideScope(c.Context(), set, school.ScopeChoice{Cause: outbox.ScopeAccepted, Shown: r.Shown})
			if err != nil {
				return err
			}
			p.printf("From now on may leave:\n")
			p.showAllowed(after.Allowed)
			return nil
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "say yes to what is shown, for scripts")
	c.Flags().StringVar(&hash, "hash", "", "say yes if this `hash` was shown before")
	return c
}

// showMeanings says in words what a yes would let leave.
func (p *program) showMeanings(waiting []scope.Gap) {
	shown := map[record.Dataset][]string{}
	for _, g := range waiting {
		shown[g.Dataset] = append(shown[g.Dataset], g.Fields...)
	}
	p.printf("\nWhat these are:\n")
	p.showDatasets(shown)
}
