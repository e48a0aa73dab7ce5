package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Struct tags:
//
//	config:"data_dir"  the key: lower-case letters, digits and underscores. A struct's
//	                   fields are dotted below it (uplink.retry). "-" leaves a field out.
//	secret:"true"      never shown, only whether it is set
//	env:"-"            cannot be set by the environment
//
// Types: string, bool, signed and unsigned integers, time.Duration, []string,
// map[string]string, and structs of these. Named types of these kinds count as well.

// leaf is one setting: a field that holds a value.
type leaf struct {
	key    string
	index  []int // for reflect's FieldByIndex
	typ    reflect.Type
	secret bool
	noEnv  bool
}

// schema is what a struct says about its settings.
type schema struct {
	leaves   []leaf // sorted by key
	sections map[string]bool
}

var (
	keyPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	durationType = reflect.TypeFor[time.Duration]()
)

// describe reads the tags of a struct type. Its errors are mistakes of a programmer.
func describe(t reflect.Type) (schema, error) {
	if t.Kind() != reflect.Struct {
		return schema{}, errors.New("must be a struct")
	}
	s := schema{sections: map[string]bool{}}
	if err := s.add(t, "", nil); err != nil {
		return schema{}, err
	}
	slices.SortFunc(s.leaves, func(a, b leaf) int { return cmp.Compare(a.key, b.key) })
	return s, s.checkNames()
}

func (s *schema) add(t reflect.Type, prefix string, index []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("config")
		if tag == "-" || !f.IsExported() {
			continue
		}
		if !tagged || !keyPattern.MatchString(tag) {
			return fmt.Errorf("field %s%s: needs a tag such as config:\"data_dir\", or config:\"-\"", prefix, f.Name)
		}
		at := append(slices.Clone(index), i)
		key := prefix + tag
		if f.Type.Kind() == reflect.Struct {
			s.sections[key] = true
			if err := s.add(f.Type, key+".", at); err != nil {
				return err
			}
			continue
		}
		if expected(f.Type) == "" {
			return fmt.Errorf("field %s%s: type %s is not supported", prefix, f.Name, f.Type)
		}
		s.leaves = append(s.leaves, leaf{
			key: key, index: at, typ: f.Type,
			secret: f.Tag.Get("secret") == "true",
			noEnv:  f.Tag.Get("env") == "-",
		})
	}
	return nil
}

// checkNames refuses two fields that one key or one variable would set.
func (s schema) checkNames() error {
	keys, names := map[string]bool{}, map[string]string{}
	for section := range s.sections {
		keys[section] = true
	}
	for _, l := range s.leaves {
		if keys[l.key] {
			return fmt.Errorf("key %q is used twice", l.key)
		}
		keys[l.key] = true
		name := l.envName("")
		if other, taken := names[name]; taken {
			return fmt.Errorf("keys %q and %q would share one environment variable", other, l.key)
		}
		names[name] = l.key
	}
	return nil
}

// envName is the variable of a setting: upper case, dots as underscores.
func (l leaf) envName(prefix string) string {
	name := strings.ToUpper(strings.ReplaceAll(l.key, ".", "_"))
	if prefix == "" {
		return name
	}
	return strings.ToUpper(prefix) + "_" + name
}

func (s schema) find(key string) (leaf, bool) {
	i, ok := slices.BinarySearchFunc(s.leaves, key, func(l leaf, k string) int { return cmp.Compare(l.key, k) })
	if !ok {
		return leaf{}, false
	}
	return s.leaves[i], true
}

// keys lists every key that a file may hold, sections included, sorted.
func (s schema) keys() []string {
	var all []string
	for _, l := range s.leaves {
		all = append(all, l.key)
	}
	for section := range s.sections {
		all = append(all, section)
	}
	slices.Sort(all)
	return all
}
