package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rollbridge/shared/config"
)

// EnvPrefix begins the name of every environment variable: intake.listen is
// ROLLBRIDGE_COLLECTOR_INTAKE_LISTEN.
const EnvPrefix = "ROLLBRIDGE_COLLECTOR"

// FileName is the file that Load looks for in the data directory, and that init
// writes there.
const FileName = "collector.yaml"

const fileVariable = EnvPrefix + "_CONFIG"

// Given is what the command line says about the settings.
type Given struct {
	File    string // --config; empty is the environment's, or FileName in the data directory if it exists
	DataDir string // --data-dir; empty is not given
}

// Load reads the settings with the precedence default, file, environment,
// flag. The explanation is filled where the sources could be read, even if
// what they say together is refused.
func Load(g Given, environ []string) (Settings, config.Explained, error) {
	file, err := File(g, environ)
	if err != nil {
		return Settings{}, nil, err
	}
	sources := config.Sources{File: file, EnvPrefix: EnvPrefix, Environ: environ, Reserved: []string{fileVariable}}
	if g.DataDir != "" {
		sources.Flags = []config.Flag{{Key: "data_dir", Value: g.DataDir}}
	}
	return config.Load(Defaults(), sources)
}

// File is the settings file that Load reads, empty if there is none.
func File(g Given, environ []string) (string, error) {
	if file := firstOf(g.File, lookup(environ, fileVariable)); file != "" {
		return file, nil
	}
	return fileIn(firstOf(g.DataDir, lookup(environ, EnvPrefix+"_DATA_DIR"), Defaults().DataDir))
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
	return "", fmt.Errorf("look for the settings: %w: run the command as the collector's own user, or name the file with --config", err)
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

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
