package mis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"rollbridge/configs"
	"rollbridge/shared/config"
)

// maxSettings bounds a profile before it is parsed.
const maxSettings = 1 << 20

// ProfileNames lists the profiles that the program carries.
func ProfileNames() []string {
	entries, err := configs.Files.ReadDir("mis")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// LoadProfile reads a profile that the program carries ([ProfileNames]) or, where
// the argument has a slash, a backslash or ends in .yaml, the file of that
// path. Errors name file and line, and the nearest known name for an unknown
// one.
func LoadProfile(nameOrPath string) (*Profile, error) {
	file := nameOrPath
	var data []byte
	var err error
	if strings.ContainsAny(nameOrPath, `/\`) || strings.HasSuffix(nameOrPath, ".yaml") {
		data, err = readSettings(nameOrPath)
	} else {
		file = path.Join("mis", nameOrPath+".yaml")
		data, err = configs.Files.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
			return nil, fmt.Errorf("there is no MIS profile of that name%s: give one of %s, or the path of a file",
				didYouMean(nameOrPath, ProfileNames()), strings.Join(ProfileNames(), ", "))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the MIS profile: %w", err)
	}
	p, err := parseProfile(file, data)
	if err != nil {
		return nil, fmt.Errorf("MIS profile: %w", err)
	}
	return p, nil
}

func parseProfile(file string, data []byte) (*Profile, error) {
	p := new(Profile)
	root, err := decodeStrict(file, data, p)
	if err != nil {
		return nil, err
	}
	if err := checkProfile(p, places{file: file, root: root}); err != nil {
		return nil, err
	}
	return p, nil
}

func readSettings(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSettings {
		return nil, fmt.Errorf("%s is larger than 1 MiB: check that it is the right file", name)
	}
	return data, nil
}

var (
	yamlLine  = regexp.MustCompile(`line (\d+):`)
	yamlField = regexp.MustCompile(`line (\d+): field (.*) not found in type mis\.(\w+)`)
)

// decodeStrict decodes the one document in data into v. The parser's own words
// are never passed on: they repeat parts of the file, and the file may be the
// wrong one.
func decodeStrict(file string, data []byte, v any) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, yamlFault(file, err)
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: settings are written as name: value, one on each line", file)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		return nil, yamlFault(file, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: a second document follows: keep all settings in one, without a line ---", file)
	}
	return root.Content[0], nil
}

func yamlFault(file string, err error) error {
	text := err.Error()
	if m := yamlField.FindStringSubmatch(text); m != nil {
		known := keysOf[m[3]]
		return fmt.Errorf("%s:%s: a name that is not known here%s; known are %s", file, m[1], didYouMean(m[2], known), strings.Join(known, ", "))
	}
	line := ""
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line = ":" + m[1]
	}
	switch {
	case strings.Contains(text, "already defined"):
		return fmt.Errorf("%s%s: a name is given twice: remove one of them", file, line)
	case strings.Contains(text, "cannot unmarshal"):
		return fmt.Errorf("%s%s: a value of the wrong kind%s: compare with docs/profiles.md", file, line, kinds(text))
	default:
		return fmt.Errorf("%s%s: cannot be read as YAML: check the colons, quotes and indentation on this line and the one before", file, line)
	}
}

var yamlKinds = regexp.MustCompile(`cannot unmarshal !!(\w+).* into (\S+)$`)

// kinds says in words which kind of value stands where which is wanted, "" where
// the parser does not tell.
func kinds(text string) string {
	m := yamlKinds.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return ""
	}
	is := map[string]string{"str": "a text", "seq": "a list", "map": "a section", "int": "a whole number", "float": "a number", "bool": "true or false"}[m[1]]
	wanted := map[string]string{"string": "a text", "bool": "true or false", "int": "a whole number"}[m[2]]
	switch {
	case strings.HasPrefix(m[2], "[]"):
		wanted = "a list"
	case strings.HasPrefix(m[2], "map[") || strings.HasPrefix(m[2], "mis."):
		wanted = "a section of names with values"
	}
	if is == "" || wanted == "" {
		return ""
	}
	return fmt.Sprintf(" (%s, where there must be %s)", is, wanted)
}

// keysOf lists the names that each section may hold.
var keysOf = func() map[string][]string {
	keys := map[string][]string{}
	for _, v := range []any{
		Profile{}, Capabilities{}, DatasetProfile{}, NeedProfile{}, SiteFile{}, SiteFileAPI{}, SiteFileName{},
		APIProfile{}, NameProfile{}, AuthProfile{}, PagingProfile{}, ProbeProfile{}, BatchProfile{}, WindowsProfile{},
		GateProfile{}, ConfirmProfile{}, LookupProfile{}, FeedProfile{},
	} {
		t := reflect.TypeOf(v)
		for _, f := range reflect.VisibleFields(t) {
			if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
				keys[t.Name()] = append(keys[t.Name()], name)
			}
		}
	}
	return keys
}()

func didYouMean(word string, known []string) string {
	if near := config.Nearest(word, known); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// places finds lines in a profile; the site's settings have none.
type places struct {
	file string
	root *yaml.Node
}

// fault is an error at the setting that path leads to, or at the nearest
// section above it that exists.
func (p places) fault(path []string, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if p.root == nil {
		return errors.New(text)
	}
	return fmt.Errorf("%s:%d: %s", p.file, p.line(path), text)
}

// queryLine is what begins the words of sqlserver.ParseSelect.
var queryLine = regexp.MustCompile(`^line (\d+): `)

// queryFault is a fault of the query at path, at its own line in the file where
// the query is written as a block of lines.
func (p places) queryFault(path []string, text string, err error) error {
	words := err.Error()
	m := queryLine.FindStringSubmatch(words)
	if m == nil {
		return p.fault(path, "%s", words)
	}
	if p.root == nil {
		return fmt.Errorf("%s: %s", strings.Join(path, "."), words)
	}
	_, node := p.find(path)
	line := node.Line
	if node.Style&yaml.LiteralStyle != 0 {
		n, _ := strconv.Atoi(m[1]) // digits, of a file of bounded size
		blank := text[:len(text)-len(strings.TrimLeft(text, " \t\r\n"))]
		line += n + strings.Count(blank, "\n")
	}
	return fmt.Errorf("%s:%d: %s", p.file, line, words[len(m[0]):])
}

func (p places) line(path []string) int {
	line, _ := p.find(path)
	return line
}

// find is the line of the name that path leads to, and its value; or those of
// the nearest section above it that exists.
func (p places) find(path []string) (int, *yaml.Node) {
	node, line := p.root, p.root.Line
	for _, name := range path {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		next := valueOf(node, name)
		if next < 0 {
			return line, node
		}
		line, node = node.Content[next-1].Line, node.Content[next]
	}
	return line, node
}

// valueOf is where a mapping holds the value of name, -1 if it does not.
func valueOf(node *yaml.Node, name string) int {
	if node.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return i + 1
		}
	}
	return -1
}
