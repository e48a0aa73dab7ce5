package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// A row is one line of the table: ratios, one of each repetition, or one figure
// with a limit of its own.
type row struct {
	goal string // P1 … as in docs/performance.md, empty where none is set
	what string
	// values are ratios, or figures in unit.
	values []float64
	unit   string
	// limit is the goal; 0 where there is none.
	limit float64
	// note shows absolute figures of the last repetition, or why there is none.
	note string
}

// median of the values; NaN where there is none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// Verdicts.
const (
	verdictOK     = "ok"
	verdictOver   = "over"
	verdictOver15 = "over 1.5x"
	verdictNone   = "-"
)

// verdict: a goal is missed when the whole range is over it.
func (r row) verdict() string {
	switch {
	case r.limit == 0 || len(r.values) == 0:
		return verdictNone
	case slices.Min(r.values) <= r.limit:
		return verdictOK
	case slices.Min(r.values) <= 1.5*r.limit:
		return verdictOver
	default:
		return verdictOver15
	}
}

func (r row) figure() string {
	if len(r.values) == 0 {
		return "not measured"
	}
	f := number(median(r.values))
	if len(r.values) > 1 {
		f += fmt.Sprintf(" (%s-%s)", number(slices.Min(r.values)), number(slices.Max(r.values)))
	}
	if r.unit != "" {
		f += " " + r.unit
	}
	return f
}

func (r row) goalText() string {
	if r.limit == 0 {
		return "-"
	}
	t := "<= " + number(r.limit)
	if r.unit != "" {
		t += " " + r.unit
	}
	return t
}

func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 20:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "goal\twhat\tmedian (min-max)\tlimit\tverdict\tin this run")
	for _, r := range rows {
		goal := r.goal
		if goal == "" {
			goal = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", goal, r.what, r.figure(), r.goalText(), r.verdict(), r.note)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}
