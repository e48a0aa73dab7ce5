package mis

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"rollbridge/configs"
)

// A spot is one name in a profile, with the section that it stands in.
type spot struct {
	path    []string
	form    string // the path with * for names that are chosen
	section *yaml.Node
	at      int // of the name in section.Content
	// known: the section has fixed names; else they are chosen by who writes it.
	known bool
}

// spots are all names below a section whose values are of type t.
func spots(node *yaml.Node, t reflect.Type, path []string, form string) []spot {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var found []spot
	if node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice {
		for i, part := range node.Content {
			found = append(found, spots(part, t.Elem(), under(path, strconv.Itoa(i)), form+".*")...)
		}
	}
	if node.Kind != yaml.MappingNode {
		return found
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name := node.Content[i].Value
		s := spot{path: under(path, name), section: node, at: i, known: t.Kind() == reflect.Struct && t != reflect.TypeFor[Query]()}
		inner := reflect.TypeFor[string]()
		s.form = form + ".*"
		if s.known {
			field, _ := named(reflect.New(t).Elem(), name)
			inner, s.form = field.Type(), form+"."+name
		} else if t.Kind() == reflect.Map {
			inner = t.Elem()
		}
		found = append(append(found, s), spots(node.Content[i+1], inner, s.path, s.form)...)
	}
	return found
}

// mistakes are what a person does to one name.
var mistakes = map[string]func(s spot){
	"removed": func(s spot) { s.section.Content = append(s.section.Content[:s.at:s.at], s.section.Content[s.at+2:]...) },
	"renamed": func(s spot) { s.section.Content[s.at].Value += "x" },
	"emptied": func(s spot) { s.section.Content[s.at+1] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"} },
	"retyped": func(s spot) {
		word := func(v string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v} }
		s.section.Content[s.at+1] = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: []*yaml.Node{
			{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{word("a"), word("b")}}}}
	},
	"written twice": func(s spot) {
		s.section.Content = append(s.section.Content, s.section.Content[s.at], s.section.Content[s.at+1])
	},
}

var faultLine = regexp.MustCompile(`^test\.yaml:(\d+): .{15,}`)

// A mistaken is a profile, or a site file that says the same, to make mistakes in.
type mistaken struct {
	name    string
	profile *Profile
	text    string
	of      reflect.Type
}

func toMistake(t *testing.T) []mistaken {
	t.Helper()
	var all []mistaken
	for _, name := range ProfileNames() {
		p := shipped(t, name)
		text, err := configs.Files.ReadFile("mis/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, mistaken{name, p, string(text), reflect.TypeFor[Profile]()},
			mistaken{name + " as site file", p, asSiteFile(t, p, text), reflect.TypeFor[SiteFile]()})
	}
	return all
}

func (m mistaken) spots(t interface{ Fatal(...any) }) (*yaml.Node, []spot) {
	root := yamlRoot(t, m.text)
	return root, spots(root, m.of, nil, "")
}

// make makes one mistake, and says what is wrong with what is said of it.
func (m mistaken) make(t interface{ Fatal(...any) }, i int, what string) string {
	root, all := m.spots(t)
	s := all[i]
	mistakes[what](s)
	keepNear(root, s)
	text, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	if m.of == reflect.TypeFor[SiteFile]() {
		var own *SiteFile
		if own, err = parseSite("test.yaml", text); err == nil {
			err = Lint(m.profile, Site{File: own})
		}
	} else {
		var p *Profile
		if p, err = parseProfile("test.yaml", text); err == nil {
			_, _ = Open(p, somewhere(p)) // it may ask for something; it must not panic
		}
	}
	if bad := judgeMistake(string(text), what, s, err); bad != "" {
		return fmt.Sprintf("%s: %s %s: %s", m.name, strings.Join(s.path, "."), what, bad)
	}
	return ""
}

// keepNear takes out the datasets in which the mistake is not: most of the time
// goes into their expressions.
func keepNear(root *yaml.Node, s spot) {
	at := valueOf(root, "datasets")
	if at < 0 || len(s.path) < 2 {
		return
	}
	datasets := root.Content[at]
	for i := len(datasets.Content) - 2; i >= 0; i -= 2 {
		if name := datasets.Content[i].Value; name != "pupil" && !strings.HasPrefix(name, s.path[1]) { // renamed, it is longer
			datasets.Content = slices.Delete(datasets.Content, i, i+2)
		}
	}
}

