package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// pipeName differs between data directories and does not reveal them.
func pipeName(dir string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(filepath.Clean(dir))))
	return `\\.\pipe\rollbridge-` + hex.EncodeToString(sum[:8])
}

// Listen opens the pipe of a data directory to administrators, SYSTEM and the
// account that the service runs as. The first instance is asked for, so a pipe
// that somebody else made is never joined.
func Listen(dir string) (net.Listener, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("find the service's account: %w", err)
	}
	l, err := winio.ListenPipe(pipeName(dir), &winio.PipeConfig{SecurityDescriptor: accessList(user.User.Sid)})
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_PIPE_BUSY) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("open the control pipe: %w", err)
	}
	return l, nil
}

// accessList lets administrators, SYSTEM and an account in, and nobody else.
func accessList(account *windows.SID) string {
	return fmt.Sprintf("D:P(A;;GA;;;BA)(A;;GA;;;SY)(A;;GA;;;%s)", account)
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	conn, err := winio.DialPipeContext(ctx, pipeName(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotThere
	}
	return conn, err
}
