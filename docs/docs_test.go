package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"rollbridge/configs"
	"rollbridge/shared/record"
)

const viewsPage = "mis/sql-views.md"

// A printed column is one line of a table on the page.
type printed struct{ name, base string }

// The page is what an administrator builds, the profile what the agent demands
// and asks for: they must name the same views, columns and kinds.
func TestViewContractIsTheProfile(t *testing.T) {
	page, err := Files.ReadFile(viewsPage)
	if err != nil {
		t.Fatal(err)
	}
	data, err := configs.Files.ReadFile("mis/sql-views.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var profile struct {
		Needs map[string]struct {
			Columns map[string]string `yaml:"columns"`
		} `yaml:"needs"`
	}
	if err := yaml.Unmarshal(data, &profile); err != nil {
		t.Fatal(err)
	}
	views := contract(string(page))
	if len(views) != len(record.Datasets())+1 || len(views) != len(profile.Needs) {
		t.Fatalf("the page prints %d views, the profile needs %d", len(views), len(profile.Needs))
	}
	for name, need := range profile.Needs {
		view := strings.TrimPrefix(name, "{schema}.")
		for column, kind := range need.Columns {
			at := slices.IndexFunc(views[view], func(p printed) bool { return p.name == column })
			if at < 0 {
				t.Errorf("the page's %s has no column %s", view, column)
			} else if base := views[view][at].base; !slices.Contains(bases[kind], base) {
				t.Errorf("%s.%s is %s on the page and %s in the profile", view, column, base, kind)
			}
		}
		if len(views[view]) != len(need.Columns) {
			t.Errorf("the page's %s has %d columns, the profile needs %d", view, len(views[view]), len(need.Columns))
		}
	}
}

// bases are the types that the page prints for each kind.
var bases = map[string][]string{
	"id": {"id", "nvarchar"}, "text": {"nvarchar", "char"}, "whole": {"int"}, "flag": {"bit"}, "date": {"date"}, "time": {"datetime2"},
}

var (
	heading = regexp.MustCompile(`(?m)^### rollbridge\.(\w+)$`)
	line    = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+)[^|]*\\|")
)

// contract reads the tables of the page by view.
func contract(page string) map[string][]printed {
	views := map[string][]printed{}
	found := heading.FindAllStringSubmatchIndex(page, -1)
	for i, m := range found {
		end := len(page)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		for _, c := range line.FindAllStringSubmatch(page[m[1]:end], -1) {
			name := page[m[2]:m[3]]
			views[name] = append(views[name], printed{name: c[1], base: c[2]})
		}
	}
	return views
}

// The worked views give the columns of the contract, in its order, and each is
// granted and taken away again.
func TestWorkedViewsFollowTheContract(t *testing.T) {
	page, err := Files.ReadFile(viewsPage)
	if err != nil {
		t.Fatal(err)
	}
	made := worked(t, Run, Remove, string(page))
	if want := []string{"attendance", "contact", "pupil", "school"}; !slices.Equal(made, want) {
		t.Errorf("the set-up makes the views %q, want %q", made, want)
	}
	all := append(worked(t, More, RemoveMore, string(page)), made...)
	want := []string{"school"}
	for _, d := range record.Datasets() {
		want = append(want, string(d))
	}
	if slices.Sort(all); !slices.Equal(all, slices.Sorted(slices.Values(want))) {
		t.Errorf("the page makes the views %q, want %q", all, want)
	}
}

// worked checks the views that the blocks of one mark make and those of another
// take away, and returns their names.
func worked(t *testing.T, makes, removes Mark, page string) []string {
	t.Helper()
	run, err := Script(viewsPage, makes)
	if err != nil {
		t.Fatal(err)
	}
	remove, err := Script(viewsPage, removes)
	if err != nil {
		t.Fatal(err)
	}
	view := regexp.MustCompile(`(?s)CREATE VIEW rollbridge\.(\w+) AS\nSELECT\n(.*?)\nFROM`)
	table := regexp.MustCompile(`(?m)^\t\tFROM .*$`)
	alias := regexp.MustCompile(`(?m) AS \[?(\w+)\]?,?$`)
	var names []string
	for _, m := range view.FindAllStringSubmatch(run, -1) {
		names = append(names, m[1])
		var want, got []string
		for _, c := range contract(page)[m[1]] {
			want = append(want, c.name)
		}
		for _, a := range alias.FindAllStringSubmatch(table.ReplaceAllString(m[2], ""), -1) {
			got = append(got, a[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("the view %s has %q, the contract %q", m[1], got, want)
		}
		if !strings.Contains(run, "GRANT SELECT ON rollbridge."+m[1]+" TO rollbridge_agent;") {
			t.Errorf("%s is not granted", m[1])
		}
		if !strings.Contains(remove, "DROP VIEW rollbridge."+m[1]+";") {
			t.Errorf("%s is not taken away", m[1])
		}
	}
	for what, script := range map[string]string{"CREATE VIEW ": run, "GRANT SELECT ON ": run, "DROP VIEW ": remove} {
		if n := strings.Count(script, what); n != len(names) {
			t.Errorf("%s stands %d times for %d views", what, n, len(names))
		}
	}
	slices.Sort(names)
	return names
}

// A school that makes the first four views only is told to leave out the others,
// and nothing else.
func TestSettingsOfAFirstSetUp(t *testing.T) {
	page, err := Files.ReadFile(viewsPage)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml four\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("the page has no block marked yaml four")
	}
	var settings struct {
		MIS struct {
			Datasets map[string]struct {
				Drop bool `yaml:"drop"`
			} `yaml:"datasets"`
		} `yaml:"mis"`
	}
	if err := yaml.Unmarshal(block[1], &settings); err != nil {
		t.Fatal(err)
	}
	var left []string
	for name, d := range settings.MIS.Datasets {
		if d.Drop {
			left = append(left, name)
		}
	}
	if want := worked(t, More, RemoveMore, string(page)); !slices.Equal(slices.Sorted(slices.Values(left)), want) {
		t.Errorf("left out are %q, the views of the second part are %q", left, want)
	}
}

func TestScript(t *testing.T) {
	for _, mark := range []Mark{Run, Instead, Optional, More, Remove, RemoveMore} {
		text, err := Script(viewsPage, mark)
		if err != nil || strings.Contains(text, "```") || !strings.HasSuffix(text, "GO\n") {
			t.Errorf("%s: %v\n%s", mark, err, text)
		}
	}
	run, _ := Script(viewsPage, Run)
	if strings.Contains(run, "WINDOWS") || strings.Contains(run, "DROP") || strings.Contains(run, "ALTER") {
		t.Errorf("the set-up holds more than its own blocks:\n%s", run)
	}
	if _, err := Script(viewsPage, "nothing"); err == nil {
		t.Error("a mark that no block has")
	}
	if _, err := Script("mis/none.md", Run); err == nil {
		t.Error("a page that is not there")
	}
}
