// Command bench measures the product against the least programs that could do
// the same work, and prints ratios of one run. `make bench` runs it;
// docs/performance.md says what each number means.
//
// What it measures are the real programs, as processes, on a fixed generated
// school. Beside each runs a yardstick: a bare server that takes the same bytes
// over TLS and appends them to a file with a group fdatasync (bare.go), a
// bare parse of the same files (parse.go), or a bare SELECT of the same rows
// (sql.go). The yardsticks are this program
// itself, started again as a process of its own, so that both sides are
// accounted for in the same way: CPU and peak memory of a process as the kernel
// counts them, never a clock inside the program measured.
//
// A pair is measured in turn within one repetition and only the ratio of the
// two is kept; the table shows the median and the range of the repetitions.
// Absolute figures drift with the machine and are shown to give an order of
// magnitude only. A goal missed is a verdict in the table, not a failure: the
// exit code is 0 unless a run was broken (an upload lost, a program failed).
//
// It never touches a real school or a real collector: everything lives in a
// temporary directory and on loopback, and a database given with -database is
// used only inside a schema that this program makes and drops.
//
// Start reading at run in main.go, then uploads.go (collector) and agent.go.
package main
