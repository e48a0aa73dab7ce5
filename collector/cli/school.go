package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

func (p *program) schoolCommand() *cobra.Command {
	var given store.School
	add := &cobra.Command{
		Use: "add ID NAME", Short: "Add a school", Args: exactly(2),
		Long: "Add a school under a short id of lower-case letters, digits and hyphens, which stays for good.",
		Example: `  rollbridge-collector school add oak-lane "Oak Lane School" --phone "01632 960123" \
    --signatory "A. Head" --signatory-role "Head teacher" --signatory-phone "01632 960124"`,
		RunE: func(c *cobra.Command, args []string) error {
			given.ID, given.Name = args[0], args[1]
			return p.addSchool(c.Context(), given)
		},
	}
	contactFlags(add, &given)

	var asJSON, stopped bool
	list := &cobra.Command{
		Use: "list", Short: "List the schools and what is asked of them", Args: exactly(0),
		Long: `List the schools and what is asked of them. With --stopped it lists the schools
that have stopped instead: whose word it was, when their data are destroyed or
were, and whom to phone.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if stopped {
				return p.listStops(c.Context(), asJSON)
			}
			return p.listSchools(c.Context(), asJSON)
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	list.Flags().BoolVar(&stopped, "stopped", false, "list the schools that have stopped")

	resync := &cobra.Command{
		Use: "resync SCHOOL", Short: "Ask a school's agent to send everything again", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error { return p.resync(c.Context(), args[0]) },
	}
	return parent("school", "The schools, and what is asked of them", add, p.setSchoolCommand(), p.showSchoolCommand(), list, p.provisionCommand(), p.calendarCommand(), p.byPhoneCommand(), resync)
}

// provisionLong names every dataset there is.
func provisionLong() string {
	return `Say what an authority asks of a school. It replaces what the authority asked
before. The school decides: what leaves is what was asked and the school has
allowed, so asking for more waits for a yes at the school.

--dataset pupil asks for all fields that are not sensitive;
--dataset contact=Surname,Forename asks for these only. Addresses and Comments
are sensitive: they are asked for by name or not at all. Every provision needs
pupil, because the other datasets hang on it. The datasets are
` + strings.Join(datasetNames(), ", ") + `.`
}

func datasetNames() []string {
	names := make([]string, 0, len(record.Datasets()))
	for _, d := range record.Datasets() {
		names = append(names, string(d))
	}
	return names
}

func (p *program) provisionCommand() *cobra.Command {
	var authority string
	var datasets []string
	var remove bool
	c := &cobra.Command{
		Use: "provision SCHOOL --authority CODE --dataset NAME[=FIELD,…] …", Short: "Say what an authority asks of a school",
		Long: provisionLong(), Args: exactly(1), DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			if authority == "" {
				return usage(errors.New("say which authority asks: --authority CODE"))
			}
			if remove != (len(datasets) == 0) {
				return usage(errors.New("say what is asked, with --dataset for each dataset, or --remove to ask for nothing more; not both"))
			}
			return p.provision(c.Context(), args[0], authority, datasets)
		},
	}
	c.Flags().StringVar(&authority, "authority", "", "`code` of the authority that asks")
	c.Flags().StringArrayVar(&datasets, "dataset", nil, "`dataset`, or dataset=Field,Field…; may be given several times")
	c.Flags().BoolVar(&remove, "remove", false, "take away what the authority asks")
	return c
}

// parseDataset reads NAME or NAME=FIELD,FIELD.
func parseDataset(text string) (record.Dataset, []string, error) {
	name, list, given := strings.Cut(text, "=")
	d := record.Dataset(strings.TrimSpace(name))
	if !slices.Contains(record.Datasets(), d) {
		all := datasetNames()
		return "", nil, fmt.Errorf("there is no dataset %q%s; there are %s", name, nearest(name, all), strings.Join(all, ", "))
	}
	var all, usual []string
	for _, f := range record.Fields(d) {
		all = append(all, f.Name)
		if !f.Always && !f.Sensitive {
			usual = append(usual, f.Name)
		}
	}
	if !given {
		return d, usual, nil
	}
	fields := []string{}
	for field := range strings.SplitSeq(list, ",") {
		field = strings.TrimSpace(field)
		if !slices.Contains(all, field) {
			return "", nil, fmt.Errorf("dataset %s has no field %q%s; it has %s", d, field, nearest(field, all), strings.Join(all, ", "))
		}
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	return d, fields, nil
}

func (p *program) provision(ctx context.Context, id, authority string, asked []string) error {
	datasets := map[record.Dataset][]string{}
	for _, text := range asked {
		d, fields, err := parseDataset(text)
		if err != nil {
			return refused(err)
		}
		if _, twice := datasets[d]; twice {
			return usage(fmt.Errorf("dataset %s is given twice: give it once, with all its fields", d))
		}
		datasets[d] = fields
	}
	return p.withDesk(ctx, func(_ settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		if err := knownAuthority(ctx, st, authority); err != nil {
			return err
		}
		if len(datasets) == 0 {
			err := st.DropProvision(ctx, id, authority)
			if errors.Is(err, store.ErrNotFound) {
				return refused(fmt.Errorf("authority %s asks nothing of %s; nothing was changed", authority, id))
			}
			if err != nil {
				return err
			}
		} else if err := st.SetProvision(ctx, store.Provision{School: id, Authority: authority, Datasets: datasets}); err != nil {
			return err
		}
		return p.tell(ctx, desk, id)
	})
}

// tell lets the school's agent know what is asked now.
func (p *program) tell(ctx context.Context, desk *enrolment.Desk, id string) error {
	told, err := desk.Provision(ctx, id)
	if err != nil {
		return fmt.Errorf("what is asked of %s is stored, but its agent was not told: %w; run the same command again", id, err)
	}
	if !told {
		return p.said(fmt.Sprintf("What is asked of %s is stored.", id),
			fmt.Sprintf("Next: make a code for the school with `rollbridge-collector code create %s`, if it has no agent yet.", id))
	}
	return p.said(fmt.Sprintf("What is asked of %s is stored, and its agent will hear of it at its next check-in.", id),
		"More than before leaves only after a yes at the school; until then `rollbridge-agent scope show` lists it there as not allowed.")
}

func knownAuthority(ctx context.Context, st *store.Store, code string) error {
	list, err := st.Authorities(ctx)
	if err != nil {
		return err
	}
	codes := make([]string, 0, len(list))
	for _, a := range list {
		if a.Code == code {
			return nil
		}
		codes = append(codes, a.Code)
	}
	return refused(fmt.Errorf("there is no authority %q%s; see `authority list`, or add it with `authority add`", code, nearest(code, codes)))
}

func (p *program) addSchool(ctx context.Context, c store.School) error {
	return p.withStore(ctx, func(_ settings.Settings, _ *database.DB, st *store.Store) error {
		err := st.AddSchool(ctx, c)
		if errors.Is(err, store.ErrExists) {
			return refused(fmt.Errorf("there is already a school %q; nothing was changed. Choose another id, or see `school list`", c.ID))
		}
		if err != nil {
			return err
		}
		return p.said(fmt.Sprintf("School %s is added.", c.ID),
			fmt.Sprintf("Next: say what is asked of it, with `rollbridge-collector school provision %s --authority CODE --dataset pupil …`.", c.ID))
	})
}

func (p *program) listSchools(ctx context.Context, asJSON bool) error {
	return p.withStore(ctx, func(s settings.Settings, _ *database.DB, st *store.Store) error {
		ids, err := st.SchoolIDs(ctx)
		if err != nil {
			return err
		}
		type line struct {
			ID    string                                 `json:"id"`
			Name  string                                 `json:"name"`
			Phone string                                 `json:"phone"`
			Asks  map[string]map[record.Dataset][]string `json:"asks"`
		}
		lines, rows := []line{}, []string{}
		for _, id := range ids {
			c, err := st.School(ctx, id)
			if err != nil {
				return err
			}
			ask, err := st.Ask(ctx, id, s.OperatorName())
			if err != nil {
				return err
			}
			l := line{ID: c.ID, Name: c.Name, Phone: c.Phone, Asks: map[string]map[record.Dataset][]string{}}
			for _, r := range ask.Requests {
				l.Asks[r.Code] = r.Datasets
			}
			lines = append(lines, l)
			rows = append(rows, c.ID+"\t"+c.Name+"\t"+c.Phone+"\t"+asksWords(l.Asks))
		}
		if asJSON {
			return p.printJSON(lines)
		}
		return p.table("ID\tNAME\tPHONE\tASKED BY", rows, "There is no school yet. Add one with `school add ID NAME`.")
	})
}

func asksWords(asks map[string]map[record.Dataset][]string) string {
	if len(asks) == 0 {
		return "nobody yet"
	}
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(asks)) {
		var names []string
		for _, d := range record.Datasets() {
			if _, ok := asks[code][d]; ok {
				names = append(names, string(d))
			}
		}
		parts = append(parts, code+" ("+strings.Join(names, ", ")+")")
	}
	return strings.Join(parts, "; ")
}

func (p *program) resync(ctx context.Context, id string) error {
	return p.withDesk(ctx, func(_ settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		if err := desk.Resync(ctx, id); err != nil {
			return err
		}
		return p.printf("The agent of %s will be asked, at its next check-in, to send everything again.\n", id)
	})
}
