package check

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// To write the page anew: go test ./agent/check -run TestCheckPage -update
var update = flag.Bool("update", false, "write the lists of docs/check.md anew")

const (
	pageFile  = "../../docs/check.md"
	pageBegin = "<!-- The lines: made of agent/check by its test with -update; not to be edited. -->\n"
	pageEnd   = "<!-- End of the lines. -->\n"
)

// docs/check.md lists the things and causes that there are.
func TestCheckPage(t *testing.T) {
	text, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(text), pageBegin)
	now, after, ended := strings.Cut(rest, pageEnd)
	if !begun || !ended {
		t.Fatalf("%s has no list of lines: put back the two comments around it", pageFile)
	}
	want := listOfLines()
	if now == want {
		return
	}
	if !*update {
		t.Fatalf("%s differs from the list of agent/check: run this test with -update and read what changes", pageFile)
	}
	if err := os.WriteFile(pageFile, []byte(before+pageBegin+want+pageEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func listOfLines() string {
	var b strings.Builder
	for _, a := range about {
		fmt.Fprintf(&b, "\n### `%s`\n\n%s.\n\n| cause | | what it means | what to do | whom to ask |\n|---|---|---|---|---|\n", a.ID, sentence(a.Looks))
		for _, e := range List {
			if e.ID == a.ID {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", e.Cause, e.State.Mark(), sentence(e.Means), sentence(e.Do), e.Whom)
			}
		}
	}
	return b.String()
}

// Every thing that goes wrong says what to do and whom to ask, and there is one
// entry for each cause of an id.
func TestList(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range List {
		key := string(e.ID) + " " + string(e.Cause)
		if seen[key] {
			t.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if e.Means == "" || e.Do == "" || e.Whom == "" {
			t.Errorf("%s does not say what it means, what to do or whom to ask", key)
		}
		if e.State != Warn && e.State != Bad {
			t.Errorf("%s has the state %s", key, e.State)
		}
		if place(e.ID) == len(about) {
			t.Errorf("%s is of no thing that is looked at", key)
		}
	}
	if !slices.IsSortedFunc(List, func(a, b Entry) int { return place(a.ID) - place(b.ID) }) {
		t.Error("the list is not in the order of the lines")
	}
}
