// Command demo shows the way of a record with the real programs on a fictional
// school: a collector and an agent are set up as an operator and a school would,
// pupils travel, and what arrived is compared with the MIS record by record.
// The school's MIS is a database on SQL Server as far as the agent can tell. It
// works in a temporary directory, listens on loopback only, and leaves nothing
// behind but the rows in a database that it was given for the collector.
//
// Usage: demo [-once] [-pupils N] [-seed N] [-database DSN] [-bin DIR]
//
//	demo -in DIR -sql T-SQL
//	demo -in DIR -code
//
// main.go has the steps in the order in which they are shown, steps.go and
// mis.go each of them, look.go what is said at the end.
//
// With -once it ends by itself: 0 when the collector holds exactly what the
// MIS holds at every step, 1 when not. With -sql it changes the MIS of another
// demo that waits, and with -code it shows what the phone of its administrator
// would: the lines to paste are printed there.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	once     bool
	pupils   int
	seed     uint64
	database string
	bin      string
	in, sql  string
	code     bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.once, "once", false, "check everything and end, without waiting at the page")
	flags.IntVar(&o.pupils, "pupils", 1000, "pupils on the fictional school's roll")
	flags.Uint64Var(&o.seed, "seed", 1, "which fictional school")
	flags.StringVar(&o.database, "database", "", "an empty `database` for the collector, postgres://USER@HOST/NAME, which keeps what is written; without it a SQLite file that goes")
	flags.StringVar(&o.bin, "bin", "bin", "`directory` of the two programs, as make demo builds them")
	flags.StringVar(&o.sql, "sql", "", "one `statement` of T-SQL to run in the MIS of the demo that -in names")
	flags.BoolVar(&o.code, "code", false, "show the present code for signing in to the demo that -in names")
	flags.StringVar(&o.in, "in", "", "the `directory` of a demo that waits at its page")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if o.code {
		return code(o, flags.NArg(), stdout, stderr)
	}
	if o.sql != "" || o.in != "" {
		return changeMIS(ctx, o, flags.NArg(), stdout, stderr)
	}
	config := demoschool.Config{Seed: o.seed, Pupils: o.pupils, Today: demoschool.LastSchoolDay(time.Now())}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "demo: %q is not understood: give flags only\n", flags.Arg(0))
		return 2
	}
	if err := config.Validate(); err != nil {
		fmt.Fprintln(stderr, "demo: this school cannot be made:", err)
		return 2
	}
	if err := show(ctx, o, config, stdout); err != nil {
		if ctx.Err() != nil && !o.once {
			fmt.Fprintln(stdout, "\nStopped.")
			return 0
		}
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func code(o options, more int, stdout, stderr io.Writer) int {
	if o.in == "" || o.sql != "" || more > 0 {
		fmt.Fprintln(stderr, "demo: give -in DIRECTORY and -code, and nothing else: the demo that waits at its page prints the line")
		return 2
	}
	if err := showCode(o.in, stdout); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func changeMIS(ctx context.Context, o options, more int, stdout, stderr io.Writer) int {
	if o.sql == "" || o.in == "" || more > 0 {
		fmt.Fprintln(stderr, "demo: give -in DIRECTORY and -sql STATEMENT, each in quotation marks: the demo that waits at its page prints the line")
		return 2
	}
	if err := runSQL(ctx, o.in, o.sql, stdout); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func show(ctx context.Context, o options, config demoschool.Config, stdout io.Writer) (err error) {
	programs, err := find(o.bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rollbridge-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	d := &demo{out: stdout, dir: dir, database: o.database, programs: programs, school: demoschool.New(config)}
	defer func() {
		if closing := d.close(); err == nil {
			err = closing
		}
	}()
	began := time.Now()
	for _, step := range []func(context.Context) error{
		d.setUpCollector, d.setUpMIS, d.setUpSchool, d.preview, d.firstSync, d.morning, d.proof,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.summary(time.Since(began))
	if o.once {
		return nil
	}
	return d.wait(ctx)
}

// find looks for the two programs before anything is made.
func find(dir string) (stack.Programs, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return stack.Programs{}, fmt.Errorf("find the programs: %w", err)
	}
	var found stack.Programs
	for name, path := range map[string]*string{"rollbridge-agent": &found.Agent, "rollbridge-collector": &found.Collector} {
		if *path, err = exec.LookPath(filepath.Join(dir, name)); err != nil {
			return stack.Programs{}, fmt.Errorf("there is no program %s in %s: build both with `make bin`, or say with -bin where they are", name, dir)
		}
	}
	return found, nil
}
