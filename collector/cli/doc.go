// Package cli is the operator's side of the collector: its commands, what they
// print, and how they end.
//
// It guarantees:
//   - Results go to standard output, everything else to standard error; --json
//     gives scripts a form that stays.
//   - The exit code says what kind of end it was (exit.go), and every refusal
//     says what to do next.
//   - init makes a whole collector or none.
//   - No command prints a child's data, but compare with --reveal.
//
// It decides nothing that outlives it: commands call the packages whose subject
// they are, beside the running service.
//
// Start reading at Run, then installation.go, which opens what a command
// needs. server/ is what serve runs.
package cli
