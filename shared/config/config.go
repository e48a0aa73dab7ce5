// Package config turns a program's defaults, its file, its environment and its
// command line into one checked value, and can say where every setting came from.
//
// It guarantees:
//   - one precedence, lowest first: default, file (YAML), environment, flag. A higher
//     layer replaces the whole setting, lists and maps included;
//   - strictness: an unknown key, a variable under the program's prefix that is no
//     setting, a key given twice or a value of the wrong type is refused, with the file
//     and line and the nearest known name. All such faults are reported at once;
//   - that no error and no explanation shows a value marked as secret. Errors show no
//     values at all, only names and places.
//
// It never holds settings of its own (the structs live with their owners), never reads
// the process environment by itself, never writes, and never watches the file.
//
// It is the only package that imports viper, which layers the values. viper is not used
// to read them: it drops environment values that were never bound (viper #188, #761),
// ignores the case of keys and lets unknown ones pass, so each source is checked against
// the struct first and handed over already typed.
//
// Start reading at Load; schema.go has what a struct may contain.
package config

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/spf13/viper"
)

// Sources says where values come from, beside the defaults. The zero value means
// defaults only.
type Sources struct {
	// File is the path of a YAML file that must exist. Empty means no file.
	File string
	// EnvPrefix is the first part of every variable's name, without the underscore:
	// with ROLLBRIDGE, the key a.b is ROLLBRIDGE_A_B. Empty means that the environment
	// is not read.
	EnvPrefix string
	// Environ holds NAME=value pairs as os.Environ returns them. Names match in any
	// case, as Windows has it; a variable that is empty counts as not set, since
	// Windows cannot hold an empty one.
	Environ []string
	// Reserved names variables under EnvPrefix that the program reads by itself, such
	// as the one that names the file. They are not refused as unknown.
	Reserved []string
	// Flags are the settings given on the command line, and only those: a flag left at
	// its default must not be listed, or it would hide the file and the environment.
	Flags []Flag
}

// Flag is one setting that was given on the command line. Key is dotted; Value is
// written as in the environment (lists: a,b; maps: a=1,b=2).
type Flag struct{ Key, Value string }

// given is one setting as one source gave it, already of the field's type.
type given struct {
	leaf   leaf
	value  any
	origin string
}

// Load returns defaults overlaid by the sources, and the origin of every setting.
//
// T is a struct whose fields carry the tags described in schema.go. If *T has a method
// Validate() error, it is called last and its error returned wrapped; Explained is then
// still filled, so that a person can see which source is to blame. On every other error
// the zero T and a nil Explained are returned. Load keeps nothing and may be called
// concurrently; a map or list that no source replaces is shared with defaults.
func Load[T any](defaults T, s Sources) (T, Explained, error) {
	var zero T
	shape, err := describe(reflect.TypeFor[T]())
	if err != nil {
		return zero, nil, fmt.Errorf("settings of %T: %w", zero, err)
	}
	found, err := gather(shape, s)
	if err != nil {
		return zero, nil, err
	}
	result := defaults
	explained := shape.layer(reflect.ValueOf(&result).Elem(), found)
	if v, ok := any(&result).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return zero, explained, fmt.Errorf("check the settings: %w", err)
		}
	}
	return result, explained, nil
}

// gather reads every source, lowest first, and joins what is wrong with any of them.
func gather(shape schema, s Sources) (found [][]given, err error) {
	file, fileErr := shape.readFile(s.File)
	env, envErr := shape.readEnviron(s)
	flags, flagErr := shape.readFlags(s.Flags)
	return [][]given{file, env, flags}, errors.Join(fileErr, envErr, flagErr)
}

// layer lets viper decide which source wins for each setting and writes the winners
// into result, which holds the defaults.
func (s schema) layer(result reflect.Value, found [][]given) Explained {
	v := viper.New()
	origin := make(map[string]string, len(s.leaves))
	for _, l := range s.leaves {
		v.SetDefault(l.key, result.FieldByIndex(l.index).Interface())
		origin[l.key] = "default"
	}
	for _, source := range found {
		for _, g := range source {
			v.Set(g.leaf.key, g.value) // viper's highest layer: the later source wins
			origin[g.leaf.key] = g.origin
		}
	}
	explained := make(Explained, 0, len(s.leaves))
	for _, l := range s.leaves {
		value := reflect.ValueOf(v.Get(l.key))
		result.FieldByIndex(l.index).Set(value)
		explained = append(explained, Setting{Key: l.key, Value: l.show(value), Origin: origin[l.key]})
	}
	return explained
}
