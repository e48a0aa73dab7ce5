package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/enrolment"
	"rollbridge/collector/roster"
	"rollbridge/collector/roster/sheet"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

const rosterImportLong = `Take over the list of children that an authority looks after, in place of the
one before. FILE is CSV (comma, semicolon or tab) or XLSX; its first line names
the columns, in any order and beside any others:

  UPN                  of each child, once
  date of birth        CCYY-MM-DD is always understood
  school               the school's id, as "school list" shows it
  may the school know  yes or no; empty or no such column means no

A school is told, sealed to its agent, only of children whom it may know. A
child whom its MIS does not mark as looked after is sent only after a person at
the school has accepted the child.

Everything that is wrong with the file is listed with line and column, and then
nothing is changed. When more than a fifth of the children (and at least 3), or
all of them, would leave the roster, the command prints a code and changes
nothing; with --release CODE it does.`

// rosterFlags are what the commands below roster share.
type rosterFlags struct {
	dryRun, json bool
	release      string
}

func (p *program) rosterCommand() *cobra.Command {
	var f rosterFlags
	take := &cobra.Command{
		Use: "import AUTHORITY FILE", Short: "Take over the list of children whom an authority looks after", Args: exactly(2), Long: rosterImportLong,
		Example: `  rollbridge-collector roster import 855 roster.xlsx --dry-run`,
		RunE:    func(c *cobra.Command, args []string) error { return p.importRoster(c.Context(), args[0], args[1], f) },
	}
	take.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would change, and change nothing")
	show := &cobra.Command{
		Use: "show AUTHORITY", Short: "Count the children on a roster, and those whom no school sends", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error { return p.showRoster(c.Context(), args[0], f.json) },
	}
	remove := &cobra.Command{
		Use: "remove AUTHORITY", Short: "Take every child off a roster", Args: exactly(1),
		Long: "Take every child off the roster of an authority, and tell its schools. Without --release it prints the code that does it, and changes nothing.",
		RunE: func(c *cobra.Command, args []string) error { return p.removeRoster(c.Context(), args[0], f) },
	}
	for _, c := range []*cobra.Command{take, remove} {
		c.Flags().StringVar(&f.release, "release", "", "`code` that lets so many children leave the roster")
	}
	for _, c := range []*cobra.Command{take, show, remove} {
		c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	}
	return parent("roster", "The children whom an authority says it looks after", take, show, remove)
}

func (p *program) importRoster(ctx context.Context, authority, path string, f rosterFlags) error {
	table, err := readRoster(path)
	if err != nil {
		return err
	}
	return p.withDesk(ctx, func(s settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if err := knownAuthority(ctx, st, authority); err != nil {
			return err
		}
		known, err := rosterSchools(ctx, s, st, authority)
		if err != nil {
			return err
		}
		children, err := roster.Parse(table, known, record.DateOf(clock.Now().In(status.London())))
		var faults *roster.Faults
		if errors.As(err, &faults) {
			if f.json {
				if err := p.printJSON(faults); err != nil {
					return err
				}
			}
			return refused(faults)
		}
		if err != nil {
			return err
		}
		return p.replaceRoster(ctx, st, desk, authority, children, f)
	})
}

func readRoster(path string) (roster.Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return roster.Table{}, refused(fmt.Errorf("open the roster file: %w", err))
	}
	table, err := sheet.Read(file)
	if errors.Is(err, roster.ErrFile) {
		err = refused(err)
	}
	return table, errors.Join(err, file.Close())
}

// rosterSchools are the schools that a roster may name.
func rosterSchools(ctx context.Context, s settings.Settings, st *store.Store, authority string) (roster.Known, error) {
	known := roster.Known{Asked: map[string]bool{}, All: map[string]bool{}}
	ids, err := st.SchoolIDs(ctx)
	if err != nil {
		return known, err
	}
	for _, id := range ids {
		known.All[id] = true
		ask, err := st.Ask(ctx, id, s.OperatorName())
		if err != nil {
			return known, err
		}
		for _, r := range ask.Requests {
			known.Asked[id] = known.Asked[id] || r.Code == authority
		}
	}
	return known, nil
}

