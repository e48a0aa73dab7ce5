//go:build windows

package secret

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// entropy keeps another program's blobs, sealed to the same machine, from
// opening here by accident; it is no secret.
var entropy = []byte("rollbridge/secret/v1")

func write(path string, data []byte) error {
	blob, err := protect(data)
	if err != nil {
		return err
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	unfinished := filepath.Join(filepath.Dir(path), Temporary+hex.EncodeToString(random[:]))
	f, err := create(unfinished)
	if err != nil {
		return err
	}
	_, err = f.Write(blob)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	if err := replace(unfinished, path); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return nil
}

// replace renames and returns when the rename is on disk.
func replace(from, to string) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(f, t, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
}

// closed is an access list for SYSTEM, administrators, this account and those to
// whom the directory belongs in which path is to be made; flags is OICI where
// what is made inside is to have it too.
func closed(flags, path string) (*windows.SecurityAttributes, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("find out the account: %w", err)
	}
	who := []string{"SY", "BA", user.User.Sid.String()}
	parent, err := windows.GetNamedSecurityInfo(filepath.Dir(path), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, fmt.Errorf("find out whose the directory is: %w", err)
	}
	for _, heir := range heirs(parent.String()) {
		if !slices.Contains(who, heir) {
			who = append(who, heir)
		}
	}
	list := "D:P"
	for _, w := range who {
		list += "(A;" + flags + ";FA;;;" + w + ")"
	}
	sd, err := windows.SecurityDescriptorFromString(list)
	if err != nil {
		return nil, fmt.Errorf("make the access list: %w", err)
	}
	sa := &windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	return sa, nil
}

// MakeDir makes a directory that others may neither enter nor look into; what
// is in it is closed to them too. One that is there already stays as it is.
func MakeDir(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	sa, err := closed("OICI", path)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	err = windows.CreateDirectory(name, sa)
	if errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			return nil
		}
	}
	if err != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}

// create makes a file that only SYSTEM, administrators and this account may
// open: DPAPI at machine scope opens for every process of the machine, so the
// access list is what keeps others out.
func create(path string) (*os.File, error) {
	sa, err := closed("", path)
	if err != nil {
		return nil, err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_WRITE, 0, sa, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// Adopt does nothing on Windows: access lists name the accounts.
func Adopt(string, string) error { return nil }

// Open opens a file of the data directory to be read and written, making it if
// create is set. Errors wrap ErrUnprotected for what is not a plain file.
func Open(path string, create bool) (*os.File, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	return open(path, flags)
}

// OpenRead opens a file of the data directory that is no secret, to be read.
// Errors wrap ErrUnprotected for what is not a plain file.
func OpenRead(path string) (*os.File, error) { return open(path, os.O_RDONLY) }

func open(path string, flags int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a plain file", ErrUnprotected, filepath.Base(path))
	}
	return os.OpenFile(path, flags, 0o600)
}

// SyncDir does nothing on Windows: renames are written through instead.
func SyncDir(string) error { return nil }

func read(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is not a plain file", ErrUnprotected)
	}
	// DPAPI adds a few hundred bytes.
	if info.Size() > 2*MaxBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes and is no secret of this program", ErrDamaged, 2*MaxBytes)
	}
	blob, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(blob) == 0 {
		return nil, nil
	}
	return unprotect(blob)
}

func protect(data []byte) ([]byte, error) {
	var out windows.DataBlob
	flags := uint32(windows.CRYPTPROTECT_LOCAL_MACHINE | windows.CRYPTPROTECT_UI_FORBIDDEN)
	if err := windows.CryptProtectData(blobOf(data), nil, blobOf(entropy), 0, nil, flags, &out); err != nil {
		return nil, fmt.Errorf("protect it for this machine: %w", err)
	}
	return taken(out)
}

func unprotect(blob []byte) ([]byte, error) {
	var out windows.DataBlob
	if err := windows.CryptUnprotectData(blobOf(blob), nil, blobOf(entropy), 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return nil, fmt.Errorf("%w, or was made on another machine; enrol again with a new code: %w", ErrDamaged, err)
	}
	return taken(out)
}

func blobOf(b []byte) *windows.DataBlob {
	return &windows.DataBlob{Size: uint32(len(b)), Data: unsafe.SliceData(b)}
}

func taken(out windows.DataBlob) ([]byte, error) {
	data := append([]byte(nil), unsafe.Slice(out.Data, out.Size)...)
	clear(unsafe.Slice(out.Data, out.Size))
	if _, err := windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data))); err != nil {
		return nil, fmt.Errorf("free memory: %w", err)
	}
	return data, nil
}
