package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds what is read before anything is parsed. A complete commented
// configuration is under 64 KiB.
const maxFile = 1 << 20

// readFile returns the settings of a YAML file in the order of their lines.
func (s schema) readFile(name string) ([]given, error) {
	if name == "" {
		return nil, nil
	}
	data, err := readBounded(name)
	if err != nil {
		return nil, err
	}
	root, err := parse(name, data)
	if err != nil || root == nil {
		return nil, err
	}
	w := walker{schema: s, file: name}
	w.section(root, "")
	return w.found, errors.Join(w.faults...)
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("configuration file %s does not exist: create it, or leave the path out to use the defaults", name)
	}
	if err != nil {
		return nil, fmt.Errorf("open the configuration file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("configuration file %s is larger than 1 MiB: check that it is the right file", name)
	}
	return data, nil
}

// parse returns the top of the one document in data; nil means that the file is empty
// or holds comments only, which is as good as no file.
func parse(name string, data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, syntaxError(name, data, err)
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		return nil, fmt.Errorf("%s:%d: a second document begins here: keep all settings in one, without a line ---", name, more.Line)
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(name, data, err)
	}
	root := document.Content[0]
	if isNull(root) {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: settings are written as name: value, one on each line", name, root.Line)
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// syntaxError puts the parser's complaint into a person's words. It drops the parser's
// own text where that could repeat part of a value (a password that begins with *).
func syntaxError(name string, data []byte, err error) error {
	for i, line := range strings.Split(string(data), "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if strings.Contains(indent, "\t") {
			return fmt.Errorf("%s:%d: a tab is used for indentation: use spaces", name, i+1)
		}
	}
	if strings.Contains(err.Error(), "anchor") {
		return fmt.Errorf("%s: a value that begins with * or & must be put in quotes", name)
	}
	at := yamlLine.FindStringSubmatch(err.Error())
	if at == nil {
		return fmt.Errorf("%s: cannot be read as YAML: check that it is a text file in UTF-8", name)
	}
	return fmt.Errorf("%s:%s: cannot be read as YAML: check the colons, quotes and indentation on this line and the one before", name, at[1])
}

// walker checks a parsed file against the schema and collects what it finds.
type walker struct {
	schema schema
	file   string
	found  []given
	faults []error
}

func (w *walker) fault(n *yaml.Node, format string, args ...any) {
	w.faults = append(w.faults, fmt.Errorf("%s:%d: "+format, append([]any{w.file, n.Line}, args...)...))
}

func (w *walker) section(n *yaml.Node, prefix string) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], resolve(n.Content[i+1])
		key := prefix + name.Value
		if first, twice := seen[name.Value]; twice {
			w.fault(name, "%q is already set on line %d: remove one of them", key, first)
			continue
		}
		seen[name.Value] = name.Line
		l, known := w.schema.find(key)
		switch {
		case known:
			w.leaf(name, value, l)
		case !w.schema.sections[key]:
			w.fault(name, "unknown key %q; %s", key, w.schema.suggest(key, prefix))
		case isNull(value): // a section whose lines are all commented out
		case value.Kind != yaml.MappingNode:
			w.fault(name, "%q holds settings of its own: put them indented on the lines below it", key)
		default:
			w.section(value, key+".")
		}
	}
}

func (w *walker) leaf(name, value *yaml.Node, l leaf) {
	if isNull(value) {
		w.fault(name, "%q has no value: give one, or remove the line to use the default", l.key)
		return
	}
	typed, err := w.value(value, l)
	if err != nil {
		w.fault(name, "%q must be %s", l.key, expected(l.typ))
		return
	}
	w.found = append(w.found, given{leaf: l, value: typed, origin: fmt.Sprintf("file %s:%d", w.file, name.Line)})
}

// value types one node. A plain 0123 or 1.10 is text as it was written, so that a
// number with a leading zero reaches a text setting whole.
func (w *walker) value(n *yaml.Node, l leaf) (any, error) {
	switch expected(l.typ) {
	case "a list of texts":
		if n.Kind != yaml.SequenceNode {
			return nil, errValue
		}
		items := make([]string, 0, len(n.Content))
		for _, item := range n.Content {
			if item = resolve(item); !isText(item) {
				return nil, errValue
			}
			items = append(items, item.Value)
		}
		return listOf(l.typ, items), nil
	case "a map of names to texts":
		return w.pairs(n, l)
	case "text":
		if !isText(n) {
			return nil, errValue
		}
	case "true or false":
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			return nil, errValue
		}
		return parseScalar(l.typ, strings.ToLower(n.Value))
	default: // numbers and durations
		if n.Kind != yaml.ScalarNode || !slices.Contains([]string{"!!int", "!!str"}, n.ShortTag()) {
			return nil, errValue
		}
	}
	return parseScalar(l.typ, n.Value)
}

func (w *walker) pairs(n *yaml.Node, l leaf) (any, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errValue
	}
	pairs := make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		if _, twice := pairs[name.Value]; twice {
			w.fault(name, "a name in %q is set twice: remove one of them", l.key)
			continue
		}
		if !isText(name) || !isText(value) {
			return nil, errValue
		}
		pairs[name.Value] = value.Value
	}
	return mapOf(l.typ, pairs), nil
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode &&
		slices.Contains([]string{"!!str", "!!int", "!!float", "!!timestamp"}, n.ShortTag())
}
