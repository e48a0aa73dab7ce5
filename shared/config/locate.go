package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Place says where a program looks for its settings file.
type Place struct {
	EnvPrefix string
	// Name of the file in the data directory.
	Name string
	// File and DataDir are what the command line gives, empty if nothing.
	File, DataDir string
	// DefaultDir is the data directory where nothing is said about it.
	DefaultDir string
}

// FileVariable names the environment variable that may hold the file's path;
// Sources.Reserved must list it.
func (p Place) FileVariable() string { return p.EnvPrefix + "_CONFIG" }

// Locate is the settings file to read: the one on the command line, else the
// environment's, else the one in the data directory, else "". The setting
// data_dir itself is read from the environment only: the file cannot say where
// it is.
func (p Place) Locate(environ []string) (string, error) {
	if file := cmp.Or(p.File, lookup(environ, p.FileVariable())); file != "" {
		return file, nil
	}
	dir := cmp.Or(p.DataDir, lookup(environ, p.EnvPrefix+"_DATA_DIR"), p.DefaultDir)
	path := filepath.Join(dir, p.Name)
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	}
	return "", fmt.Errorf("look for the settings: %w: run the command as an administrator or as the program's own user, or name the file with --config", err)
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
