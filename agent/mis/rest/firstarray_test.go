package rest

import (
	"strings"
	"testing"
)

// The first array of an answer is its rows, whatever it is called; what stands
// before and behind it is the envelope.
func TestFirstArray(t *testing.T) {
	for _, c := range []struct {
		name, text string
		path       []string
		rows       int // -1: an error
		beside     string
	}{
		{"first", `{"People":[{"id":1},{"id":2}],"meta":[{"at":"now"}]}`, []string{FirstArray}, 2, "meta"},
		{"after others", `{"message":null,"one":{"list":[1]},"People":[{"id":1}],"other":[]}`, []string{FirstArray}, 1, "other"},
		{"empty", `{"People":[],"other":[{"id":1}]}`, []string{FirstArray}, 0, "other"},
		{"below", `{"data":{"n":1,"People":[{"id":1}]},"list":[1,2]}`, []string{"data", FirstArray}, 1, "list"},
		{"none", `{"message":"no","one":{"list":[1]}}`, []string{FirstArray}, -1, ""},
		{"twice", `{"People":[{"id":1}],"People":[]}`, []string{FirstArray}, -1, ""},
		{"twice, not as an array", `{"People":[{"id":1}],"People":null}`, []string{FirstArray}, -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, envelope, err := decoded(t, strings.NewReader(c.text), c.path, false)
			if c.rows < 0 {
				if err == nil {
					t.Errorf("no error, %d rows", len(rows))
				}
				return
			}
			if err != nil || len(rows) != c.rows {
				t.Fatalf("%d rows, want %d: %v", len(rows), c.rows, err)
			}
			beside, _ := envelope.(map[string]any)
			if _, there := beside[c.beside]; !there {
				t.Errorf("the envelope is %v", envelope)
			}
			if _, there := beside["People"]; there {
				t.Error("the rows are in the envelope too")
			}
		})
	}
}
