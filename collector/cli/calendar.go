package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/audit"
	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/language"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

const calendarLong = `Show when a school's registers are expected, or change it: the times of both
sessions, term dates, closures and extra school days. Without an option it
shows what is there. The authorities that ask the school keep the same
calendar on the portal.

A date is WHAT,FIRST[,LAST[,AM|PM]]: what is term, inset, holiday, weather,
building, strike, polling, closed or open (a school day although it is a weekend,
a bank holiday or outside the terms); days are 2026-09-03, 3/9/2026 (the day first)
or 3 September 2026. --import reads a file of such lines, with commas, semicolons
or tabs. Nothing is changed unless all of it can be.

With no dates registers are expected from Monday to Friday, except on bank holidays
of England and Wales. After the last term that was given every Monday to Friday
counts as a school day, so that a school is phoned rather than forgotten.`

// calendarChange is what `school calendar` is asked to change.
type calendarChange struct {
	add, remove []string
	file        string
	am, pm      string
	asJSON      bool
}

func (c calendarChange) nothing() bool {
	return len(c.add)+len(c.remove) == 0 && c.file == "" && c.am == "" && c.pm == ""
}

func (p *program) calendarCommand() *cobra.Command {
	var given calendarChange
	c := &cobra.Command{
		Use: "calendar SCHOOL", Short: "Show or change when a school's registers are expected", Long: calendarLong, Args: exactly(1),
		Example: `  rollbridge-collector school calendar oak-lane --import terms.csv
  rollbridge-collector school calendar oak-lane --add inset,2026-11-02 --am 8:50,9:05,9:30`,
		RunE: func(c *cobra.Command, args []string) error {
			if given.nothing() {
				return p.showCalendar(c.Context(), args[0], given.asJSON)
			}
			return p.changeCalendar(c.Context(), args[0], given)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&given.add, "add", nil, "add a `date`; may be given several times")
	f.StringArrayVar(&given.remove, "remove", nil, "remove a `date`, as it was added; may be given several times")
	f.StringVar(&given.file, "import", "", "add the dates of a `file`")
	f.StringVar(&given.am, "am", "", "the morning's `times` from today on: register, late, not received")
	f.StringVar(&given.pm, "pm", "", "the afternoon's `times` from today on")
	f.BoolVar(&given.asJSON, "json", false, "print JSON")
	return c
}

// dates reads dates as a list of lines; what is wrong is told by its place in it.
func dates(text, what string) ([]calendar.Entry, error) {
	entries, faults := calendar.Parse(text)
	if len(faults) == 0 {
		return entries, nil
	}
	lines := []string{what + " cannot be taken, so nothing was changed:"}
	for _, f := range faults {
		lines = append(lines, fmt.Sprintf("  line %d: %s", f.Line, f.Text))
	}
	return nil, refused(errors.New(strings.Join(lines, "\n")))
}

func (c calendarChange) read() (add, remove []calendar.Entry, err error) {
	if c.file != "" {
		text, err := os.ReadFile(c.file)
		if err != nil {
			return nil, nil, refused(fmt.Errorf("read the dates: %w", err))
		}
		if add, err = dates(string(text), c.file); err != nil {
			return nil, nil, err
		}
		if len(add) == 0 {
			return nil, nil, refused(fmt.Errorf("%s has no line with a date; nothing was changed. See `rollbridge-collector school calendar --help`", c.file))
		}
	}
	more, err := dates(strings.Join(c.add, "\n"), "--add")
	if err == nil {
		remove, err = dates(strings.Join(c.remove, "\n"), "--remove")
	}
	return append(add, more...), remove, err
}

// parseTimes reads the three times of a session: "8:50,9:05,9:30".
func parseTimes(flag, text string) (c status.Clock, err error) {
	parts := strings.Split(text, ",")
	times := [3]time.Duration{}
	for i, part := range parts {
		t, bad := time.Parse("15:04", strings.TrimSpace(part))
		if bad != nil || len(parts) != len(times) {
			return c, usage(fmt.Errorf("%s is three times, such as 8:50,9:05,9:30: of the register, from when it is late, and from when it counts as not received", flag))
		}
		times[i] = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	return status.Clock{Register: times[0], Late: times[1], NotReceived: times[2]}, nil
}

func (c calendarChange) clocks(now calendar.Calendar, day time.Time) (map[status.Session]status.Clock, error) {
	clocks := now.Clocks(day)
	for _, given := range []struct {
		flag, text string
		session    status.Session
	}{{"--am", c.am, status.AM}, {"--pm", c.pm, status.PM}} {
		if given.text == "" {
			continue
		}
		one, err := parseTimes(given.flag, given.text)
		if err != nil {
			return nil, err
		}
		clocks[given.session] = one
	}
	return clocks, nil
}

// byCommand is a change that the operator makes now.
func byCommand() calendar.Change {
	return calendar.Change{Author: calendar.Author{User: audit.ByCommand}, At: clock.Now()}
}

func (p *program) changeCalendar(ctx context.Context, id string, c calendarChange) error {
	add, remove, err := c.read()
	if err != nil {
		return err
	}
	return p.withStore(ctx, func(_ settings.Settings, db *database.DB, st *store.Store) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		err := db.Write(ctx, func(tx *database.Tx) error {
			if err := c.write(ctx, tx, id, add, remove); err != nil {
				return err
			}
			about := fmt.Sprintf("add %d remove %d times %t", len(add), len(remove), c.am+c.pm != "")
			return audit.New(db, nil).AddIn(ctx, tx, audit.Entry{User: audit.ByCommand, Action: audit.CalendarChanged, Subject: audit.Subject{School: id, About: about}})
		})
		var fault *calendar.Fault
		switch {
		case errors.As(err, &fault):
			return refused(fmt.Errorf("%w; nothing was changed", fault))
		case errors.Is(err, calendar.ErrNotFound):
			return refused(fmt.Errorf("%w; nothing was changed. See `rollbridge-collector school calendar %s`", err, id))
		case err != nil:
			return err
		}
		return p.printf("The calendar of %s is changed.\n", id)
	})
}

// write removes before it adds, so that an entry can be replaced in one command.
func (c calendarChange) write(ctx context.Context, tx *database.Tx, id string, add, remove []calendar.Entry) error {
	for _, e := range remove {
		if err := calendar.Remove(ctx, tx, id, e); err != nil {
			return err
		}
	}
	if err := calendar.Add(ctx, tx, id, add, byCommand()); err != nil {
		return err
	}
	if c.am+c.pm == "" {
		return nil
	}
	now, err := calendar.Read(ctx, tx, id)
	if err != nil {
		return err
	}
	today := clock.Now().In(status.London())
	clocks, err := c.clocks(now, today)
	if err != nil {
		return err
	}
	return calendar.SetTimes(ctx, tx, id, record.DateOf(today), clocks, byCommand())
}

// calendarJSON is a calendar as `school calendar --json` prints it.
type calendarJSON struct {
	Times   map[status.Session]timesJSON `json:"times"`
	Entries []entryJSON                  `json:"entries"`
	ByPhone string                       `json:"by_phone,omitempty"`
}

type timesJSON struct {
	Register    string `json:"register"`
	Late        string `json:"late"`
	NotReceived string `json:"not_received"`
}

type entryJSON struct {
	What    calendar.Kind  `json:"what"`
	First   record.Date    `json:"first"`
	Last    record.Date    `json:"last"`
	Session status.Session `json:"session,omitempty"`
}

func clockText(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d/time.Hour), int(d%time.Hour/time.Minute))
}

