package settings

import (
	"fmt"
	"path/filepath"
	"strings"

	"rollbridge/shared/clock"
	"rollbridge/shared/config"
)

// EnvPrefix begins the name of every environment variable: mis.folder is
// ROLLBRIDGE_MIS_FOLDER.
const EnvPrefix = "ROLLBRIDGE"

// FileName is the file that Load looks for in the data directory.
const FileName = "agent.yaml"

// collectorPrefix begins the collector's variables, on a machine with both.
const collectorPrefix = EnvPrefix + "_COLLECTOR_"

// Given is what the command line says about the settings.
type Given struct {
	File    string // --config; empty is the environment's, or FileName in the data directory if it exists
	DataDir string // --data-dir; empty is not given
}

// Load reads the settings with the precedence default, file, environment,
// flag. The explanation is filled where the sources could be read, even if
// what they say together is refused.
func Load(g Given, environ []string) (Settings, config.Explained, error) {
	environ = ours(environ)
	defaults := Defaults()
	place := g.place(defaults)
	file, err := place.Locate(environ)
	if err != nil {
		return Settings{}, nil, err
	}
	sources := config.Sources{File: file, EnvPrefix: EnvPrefix, Environ: environ, Reserved: append(clock.Variables(), place.FileVariable())}
	if g.DataDir != "" {
		sources.Flags = []config.Flag{{Key: "data_dir", Value: g.DataDir}}
	}
	s, explained, err := config.Load(defaults, sources)
	if err != nil {
		return Settings{}, explained, err
	}
	if s.DataDir, err = filepath.Abs(s.DataDir); err != nil {
		return Settings{}, explained, fmt.Errorf("find data_dir: %w", err)
	}
	return s, explained, nil
}

func (g Given) place(defaults Settings) config.Place {
	return config.Place{EnvPrefix: EnvPrefix, Name: FileName, File: g.File, DataDir: g.DataDir, DefaultDir: defaults.DataDir}
}

// File is the path of the settings file that Load reads, "" for none.
func File(g Given, environ []string) (string, error) {
	return g.place(Defaults()).Locate(ours(environ))
}

// Environment is Load without any file or flag: the defaults and what the
// environment says of them.
func Environment(environ []string) (Settings, error) {
	reserved := append(clock.Variables(), config.Place{EnvPrefix: EnvPrefix}.FileVariable())
	s, _, err := config.Load(Defaults(), config.Sources{EnvPrefix: EnvPrefix, Environ: ours(environ), Reserved: reserved})
	return s, err
}

func ours(environ []string) []string {
	var kept []string
	for _, pair := range environ {
		if !strings.HasPrefix(strings.ToUpper(pair), collectorPrefix) {
			kept = append(kept, pair)
		}
	}
	return kept
}
