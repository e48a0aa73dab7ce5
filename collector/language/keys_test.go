package language

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
)

// messages reads the texts of one language, by key, and checks that each is in the file
// of its section.
func messages(t *testing.T, l Language) map[string]*i18n.Message {
	t.Helper()
	all := map[string]*i18n.Message{}
	for _, section := range Sections() {
		name := "messages/" + section + "." + string(l) + ".yaml"
		content, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := i18n.ParseMessageFileBytes(content, name, map[string]i18n.UnmarshalFunc{"yaml": yaml.Unmarshal})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range file.Messages {
			if !strings.HasPrefix(m.ID, section+".") {
				t.Errorf("%s: %s is not a key of the section", name, m.ID)
			}
			if all[m.ID] != nil {
				t.Errorf("%s: %s is there twice", name, m.ID)
			}
			all[m.ID] = m
		}
	}
	return all
}

var placeholder = regexp.MustCompile(`{{\s*\.(\w+)\s*}}`)

// texts are the plural forms that a message has.
func texts(m *i18n.Message) []string {
	return slices.DeleteFunc([]string{m.Zero, m.One, m.Two, m.Few, m.Many, m.Other}, func(s string) bool { return s == "" })
}

func placeholders(m *i18n.Message) (list []string) {
	for _, text := range texts(m) {
		for _, found := range placeholder.FindAllStringSubmatch(text, -1) {
			list = append(list, found[1])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Whoever reads Welsh is told everything that is said in English, with the same values.
func TestEveryTextIsInEveryLanguage(t *testing.T) {
	english, welsh := messages(t, English), messages(t, Welsh)
	for _, key := range slices.Sorted(maps.Keys(english)) {
		e, w := english[key], welsh[key]
		if w == nil {
			t.Errorf("%s is not there in Welsh", key)
			continue
		}
		if a, b := placeholders(e), placeholders(w); !slices.Equal(a, b) {
			t.Errorf("%s has the placeholders %v in English and %v in Welsh", key, a, b)
		}
		for _, m := range []*i18n.Message{e, w} {
			if m.Other == "" {
				t.Errorf("%s has no text, or no plural form `other`", key)
			}
			for _, text := range texts(m) {
				if strings.Contains(placeholder.ReplaceAllString(text, ""), "{{") || strings.ContainsAny(text, "—–") || text != strings.TrimSpace(text) {
					t.Errorf("%s: %q holds a dash, white space at an end or a placeholder that is none", key, text)
				}
			}
		}
		if (e.One != "") != (w.One != "") {
			t.Errorf("%s depends on a number in one language only", key)
		}
	}
	for key := range welsh {
		if english[key] == nil {
			t.Errorf("%s is not there in English", key)
		}
	}
}

// uses are the keys, and the beginnings of keys, that the collector's code and pages name,
// each with a place.
type uses struct {
	keys, beginnings map[string]string
}

func (u uses) add(text, place string) {
	text, _, cut := strings.Cut(text, "%")
	if cut || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "-") || strings.HasSuffix(text, "_") {
		u.beginnings[text] = place
		return
	}
	u.keys[text] = place
}

// shared is the place of shared/status, which says its sentences in English and names the
// keys of the section status without their beginning. Not all that it says is one.
const shared = "shared/status"

func literals(t *testing.T, dir string) (list []string) {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			list = append(list, literalsOf(t, path)...)
		}
	}
	return list
}

// literalsOf are the strings of a file of Go, but for what it imports.
func literalsOf(t *testing.T, path string) (list []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if _, imports := n.(*ast.ImportSpec); imports {
			return false
		}
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil {
				list = append(list, text)
			}
		}
		return true
	})
	return list
}

// What looks like a key and is the name of a file.
var fileName = regexp.MustCompile(`\.(html|css|js|svg|csv|xlsx|docx|json|jsonl|yaml|txt|db|log|pem|key)$`)

func namedKeys(t *testing.T) uses {
	t.Helper()
	sections := strings.Join(Sections(), "|")
	whole := regexp.MustCompile(`^(?:` + sections + `)\.[A-Za-z0-9_.%-]*$`)
	quoted := regexp.MustCompile(`"((?:` + sections + `)\.[A-Za-z0-9_.%-]*)"`)
	u := uses{map[string]string{}, map[string]string{}}
	for _, text := range literals(t, "../../shared/status") {
		u.keys["status."+text], u.beginnings["status."+text+"."] = shared, shared
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || path == "../cli" || path == "../settings" || path == "../database") {
			return filepath.SkipDir
		}
		switch {
		case strings.HasSuffix(path, ".html"):
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			page := regexp.MustCompile(`(?s){{-? ?/\*.*?\*/ ?-?}}`).ReplaceAllString(string(content), "")
			for _, found := range quoted.FindAllStringSubmatch(page, -1) {
				u.add(found[1], path)
			}
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			for _, text := range literalsOf(t, path) {
				if whole.MatchString(text) && !fileName.MatchString(text) {
					u.add(text, path)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Nothing asks for a text that is not there, and no text is there for nothing.
func TestEveryTextIsUsedAndEveryUsedTextIsThere(t *testing.T) {
	english := messages(t, English)
	u := namedKeys(t)
	for key, place := range u.keys {
		if english[key] == nil && place != shared {
			t.Errorf("%s: there is no text %s", place, key)
		}
	}
	for beginning, place := range u.beginnings {
		if place == shared {
			continue
		}
		if slices.Contains(Sections(), strings.TrimSuffix(beginning, ".")) {
			t.Errorf("%s: %q begins every key of the section, so nothing can be said of their use; name them", place, beginning)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(english)), func(key string) bool { return strings.HasPrefix(key, beginning) }) {
			t.Errorf("%s: no text begins with %s", place, beginning)
		}
	}
	for key := range english {
		_, named := u.keys[key]
		for beginning := range u.beginnings {
			named = named || strings.HasPrefix(key, beginning)
		}
		if !named {
			t.Errorf("the text %s is not used", key)
		}
	}
}
