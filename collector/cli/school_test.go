package cli

import (
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// Every dataset can be asked for: by its name alone without what is sensitive,
// which is asked for by name.
func TestEveryDatasetCanBeAskedFor(t *testing.T) {
	for _, d := range record.Datasets() {
		var usual, all []string
		for _, f := range record.Fields(d) {
			if !f.Always {
				all = append(all, f.Name)
			}
			if !f.Always && !f.Sensitive {
				usual = append(usual, f.Name)
			}
		}
		got, fields, err := parseDataset(string(d))
		if err != nil || got != d || !slices.Equal(fields, usual) {
			t.Errorf("%s: %s %v, %v", d, got, fields, err)
		}
		if slices.Contains(fields, "Addresses") || slices.Contains(fields, "Comments") {
			t.Errorf("%s: a sensitive field is asked for unasked", d)
		}
		got, fields, err = parseDataset(string(d) + "=" + strings.Join(all, ", "))
		if err != nil || got != d || !slices.Equal(fields, all) {
			t.Errorf("%s by its fields: %s %v, %v", d, got, fields, err)
		}
		if !strings.Contains(provisionLong(), string(d)) {
			t.Errorf("the help of school provision does not name %s", d)
		}
	}
}
