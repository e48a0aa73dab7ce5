package mis

import "testing"

// Of the care periods of Bromcom nothing but codes and dates is kept, and every
// date: without its end a period of another authority would still look open.
func TestBromcomKeepsEveryEndOfCare(t *testing.T) {
	p, err := LoadProfile("bromcom-partner")
	if err != nil {
		t.Fatal(err)
	}
	x, err := jq{define: p.define()}.optional(p.Lookups["care"].Value)
	if err != nil {
		t.Fatal(err)
	}
	for text, kept := range map[string]bool{
		"823": true, "2026-01-31": true, "2026-01-31T00:00:00": true, "31/01/2026": true, "31/01/2026 00:00:00": true, "1/2/2026": true, "2026/01/31": true,
		"": false, "8234": false, "A name": false, "1 Sample Road": false, "31/01/2026A": false,
	} {
		v, err := x.one(t.Context(), map[string]any{"column": text}, make([]any, len(jqVariables)))
		if row, _ := v.(map[string]any); err != nil || (len(row) == 1) != kept {
			t.Errorf("%q: %v, %v", text, v, err)
		}
	}
}
