package slot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollbridge/agent/secret"
	"rollbridge/shared/release"
)

// served is the file that marks a slot whose version has served its probation,
// so that a lost state costs no more than what was on probation.
const served = "served"

// MarkServed notes in its slot that a version has served its probation.
func (d Dir) MarkServed(version string) error {
	if err := d.Write(filepath.Join(d.Slot(version), served), []byte(version+"\n")); err != nil {
		return fmt.Errorf("note that version %s has served its probation: %w", version, err)
	}
	return nil
}

// Served says whether a version has served its probation on this machine.
func (d Dir) Served(version string) bool {
	_, err := os.Lstat(filepath.Join(d.Slot(version), served))
	return err == nil
}

// Remove deletes the slot of a version; none is no error. What is cut off half
// way is no program any more that Verify lets pass.
func (d Dir) Remove(version string) error {
	if err := release.Valid(version); err != nil {
		return fmt.Errorf("delete a version: %w", err)
	}
	err := d.before("remove")
	if err == nil {
		err = os.RemoveAll(d.Slot(version))
	}
	if err == nil {
		err = secret.SyncDir(d.Path)
	}
	if err != nil {
		return fmt.Errorf("delete version %s: %w", version, err)
	}
	return nil
}

// SetAside keeps a state that cannot be used, for whoever looks into it, so that
// a new one can take its place.
func (d Dir) SetAside() error {
	from := filepath.Join(d.Path, stateFile)
	err := d.before("set aside")
	if err == nil {
		err = rename(from, from+".unusable")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set the state of the versions aside: %w", err)
	}
	return nil
}

// unfinishedAge is how old a temporary file is before nobody can be writing it.
const unfinishedAge = time.Hour

// ClearUnfinished deletes what a crash in the middle of Write left here.
func (d Dir) ClearUnfinished(now time.Time) error {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return fmt.Errorf("clear the versions directory: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasPrefix(e.Name(), temporary) && now.Sub(info.ModTime()).Abs() > unfinishedAge {
			err = os.Remove(filepath.Join(d.Path, e.Name()))
			if err != nil {
				return fmt.Errorf("clear the versions directory: %w", err)
			}
		}
	}
	return nil
}

// EndProbation forgets a version on probation, and what was asked and not yet
// heard: the service is uninstalled, or installed anew, and nothing that began
// before may undo that. The version in force stays. No supervisor may run.
func (d Dir) EndProbation() error {
	if !d.There() {
		return nil
	}
	s, err := d.State()
	if err != nil {
		return nil // it is made anew, without a probation, by the next supervisor
	}
	w, asked, err := d.Wished()
	if s.Candidate == nil && (err != nil || !asked || w.ID == s.Heard.ID) {
		return nil
	}
	s.Candidate = nil
	if asked {
		s.Heard = Answer{ID: w.ID, Refused: Asked}
	}
	return d.Save(s)
}
