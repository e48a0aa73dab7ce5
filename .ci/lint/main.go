// Command lint fails the build on what the compiler and staticcheck cannot know: the
// layers of the design, viper outside its package, cgo, missing package comments,
// printing and exiting outside programs, and skipped tests.
//
// Usage: go run ./.ci/lint [directory of a module]
//
// rules.go is the table of rules with their reasons; module.go reads the source.
// Directories that begin with a dot are outside ./..., so this program and its test are
// named explicitly in the Makefile.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	os.Exit(run(dir, os.Stdout, os.Stderr))
}

// run returns the exit code: 0 clean, 1 a rule was broken, 2 the module could not be read.
func run(dir string, out, diagnostics io.Writer) int {
	m, err := readModule(dir)
	if err != nil {
		fmt.Fprintln(diagnostics, "lint:", err)
		return 2
	}
	found := m.check()
	for _, f := range found {
		fmt.Fprintln(out, f)
	}
	if len(found) > 0 {
		fmt.Fprintf(out, "lint: %d rule breaks\n", len(found))
		return 1
	}
	return 0
}
