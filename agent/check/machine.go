package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rollbridge/agent/settings"
	"rollbridge/shared/version"
)

// The room that a school needs: the queue of two weeks has a few megabytes, and
// the logbook grows by less in a year.
const (
	enough = 200 << 20 // below this a person should look
	least  = 20 << 20  // below this a sync may fail
)

// NotAllowed is why a thing is not looked at without an administrator's rights.
const NotAllowed = "this account may not look: run the command as an administrator, or as the service's own user"

// Machine looks at what is on this computer: the program, the data directory,
// who may get at it, and the disk. file is the settings file, "" for none.
func Machine(set settings.Settings, file string) []Line {
	lines := []Line{say(Version, Good, "rollbridge-agent %s", version.Version)}
	info, err := os.Stat(set.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		lines = append(lines, say(Directory, Missing, "The data directory %s is not there", set.DataDir))
		return append(lines, Skip("there is no data directory", Access, Disk)...)
	case errors.Is(err, fs.ErrPermission):
		return append(lines, Skip(NotAllowed, Directory, Access, Disk)...)
	case err != nil:
		lines = append(lines, say(Directory, "not_a_directory", "The data directory %s cannot be looked at", set.DataDir))
		return append(lines, Skip("the data directory cannot be looked at", Access, Disk)...)
	case !info.IsDir():
		lines = append(lines, say(Directory, "not_a_directory", "%s is not a directory", set.DataDir))
		return append(lines, Skip("there is no data directory", Access, Disk)...)
	}
	lines = append(lines, write(set.DataDir)...)
	return append(lines, access(set, file)...)
}

// write makes a file as the agent does, and looks at the room that is left.
func write(dir string) []Line {
	err := tryWrite(dir)
	free, spaceErr := space(dir)
	switch {
	case err == nil:
	case isQuota(err):
		return []Line{untried(Directory, "there is no room to write a file"), say(Disk, "full", "No file can be written in %s: the account has used up its quota", dir).count(free)}
	case isFull(err):
		return []Line{untried(Directory, "there is no room to write a file"), say(Disk, "full", "No file can be written in %s: the disk is full", dir).count(free)}
	case errors.Is(err, fs.ErrPermission) && !ours(dir):
		return Skip(NotAllowed, Directory, Disk)
	default:
		why := "the disk fails"
		if isReadOnly(err) {
			why = "the disk is read-only"
		} else if errors.Is(err, fs.ErrPermission) {
			why = "this account may not"
		}
		return []Line{say(Directory, "read_only", "No file can be written in %s: %s", dir, why), untried(Disk, "nothing can be written to it")}
	}
	lines := []Line{say(Directory, Good, "A file was written, forced to disk and removed in %s", dir)}
	room := fmt.Sprintf("%d MB are free in %s; the agent wants %d MB", free>>20, dir, enough>>20)
	cause := Good
	switch {
	case spaceErr != nil:
		return append(lines, untried(Disk, "the system does not say how much room there is"))
	case free < least:
		cause = "full"
	case free < enough:
		cause = "low"
	}
	return append(lines, say(Disk, cause, "%s", room).count(free))
}

// tryWrite writes a file, forces it to disk and removes it.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return err
	}
	if _, err = f.Write(make([]byte, 64<<10)); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	return errors.Join(err, os.Remove(f.Name()))
}

// access looks at what only the agent may open: each of its files, and the
// settings, where a password may stand.
func access(set settings.Settings, file string) []Line {
	l := lookout{set: set, settings: file}
	err := filepath.WalkDir(set.DataDir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			l.closed = l.closed || errors.Is(err, fs.ErrPermission)
			return nil
		}
		l.look(path)
		return nil
	})
	if file != "" && !inside(set.DataDir, file) {
		l.look(file)
	}
	switch {
	case len(l.bad) > 0:
		return l.bad
	case l.closed || err != nil:
		return Skip(NotAllowed, Access)
	}
	return []Line{say(Access, Good, "Only the agent's own account and administrators can get at the %d files and directories of the agent", l.files)}
}

// A lookout is the state of looking at files.
type lookout struct {
	set      settings.Settings
	settings string // path of the settings
	bad      []Line
	files    int
	closed   bool // something could not be looked at
}

func (l *lookout) look(path string) {
	info, err := os.Lstat(path)
	if err != nil {
		l.closed = l.closed || errors.Is(err, fs.ErrPermission) // or gone meanwhile
		return
	}
	l.files++
	var who, whose string
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		l.bad = append(l.bad, say(Access, "link", "%s is a link", path).of(filepath.Base(path)))
		return
	case path == l.settings:
		who, err = othersOfSettings(path, info, hasSecrets(l.set))
	default:
		who, err = others(path, info)
		whose = stranger(info, l.set.DataDir)
	}
	switch {
	case err != nil:
		l.closed = true
	case who != "":
		l.bad = append(l.bad, say(Access, "open_to_others", "%s: %s", path, who).of(filepath.Base(path)))
	case whose != "":
		l.bad = append(l.bad, say(Access, "other_owner", "%s: %s", path, whose).of(filepath.Base(path)))
	}
}

func inside(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// hasSecrets says whether a password stands in the settings.
func hasSecrets(set settings.Settings) bool {
	return set.MIS.Server.Password+set.MIS.API.Password+set.MIS.Command.Password+set.Uplink.Proxy+set.Uplink.ProxyPassword != ""
}
