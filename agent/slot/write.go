package slot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rollbridge/agent/secret"
)

// temporary begins the name of a file that is not yet what it is to be.
const temporary = ".new-"

// fileMode lets everybody read what is here, so that anybody may find out whether
// what runs is what was released: nothing of it is secret.
const fileMode = 0o644

// Write puts a file of the directory in its place so that a crash leaves the
// old one or the new one: temporary file, sync, rename, sync of the directory.
// The updater uses it for its own files too. The file belongs to whom the
// directory belongs to, also where an administrator's command writes it.
func (d Dir) Write(path string, data []byte) error {
	if err := d.before("create"); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary+"*")
	if err != nil {
		return err
	}
	err = d.fill(f, path, data)
	if err == nil {
		if err = d.before("rename"); err == nil {
			err = rename(f.Name(), path)
		}
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := d.before("sync directory"); err != nil {
		return err
	}
	return secret.SyncDir(filepath.Dir(path))
}

func (d Dir) fill(f *os.File, path string, data []byte) (err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Chmod(fileMode); err != nil {
		return err
	}
	if err := secret.Adopt(f.Name(), filepath.Dir(path)); err != nil {
		return err
	}
	if err := d.before("write"); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := d.before("sync"); err != nil {
		return err
	}
	return f.Sync()
}

func (d Dir) before(what string) error {
	if d.step == nil {
		return nil
	}
	if err := d.step(what); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
