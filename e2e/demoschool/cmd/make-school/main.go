// Command make-school writes a fictional school's export into a folder, so
// that a person can look at what the tests and the demo read. It makes the
// folder if need be, replaces the school files in it, and reads nothing; all
// it does is in package demoschool.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"rollbridge/e2e/demoschool"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0 written, 1 not written, 2 wrong command line.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("make-school", flag.ContinueOnError)
	flags.SetOutput(stderr)
	pupils := flags.Int("pupils", 1000, "how many `pupils` are on roll")
	seed := flags.Uint64("seed", 1, "the `number` that chooses the school: the same seed gives the same files")
	out := flags.String("out", "", "the `folder` to write into")
	format := flags.String("format", "csv", "csv or ctf; ctf draws one-character attendance codes only")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	config := demoschool.Config{Seed: *seed, Pupils: *pupils, OneCharacterMarks: *format == "ctf"}
	if err := check(config, *out, *format, flags.Args()); err != nil {
		fmt.Fprintf(stderr, "make-school: %v\n", err)
		return 2
	}
	school := demoschool.New(config)
	if err := write(school, *out, *format); err != nil {
		fmt.Fprintf(stderr, "make-school: %v\n", err)
		return 1
	}
	fmt.Fprintf(stdout, "%s: %d pupils, %d of them looked after by authorities %v, marks up to %s, in %s\n",
		demoschool.SchoolName, config.Pupils, len(school.LookedAfter()), school.Authorities(),
		school.Today().Format("2 January 2006"), *out)
	return 0
}

func check(config demoschool.Config, out, format string, rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is not understood: give flags only", rest[0])
	case out == "":
		return errors.New("no folder: say where to write with -out FOLDER")
	case config.Pupils < 1:
		return fmt.Errorf("-pupils %d: give 1 or more", config.Pupils)
	case format != "csv" && format != "ctf":
		return fmt.Errorf("-format %q: give csv or ctf", format)
	}
	return config.Validate()
}

func write(school *demoschool.School, out, format string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if format == "ctf" {
		return school.WriteCTF(out, demoschool.CTFOptions{})
	}
	return school.WriteCSV(out)
}
