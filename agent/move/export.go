package move

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/agent/secret"
	"rollbridge/agent/settings"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// partly is the end of the name of a file whose machine has not stopped yet.
const partly = ".part"

// patience is how long to wait for whoever has the state open.
const patience = 15 * time.Second

// reached is called after each durable step; tests stop there.
var reached = func(string) {}

// Export seals the agent of set.DataDir to a key, writes it into the new file
// at path and stops the agent here for good. After an error everything is as
// before and there is no file, unless the agent has stopped already: then doing
// it again with the same key and path finishes it. The service must have let go
// of the school. keys are the names of the settings that are set.
func Export(ctx context.Context, set settings.Settings, to Key, path string, keys []string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", path, err)
	}
	lock, err := school.LockState(ctx, set.DataDir, patience)
	if errors.Is(err, fs.ErrNotExist) {
		return identity.ErrMissing
	}
	if err != nil {
		return err
	}
	stop, stopped := school.Revoked(set.DataDir)
	if !stopped {
		err = export(set.DataDir, to, path, keys)
		stop, stopped = school.Revoked(set.DataDir)
	}
	lock.Release()
	switch {
	case !stopped || stop.Reason != school.ReasonMoved:
		return errors.Join(err, alive(stopped))
	case stop.To != to.ID() || stop.File != path:
		return refused(fmt.Sprintf("this agent was moved already, to the key %s in %s", stop.To, stop.File))
	}
	return finish(ctx, set, stop)
}

func alive(stopped bool) error {
	if stopped {
		return refused("this school is revoked: there is nothing to move")
	}
	return nil
}

// export goes as far as the marker.
func export(dir string, to Key, path string, keys []string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return refused(path + " exists already: give the name of a new file")
	}
	stop := school.Stop{At: clock.Now().UTC().Truncate(time.Second), Reason: school.ReasonMoved, To: to.ID(), File: path}
	c, err := collect(dir, stop, keys)
	if err != nil {
		return err
	}
	file, err := c.seal(to, stop.At)
	if err != nil {
		return fmt.Errorf("seal what is moved: %w", err)
	}
	if err := clearPart(path + partly); err != nil {
		return err
	}
	if err := writeNew(path+partly, file); err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	reached("written")
	if err := school.SetStop(dir, stop); err != nil {
		return errors.Join(fmt.Errorf("stop the agent here: %w", err), os.Remove(path+partly))
	}
	reached("stopped")
	return nil
}

// finish does what is left once the marker is there, however often.
func finish(ctx context.Context, set settings.Settings, stop school.Stop) error {
	if _, err := os.Lstat(stop.File + partly); err == nil {
		if err := errors.Join(os.Rename(stop.File+partly, stop.File), secret.SyncDir(filepath.Dir(stop.File))); err != nil {
			return fmt.Errorf("the agent has stopped here, and all of it is in %s: give it its name: %w", stop.File+partly, err)
		}
	}
	reached("named")
	return school.FinishRevoke(ctx, set, false, patience)
}

// clearPart deletes what an export left that was cut off before the agent had
// stopped; nothing else.
func clearPart(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	begin := make([]byte, len(format)+20)
	n, _ := f.Read(begin)
	if err := f.Close(); err != nil {
		return err
	}
	if !bytes.Contains(begin[:n], []byte(format)) && n > 0 {
		return refused(path + " is in the way and was not made by this program: give another name")
	}
	return os.Remove(path)
}

// writeNew writes a file that is not there yet; after an error it is not.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = secret.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// collect reads everything that is moved. The logbook gets its last line here
// already, which this machine writes when the marker is there.
func collect(dir string, stop school.Stop, set []string) (contents, error) {
	id, err := identity.Load(dir)
	if err != nil {
		return nil, err
	}
	book, err := logbook.Open(dir, id.Logbook)
	if err != nil {
		return nil, err
	}
	defer book.Close()
	box, err := outbox.Open(dir, book, outbox.Options{})
	if err != nil {
		return nil, err
	}
	defer box.Close()
	facts, err := box.Facts()
	if err != nil {
		return nil, err
	}
	if r := facts.Refusal; r != nil && r.Reason != protocol.RefusalUpgradeRequired {
		return nil, refused("the collector has stopped this agent, so it cannot go on elsewhere: ask the operator for a new code and enrol the new machine")
	}
	c := contents{}
	var state bytes.Buffer
	if err := box.Copy(&state); err != nil {
		return nil, err
	}
	c[outbox.FileName] = state.Bytes()
	last, err := book.Draft(stop.At, outbox.EventMoved, school.MovedData(stop.To))
	if err != nil {
		return nil, err
	}
	text, err := readPlain(dir, logbook.FileName)
	if err != nil {
		return nil, err
	}
	c[logbook.FileName] = append(text, last...)
	keys, err := id.Keys()
	if err != nil {
		return nil, err
	}
	if c[nameKeys], err = json.Marshal(keys); err != nil {
		return nil, err
	}
	if c[nameAbout], err = json.Marshal(About{Agent: id.Agent(), Version: version.Version, Settings: set}); err != nil {
		return nil, err
	}
	return c, c.others(dir)
}

// others adds the small files that may or may not be there.
func (c contents) others(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		var data []byte
		switch {
		case slices.Contains(plain, name) || oldLogbook(name):
			data, err = readPlain(dir, name)
		case slices.Contains(secrets, name):
			data, err = secret.Read(filepath.Join(dir, name))
		default:
			continue
		}
		if err != nil {
			return err
		}
		c[name] = data
	}
	return nil
}

// readPlain reads a file that is no secret and that nobody else has put there:
// an administrator would carry off what only an administrator may read.
func readPlain(dir, name string) ([]byte, error) {
	f, err := secret.OpenRead(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	return io.ReadAll(f)
}

// The small files that go with an agent: the marker of a pause, and what an
// enrolment has not finished with.
var (
	plain   = []string{"paused"}
	secrets = []string{"enrol.json", school.RevocationCodeName}
)

// oldLogbook says whether a file is the logbook of an earlier enrolment.
func oldLogbook(name string) bool {
	return strings.HasPrefix(name, "logbook-until-") && strings.HasSuffix(name, ".jsonl") && filepath.Base(name) == name
}

func carried(name string) bool {
	return slices.Contains([]string{nameAbout, nameKeys, outbox.FileName, logbook.FileName}, name) ||
		slices.Contains(plain, name) || slices.Contains(secrets, name) || oldLogbook(name)
}
