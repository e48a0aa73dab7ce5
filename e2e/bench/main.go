package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if handled, err := runChild(os.Args[1:]); handled {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options say how much is measured.
type options struct {
	quick, large bool
	database     string
	only         string
	seconds      int // of the steady load
}

// The parts that -only names, in the order in which they run.
var parts = []string{"uploads", "steady", "aged", "agent", "drivers", "today", "size"}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "one minute instead of ten: fewer pairs, smaller loads, no school ten times as large")
	flags.BoolVar(&o.large, "large", false, "fill the aged database with 24,000 schools (needs some gigabytes and minutes)")
	flags.StringVar(&o.database, "database", "", "postgres:// address of a database on this machine; empty is SQLite")
	flags.StringVar(&o.only, "only", "", "parts to run, separated by commas, of: "+strings.Join(parts, " "))
	flags.IntVar(&o.seconds, "seconds", 30, "how long the steady load of 400 uploads a second lasts")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := o.check(flags.Args()); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	if err := measureAll(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "bench: the run is broken; what the table shows was measured before:", err)
		return 1
	}
	return 0
}

func (o options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("%q is not understood: give flags only (-h lists them)", rest[0])
	}
	for part := range strings.SplitSeq(o.only, ",") {
		if part != "" && !slices.Contains(parts, part) {
			return fmt.Errorf("-only: %q is no part: give some of %s", part, strings.Join(parts, ", "))
		}
	}
	if o.seconds < 1 {
		return errors.New("-seconds: give at least 1")
	}
	if o.database != "" && !strings.HasPrefix(o.database, "postgres") {
		return errors.New("-database: give a postgres:// address, or nothing for SQLite")
	}
	return nil
}

func (o options) wants(part string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), part)
}

// pairs is how many repetitions a ratio is made of.
func (o options) pairs() int { return o.pick(2, 5) }

// uploads is how many uploads one side of a pair is.
func (o options) uploads() int { return o.pick(60, 150) }

func (o options) pick(quick, full int) int {
	if o.quick {
		return quick
	}
	return full
}

func measureAll(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	began := time.Now()
	b, err := newBench(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	var rows []row
	for _, part := range parts {
		if !o.wants(part) {
			continue
		}
		measure := map[string]func(context.Context) ([]row, error){
			"uploads": b.uploads, "steady": b.steady, "aged": b.aged, "agent": b.agent, "drivers": b.drivers, "today": b.today, "size": b.size,
		}[part]
		more, failed := measure(ctx)
		rows = append(rows, more...)
		if failed != nil {
			// What was measured before is still good.
			err = fmt.Errorf("%s: %w", part, failed)
			break
		}
	}
	b.describe(stdout, time.Since(began))
	return errors.Join(err, printTable(stdout, rows))
}
