package record

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// To write the pages anew: go test ./shared/record -run TestDataPage -update
var update = flag.Bool("update", false, "write the parts of docs/data.md and docs/school/data-protection.md that are made of the types anew")

// Every field of every dataset has its meaning, in the order of the type, and
// nothing else has one.
func TestEveryFieldHasItsMeaning(t *testing.T) {
	if len(meanings) != len(kinds) {
		t.Errorf("%d datasets have a meaning, %d exist", len(meanings), len(kinds))
	}
	for _, d := range Datasets() {
		if Why(d) == "" {
			t.Errorf("nobody knows why %s is taken", d)
		}
		var want, got []string
		for _, f := range Fields(d) {
			want = append(want, f.Name)
			if f.What == "" {
				t.Errorf("%s.%s has no meaning", d, f.Name)
			}
		}
		for _, m := range meanings[d].fields {
			got = append(got, m.name)
			if strings.ContainsAny(m.what+m.cbds, "|\n") {
				t.Errorf("the meaning of %s.%s breaks a table", d, m.name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: meanings of %q, fields %q", d, got, want)
		}
	}
}

// The pages say what the types say.
func TestDataPagesSayWhatIsTaken(t *testing.T) {
	for _, page := range []struct{ file, name, want string }{
		{"../../docs/data.md", "What is taken", whatIsTaken()},
		{"../../docs/school/data-protection.md", "What may be asked for", whatMayBeAsked()},
	} {
		text, err := os.ReadFile(page.file)
		if err != nil {
			t.Fatal(err)
		}
		begin := "<!-- " + page.name + ": made of shared/record by its test with -update; not to be edited. -->\n"
		end := "<!-- End of " + strings.ToLower(page.name[:1]) + page.name[1:] + ". -->\n"
		before, rest, begun := strings.Cut(string(text), begin)
		now, after, ended := strings.Cut(rest, end)
		switch {
		case !begun || !ended:
			t.Fatalf("%s has no part that is made of the types: put back the two comments around it", page.file)
		case now == page.want:
		case !*update:
			t.Fatalf("%s differs from the types: run this test with -update and read what changes", page.file)
		default:
			if err := os.WriteFile(page.file, []byte(before+begin+page.want+end+after), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// whatMayBeAsked is the table for a data protection officer: every field there
// is, in words.
func whatMayBeAsked() string {
	var b strings.Builder
	b.WriteString("\n## What may be asked for\n\n" +
		"Nothing outside this table can leave: the program has no field for it. What is really asked of your school, and why, stands in the request; " +
		"`rollbridge-agent scope show` prints it again. Fields in *italics* are never part of what is asked for by default.\n\n" +
		"| what | why | fields |\n|---|---|---|\n")
	for _, d := range Datasets() {
		var fields []string
		for _, f := range Fields(d) {
			switch {
			case f.Sensitive:
				fields = append(fields, "*"+f.What+"*")
			default:
				fields = append(fields, f.What)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d, Why(d), strings.Join(fields, "; "))
	}
	b.WriteString("\nHow long the operator keeps it, unless the request names other periods:\n\n")
	for _, k := range Keepings() {
		unit := "days"
		if strings.HasSuffix(k.Setting, "_years") {
			unit = "academic years"
		}
		fmt.Fprintf(&b, "- %s: %d %s.\n", k.What, k.Default, unit)
	}
	b.WriteString("\n")
	return b.String()
}

// whatIsTaken is the part of the page. Its headings are in bold, because a
// heading of the page's third level is a table of the database.
func whatIsTaken() string {
	var b strings.Builder
	b.WriteString("\n## What is taken\n\n" +
		"Each dataset comes from the school's own MIS, of looked-after pupils only. An authority asks for datasets and fields, the school allows " +
		"some of them, and nothing else leaves.\n\n" +
		"Every field is personal data: sealed at the school, and kept encrypted here in `body` of `records`, under the pupil's key; staff, who are " +
		"nobody's pupils, under the school's key. Ids are keyed hashes, and also stand in clear in the key of a record, as does the Monday of a week; the " +
		"authority that looks after a pupil stands in clear in `pupils`, for that is how each authority is shown its own.\n\n" +
		"| leaves | what it means |\n|---|---|\n" +
		"| with the dataset | Without it a record means nothing: whoever is given the dataset is given it |\n" +
		"| if allowed | Leaves if the authority asks for it and the school allows it |\n" +
		"| by name only | The same, but never part of what is asked for by default: it must be named |\n\n" +
		"CBDS is the item's number in the DfE's Common Basic Data Set, or the number of its code set where only that is published.\n")
	b.WriteString("\nWhat an MIS holds today is kept here as well. What it does not hold any more goes by these rules, whichever comes first; nothing goes " +
		"while it waits in a hold, and marks of a school that has sent nothing since the new year began wait until it does, or stops. Once a day " +
		"what is past its time is forgotten for good.\n\n" +
		"| rule | what goes, and when | setting | if nobody sets another |\n|---|---|---|---|\n")
	for _, k := range Keepings() {
		unit := "days"
		if strings.HasSuffix(k.Setting, "_years") {
			unit = "academic years"
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | %d %s |\n", k.Rule, k.What, k.Setting, k.Default, unit)
	}
	for _, d := range Datasets() {
		fmt.Fprintf(&b, "\n**`%s`**: %s.\n\nFrom the school's MIS: [which of them bring it](mis.md). For how long: while the MIS holds it, then by the rules %s.\n\n| field | what it is | CBDS | code set | leaves |\n|---|---|---|---|---|\n", d, Why(d), keptWords(d))
		for _, f := range Fields(d) {
			leaves := "if allowed"
			switch {
			case f.Always:
				leaves = "with the dataset"
			case f.Sensitive:
				leaves = "by name only"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.What, f.CBDS, f.Codeset, leaves)
		}
	}
	b.WriteString("\n")
	return b.String()
}

func keptWords(d Dataset) string {
	var words []string
	for _, r := range Kept(d) {
		words = append(words, "*"+string(r)+"*")
	}
	return strings.Join(words, ", ")
}

// Each dataset is under a rule, each rule is somebody's and is explained once.
func TestEveryDatasetIsKeptByRules(t *testing.T) {
	used := map[Rule]bool{}
	for _, d := range Datasets() {
		if len(Kept(d)) == 0 {
			t.Errorf("nobody knows for how long %s is kept", d)
		}
		if slices.Contains(Kept(d), RuleLeft) != d.OfPupils() {
			t.Errorf("%s goes with a child who left: %v", d, !d.OfPupils())
		}
		for _, r := range Kept(d) {
			used[r] = true
		}
	}
	for _, k := range Keepings() {
		if !used[k.Rule] || k.What == "" || strings.ContainsAny(k.What, "|\n") || k.Setting == "" || k.Default <= 0 {
			t.Errorf("the rule %s is nobody's, or not explained", k.Rule)
		}
		delete(used, k.Rule)
	}
	if len(used) > 0 {
		t.Errorf("rules that nobody explains: %v", used)
	}
	if Kept("pets") != nil {
		t.Error("an unknown dataset is kept by a rule")
	}
}
