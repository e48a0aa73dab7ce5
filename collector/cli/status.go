package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/audit"
	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
	"rollbridge/collector/overview"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/status"
)

func (p *program) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: "Show how every school stands, and what needs the operator", Args: exactly(0),
		Long: `Show, for every school, the status of today's two sessions, when its agent was
last heard from, for when its newest register is true, and what waits, is
refused or is held. The exit code is 5 when an alarm is due, such as a keyring
that expires within 90 days.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.status(c.Context(), asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// schoolLine is a school as status --json prints it.
type schoolLine struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	AM        sessionLine `json:"am"`
	PM        sessionLine `json:"pm"`
	Heard     *time.Time  `json:"last_heard"`
	Register  *time.Time  `json:"last_register"`
	Children  int         `json:"children"`
	Left      int         `json:"left"`
	Waiting   int         `json:"waiting"`
	SetAside  int         `json:"set_aside"`
	Refused   int         `json:"refused"`
	Pending   int         `json:"agents_to_confirm"`
	Holds     []holdLine  `json:"holds"`
	Problems  []string    `json:"problems"`
	ListsAsAt *time.Time  `json:"children_as_at"`
	// ByPhone is why the school reports by phone; empty if it does not.
	ByPhone string    `json:"by_phone"`
	Stop    *stopLine `json:"stop"`
}

type sessionLine struct {
	Status status.Word `json:"status"`
	Since  *time.Time  `json:"since"`
	Owner  string      `json:"who_acts"`
	Next   string      `json:"next_step"`
}

type holdLine struct {
	Code      string    `json:"code"`
	Why       string    `json:"why"`
	Dataset   string    `json:"dataset"`
	Authority string    `json:"authority,omitempty"`
	Gone      int       `json:"gone"`
	Of        int       `json:"of"`
	Since     time.Time `json:"since"`
}

func (p *program) status(ctx context.Context, asJSON bool) error {
	return p.withStore(ctx, func(s settings.Settings, db *database.DB, st *store.Store) error {
		now := clock.Now()
		o, err := overview.Read(ctx, st, "", now)
		if err != nil {
			return err
		}
		list, err := server.Alarms(ctx, s, st, audit.New(db, nil), now)
		if err != nil {
			return err
		}
		alarms := make([]string, len(list))
		for i, a := range list {
			alarms[i] = a.Words(now, nil)
		}
		stops, err := standingStops(ctx, st)
		if err != nil {
			return err
		}
		if asJSON {
			err = p.statusJSON(o, stops, alarms)
		} else {
			err = p.statusTable(o, stops, alarms)
		}
		if err == nil && len(alarms) > 0 {
			err = &exitError{ExitFaults, errors.New(alarms[0])}
		}
		return err
	})
}

func (p *program) statusJSON(o overview.Overview, stops map[string]stopLine, alarms []string) error {
	out := struct {
		At      time.Time    `json:"at"`
		Session string       `json:"session"`
		Alarms  []string     `json:"alarms"`
		Schools []schoolLine `json:"schools"`
	}{o.At.UTC(), string(o.Session), append([]string{}, alarms...), []schoolLine{}}
	for _, c := range o.Schools {
		l := lineOf(c)
		if s, ok := stops[l.ID]; ok {
			l.Stop = &s
		}
		out.Schools = append(out.Schools, l)
	}
	return p.printJSON(out)
}

func lineOf(c overview.School) schoolLine {
	l := schoolLine{
		ID: c.School.ID, Name: c.School.Name, AM: sessionOf(c.AM), PM: sessionOf(c.PM),
		Heard: timeJSON(c.LastHeard), Register: timeJSON(c.AttendanceAsAt), ListsAsAt: timeJSON(c.PupilsAsAt),
		Children: c.Children, Left: c.Left, Waiting: c.Waiting, SetAside: c.SetAside, Refused: c.Quarantined, Pending: c.Pending,
		Holds: []holdLine{}, Problems: []string{},
	}
	if c.Calendar.Phone != nil {
		l.ByPhone = string(c.Calendar.Phone.Reason)
	}
	for _, h := range c.Holds {
		l.Holds = append(l.Holds, holdLine{h.Code, string(h.Reason()), string(h.Dataset), h.Authority, h.Gone, h.Of, h.Since.UTC()})
	}
	for _, problem := range c.Problems {
		l.Problems = append(l.Problems, string(problem.Code))
	}
	return l
}

func sessionOf(v status.Verdict) sessionLine {
	return sessionLine{Status: v.Word, Since: timeJSON(v.Since), Owner: v.Owner, Next: v.NextStep}
}

func (p *program) statusTable(o overview.Overview, stops map[string]stopLine, alarms []string) error {
	for _, a := range alarms {
		if err := p.printf("ALARM: %s\n", a); err != nil {
			return err
		}
	}
	if err := p.printf("Correct at %s. %s.\n\n", o.At.In(status.London()).Format("3:04pm Monday 2 January 2006"), o.Summary()); err != nil {
		return err
	}
	var rows, notes []string
	for _, c := range o.Schools {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d", c.School.ID, c.AM.Word, c.PM.Word,
			timeWords(c.LastHeard), held(c), c.Waiting, c.Quarantined, len(c.Holds)))
		notes = append(notes, schoolNotes(c, o)...)
		if s, ok := stops[c.School.ID]; ok {
			notes = append(notes, c.School.ID+": "+s.words())
		}
	}
	if err := p.table("SCHOOL\tMORNING\tAFTERNOON\tLAST HEARD\tLAST REGISTER\tCHILDREN\tWAITING\tREFUSED\tHELD", rows,
		"There is no school yet. Add one with `school add ID NAME`."); err != nil {
		return err
	}
	if len(notes) == 0 {
		return nil
	}
	return p.printf("\n%s\n", strings.Join(notes, "\n"))
}

// held is the cells "last register" and "children": a school that has stopped
// shows its data to nobody, and a number that never came is not 0.
func held(c overview.School) string {
	switch {
	case c.AM.Word == status.Stopped:
		return "hidden\thidden"
	case c.PupilsAsAt.IsZero():
		return timeWords(c.AttendanceAsAt) + "\tunknown"
	}
	return fmt.Sprintf("%s\t%d", timeWords(c.AttendanceAsAt), c.Children)
}

// schoolNotes are the sentences under the table: what to do, and for whom.
func schoolNotes(c overview.School, o overview.Overview) (notes []string) {
	id := c.School.ID
	if v := c.Now(o.Session); v.NextStep != "" && v.Word != status.NotInSession {
		notes = append(notes, fmt.Sprintf("%s: %s (%s)", id, v.NextStep, v.Owner))
	}
	if c.Calendar.Phone != nil {
		notes = append(notes, phoneNote(id, c.Calendar.Phone))
	}
	if c.Pending > 0 {
		notes = append(notes, fmt.Sprintf("%s: an agent waits to be confirmed; compare its phrase, then `agent confirm %s PHRASE`.", id, id))
	}
	if c.SetAside > 0 {
		notes = append(notes, fmt.Sprintf("%s: %d batches could not be opened and were set aside; a full batch was asked for.", id, c.SetAside))
	}
	for _, h := range c.Holds {
		notes = append(notes, id+": "+overview.HoldNote(h.Hold))
	}
	for _, problem := range c.Problems {
		notes = append(notes, id+": "+overview.ProblemNote(problem, o.At))
	}
	return notes
}
