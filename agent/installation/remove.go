package installation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"rollbridge/agent/logbook"
	"rollbridge/agent/school"
)

// Log is the file in the data directory that holds what the installation of a
// program said, since nobody saw it.
const Log = "installation.txt"

// ours are patterns of the names of what the agent puts into a data directory.
var ours = []string{
	"agent.yaml", "control.*", "enrol.json", "identity", Log, "lock", "logbook*.jsonl", "logbook.key", "move.key", "paused",
	"revocation.code", "revoke.json", "revoked", "service.lock", "state.db*", ".move-*", ".rollbridge-*", ".secret-*",
}

// proof are those of a logbook and of what it is verified with.
var proof = []string{logbook.FileName, school.OldLogbooks, "logbook.key"}

// Remove takes a data directory away. Where it is not only the agent's (an
// administrator chose the place) what others put there stays, and the directory
// with it. keepLogbook leaves the school's proof of what left. A directory that is
// not there is no error; done again it finishes what was cut off.
func Remove(dir string, onlyOurs, keepLogbook bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove the data directory: %w", err)
	}
	var errs []error
	left := false
	for _, e := range entries {
		if keepLogbook && among(proof, e.Name()) || onlyOurs && !among(ours, e.Name()) {
			left = true
			continue
		}
		// A link is removed, not what it leads to.
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove the data directory: %w", err)
	}
	if left {
		return nil
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the data directory: %w", err)
	}
	return nil
}

func among(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		is, err := filepath.Match(p, name)
		return is && err == nil
	})
}
