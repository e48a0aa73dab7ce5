package mis

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lay decodes what a section of a file names over a part of a profile, name by
// name down to single values. What of the part is shared with others (maps, what
// pointers lead to) is copied before it is changed.
func lay(node *yaml.Node, into any) error { return layOver(node, reflect.ValueOf(into).Elem()) }

func layOver(node *yaml.Node, v reflect.Value) error {
	node = aliased(node)
	isText := v.Kind() == reflect.String
	switch {
	case node.Tag == "!!null" && isText:
		v.SetZero()
	case node.Tag == "!!null": // an empty section says nothing
	case v.Type() == reflect.TypeFor[Query]():
		return layQuery(node, v)
	case node.Kind != yaml.MappingNode:
		v.SetZero() // a list is not added to
		return node.Decode(v.Addr().Interface())
	case v.Kind() == reflect.Pointer:
		made := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			made.Elem().Set(v.Elem())
		}
		v.Set(made)
		return layOver(node, made.Elem())
	case v.Kind() == reflect.Struct:
		for i := 0; i+1 < len(node.Content); i += 2 {
			field, ok := named(v, node.Content[i].Value)
			if !ok {
				return fmt.Errorf("line %d: a name that is not known here", node.Content[i].Line)
			}
			if err := layOver(node.Content[i+1], field); err != nil {
				return err
			}
		}
	case v.Kind() == reflect.Map:
		return layMap(node, v)
	default:
		return node.Decode(v.Addr().Interface())
	}
	return nil
}

func layMap(node *yaml.Node, v reflect.Value) error {
	made := reflect.MakeMap(v.Type())
	for name, value := range v.Seq2() {
		made.SetMapIndex(name, value)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := reflect.ValueOf(node.Content[i].Value).Convert(v.Type().Key())
		value := reflect.New(v.Type().Elem()).Elem()
		if before := made.MapIndex(key); before.IsValid() {
			value.Set(before)
		}
		if err := layOver(node.Content[i+1], value); err != nil {
			return err
		}
		made.SetMapIndex(key, value)
	}
	v.Set(made)
	return nil
}

// layQuery puts a text in place of a query, or adds parameters to it.
func layQuery(node *yaml.Node, v reflect.Value) error {
	var given Query
	if err := node.Decode(&given); err != nil {
		return err
	}
	if given.Parameters != nil {
		given.Parameters = overlaid(v.Interface().(Query).Parameters, given.Parameters)
	}
	v.Set(reflect.ValueOf(given))
	return nil
}

// named is the field of a section that has this name in a profile.
func named(v reflect.Value, name string) (reflect.Value, bool) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag == name && name != "" {
			return v.FieldByIndex(f.Index), true
		}
	}
	return reflect.Value{}, false
}

// textAt is what a part of a profile says under a path, "" if nothing.
func textAt(v reflect.Value, path []string) string {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	if q, ok := v.Interface().(Query); ok {
		if len(path) == 0 {
			return q.Text
		}
		return q.Parameters[path[0]]
	}
	switch v.Kind() {
	case reflect.Struct:
		if len(path) > 0 {
			if field, ok := named(v, path[0]); ok {
				return textAt(field, path[1:])
			}
		}
		return ""
	case reflect.Map:
		if len(path) > 0 {
			if value := v.MapIndex(reflect.ValueOf(path[0]).Convert(v.Type().Key())); value.IsValid() {
				return textAt(value, path[1:])
			}
		}
		return ""
	case reflect.Slice:
		var parts []string
		for _, part := range v.Seq2() {
			parts = append(parts, textAt(part, nil))
		}
		return strings.Join(parts, ", ")
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	}
	return v.String()
}

// leaves calls use for every single value, or list, below a section.
func leaves(node *yaml.Node, path []string, use func(path []string, line int)) {
	node = aliased(node)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], aliased(node.Content[i+1])
		here := under(path, key.Value)
		if value.Kind == yaml.MappingNode {
			leaves(value, here, use)
		} else {
			use(here, key.Line)
		}
	}
}
