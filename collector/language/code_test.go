package language

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// saidElsewhere are the lists that have texts of their own in other sections.
var saidElsewhere = map[string]bool{"nc_year": true, "suspension_category": true}

// sameInWelsh are the codes whose meaning is the same word in both languages.
var sameInWelsh = map[string]bool{"result_status.I": true}

// Every code that a field of a record may hold is explained in both languages, in English
// as its list has it, and nothing else is.
func TestEveryCodeIsExplained(t *testing.T) {
	english, welsh := messages(t, English), messages(t, Welsh)
	known := codesOf(t)
	lists := map[string]bool{}
	for _, d := range record.Datasets() {
		for _, f := range record.Fields(d) {
			if f.Codeset != "" && !saidElsewhere[f.Codeset] {
				lists[f.Codeset] = true
			}
		}
	}
	if !lists["phone_type"] || !lists["contact_relationship"] {
		t.Error("the lists of what is inside a field, or of a field, are not found")
	}
	needed := map[string]bool{}
	for list := range lists {
		if len(known[list]) == 0 {
			t.Errorf("the list %s has no codes", list)
		}
		for _, code := range known[list] {
			e, ok := codes.Lookup(list, code)
			name := list + "." + code
			key := "code.of." + name
			needed[key] = true
			if !ok || english[key] == nil || welsh[key] == nil {
				t.Errorf("%s is not there in both languages (%q)", key, e.Label)
				continue
			}
			if got := In(English).Code(list, code); got != e.Label {
				t.Errorf("%s: %q, the list has %q", key, got, e.Label)
			}
			if got := In(Welsh).Code(list, code); (got == e.Label) != sameInWelsh[name] {
				t.Errorf("%s: %q in Welsh, %q in English", key, got, e.Label)
			}
		}
	}
	for key := range english {
		if strings.HasPrefix(key, "code.of.") && !needed[key] {
			t.Errorf("%s explains a code that no field of a record holds", key)
		}
	}
}

// codesOf reads the codes of the lists, by list, since their package tells only what a
// known code means.
func codesOf(t *testing.T) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob("../../shared/codes/data/*.csv")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if rows[0][0] != "codeset" || rows[0][1] != "code" {
			continue
		}
		for _, row := range rows[1:] {
			all[row[0]] = append(all[row[0]], row[1])
		}
	}
	return all
}

// A list without texts is said in English, and of what no list has nothing is said.
func TestCodeWithoutText(t *testing.T) {
	for _, test := range []struct{ list, code, want string }{
		{"boarder", "N", "Not a boarder"}, {"boarder", "Z", ""}, {"sex", "", ""}, {"sex", "m", ""}, {"", "M", ""}, {"sex", "M.x", ""},
	} {
		if got := In(Welsh).Code(test.list, test.code); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.code, test.list, got, test.want)
		}
	}
}
