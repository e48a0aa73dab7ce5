package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"rollbridge/shared/config"
	"rollbridge/shared/status"
)

// nearest is the end of a sentence that names what was probably meant.
func nearest(word string, names []string) string {
	if near := config.Nearest(word, names); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// timeWords is a moment for an operator, in the time of the schools.
func timeWords(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.In(status.London()).Format("2 Jan 2006 15:04")
}

// timeJSON is a moment for scripts; nil where there is none.
func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// table prints rows in columns under a heading, or what to say when there are
// none.
func (p *program) table(heading string, rows []string, none string) error {
	if len(rows) == 0 {
		return p.printf("%s\n", none)
	}
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, heading)
	for _, r := range rows {
		fmt.Fprintln(w, r)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}
