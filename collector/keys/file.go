package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rollbridge/collector/durable"
)

// Problems with key files that a caller may branch on.
var (
	// ErrMissing: there is no key where one must be.
	ErrMissing = errors.New("no key here; make the keys with rollbridge-collector init, or give this process the directory that holds them")
	// ErrExists: Init found keys and left them alone.
	ErrExists = errors.New("there are keys here already; init makes keys only once")
	// ErrReadable: others than the owner may read a private key.
	ErrReadable = errors.New("others may read this private key; restrict it to the collector's user (chmod 0600) and, if anybody else had access, replace the key")
	// ErrDamaged: a key file does not hold what it should.
	ErrDamaged = errors.New("this key file is damaged; restore it from the copy kept apart")
)

func writeJSON(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return durable.Write(filepath.Join(dir, name), append(data, '\n'))
}

// read returns a private file's content after checking that it is private.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read key %s: %w", path, ErrMissing)
	case err != nil:
		return nil, fmt.Errorf("read key: %w", err)
	case !private(info):
		return nil, fmt.Errorf("read key %s: %w", path, ErrReadable)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return data, nil
}

func readJSON(path string, v any) error {
	data, err := read(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		// json's error may quote the key: leave it out.
		return fmt.Errorf("read key %s: %w", path, ErrDamaged)
	}
	return nil
}

// list returns the files of dir with an ending, in order of their names. No
// directory is no files.
func list(dir, ending string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ending {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}
