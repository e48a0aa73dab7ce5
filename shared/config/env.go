package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// readEnviron returns the settings that the environment gives.
func (s schema) readEnviron(src Sources) ([]given, error) {
	if src.EnvPrefix == "" {
		return nil, nil
	}
	var (
		found  []given
		faults []error
		prefix = strings.ToUpper(src.EnvPrefix) + "_"
		names  = s.envNames(src.EnvPrefix)
		spelt  = map[string]string{}
	)
	for _, pair := range src.Environ {
		name, text, _ := strings.Cut(pair, "=")
		upper := strings.ToUpper(name)
		if !strings.HasPrefix(upper, prefix) || text == "" || isReserved(src.Reserved, upper) {
			continue
		}
		if other, twice := spelt[upper]; twice && other != name {
			faults = append(faults, fmt.Errorf("environment: %s is also set as %s: remove one of them", name, other))
			continue
		}
		spelt[upper] = name
		l, known := names[upper]
		if !known {
			faults = append(faults, fmt.Errorf("environment: unknown variable %s; %s", name, suggestEnv(upper, names)))
			continue
		}
		value, err := parseText(l.typ, text)
		if err != nil {
			faults = append(faults, fmt.Errorf("environment: %s (%q) must be %s", name, l.key, expectedText(l)))
			continue
		}
		found = append(found, given{leaf: l, value: value, origin: "environment " + name})
	}
	return found, errors.Join(faults...)
}

func (s schema) envNames(prefix string) map[string]leaf {
	names := make(map[string]leaf, len(s.leaves))
	for _, l := range s.leaves {
		if !l.noEnv {
			names[l.envName(prefix)] = l
		}
	}
	return names
}

func isReserved(reserved []string, upper string) bool {
	return slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, upper) })
}

// readFlags returns the settings that the command line gives; of a flag given twice
// the last counts.
func (s schema) readFlags(flags []Flag) ([]given, error) {
	var (
		found  []given
		faults []error
	)
	for _, f := range flags {
		l, known := s.find(f.Key)
		if !known {
			faults = append(faults, fmt.Errorf("command line: unknown setting %q; %s", f.Key, s.suggest(f.Key, "")))
			continue
		}
		value, err := parseText(l.typ, f.Value)
		if err != nil {
			faults = append(faults, fmt.Errorf("command line: %q must be %s", l.key, expectedText(l)))
			continue
		}
		found = append(found, given{leaf: l, value: value, origin: "flag"})
	}
	return found, errors.Join(faults...)
}

// expectedText is expected for sources that write lists and maps on one line.
func expectedText(l leaf) string {
	switch what := expected(l.typ); what {
	case "a list of texts":
		return what + " written a,b"
	case "a map of names to texts":
		return what + " written a=1,b=2"
	default:
		return what
	}
}
