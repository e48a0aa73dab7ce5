package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/agent/school"
	"rollbridge/agent/scope"
	"rollbridge/agent/settings"
	"rollbridge/agent/trial"
	"rollbridge/agent/update"
	"rollbridge/shared/protocol"
)

func (p *program) status() *cobra.Command {
	var asJSON bool
	var schools string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how things stand and what to do next",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if schools != "" {
				return p.statusOfSchools(c.Context(), schools, asJSON)
			}
			set, err := p.settings()
			if err != nil {
				return err
			}
			st, err := statusOf(c.Context(), set)
			if err != nil {
				return err
			}
			program := p.programStatus()
			if asJSON {
				return p.printJSON(fullStatus{st, program})
			}
			p.showStatus(st)
			if text, worth := versionLine(program); worth {
				p.printf("%-14s%s\n", "Updates:", sentence(text))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the status as JSON")
	c.Flags().StringVar(&schools, "schools", "", "one line for each school that has a data directory in this `directory`")
	return c
}

// A fullStatus is `status --json`: how the school stands, and the program.
type fullStatus struct {
	school.Status
	Update *update.Status `json:"update,omitempty"`
}

// programStatus is how the program stands, by what is kept; nil where the settings
// of that cannot be used.
func (p *program) programStatus() *update.Status {
	cur, err := p.currency("")
	if err != nil {
		return nil
	}
	st := cur.Status()
	return &st
}

// statusOf is the status of a data directory, enrolled or not.
func statusOf(ctx context.Context, set settings.Settings) (school.Status, error) {
	st := school.StatusWithout(set.DataDir)
	if st.State != school.NotEnrolled {
		return st, nil
	}
	if _, enrolled := school.Enrolled(set.DataDir); !enrolled {
		return st, checkReadable(set.DataDir)
	}
	return either(ctx, set, askStatus, nil, func(s *school.School) (school.Status, error) { return s.Status() })
}

var stateWords = map[school.State]string{
	school.NotEnrolled: "Not set up yet", school.Enrolling: "Waiting for the collector's answer",
	school.Unconfirmed: "Waiting for the operator to confirm the phrase", school.Active: "Active",
	school.PausedBySchool: "Paused by school", school.RevokedBySchool: "Stopped by school", school.Stopped: "Stopped",
	school.Moved: "Moved to another computer",
}

func (p *program) showStatus(st school.Status) {
	line := func(name, format string, args ...any) { p.printf("%-14s%s\n", name+":", fmt.Sprintf(format, args...)) }
	line("State", "%s", stateWords[st.State])
	if st.Next != "" {
		line("Next step", "%s", st.Next)
	}
	if st.RevokeWaits {
		line("Revoke", "not yet with the collector: the service, or `rollbridge-agent revoke`, goes on delivering it")
	}
	if st.Agent == "" {
		return
	}
	line("School", "%s (%s)", st.SchoolName, st.School)
	line("Collector", "%s", st.Collector)
	line("Agent", "%s, enrolment %d, version %s", st.Agent, st.Generation, st.Version)
	line("Phrase", "%s", st.Phrase)
	if st.Pause != nil && !st.Pause.Until.IsZero() {
		line("Paused until", "%s", when(st.Pause.Until))
	}
	p.showBatches(line, st)
	for _, h := range st.Holds {
		line("Held", "%s", holdLine(h, st.LastRead))
	}
	for _, d := range slices.Sorted(maps.Keys(st.Refused)) {
		line("Refused", "%d %s records are kept apart by the collector because they are not valid; they are sent again when they change", st.Refused[d], d)
	}
	for _, g := range st.NotGiven {
		line("Not given", "%s", gapLine(g))
	}
	for _, n := range st.News {
		line("News", "%s is now: %s; nothing more leaves by it", n.What, n.Now)
	}
	if st.Silence != nil {
		line("Nothing sent", "since %s: %s", when(st.Silence.Since), st.Silence.Why)
	}
	if st.Trouble != nil {
		line("In the way", "%s, since %s", st.Trouble.Text, when(st.Trouble.Since))
	}
	if st.Intercepted != "" {
		line("On the way", "secure connections are opened by %s, which this computer trusts; what is sealed stays sealed, but ask for the collector to be exempted", st.Intercepted)
	}
	for _, problem := range st.Problems {
		line("Problem", "%s", problemLine(problem))
	}
}

