//go:build unix

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	socketName = "control.sock"
	// maxPath is what every system's sun_path takes.
	maxPath = 103
)

// Listen opens the socket of a data directory, which must exist and be closed
// to other users. The caller holds the directory's lock, so a socket that
// nobody answers on is a dead service's and is replaced.
func Listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path of the control socket has %d characters and may have %d: choose a shorter data directory", len(path), maxPath)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the data directory %s is open to other users: chmod 700 it", dir)
	}
	if err := clear(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("close the control socket to others: %w", err), l.Close())
	}
	return l, nil
}

func clear(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the control socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket, so it was not made by the service: find out what it is and remove it", path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := dial(ctx, filepath.Dir(path))
	if err == nil {
		return errors.Join(ErrInUse, conn.Close())
	}
	if !errors.Is(err, errNotThere) {
		return fmt.Errorf("look at the control socket: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the socket of an ended service: %w", err)
	}
	return nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	path := filepath.Join(dir, socketName)
	info, err := os.Lstat(path)
	if err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is not a socket", path)
	}
	if len(path) > maxPath { // Listen refuses it too
		return nil, errNotThere
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, errNotThere
	}
	return conn, err
}
