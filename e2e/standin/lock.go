package standin

import (
	"context"
	"sync"
	"time"
)

// A writeLock lets one session at a time change a database, and remembers what
// it has changed, so that readers at READ COMMITTED can wait for exactly that.
type writeLock struct {
	mu      sync.Mutex
	holder  *session
	written map[string]bool // keys of tables
	free    chan struct{}   // closed when the holder lets go
}

// limit is SET LOCK_TIMEOUT: negative waits for ever, zero not at all.
func limit(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout < 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// hold makes s the writer. It may be called again by the holder.
func (l *writeLock) hold(ctx context.Context, s *session, timeout time.Duration) error {
	return l.await(ctx, timeout, func() bool {
		if l.holder != nil && l.holder != s {
			return false
		}
		if l.holder == nil {
			l.holder, l.written, l.free = s, map[string]bool{}, make(chan struct{})
		}
		return true
	})
}

// mark says that the holder has changed a table.
func (l *writeLock) mark(table string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[table] = true
}

// readable waits until none of tables is changed by another session's open transaction.
func (l *writeLock) readable(ctx context.Context, s *session, tables []string, timeout time.Duration) error {
	return l.await(ctx, timeout, func() bool {
		if l.holder == nil || l.holder == s {
			return true
		}
		for _, t := range tables {
			if l.written[t] {
				return false
			}
		}
		return true
	})
}

// release lets go, if s is the holder.
func (l *writeLock) release(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder == s {
		l.holder = nil
		close(l.free)
	}
}

// await waits until ready, which is asked with the lock's own mutex held.
func (l *writeLock) await(ctx context.Context, timeout time.Duration, ready func() bool) error {
	limited, cancel := limit(ctx, timeout)
	defer cancel()
	for {
		l.mu.Lock()
		if ready() {
			l.mu.Unlock()
			return nil
		}
		free := l.free
		l.mu.Unlock()
		select {
		case <-free:
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return lockTimeout()
		}
	}
}
