package school

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/secret"
)

// ErrInUse is returned where another process holds the school's state.
var ErrInUse = errors.New("another Rollbridge command is working on this school's data: wait until it is done, or stop it, then try again")

// The lock files. The state lock is held by whoever may change the school's
// keys, queue and state; the service lock for as long as a service runs.
const (
	stateLock   = "lock"
	serviceLock = "service.lock"
)

// A Lock is held until Release or the end of the process.
type Lock struct{ file *os.File }

// Release gives the lock back; calling it twice is no error.
func (l *Lock) Release() {
	if l != nil && l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

// LockState takes the state lock, waiting up to patience. Errors wrap
// ErrInUse.
func LockState(ctx context.Context, dir string, patience time.Duration) (*Lock, error) {
	return lockWithin(ctx, filepath.Join(dir, stateLock), patience)
}

// LockService takes the lock that only one service of a data directory holds.
func LockService(dir string) (*Lock, error) {
	return lockWithin(context.Background(), filepath.Join(dir, serviceLock), 0)
}

func lockWithin(ctx context.Context, path string, patience time.Duration) (*Lock, error) {
	deadline := time.Now().Add(patience)
	for {
		f, err := secret.Open(path, true)
		if err != nil {
			return nil, fmt.Errorf("open the lock: %w", err)
		}
		// An administrator's command may come first; the service must not be
		// locked out by it.
		if err := secret.Adopt(path, filepath.Dir(path)); err != nil {
			return nil, errors.Join(fmt.Errorf("open the lock: %w", err), f.Close())
		}
		taken, err := tryLock(f)
		if taken {
			return &Lock{file: f}, nil
		}
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("take the lock: %w", err)
		}
		if !time.Now().Before(deadline) {
			return nil, ErrInUse
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
