package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/minio/selfupdate"

	"rollbridge/agent/secret"
	"rollbridge/agent/slot"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// unverified ends the name of a slot that is not yet what it is to be. No version
// has such a name.
const unverified = ".unverified"

// spare is the room that must be left beside a program.
const spare = 64 << 20

// A stage is where programs are put.
type stage struct {
	dir slot.Dir
	// room says how many bytes are free; step is called before each act on the
	// disk, and tests fail or end there.
	room func(dir string) (int64, error)
	step func(what string) error
}

// ready says whether a program could be put into its slot, before anything is
// asked of the network.
func (s stage) ready(file release.File) error {
	s.sweep()
	f, err := os.CreateTemp(s.dir.Path, ".check-*"+unverified)
	if err != nil {
		return s.fault(err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return s.fault(err)
	}
	// The program is written once; what is spare is for everything else that this
	// computer does with its disk.
	if free, err := s.room(s.dir.Path); err == nil && free < file.Length+spare {
		return fault(protocol.UpdateDiskFull, nil, "make room; it is tried again, and the agent goes on as it is",
			"there is no room for version %s in %s: %d MB are free and %d MB are needed", file.Version, s.dir.Path, free>>20, (file.Length+spare)>>20)
	}
	return nil
}

// sweepAge is when nobody can be writing any more.
const sweepAge = 6 * time.Hour

// sweep removes what an earlier try left that was cut off.
func (s stage) sweep() {
	entries, err := os.ReadDir(s.dir.Path)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasSuffix(e.Name(), unverified) && time.Since(info.ModTime()).Abs() > sweepAge {
			_ = os.RemoveAll(filepath.Join(s.dir.Path, e.Name())) // tried again at the next
		}
	}
}

// put writes a program into its slot. The slot appears whole, with the signed
// list that it was taken from, or not at all.
func (s stage) put(file release.File, from io.Reader, targets []byte) (err error) {
	var fresh string
	if err := s.act("make the slot", func() (err error) {
		fresh, err = makeSlot(s.dir.Path)
		return err
	}); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(fresh) // the sweep of a later try removes it otherwise
		}
	}()
	program := filepath.Join(fresh, filepath.Base(s.dir.Program(file.Version)))
	if err := s.write(program, file, from); err != nil {
		return err
	}
	list := filepath.Join(fresh, slot.Targets)
	if err := s.act("write the list", func() error { return s.dir.Write(list, targets) }); err != nil {
		return err
	}
	if err := s.act("sync the slot", func() error { return secret.SyncDir(fresh) }); err != nil {
		return err
	}
	return s.act("name the slot", func() error {
		// What is there already was not what it must be.
		if err := os.RemoveAll(s.dir.Slot(file.Version)); err != nil {
			return err
		}
		if err := giveName(fresh, s.dir.Slot(file.Version)); err != nil {
			return err
		}
		return secret.SyncDir(s.dir.Path)
	})
}

// write has the program written by the library, which checks its hash before a
// byte is on disk, and makes sure that it then is on disk: the library neither
// syncs nor looks at every error.
func (s stage) write(program string, file release.File, from io.Reader) error {
	in := &counted{from: io.LimitReader(from, file.Length+1)}
	err := s.before("write the program")
	if err == nil {
		err = selfupdate.PrepareAndCheckBinary(in, selfupdate.Options{TargetPath: program, TargetMode: 0o755, Checksum: file.SHA256[:]})
	}
	// The library holds the program in memory while it writes it.
	debug.FreeOSMemory()
	switch {
	case in.err != nil:
		return in.err
	case isSystem(err):
		return s.fault(err)
	case in.n > file.Length:
		return fault(protocol.UpdateTooLarge, nil, again, "what came for version %s is larger than what was signed", file.Version)
	case in.n < file.Length:
		return fault(protocol.UpdateAltered, nil, again, "what came for version %s is not whole", file.Version)
	case err != nil:
		return fault(protocol.UpdateAltered, err, again, "what came for version %s is not the program that was signed, and was thrown away", file.Version)
	}
	written := filepath.Join(filepath.Dir(program), "."+filepath.Base(program)+".new")
	if err := s.act("sync the program", func() error { return syncFile(written) }); err != nil {
		return err
	}
	if err := s.act("name the program", func() error { return giveName(written, program) }); err != nil {
		return err
	}
	err = s.act("read the program again", func() error {
		return errors.Join(secret.Adopt(program, filepath.Dir(program)), slot.Same(program, file))
	})
	if errors.Is(err, slot.ErrVanished) {
		return fault(protocol.UpdateAltered, err, "look whether the antivirus has taken it, and allow the program by its publisher; it is tried again",
			"version %s was written and is gone", file.Version)
	}
	if errors.Is(err, slot.ErrAltered) {
		return fault(protocol.UpdateAltered, err, "look whether the antivirus changes programs, and whether the disk is sound; it is tried again",
			"version %s was written and is not on disk what was written", file.Version)
	}
	return err
}

// counted remembers how much was read and why it ended.
type counted struct {
	from io.Reader
	n    int64
	err  error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// act does one thing on the disk and words its error.
func (s stage) act(what string, do func() error) error {
	err := s.before(what)
	if err == nil {
		err = do()
	}
	if err == nil {
		return nil
	}
	return s.fault(fmt.Errorf("%s: %w", what, err))
}

// before is called before each act on the disk.
func (s stage) before(what string) error {
	if s.step == nil {
		return nil
	}
	return s.step(what)
}

// fault words an error of the disk. A Fault stays as it is.
func (s stage) fault(err error) error {
	if ours, ok := errors.AsType[*Fault](err); ok {
		return ours
	}
	switch {
	case isFull(err):
		return fault(protocol.UpdateDiskFull, err, "make room; it is tried again, and the agent goes on as it is", "the disk of %s is full, so no update can be put there", s.dir.Path)
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		return fault(protocol.UpdateRights, err, "give the account of the service the right to write there, as `rollbridge-agent service install` does", "no update can be put into %s: nothing can be written there", s.dir.Path)
	}
	return fault(protocol.UpdateOther, err, again, "an update could not be put into %s: %s", s.dir.Path, strings.ReplaceAll(err.Error(), "\n", "; "))
}

// isSystem says whether an error came from the system rather than from looking at
// the program.
func isSystem(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	return path || link || isFull(err)
}

// syncFile forces a file to disk.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// makeSlot makes the directory of a slot under a name of its own: a command may
// bring a version while the service does. Others may look into it, as they may
// run the package's own copy.
func makeSlot(versions string) (string, error) {
	dir, err := os.MkdirTemp(versions, ".slot-*"+unverified)
	if err != nil {
		return "", err
	}
	if err = os.Chmod(dir, 0o755); err == nil {
		err = secret.Adopt(dir, versions)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, nil
}

// fetch brings a program and puts it into its slot.
func (f *fetcher) fetch(ctx context.Context, s stage, file release.File, targets []byte) error {
	u, err := f.addressOf(file.Path, file.SHA256[:])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.limits.Program, f.slow("version "+file.Version))
	defer cancel()
	body, status, err := f.open(ctx, u, "version "+file.Version, file.Length)
	switch {
	case err != nil:
		return err
	case body == nil:
		return f.status("version "+file.Version, status)
	}
	defer body.Close()
	return s.put(file, body, targets)
}
