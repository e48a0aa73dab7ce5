package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

var errValue = errors.New("value does not fit its type")

// expected says in a person's words what a setting of this type holds; "" means that
// the type is not supported.
func expected(t reflect.Type) string {
	if t == durationType {
		return "a duration such as 30s, 15m or 24h"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		top := uint64(1)<<(t.Bits()-1) - 1
		return fmt.Sprintf("a whole number from -%d to %d", top+1, top)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", ^uint64(0)>>(64-t.Bits()))
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of texts"
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String {
			return "a map of names to texts"
		}
	}
	return ""
}

// parseScalar reads text, written as in the environment or as a plain YAML value, as a
// type that is neither list nor map.
func parseScalar(t reflect.Type, text string) (any, error) {
	v := reflect.New(t).Elem()
	if t == durationType {
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, errValue
		}
		return d, nil
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return nil, errValue
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, t.Bits())
		if err != nil {
			return nil, errValue
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, t.Bits())
		if err != nil {
			return nil, errValue
		}
		v.SetUint(n)
	default:
		return nil, errValue
	}
	return v.Interface(), nil
}

// parseText reads a setting of any type as the environment and flags write it: lists
// as a,b and maps as a=1,b=2, with spaces around the parts ignored.
func parseText(t reflect.Type, text string) (any, error) {
	switch t.Kind() {
	case reflect.Slice:
		var items []string
		for item := range strings.SplitSeq(text, ",") {
			items = append(items, strings.TrimSpace(item))
		}
		if len(items) == 1 && items[0] == "" {
			items = nil
		}
		if slices.Contains(items, "") {
			return nil, errValue
		}
		return listOf(t, items), nil
	case reflect.Map:
		pairs := map[string]string{}
		for pair := range strings.SplitSeq(text, ",") {
			name, value, ok := strings.Cut(pair, "=")
			name = strings.TrimSpace(name)
			if _, twice := pairs[name]; !ok || name == "" || twice {
				return nil, errValue
			}
			pairs[name] = strings.TrimSpace(value)
		}
		return mapOf(t, pairs), nil
	}
	return parseScalar(t, text)
}

// listOf and mapOf build values of named types (type Roles []string) too.
func listOf(t reflect.Type, items []string) any {
	list := reflect.MakeSlice(t, len(items), len(items))
	for i, item := range items {
		list.Index(i).SetString(item)
	}
	return list.Interface()
}

func mapOf(t reflect.Type, pairs map[string]string) any {
	m := reflect.MakeMapWithSize(t, len(pairs))
	for name, value := range pairs {
		m.SetMapIndex(reflect.ValueOf(name).Convert(t.Key()), reflect.ValueOf(value).Convert(t.Elem()))
	}
	return m.Interface()
}

// show writes a value as the environment would hold it. A secret shows only whether it
// is set, and a password inside an address is masked wherever it stands.
func (l leaf) show(v reflect.Value) string {
	switch {
	case l.secret && v.IsZero():
		return "(not set)"
	case l.secret:
		return "(set, not shown)"
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = maskAddress(v.Index(i).String())
		}
		return strings.Join(parts, ",")
	case v.Kind() == reflect.Map:
		pairs := make(map[string]string, v.Len())
		for k, e := range v.Seq2() {
			pairs[k.String()] = k.String() + "=" + maskAddress(e.String())
		}
		parts := make([]string, 0, len(pairs))
		for _, name := range slices.Sorted(maps.Keys(pairs)) {
			parts = append(parts, pairs[name])
		}
		return strings.Join(parts, ",")
	case v.Kind() == reflect.String:
		return maskAddress(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// maskAddress hides the password of an address such as http://user:password@proxy.
// What has a user part but cannot be read as an address is hidden whole.
func maskAddress(text string) string {
	if !strings.Contains(text, "@") || !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "(not shown: holds a name or password)"
	}
	return u.Redacted()
}
