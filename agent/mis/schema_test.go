package mis

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"rollbridge/agent/mis/rest"
	"rollbridge/shared/record"
)

const (
	schemaFile     = "../../configs/profile.schema.json"
	siteSchemaFile = "../../configs/site.schema.json"
)

// The JSON Schemas of profiles and site files are made of the types that they are
// decoded into. To write them anew: go test ./agent/mis -run TestProfileSchema -update
func TestProfileSchema(t *testing.T) {
	for name, want := range map[string][]byte{
		schemaFile: newSchema(t).encode(t, reflect.TypeFor[Profile](), "A Rollbridge MIS profile",
			"Says how a school's management information system is read. docs/profiles.md explains it; `rollbridge-agent profile lint` checks more than a schema can."),
		siteSchemaFile: newSchema(t).encode(t, reflect.TypeFor[SiteFile](), "A Rollbridge site file",
			"What one school has otherwise than the profile of its management information system. docs/profiles.md explains it; `rollbridge-agent profile lint --site` checks it with the profile."),
	} {
		now, err := os.ReadFile(name)
		switch {
		case err == nil && bytes.Equal(now, want):
		case !*update:
			t.Errorf("%s differs from the types: run this test with -update and read what changes", name)
		default:
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What lint takes the schema of site files takes too.
func TestSiteFilesFitTheSchema(t *testing.T) {
	fits := schemaOf(t, siteSchemaFile)
	for _, text := range []string{siteYAML, documentedSite(t), "null_means: unknown", "datasets: {pupil: {columns: {House: \"\"}}, kpi: {confirm: {Name: {confirmed: true}}}}"} {
		if err := fits([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"name: x", "datasets: {pupils: {file: x}}", "datasets: {pupil: {columns: {UNP: x}}}", "api: {auth: {kind: basic}}", "null_means: perhaps"} {
		if fits([]byte(text)) == nil {
			t.Errorf("the schema takes %s", text)
		}
	}
}

// schemaOf says whether a text fits a schema.
func schemaOf(t *testing.T, file string) func(text []byte) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(decoded)
	}
}

// Every shipped profile fits the schema, and mistakes that an editor should show
// do not.
func TestProfilesFitTheSchema(t *testing.T) {
	fits := schemaOf(t, schemaFile)
	files, err := filepath.Glob("../../configs/mis/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no profiles", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(text); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	good, err := os.ReadFile("../../configs/mis/csv.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, old, new string }{
		{"a name that is not known", "description:", "descripton:"},
		{"a dataset that is not known", "  kpi:\n", "  kpis:\n"},
		{"a field that the dataset does not have", "      UPN: UPN\n", "      UNP: UPN\n"},
		{"a word that is not in the list", "null_means: unknown", "null_means: perhaps"},
		{"a value of the wrong kind", "mis_id: true", "mis_id: 7"},
		{"no datasets", "datasets:", "capabilities_of_nothing:"},
	} {
		if !strings.Contains(string(good), c.old) {
			t.Fatalf("csv.yaml has no %q any more", c.old)
		}
		if fits([]byte(strings.Replace(string(good), c.old, c.new, 1))) == nil {
			t.Errorf("%s: the schema takes it", c.what)
		}
	}
}

// A schemaMaker turns the types of profiles into a JSON Schema.
type schemaMaker struct {
	defs map[string]any
	// says is what the comment of each field says, by type and field.
	says map[string]map[string]string
	// part: what is mandatory in a profile may be missing in what is laid over it.
	part bool
}

// closed are the lists that values come from, by type and name in the file.
var closed = map[string][]string{
	"Profile.driver":          {driverFile, driverSQL, driverReport, driverREST},
	"Profile.format":          {"csv", "ctf"},
	"Profile.delimiter":       slices.Sorted(maps.Keys(delimiters)),
	"Profile.encoding":        encodings,
	"APIProfile.members":      {"exact", "any_case"},
	"AuthProfile.kind":        {rest.AuthBasic, rest.AuthHeader, rest.AuthToken},
	"PagingProfile.kind":      {rest.PagingNone, rest.PagingPage, rest.PagingSkip, rest.PagingLink},
	"Profile.null_means":      nullMeanings,
	"SiteFile.null_means":     nullMeanings,
	"APIProfile.evidence":     evidences,
	"GateProfile.evidence":    evidences,
	"ProbeProfile.evidence":   evidences,
	"LookupProfile.evidence":  evidences,
	"FeedProfile.evidence":    evidences,
	"NeedProfile.evidence":    evidences,
	"DatasetProfile.evidence": evidences,
}

// mandatory are the names without which a section means nothing.
var mandatory = map[string][]string{
	"Profile":        {"name", "description", "driver", "datasets"},
	"ConfirmProfile": {"confirmed", "ask"},
	"NameProfile":    {"says"},
	"AuthProfile":    {"kind"},
	"PagingProfile":  {"kind"},
}

func newSchema(t *testing.T) *schemaMaker {
	t.Helper()
	m := &schemaMaker{defs: map[string]any{}, says: map[string]map[string]string{}}
	for _, name := range []string{"profile.go", "restprofile.go", "sitefile.go"} {
		m.readComments(t, name)
	}
	return m
}

// readComments takes the comments of fields, which are the documentation that an
// editor shows.
func (m *schemaMaker) readComments(t *testing.T, name string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		of := map[string]string{}
		m.says[spec.Name.Name] = of
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					of[name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
		}
		return true
	})
}

func (m *schemaMaker) encode(t *testing.T, of reflect.Type, title, about string) []byte {
	t.Helper()
	whole := of == reflect.TypeFor[Profile]()
	m.part = !whole
	root := m.section(of)
	datasets := map[string]any{}
	for _, d := range record.Datasets() {
		datasets[string(d)] = m.dataset(d)
	}
	section := map[string]any{"type": "object", "properties": datasets, "additionalProperties": false, "description": "What this school has otherwise."}
	if whole {
		section["required"], section["description"] = []string{string(record.DatasetPupil)}, "What the MIS offers. A dataset that is not listed is never read."
	}
	root["properties"].(map[string]any)["datasets"] = section
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"], root["description"] = title, about
	root["$defs"] = m.defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dataset is DatasetProfile with the names of fields that the dataset has.
func (m *schemaMaker) dataset(d record.Dataset) map[string]any {
	fields := string(d) + " fields"
	m.defs[fields] = map[string]any{"propertyNames": map[string]any{"enum": descriptions[d].names}}
	named := map[string]any{}
	for _, name := range []string{"columns", "column_evidence", "confirm", "values"} {
		named[name] = map[string]any{"$ref": "#/$defs/" + strings.ReplaceAll(fields, " ", "%20")}
	}
	made := m.value(reflect.TypeFor[DatasetProfile]())
	made["properties"], made["description"] = named, record.Why(d)
	return made
}

// section is a struct as a mapping of names.
func (m *schemaMaker) section(t reflect.Type) map[string]any {
	properties := map[string]any{}
	m.fields(t, properties)
	made := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if names := mandatory[t.Name()]; names != nil && !m.part {
		made["required"] = names
	}
	return made
}

func (m *schemaMaker) fields(t reflect.Type, into map[string]any) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if inline == "inline" {
			m.fields(f.Type, into)
			continue
		}
		if name == "" {
			continue
		}
		value := m.value(f.Type)
		if list := closed[t.Name()+"."+name]; list != nil {
			value = map[string]any{"enum": list}
		}
		if says := m.says[t.Name()][f.Name]; says != "" {
			value["description"] = says
		}
		into[name] = value
	}
}

func (m *schemaMaker) value(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[Query]():
		return map[string]any{"oneOf": []any{map[string]any{"type": "string"},
			map[string]any{"type": "object", "additionalProperties": m.value(reflect.TypeFor[string]())}}}
	case t.Kind() == reflect.Pointer:
		return m.value(t.Elem())
	case t.Kind() == reflect.Struct:
		if _, done := m.defs[t.Name()]; !done {
			m.defs[t.Name()] = nil // a section may hold itself
			m.defs[t.Name()] = m.section(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": m.value(t.Elem())}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": m.value(t.Elem())}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Int:
		return map[string]any{"type": "integer"}
	}
	// YAML takes a number or a yes without quotes for a text where one is wanted.
	return map[string]any{"type": []string{"string", "number", "boolean"}}
}
