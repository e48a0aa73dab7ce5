package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
)

const schoolID = "oakmere"

type demo struct {
	out      io.Writer
	dir      string
	once     bool
	database string
	programs stack.Programs
	school   *demoschool.School

	collector *stack.Collector
	agent     *stack.Agent
	code      string
	compared  int // records, over all comparisons
}

func (d *demo) folder() string { return filepath.Join(d.dir, "mis") }

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// title and show print a step's heading and a command with what it printed.
func (d *demo) title(text string) { d.say("\n== %s", text) }

func (d *demo) show(explain, command, output string, lines int) {
	d.say("   %s\n   $ %s", explain, command)
	all := strings.Split(strings.TrimRight(output, "\n"), "\n")
	for _, line := range all[:min(lines, len(all))] {
		if runes := []rune(line); len(runes) > 150 {
			line = string(runes[:149]) + "…"
		}
		d.say("     %s", line)
	}
	if len(all) > lines {
		d.say("     … and %d lines more", len(all)-lines)
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
	d.code, err = d.collector.AddSchool(ctx, stack.School{
		ID: schoolID, Name: demoschool.SchoolName, Authorities: d.school.Authorities(),
	})
	if err != nil {
		return err
	}
	d.say("   A collector runs, with keys, a database and a page of its own. %d authorities ask %s for\n   pupils, contacts and attendance of the children they look after; the school gets one code to paste.",
		len(d.school.Authorities()), demoschool.SchoolName)
	return nil
}

func (d *demo) setUpSchool(ctx context.Context) error {
	d.title("School IT pastes the code")
	if err := os.Mkdir(d.folder(), 0o700); err != nil {
		return fmt.Errorf("make the MIS folder: %w", err)
	}
	if err := d.school.WriteCSV(d.folder()); err != nil {
		return err
	}
	var err error
	d.agent, err = stack.NewAgent(d.programs, filepath.Join(d.dir, "agent"), d.folder(), stack.AgentOptions{})
	if err != nil {
		return err
	}
	out, err := d.agent.Command(ctx, "enrol", d.code, "--accept")
	if err != nil {
		return err
	}
	d.show("Who asks for what, the phrase to compare, and the code for the head teacher's safe:", "rollbridge-agent enrol RB1-… --accept", out, 40)
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
	d.say("   The operator hears the phrase %s from the school, sees the same one, and confirms it.", phrase)
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
	d.show("Exactly the lines that the next sync would seal; nothing is changed or sent:", "rollbridge-agent preview", out, 4)
	return nil
}

func (d *demo) firstSync(ctx context.Context) error {
	d.title("The first sync")
	out, err := d.agent.Command(ctx, "sync")
	if err != nil {
		return err
	}
	d.show("Read, scope, compare, seal, send until the receipt comes:", "rollbridge-agent sync", out, 12)
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
	if err := d.school.WriteCSV(d.folder()); err != nil {
		return err
	}
	out, err := d.agent.Command(ctx, "sync")
	if err != nil {
		return err
	}
	d.show("Only what changed is sealed and sent:", "rollbridge-agent sync", out, 12)
	if err := d.compare(ctx, "after the changes"); err != nil {
		return err
	}
	out, err = d.agent.Command(ctx, "sync")
	if err != nil {
		return err
	}
	d.show("Nothing changed since: a small signed batch says so, because silence is never success:", "rollbridge-agent sync", out, 12)
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
		{"The school: how things stand.", true, 30, []string{"status"}},
		{"The school: every batch that left, with the collector's signed receipt.", true, 14, []string{"log"}},
		{"The same, verified without any network.", true, 8, []string{"log", "--verify"}},
		{"The operator: every school, its status word and two clocks.", false, 14, []string{"status"}},
		{"The school's state is whole.", true, 6, []string{"fsck"}},
		{"So is the collector's.", false, 6, []string{"fsck"}},
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
	want, err := oracle.Expected(d.school)
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
	d.say("   Compared %s: the collector holds %d pupils, %d contacts and %d weeks of marks, each as in the MIS, and nothing else.",
		when, counts["pupil"], counts["contact"], counts["attendance"])
	return nil
}

func (d *demo) summary(took time.Duration) {
	d.title("Summary")
	pupils := 0
	for range d.school.Pupils() {
		pupils++
	}
	d.say("   %d pupils on roll, %d looked after by the authorities that ask; only those left the school.", pupils, len(d.school.LookedAfter()))
	d.say("   %d records compared with the MIS in three rounds, no difference, in %.1f s.", d.compared, took.Seconds())
}

func (d *demo) wait(ctx context.Context) error {
	d.title("Now look")
	d.say("   The authority's page:  %s   (your browser will warn: the trial certificate is its own)", d.collector.PortalURL)
	d.say("   The first sign-in, as `init` printed it:")
	for line := range strings.SplitSeq(strings.TrimSpace(d.collector.Greeting), "\n") {
		d.say("     %s", line)
	}
	d.say("   The school's MIS:      %s", d.folder())
	d.say("   Try: ROLLBRIDGE_DATA_DIR=%s %s status", d.agent.Dir, d.programs.Agent)
	d.say("   Ctrl-C ends everything and removes %s.", d.dir)
	<-ctx.Done()
	return ctx.Err()
}

func (d *demo) close() error {
	var errs []error
	if d.agent != nil {
		errs = append(errs, d.agent.Close())
	}
	if d.collector != nil {
		errs = append(errs, d.collector.Close())
	}
	return errors.Join(errs...)
}
