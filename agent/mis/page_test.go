package mis

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// To write the page anew: go test ./agent/mis -run TestProfilesPage -update
var update = flag.Bool("update", false, "write the part of docs/profiles.md that is made of the descriptions anew")

const (
	pageFile  = "../../docs/profiles.md"
	pageBegin = "<!-- The fields: made of agent/mis by its test with -update; not to be edited. -->\n"
	pageEnd   = "<!-- End of the fields. -->\n"
)

// docs/profiles.md lists the fields that the descriptions have.
func TestProfilesPageListsTheFields(t *testing.T) {
	text, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(text), pageBegin)
	now, after, ended := strings.Cut(rest, pageEnd)
	if !begun || !ended {
		t.Fatalf("%s has no list of fields: put back the two comments around it", pageFile)
	}
	want := listOfFields(t)
	if now == want {
		return
	}
	if !*update {
		t.Fatalf("%s differs from the descriptions: run this test with -update and read what changes", pageFile)
	}
	if err := os.WriteFile(pageFile, []byte(before+pageBegin+want+pageEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func listOfFields(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, d := range record.Datasets() {
		about := descriptions[d]
		fmt.Fprintf(&b, "\n### %s\n\n| field | what it holds | `values` |\n|---|---|---|\n", d)
		for _, f := range about.fields {
			name, rules := "`"+f.name+"`", ""
			if slices.Contains(about.needed, f.name) {
				name = "**" + name + "**"
			}
			if f.kind.coded {
				rules = "yes"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, holding(t, d, f), rules)
		}
		b.WriteString(apartInWords(about))
	}
	b.WriteString("\n")
	return b.String()
}

// apartInWords says what makes an id, and what no row at all means.
func apartInWords(about *description) string {
	var parts []string
	if len(about.identity) > 0 {
		parts = append(parts, fmt.Sprintf("Without the column `%s` these tell one from another: %s.", about.dataset, listed(about.identity)))
	}
	if len(about.said) > 0 {
		parts = append(parts, fmt.Sprintf("Each row must then have at least one of %s.", listed(about.said)))
	}
	if about.usual && about.dataset != record.DatasetPupil {
		parts = append(parts, "A whole file or view without a row is incomplete.")
	}
	if len(parts) == 0 {
		return ""
	}
	return "\n" + strings.Join(parts, " ") + "\n"
}

func listed(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// plainWords are for fields that their kind does not explain.
var plainWords = map[string]string{
	"pupil": "the MIS's id of the pupil", "InCare": "yes or no; anything else is unclear",
	"CareAuthority": "three-figure DfE code of the authority", "LEA": "three-figure DfE code of an authority",
	"ProtectionAuthority": "three-figure DfE code of an authority",
	"NCyearActual":        "year group, such as `7`, `R`, `Year  7`",
	"Phones.home":         "telephone number", "Phones.mobile": "telephone number", "Phones.work": "telephone number", "Phones.other": "telephone number",
	"Emails": "e-mail addresses, parted by ; , or line breaks", "Addresses.lines": "an address, its lines parted by commas or line breaks",
	"date": "the day", "session": "AM or PM", "mark": "the mark as the school writes it", "late": "minutes late",
	"StartSession": "AM or PM", "EndSession": "AM or PM", "Season": "a month as yyyy-mm, or a day in it",
	needsName: "codes of `sen_type` with their ranks, in one cell: `1:SEMH;2:MLD`", needRankName: "rank of the one need of a row, 1 to 99",
	needTypeName: "the one need of a row, a code of `sen_type`; rows of one `sen` are put together",
	"Comments":   "text, with line breaks if need be",
}

func holding(t *testing.T, d record.Dataset, f field) string {
	t.Helper()
	if f.name == withholdName {
		return "yes where something of the row must not be disclosed ([withhold](#what-must-not-be-disclosed))"
	}
	if words := plainWords[f.name]; words != "" {
		return words
	}
	switch list := f.kind.holds == reflect.TypeFor[[]string](); {
	case f.kind.id:
		return "the MIS's own id of it"
	case f.codeset != "" && list:
		return "codes of `" + f.codeset + "`, parted by ; or ,"
	case f.codeset != "":
		return "a code of `" + f.codeset + "`"
	case f.kind.day:
		return "a date"
	case f.kind.clock:
		return "a time of day"
	case f.kind.holds == reflect.TypeFor[*bool]():
		return "yes or no"
	case f.kind.holds.Kind() == reflect.Int:
		return fmt.Sprintf("a whole number, %d to %d", f.low, f.high)
	case f.kind.holds == stringType, f.name == "Addresses.PostCode":
		return "text"
	}
	t.Errorf("nobody knows what %s.%s holds", d, f.name)
	return ""
}