func (p *program) showBatches(line func(string, string, ...any), st school.Status) {
	if r := st.LastRead; r != nil {
		result := fmt.Sprintf("%d new or changed, %d removed", r.Upserts, r.Removals)
		if r.Problem != "" {
			result = "failed"
		}
		line("Last read", "%s: %s", when(r.Started), result)
		for _, text := range withheldLines(r.Datasets) {
			line("Withheld", "%s", text)
		}
		if text := rosterLine(r.Roster); text != "" {
			line("Roster", "%s", text)
		}
		if r.Cost != nil {
			line("MIS asked", "%s", costLine(*r.Cost))
		}
		if r.Requests != nil {
			line("MIS asked", "%s", trial.Asked(*r.Requests))
		}
	}
	if r := st.LastReceipt; r != nil {
		line("Last receipt", "%s, for batch %d", when(r.Received), r.Sequence)
	}
	if o := st.LastOutcome; o != nil {
		line("Last outcome", "batches to %d: %d applied, %d removed, %d refused", o.Last, o.Applied, o.Removed, o.Refused)
	}
	if !st.LastHeard.IsZero() {
		line("Last heard", "%s", when(st.LastHeard))
	}
	line("Queue", "%d of the batches sealed wait for a receipt, %d for an outcome", st.Waiting, st.Unoutcomed)
}

// costLine says what a read asked of the MIS's database, beside what it may ask.
func costLine(c sqlserver.Cost) string {
	return fmt.Sprintf("%d times (at most %d), %s, slowest answer %.1f s", c.Queries, sqlserver.MaxQueries, trial.Size(c.Bytes), c.Slowest.Seconds())
}

func when(t time.Time) string { return t.Local().Format("2 January 2006 15:04:05") }

// problemWords says what the agent reports to the collector, for the school.
var problemWords = map[protocol.ProblemCode]string{
	protocol.ProblemMISDown:        "the MIS does not answer",
	protocol.ProblemMISData:        "the MIS's data cannot be read as they should be",
	protocol.ProblemRightMissing:   "a right or a column that the agent needs is missing, so nothing could be read",
	protocol.ProblemIdentifier:     "the pupils' ids are empty in every row, so nothing could be read",
	protocol.ProblemHeld:           "something is kept back",
	protocol.ProblemScopeNotGiven:  "an authority asks for more than the school allows",
	protocol.ProblemIntercepted:    "secure connections are opened on the way",
	protocol.ProblemKeyringExpired: "the collector's list of keys has expired: ask the operator to renew it",
	protocol.ProblemDiskFull:       "the disk is full: make room",
	protocol.ProblemClock:          "this computer's clock is wrong: correct it",
	protocol.ProblemWarnings:       "optional values were not understood",
	protocol.ProblemSilent:         "nothing could be sent for a day",
	protocol.ProblemUnreachable:    "the collector is not reached, or does not take what is sent",
	protocol.ProblemNoAccess:       "the MIS refuses the access that it was granted by: once this has gone on for a day the authority is shown \"Stopped by school\"",
}

func problemLine(p protocol.Problem) string {
	var b strings.Builder
	words, known := problemWords[p.Code]
	if !known {
		words = string(p.Code)
	}
	if p.Code == protocol.ProblemHeld {
		words = school.HeldBrief(p.Why)
	}
	b.WriteString(words)
	if p.Dataset != "" {
		fmt.Fprintf(&b, " in %s", p.Dataset)
	}
	if p.Count > 0 {
		fmt.Fprintf(&b, ", %d", p.Count)
	}
	fmt.Fprintf(&b, ", since %s", when(p.Since))
	return b.String()
}

// gapLine says what an authority asks for and does not get, and why.
func gapLine(g scope.Gap) string {
	why := "waits for the school's yes"
	switch {
	case g.Denied:
		why = "denied by the school"
	case g.Gained:
		why = "given by the MIS's profile only since the school's last yes; waits for another"
	}
	return fmt.Sprintf("%s (%s) asks for %s: %s: %s", g.Name, g.Authority, g.Dataset, fieldList(g.Fields), why)
}
