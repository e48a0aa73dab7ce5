package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rollbridge/collector/database"
	"rollbridge/collector/retention"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
)

const retentionRunLong = `Forget now what is past its time, as role jobs does by itself once a day. What
is forgotten does not come back. It runs beside the service, and may be stopped
anywhere: what is left goes at the next run.

What a school's MIS holds, and what waits in a hold, is never forgotten.`

func (p *program) retentionCommand() *cobra.Command {
	var asJSON, dryRun bool
	show := &cobra.Command{
		Use: "show", Short: "Show for how long data are kept, and how much is past its time", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withRetention(c.Context(), func(j *retention.Job) error {
				due, err := j.Due(c.Context(), clock.Now())
				if err != nil {
					return err
				}
				if !asJSON {
					if err := p.printPeriods(j.Periods); err != nil {
						return err
					}
				}
				return p.printForgotten(j.Periods, due, asJSON, "Nothing is past its time.")
			})
		},
	}
	run := &cobra.Command{
		Use: "run", Short: "Forget what is past its time now", Args: exactly(0), Long: retentionRunLong,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withRetention(c.Context(), func(j *retention.Job) error { return p.forget(c.Context(), j, dryRun, asJSON) })
		},
	}
	run.Flags().BoolVar(&dryRun, "dry-run", false, "say how much would go, and forget nothing")
	for _, c := range []*cobra.Command{show, run} {
		c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	}
	return parent("retention", "For how long data are kept", show, run)
}

func (p *program) withRetention(ctx context.Context, f func(*retention.Job) error) error {
	return p.withStore(ctx, func(s settings.Settings, _ *database.DB, st *store.Store) error {
		return f(&retention.Job{Store: st, Periods: s.Retention})
	})
}

// forget prints what went even where not everything could.
func (p *program) forget(ctx context.Context, j *retention.Job, dryRun, asJSON bool) error {
	do, note := j.Run, ""
	if dryRun {
		do, note = j.Due, "Nothing was forgotten: this was a dry run.\n"
	}
	list, err := do(ctx, clock.Now())
	if err != nil && list == nil {
		return err
	}
	if printed := p.printForgotten(j.Periods, list, asJSON, "Nothing is past its time."); printed != nil {
		return printed
	}
	p.notef("%s", note)
	return err
}

func (p *program) printPeriods(r settings.Retention) error {
	periods := map[record.Rule]string{
		record.RuleLeft: days(r.LeftDays), record.RuleHistory: days(r.HistoryDays), record.RuleRefused: days(r.HistoryDays),
		record.RuleMarks: fmt.Sprintf("%d academic years", r.AttendanceYears),
	}
	rows := []string{}
	for _, k := range record.Keepings() {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s", k.Rule, periods[k.Rule], k.Setting))
	}
	rows = append(rows, fmt.Sprintf("audit\t%d years\tretention.audit_years", r.AuditYears))
	if err := p.table("RULE\tKEPT FOR\tSETTING", rows, ""); err != nil {
		return err
	}
	return p.printf("\n")
}

func days(n int) string { return fmt.Sprintf("%d days", n) }

// retentionLine is one school's part, in counts.
type retentionLine struct {
	School   string `json:"school"`
	Children int    `json:"children"`
	Weeks    int    `json:"weeks_of_marks"`
	Versions int    `json:"versions"`
	Refused  int    `json:"refused"`
}

// printForgotten lists schools: all of them as JSON, for a person those of which
// there is something to say.
func (p *program) printForgotten(r settings.Retention, list []retention.School, asJSON bool, none string) error {
	lines, rows := []retentionLine{}, []string{}
	for _, s := range list {
		l := retentionLine{s.School, s.Forgotten[record.RuleLeft], s.Forgotten[record.RuleMarks], s.Forgotten[record.RuleHistory], s.Forgotten[record.RuleRefused]}
		lines = append(lines, l)
		if !s.None() {
			rows = append(rows, fmt.Sprintf("%s\t%d\t%d\t%d\t%d", l.School, l.Children, l.Weeks, l.Versions, l.Refused))
		}
	}
	if asJSON {
		return p.printJSON(struct {
			HistoryDays     int             `json:"history_days"`
			LeftDays        int             `json:"left_days"`
			AttendanceYears int             `json:"attendance_years"`
			AuditYears      int             `json:"audit_years"`
			Schools         []retentionLine `json:"schools"`
		}{r.HistoryDays, r.LeftDays, r.AttendanceYears, r.AuditYears, lines})
	}
	return p.table("SCHOOL\tCHILDREN WHO LEFT\tWEEKS OF MARKS\tOLD VERSIONS\tREFUSED", rows, none)
}