// replaceRoster takes over a list, prints what changed and tells the schools.
func (p *program) replaceRoster(ctx context.Context, st *store.Store, desk *enrolment.Desk, authority string, children []store.Listed, f rosterFlags) error {
	importer := roster.Importer{Store: st, Vault: desk.Vault}
	d, err := importer.Import(ctx, authority, children, roster.Options{DryRun: f.dryRun, Release: f.release})
	if err != nil && !errors.Is(err, roster.ErrRelease) {
		if errors.Is(err, store.ErrRosterMoved) {
			return refused(err)
		}
		return err
	}
	if printed := p.printDiff(d, f); printed != nil {
		return printed
	}
	if err != nil {
		return refused(fmt.Errorf("%d of %d children would leave the roster of authority %s, so nothing was changed. If that is right, run the command again with --release %s",
			d.Removed, d.Before, authority, d.Release))
	}
	if f.dryRun {
		p.notef("Nothing was changed: this was a dry run.%s\n", releaseWords(d))
		return nil
	}
	told := 0
	for _, s := range d.Schools {
		ok, err := desk.Roster(ctx, s.School)
		if err != nil {
			return fmt.Errorf("the roster is stored, but not every school was told: %w; role jobs does it within the hour, or run the command again", err)
		}
		if ok {
			told++
		}
	}
	p.notef("The roster of authority %s stands. Agents to be told at their next check-in: %d.\n", authority, told)
	return nil
}

func releaseWords(d roster.Diff) string {
	if d.Release == "" {
		return ""
	}
	return fmt.Sprintf(" To take it over, --release %s is needed, because %d of %d children would leave the roster.", d.Release, d.Removed, d.Before)
}

func (p *program) printDiff(d roster.Diff, f rosterFlags) error {
	if f.json {
		return p.printJSON(struct {
			roster.Diff
			DryRun bool `json:"dry_run"`
		}{d, f.dryRun})
	}
	if err := p.printf("Authority %s: %d children before, %d after: %d added, %d changed, %d moved, %d removed.\n",
		d.Authority, d.Before, d.After, d.Added, d.Changed, d.Moved, d.Removed); err != nil {
		return err
	}
	var rows []string
	for _, s := range d.Schools {
		if s.Counts != (roster.Counts{}) || s.Gone > 0 {
			rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d", s.School, s.Added, s.Changed, s.Moved, s.Gone, s.Removed, s.After, s.MayKnow))
		}
	}
	return p.table("SCHOOL\tADDED\tCHANGED\tMOVED HERE\tMOVED AWAY\tREMOVED\tCHILDREN\tSCHOOL MAY KNOW", rows, "Nothing changes.")
}

// rosterLine is one school's part of a roster, in counts.
type rosterLine struct {
	School   string `json:"school"`
	Children int    `json:"children"`
	MayKnow  int    `json:"may_know"`
	Unsent   int    `json:"not_sent"`
}

func (p *program) showRoster(ctx context.Context, authority string, asJSON bool) error {
	return p.withDesk(ctx, func(_ settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if err := knownAuthority(ctx, st, authority); err != nil {
			return err
		}
		r, err := st.Roster(ctx, desk.Vault, authority)
		if err != nil {
			return err
		}
		missing, err := st.Missing(ctx, desk.Vault, authority)
		if err != nil {
			return err
		}
		lines := rosterLines(r, missing.Schools)
		if asJSON {
			return p.printJSON(struct {
				Authority string       `json:"authority"`
				Imported  *time.Time   `json:"imported"`
				Children  int          `json:"children"`
				Schools   []rosterLine `json:"schools"`
			}{authority, timeJSON(r.Imported), len(r.Children), lines})
		}
		if !r.Imported.IsZero() {
			if err := p.printf("Authority %s: %d children, imported %s.\n", authority, len(r.Children), timeWords(r.Imported)); err != nil {
				return err
			}
		}
		rows := make([]string, 0, len(lines))
		for _, l := range lines {
			rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%d", l.School, l.Children, l.MayKnow, l.Unsent))
		}
		return p.table("SCHOOL\tCHILDREN\tSCHOOL MAY KNOW\tNOT SENT BY ANY SCHOOL", rows,
			fmt.Sprintf("There is no child on it. Import one with `roster import %s FILE`.", authority))
	})
}

func rosterLines(r store.Roster, unsent []store.Unsent) []rosterLine {
	lines := []rosterLine{}
	for _, c := range r.Children { // in the order of schools
		if len(lines) == 0 || lines[len(lines)-1].School != c.School {
			lines = append(lines, rosterLine{School: c.School})
		}
		l := &lines[len(lines)-1]
		l.Children++
		if c.MayKnow {
			l.MayKnow++
		}
	}
	for _, u := range unsent {
		for i := range lines {
			if lines[i].School == u.School.ID {
				lines[i].Unsent = len(u.Children)
			}
		}
	}
	return lines
}

func (p *program) removeRoster(ctx context.Context, authority string, f rosterFlags) error {
	return p.withDesk(ctx, func(_ settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		if err := knownAuthority(ctx, st, authority); err != nil {
			return err
		}
		r, err := st.Roster(ctx, desk.Vault, authority)
		if err != nil {
			return err
		}
		if len(r.Children) == 0 {
			return refuse("there is no child on the roster of authority " + authority + "; nothing was changed")
		}
		return p.replaceRoster(ctx, st, desk, authority, nil, f)
	})
}
