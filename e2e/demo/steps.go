package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

const schoolID = "oakmere"

type demo struct {
	out      io.Writer
	dir      string
	database string
	programs stack.Programs
	school   *demoschool.School

	mis       *stack.MIS
	collector *stack.Collector
	agent     *stack.Agent
	code      string
	compared  int // records, over all comparisons
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// Lines of a command's output are cut in the middle, so that they stay lines on
// most screens and still say how they end.
const (
	width = 118
	tail  = 56
)

// title and show print a step's heading and a command with what it printed.
func (d *demo) title(text string) { d.say("\n== %s", text) }

func (d *demo) show(explain, command, output string, lines int) {
	d.say("   %s\n   $ %s", explain, command)
	all := strings.Split(strings.TrimRight(output, "\n"), "\n")
	for _, line := range all[:min(lines, len(all))] {
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width-tail-1]) + "…" + string(runes[len(runes)-tail:])
		}
		d.say("     %s", line)
	}
	if len(all) > lines {
		d.say("     … and %d more lines", len(all)-lines)
	}
}

func (d *demo) setUpCollector(ctx context.Context) error {
	d.title("The operator sets up a collector")
	var err error
	d.collector, err = stack.NewCollector(ctx, d.programs, filepath.Join(d.dir, "collector"), stack.CollectorOptions{Database: d.database})
	if err != nil {
		return err
	}
	if _, err := d.collector.Start(ctx, ""); err != nil {
		return err
	}
	ask := stack.School{ID: schoolID, Name: demoschool.SchoolName, Authorities: d.school.Authorities()}
	for _, dataset := range record.Datasets() {
		ask.Datasets = append(ask.Datasets, string(dataset))
	}
	d.code, err = d.collector.AddSchool(ctx, ask)
	if err != nil {
		return err
	}
	kind := "SQLite"
	if d.database != "" {
		kind = "the database that was given"
	}
	d.say("   A collector runs: its keys, its database (%s), its page for the authorities.", kind)
	d.say("   %d authorities ask %s for all %d datasets, from contacts to exam results,", len(d.school.Authorities()), demoschool.SchoolName, len(ask.Datasets))
	d.say("   of the children whom they look after. The operator sends the school one code to paste.")
	return nil
}

func (d *demo) setUpSchool(ctx context.Context) error {
	d.title("School IT pastes the code")
	var err error
	d.agent, err = stack.NewAgent(d.programs, filepath.Join(d.dir, "agent"), d.mis.Source(), stack.AgentOptions{})
	if err != nil {
		return err
	}
	out, err := d.agent.Command(ctx, "profile", "test")
	if err != nil {
		return err
	}
	d.show("The settings name the server, the login and its certificate. School IT looks whether all is as it should be:", "rollbridge-agent profile test", out, 30)
	out, err = d.agent.Command(ctx, "enrol", d.code, "--accept")
	if err != nil {
		return err
	}
	d.show("It shows who asks for what and why (long lines are cut here), a phrase, and a code for the safe:", "rollbridge-agent enrol RB1-… --accept", out, 80)
	phrase, err := stack.PhraseIn(out)
	if err != nil {
		return err
	}
	// The agent's service is started first: it asks until the enrolment is decided.
	if _, err := d.agent.Start(ctx); err != nil {
		return err
	}
	if err := d.confirm(ctx, phrase); err != nil {
		return err
	}
	d.say("   The school reads its phrase out on the phone; the operator sees the same one and confirms it:")
	d.say("   $ rollbridge-collector agent confirm %s %s", schoolID, phrase)
	return nil
}

func (d *demo) confirm(ctx context.Context, phrase string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return stack.Await(ctx, "the agent to be known to the operator", func() (bool, error) {
		r, err := d.collector.Try(ctx, "agent", "confirm", schoolID, phrase)
		if err != nil {
			return false, err
		}
		if r.Code != 0 {
			return false, errors.New(r.Stderr)
		}
		return true, nil
	})
}

func (d *demo) preview(ctx context.Context) error {
	d.title("The school looks at what would leave, before anything does")
	out, err := d.agent.Command(ctx, "preview")
	if err != nil {
		return err
	}
	d.show("To whom, about whom and what, with values shortened (cut here). Nothing is changed, nothing is sent:", "rollbridge-agent preview", out, 24)
	out, err = d.agent.Command(ctx, "preview", "--format", "jsonl", "--reveal")
	if err != nil {
		return err
	}
	d.show("Exactly the lines that the next sync would seal (cut here):", "rollbridge-agent preview --format jsonl --reveal", out, 4)
	lines := strings.SplitN(out, "\n", 3)
	if len(lines) < 3 {
		return errors.New("the preview has no line of a pupil")
	}
	d.say("   The first pupil in full:")
	for rest := []rune(lines[1]); len(rest) > 0; rest = rest[min(width, len(rest)):] {
		d.say("     %s", string(rest[:min(width, len(rest))]))
	}
	return nil
}

