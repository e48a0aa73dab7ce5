package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

const (
	fileVariable    = EnvPrefix + "_CONFIG"
	dataDirVariable = EnvPrefix + "_DATA_DIR"
	collectorPrefix = EnvPrefix + "_COLLECTOR_" // of the collector, on a machine with both
)

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
	file := cmp.Or(g.File, lookup(environ, fileVariable))
	if file == "" {
		found, err := fileIn(cmp.Or(g.DataDir, lookup(environ, dataDirVariable), defaults.DataDir))
		if err != nil {
			return Settings{}, nil, err
		}
		file = found
	}
	sources := config.Sources{File: file, EnvPrefix: EnvPrefix, Environ: environ, Reserved: append(clock.Variables(), fileVariable)}
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

func ours(environ []string) []string {
	var kept []string
	for _, pair := range environ {
		if !strings.HasPrefix(strings.ToUpper(pair), collectorPrefix) {
			kept = append(kept, pair)
		}
	}
	return kept
}

// fileIn returns the path of the file in the data directory, empty if there is
// none.
func fileIn(dir string) (string, error) {
	path := filepath.Join(dir, FileName)
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	}
	return "", fmt.Errorf("look for the settings: %w: run the command as an administrator or as the service's own user, or name the file with --config", err)
}

// lookup finds a variable in any case, as the settings do.
func lookup(environ []string, name string) string {
	for _, pair := range environ {
		if key, value, ok := strings.Cut(pair, "="); ok && strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
