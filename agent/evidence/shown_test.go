package evidence

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// What a program is given says what the table says, and masks what the table
// masks.
func TestShown(t *testing.T) {
	p := example(t)
	for reveal, want := range map[bool][]string{
		false: {`"masked":true`, `"name":"J. E."`, `"upn":"…001"`, `"field":"Surname","text":"E."`, `"what":"changed"`, `"of":"gone"`, `"id":"bbbbbbbb"`, `"why":"left"`, `"of":"staff"`, `"field":"week","text":"2026-11-23"`},
		true:  {`"masked":false`, `"name":"Jordan Example"`, `"upn":"H801200001001"`, `"text":"07700 900123 M"`},
	} {
		shown, err := p.Show(reveal)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("reveal %v: %s is missing in\n%s", reveal, w, text)
			}
		}
		for _, secret := range []string{"Example", "H801200001001", "2011-03-04", "07700 900123", "I1", "HYPERLINK"} {
			if !reveal && strings.Contains(string(text), secret) {
				t.Errorf("%q is not masked", secret)
			}
		}
		if strings.Contains(string(text), `"field":"pupil"`) || strings.Contains(string(text), `"field":"contact"`) {
			t.Error("an id is shown as a value")
		}
		if said := fmt.Sprintf("%v %+v", shown, shown); strings.Contains(said, "J.") || strings.Contains(said, "Jordan") {
			t.Error("it prints a pupil")
		}
	}
	p.Notes = p.Notes[1:]
	if _, err := p.Show(false); err == nil {
		t.Error("a preview that is not understood is shown")
	}
}
