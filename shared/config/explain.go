package config

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Setting is one setting as it stands: its dotted key, its value as the environment
// would write it (never a secret's), and where it came from: "default",
// "file NAME:LINE", "environment NAME" or "flag".
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Explained is every setting, sorted by key. Its JSON is a contract with scripts.
type Explained []Setting

// WriteTable writes one line per setting under a heading, in columns.
func (e Explained) WriteTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tORIGIN")
	for _, s := range e {
		value := s.Value
		if value == "" {
			value = `""`
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Key, value, s.Origin)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}