func (p *program) showCalendar(ctx context.Context, id string, asJSON bool) error {
	return p.withStore(ctx, func(_ settings.Settings, db *database.DB, st *store.Store) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		var c calendar.Calendar
		if err := db.Read(ctx, func(tx *database.Tx) (err error) {
			c, err = calendar.Read(ctx, tx, id)
			return err
		}); err != nil {
			return err
		}
		out := calendarJSON{Times: map[status.Session]timesJSON{}, Entries: []entryJSON{}}
		for s, t := range c.Clocks(clock.Now().In(status.London())) {
			out.Times[s] = timesJSON{clockText(t.Register), clockText(t.Late), clockText(t.NotReceived)}
		}
		for _, e := range c.Entries {
			out.Entries = append(out.Entries, entryJSON{e.Kind, e.First, e.Last, e.Session})
		}
		if c.Phone != nil {
			out.ByPhone = string(c.Phone.Reason)
		}
		if asJSON {
			return p.printJSON(out)
		}
		return p.calendarTable(id, c, out)
	})
}

func (p *program) calendarTable(id string, c calendar.Calendar, out calendarJSON) error {
	for _, s := range []status.Session{status.AM, status.PM} {
		t := out.Times[s]
		if err := p.printf("%s: register %s, late from %s, not received from %s\n", s, t.Register, t.Late, t.NotReceived); err != nil {
			return err
		}
	}
	if c.Phone != nil {
		if err := p.printf("%s\n", phoneNote(id, c.Phone)); err != nil {
			return err
		}
	}
	rows := []string{}
	for _, e := range out.Entries {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", e.What, e.First, e.Last, e.Session))
	}
	if err := p.printf("\n"); err != nil {
		return err
	}
	return p.table("WHAT\tFIRST\tLAST\tSESSION", rows, "No date was given: registers are expected from Monday to Friday, except on bank holidays.")
}

