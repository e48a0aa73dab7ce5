// Command skips reads `go test -json` from its standard input, prints what a person
// needs of it (a line per package, the whole output of what failed, why a test was
// skipped) and ends with one plain line: N passed, N failed, N skipped.
//
// It exits 1 when a test or a build failed, when nothing ran at all, and with -strict
// also when a test was skipped: where tests count, a skipped one guards nothing.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	strict := flag.Bool("strict", false, "a skipped test is a failure")
	flag.Parse()
	os.Exit(run(os.Stdin, os.Stdout, *strict))
}

// event is a line of `go test -json`; see `go doc test2json` and `go help buildjson`.
type event struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string
	Elapsed                                                float64
}

type tally struct {
	passed, failed, skipped int
	failedIn                map[string]bool     // packages that already count a failed test
	output                  map[string][]string // of tests that still run, by package and test
}

func run(in io.Reader, out io.Writer, strict bool) int {
	t := tally{failedIn: map[string]bool{}, output: map[string][]string{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			t.line(out, line)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Fprintln(out, "read the test output:", err)
			return 1
		}
	}
	if strict && t.skipped > 0 {
		fmt.Fprintln(out, "Skipped tests are failures here: install what they need, or make them run without it.")
	}
	if t.passed+t.failed == 0 {
		fmt.Fprintln(out, "No test ran.")
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed > 0 || t.passed == 0 || strict && t.skipped > 0 {
		return 1
	}
	return 0
}

func (t *tally) line(out io.Writer, line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		fmt.Fprint(out, line) // not from a test: the go command itself complains
		return
	}
	switch {
	case e.Action == "build-output":
		fmt.Fprint(out, e.Output)
	case e.Test != "":
		t.test(out, e)
	default:
		t.pkg(out, e)
	}
}

func (t *tally) test(out io.Writer, e event) {
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output":
		t.output[key] = append(t.output[key], e.Output)
		return
	case "pass":
		t.passed++
	case "fail":
		t.failed++
		t.failedIn[e.Package] = true
		fmt.Fprint(out, strings.Join(t.output[key], ""))
	case "skip":
		t.skipped++
		fmt.Fprintf(out, "skipped: %s %s: %s\n", e.Package, e.Test, reason(t.output[key]))
	default: // run, pause, cont, bench
		return
	}
	delete(t.output, key)
}

// pkg handles what belongs to no test. A package that fails without a failed test did
// not build, panicked outside one, or ran out of time: that counts as one failure.
func (t *tally) pkg(out io.Writer, e event) {
	key := e.Package + "\x00"
	switch e.Action {
	case "output":
		t.output[key] = append(t.output[key], e.Output)
	case "pass":
		fmt.Fprintf(out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
		delete(t.output, key)
	case "fail":
		if !t.failedIn[e.Package] {
			t.failed++
		}
		for k, lines := range t.output {
			if strings.HasPrefix(k, key) {
				fmt.Fprint(out, strings.Join(lines, ""))
				delete(t.output, k)
			}
		}
		fmt.Fprintf(out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	}
}

// reason is what a skipped test said, without the lines of the testing package.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