// Whatever single name of a profile that comes with the program is removed,
// renamed, emptied, given another kind of value or written twice, in the profile
// or in a site file that says the same: what lint says of it begins with file and
// line, and nothing panics. A name that there is not and a value of the wrong
// kind are refused at their own line.
func TestMistakesInShippedProfiles(t *testing.T) {
	all := toMistake(t)
	rapid.Check(t, func(t *rapid.T) {
		m := all[rapid.IntRange(0, len(all)-1).Draw(t, "file")]
		_, spots := m.spots(t)
		i := rapid.IntRange(0, len(spots)-1).Draw(t, "name")
		if bad := m.make(t, i, rapid.SampledFrom(slices.Sorted(maps.Keys(mistakes))).Draw(t, "mistake")); bad != "" {
			t.Error(bad)
		}
	})
}

// The same of every name that the language has and a shipped profile uses, once
// for each driver.
func TestMistakesInEveryName(t *testing.T) {
	done := map[string]bool{}
	for _, m := range toMistake(t) {
		if m.of != reflect.TypeFor[Profile]() {
			continue
		}
		_, spots := m.spots(t)
		for i, s := range spots {
			form := fmt.Sprint(m.profile.Driver, m.profile.Format, s.form)
			if done[form] || !s.known {
				continue
			}
			done[form] = true
			for _, what := range []string{"removed", "emptied"} {
				if bad := m.make(t, i, what); bad != "" {
					t.Error(bad)
				}
			}
		}
	}
}

func yamlRoot(t interface{ Fatal(...any) }, text string) *yaml.Node {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	return root.Content[0]
}

// asSiteFile is what a site file may hold of a profile.
func asSiteFile(t *testing.T, p *Profile, text []byte) string {
	t.Helper()
	var all map[string]any
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	top := append([]string{"null_means", "datasets"}, siteTop[p.Driver]...)
	maps.DeleteFunc(all, func(name string, _ any) bool { return !slices.Contains(top, name) })
	if p.Format == "ctf" {
		for _, own := range all["datasets"].(map[string]any) {
			delete(own.(map[string]any), "file")
		}
	}
	if api, ok := all["api"].(map[string]any); ok {
		names := map[string]any{}
		for name, own := range api["names"].(map[string]any) {
			if value, ok := own.(map[string]any)["default"]; ok {
				names[name] = map[string]any{"default": value}
			}
		}
		all["api"] = map[string]any{"names": names}
	}
	made, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(made)
}

// A site file that says what the profile says is taken, and is no difference.
func TestShippedProfilesAsSiteFiles(t *testing.T) {
	for _, name := range ProfileNames() {
		p := shipped(t, name)
		text, err := configs.Files.ReadFile("mis/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		site := somewhere(p)
		site.Datasets, site.API, site.File = nil, nil, siteFile(t, asSiteFile(t, p, text))
		found, err := Differences(p, site)
		if err != nil || len(found) > 0 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

// judgeMistake says what is wrong with what is said of a mistake, "" if nothing.
func judgeMistake(text, what string, s spot, err error) string {
	must := what == "written twice" || what == "retyped" || what == "renamed" && s.known
	switch {
	case err == nil && must:
		return "it is taken"
	case err == nil:
		return ""
	}
	for line := range strings.Lines(err.Error()) {
		m := faultLine.FindStringSubmatch(line)
		if m == nil {
			return "no file and line: " + line
		}
		if n, _ := strconv.Atoi(m[1]); n < 1 || n > strings.Count(text, "\n") {
			return "a line that there is not: " + line
		}
	}
	if !must || what == "written twice" {
		return ""
	}
	written := strings.Split(text, "\n")
	m := faultLine.FindStringSubmatch(err.Error())
	n, _ := strconv.Atoi(m[1])
	if at := written[n-1]; !strings.Contains(at, s.path[len(s.path)-1]) {
		return fmt.Sprintf("line %d is %q: %v", n, at, err)
	}
	return ""
}
