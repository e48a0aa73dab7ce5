package control

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// The name of the pipe stands in a file of the data directory. Pipes have no
// directory that could be closed: under a name that can be guessed anybody could
// make one before the service does.
const (
	nameFile = "control.pipe"
	prefix   = `\\.\pipe\rollbridge-`
)

// Listen opens a pipe for a data directory to administrators, SYSTEM and the
// account that the service runs as. The caller holds the directory's lock, so a
// name that nobody answers to, or a stranger, is a dead service's and is
// replaced.
func Listen(dir string) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	switch conn, err := dial(ctx, dir); {
	case err == nil:
		return nil, errors.Join(ErrInUse, conn.Close())
	case !errors.Is(err, errNotThere) && !errors.Is(err, errStranger):
		return nil, fmt.Errorf("look for a service that runs: %w", err)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("find the service's account: %w", err)
	}
	name := prefix + rand.Text()
	l, err := winio.ListenPipe(name, &winio.PipeConfig{SecurityDescriptor: accessList(user.User.Sid)})
	if err != nil {
		return nil, fmt.Errorf("open the control pipe: %w", err)
	}
	path := filepath.Join(dir, nameFile)
	if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("say where the control pipe is: %w", err), l.Close())
	}
	return &listener{l, path}, nil
}

// A listener takes the name away when it closes.
type listener struct {
	net.Listener
	path string
}

func (l *listener) Close() error {
	if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("take the name of the control pipe away: %w", err), l.Listener.Close())
	}
	return l.Listener.Close()
}

// accessList lets administrators, SYSTEM and an account in, and nobody else.
func accessList(account *windows.SID) string {
	return fmt.Sprintf("D:P(A;;GA;;;BA)(A;;GA;;;SY)(A;;GA;;;%s)", account)
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	name, err := os.ReadFile(filepath.Join(dir, nameFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !strings.HasPrefix(string(name), prefix) {
		return nil, errNotThere
	}
	if err != nil {
		return nil, fmt.Errorf("find the control pipe: %w", err)
	}
	conn, err := winio.DialPipeContext(ctx, string(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotThere
	}
	if err != nil {
		return nil, err
	}
	if err := trusted(conn, dir); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

var errStranger = errors.New("the control pipe was made by another user, who answers in the place of the service: restart the service, and find out who it was")

// trusted refuses a pipe whose owner is neither this account, SYSTEM or
// administrators nor one that the data directory lets in by name: the name of a
// pipe can be seen, and taken when a service has died.
func trusted(conn net.Conn, dir string) error {
	pipe, is := conn.(interface{ Fd() uintptr })
	if !is {
		return errors.New("find out whose the control pipe is: it has no handle")
	}
	sd, err := windows.GetSecurityInfo(windows.Handle(pipe.Fd()), windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("find out whose the control pipe is: %w", err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("find out whose the control pipe is: %w", err)
	}
	mine, err := ownerOfOurs()
	if err != nil {
		return fmt.Errorf("find out the account: %w", err)
	}
	if owner.Equals(mine) || owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
		return nil
	}
	return letIn(dir, owner)
}