// phoneNote says that a school reports by phone, since when and why.
func phoneNote(id string, c *calendar.ByPhone) string {
	why := language.In(language.English).T("schools.reason." + string(c.Reason))
	return fmt.Sprintf("%s: reports by phone since %s. %s.", id, timeWords(c.Changed.At), why)
}

func (p *program) byPhoneCommand() *cobra.Command {
	var reason string
	var end bool
	c := &cobra.Command{
		Use: "by-phone SCHOOL", Short: "Say that a school reports by phone, or does not any more", Args: exactly(1),
		Long: `Say that a school's registers come by telephone and not from an agent. It is then
on the call list every session day, and nobody looks for its agent. The reason is
` + reasonList() + `.`,
		RunE: func(c *cobra.Command, args []string) error {
			if end == (reason != "") {
				return usage(fmt.Errorf("say why the school reports by phone, with --reason (%s), or --end; not both", reasonList()))
			}
			return p.setByPhone(c.Context(), args[0], calendar.Reason(reason))
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "`why` the school reports by phone")
	c.Flags().BoolVar(&end, "end", false, "its registers come from an agent again")
	return c
}

func reasonList() string {
	all := calendar.Reasons()
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// setByPhone sets the reason; an empty one ends it.
func (p *program) setByPhone(ctx context.Context, id string, why calendar.Reason) error {
	if why != "" && !slices.Contains(calendar.Reasons(), why) {
		return usage(fmt.Errorf("%q is no reason%s; there are %s", why, nearest(string(why), strings.Split(reasonList(), ", ")), reasonList()))
	}
	return p.withStore(ctx, func(_ settings.Settings, db *database.DB, st *store.Store) error {
		if _, err := school(ctx, st, id); err != nil {
			return err
		}
		about := "end"
		err := db.Write(ctx, func(tx *database.Tx) error {
			var err error
			if why == "" {
				err = calendar.EndByPhone(ctx, tx, id)
			} else {
				about = "reason " + string(why)
				err = calendar.SetByPhone(ctx, tx, id, why, byCommand())
			}
			if err != nil {
				return err
			}
			return audit.New(db, nil).AddIn(ctx, tx, audit.Entry{User: audit.ByCommand, Action: audit.ByPhoneChanged, Subject: audit.Subject{School: id, About: about}})
		})
		if err != nil {
			return err
		}
		if why == "" {
			return p.printf("Registers of %s are expected from its agent.\n", id)
		}
		return p.printf("%s reports by phone: it is on the call list every session day.\n", id)
	})
}