func (d *demo) firstSync(ctx context.Context) error {
	d.title("The first sync")
	out, err := d.agent.Command(ctx, "sync")
	if err != nil {
		return err
	}
	d.show("Read the MIS, drop what may not leave, compare, seal, and send until the signed receipt is there:", "rollbridge-agent sync", out, 24)
	return d.compare(ctx, "after the first sync")
}

// morning changes the school as a morning does and syncs again.
func (d *demo) morning(ctx context.Context) error {
	d.title("The next morning: a mark changes, one pupil comes into care, one leaves it")
	cared := d.school.LookedAfter()
	if len(cared) < 3 {
		return errors.New("the school has too few looked-after pupils for this demo; ask for more pupils")
	}
	if err := d.school.ChangeMark(cared[0].ID, d.school.Today(), demoschool.AM, "I"); err != nil {
		return err
	}
	if err := d.school.EnterCare(d.school.NotLookedAfter()[0].ID, d.school.Authorities()[0], d.school.Today()); err != nil {
		return err
	}
	if err := d.school.LeaveCare(cared[len(cared)-1].ID, d.school.Today()); err != nil {
		return err
	}
	if err := d.mis.Write(ctx); err != nil {
		return err
	}
	out, err := d.agent.Command(ctx, "sync")
	if err != nil {
		return err
	}
	d.show("Only what changed is sealed and sent:", "rollbridge-agent sync", out, 24)
	if err := d.compare(ctx, "after the changes"); err != nil {
		return err
	}
	out, err = d.agent.Command(ctx, "sync")
	if err != nil {
		return err
	}
	d.show("Once more, with nothing changed: a small signed batch says so, because silence is never success:", "rollbridge-agent sync", out, 24)
	return d.compare(ctx, "after a sync without change")
}

func (d *demo) proof(ctx context.Context) error {
	d.title("What each side can show")
	for _, c := range []struct {
		explain string
		agent   bool
		lines   int
		args    []string
	}{
		{"The school sees how things stand:", true, 30, []string{"status"}},
		{"The school holds proof of every batch that left, with the collector's signed receipt:", true, 14, []string{"log"}},
		{"Anybody can verify that proof, without a network:", true, 8, []string{"log", "--verify"}},
		{"The operator sees every school, its status word and two clocks:", false, 14, []string{"status"}},
		{"The school's keys, queue and logbook agree:", true, 6, []string{"fsck"}},
		{"Everything that the collector stores opens and adds up:", false, 6, []string{"fsck"}},
	} {
		command, name := d.collector.Command, "rollbridge-collector "
		if c.agent {
			command, name = d.agent.Command, "rollbridge-agent "
		}
		out, err := command(ctx, c.args...)
		if err != nil {
			return err
		}
		d.show(c.explain, name+strings.Join(c.args, " "), out, c.lines)
	}
	return nil
}

// compare waits until the collector holds exactly what the MIS holds.
func (d *demo) compare(ctx context.Context, when string) error {
	want, err := oracle.Question{Datasets: record.Datasets()}.Answer(d.school)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = stack.Await(ctx, "the collector to hold what the MIS holds "+when, func() (bool, error) {
		got, err := d.collector.Records(ctx, schoolID)
		if err != nil {
			return false, err
		}
		if err := oracle.Same(want, got); err != nil {
			return false, err
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	counts := want.Counts()
	d.compared += len(want)
	rest := len(want) - counts["pupil"] - counts["contact"] - counts["attendance"]
	d.say("   Compared %s: the collector holds %d pupils, %d contacts, %d weeks of marks", when, counts["pupil"], counts["contact"], counts["attendance"])
	d.say("   and %d records of the other %d datasets, each as in the MIS, and nothing else.", rest, len(counts)-3)
	return nil
}

func (d *demo) close() error {
	var errs []error
	if d.agent != nil {
		errs = append(errs, d.agent.Close())
	}
	if d.collector != nil {
		errs = append(errs, d.collector.Close())
	}
	if d.mis != nil {
		errs = append(errs, d.mis.Close())
	}
	return errors.Join(errs...)
}
