//go:build unix

package dbtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const install = "PostgreSQL's programs were not found: install the Debian package postgresql (or put initdb and postgres in PATH)"

// program finds one of PostgreSQL's programs; Debian keeps them out of PATH.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return name // starting it fails with a message that names it
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// supervise ends the server and removes its directory when its input ends:
// the test binary holds the other end, so that this happens even when the
// binary is killed. A fast shutdown (INT) does not wait for connections.
const supervise = `"$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=200 -c deadlock_timeout=20ms &
server=$!
read -r _
kill -INT $server
wait $server
rm -rf "$2"`

// keepOpen is the end of the pipe that the supervisor waits on; it must not be
// collected as garbage, which would close it.
var keepOpen io.WriteCloser

func start() (dir string, err error) {
	if _, err := os.Stat(program("initdb")); err != nil {
		return "", errors.New(install)
	}
	if dir, err = os.MkdirTemp("", "rbpg"); err != nil {
		return "", fmt.Errorf("start a test database server: %w", err)
	}
	identity, err := ordinary(dir)
	if err != nil {
		return "", err
	}
	initdb := exec.Command(program("initdb"), "-D", filepath.Join(dir, "data"), "-U", superuser, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = identity, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a test database server: %w: %s", err, out)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return "", fmt.Errorf("start a test database server: %w", err)
	}
	defer log.Close()
	shell := exec.Command("/bin/sh", "-c", supervise, "sh", program("postgres"), dir)
	shell.SysProcAttr, shell.Dir, shell.Stdout, shell.Stderr = identity, dir, log, log
	if keepOpen, err = shell.StdinPipe(); err != nil {
		return "", fmt.Errorf("start a test database server: %w", err)
	}
	if err := shell.Start(); err != nil {
		return "", fmt.Errorf("start a test database server: %w", err)
	}
	err = ready(dir, log.Name())
	runtime.KeepAlive(keepOpen)
	return dir, err
}

// ready waits until the server answers.
func ready(dir, log string) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if exec.Command(program("pg_isready"), "-q", "-h", dir, "-U", superuser).Run() == nil {
			return nil
		}
	}
	text, _ := os.ReadFile(log)
	return fmt.Errorf("start a test database server: it does not answer: %s", text)
}

// ordinary is the user to run the server as, which refuses to run as root. The
// directory becomes that user's.
func ordinary(dir string) (*syscall.SysProcAttr, error) {
	// A group of its own keeps Ctrl-C at the terminal from ending it first.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("find an ordinary user: %w", err)
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, fmt.Errorf("give the test server its directory: %w", err)
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attr, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and neither user postgres nor nobody exists")
}
