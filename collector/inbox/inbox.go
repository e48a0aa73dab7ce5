package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"rollbridge/collector/database"
)

// Bounds of one group: so many things, so many bytes, so long.
const (
	maxGroup      = 256
	maxGroupBytes = 32 << 20
	commitTimeout = 60 * time.Second
)

// ErrClosed is returned once the inbox takes nothing any more.
var ErrClosed = errors.New("the inbox is closed")

// An Inbox commits what is given to it in groups. It may be used by many
// goroutines.
type Inbox struct {
	db      *database.DB
	queue   chan *job
	closing chan struct{}
	once    sync.Once
	stopped chan struct{}
	seconds prometheus.Histogram
	group   prometheus.Histogram
}

// A job is one thing to keep: do runs inside the group's transaction, perhaps
// more than once.
type job struct {
	order string // jobs run in this order, so that two processes cannot deadlock
	bytes int
	do    func(context.Context, *database.Tx) error
	done  chan error
}

// New starts the inbox's committer; Close ends it. reg may be nil.
func New(db *database.DB, reg prometheus.Registerer) *Inbox {
	f := promauto.With(reg)
	i := &Inbox{
		db: db, queue: make(chan *job, maxGroup), closing: make(chan struct{}), stopped: make(chan struct{}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "rollbridge_inbox_commit_seconds", Help: "Time to commit one group durably.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}),
		group: f.NewHistogram(prometheus.HistogramOpts{
			Name: "rollbridge_inbox_group_size", Help: "Messages committed in one transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
	}
	go i.commitGroups()
	return i
}

// Close commits what is queued, answers everyone and stops. What is given to
// the inbox afterwards gets ErrClosed.
func (i *Inbox) Close() {
	i.once.Do(func() { close(i.closing) })
	<-i.stopped
}

// keep queues a job and waits until its group is durable. When ctx ends first
// the job may still be committed: its sender repeats it and gets its receipt.
func (i *Inbox) keep(ctx context.Context, j *job) error {
	select {
	case i.queue <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-i.closing:
		return ErrClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-i.stopped:
		select {
		case err := <-j.done:
			return err
		default:
			return ErrClosed
		}
	}
}

func (i *Inbox) commitGroups() {
	defer close(i.stopped)
	for {
		select {
		case first := <-i.queue:
			i.commit(i.gather(first))
		case <-i.closing:
			select {
			case first := <-i.queue:
				i.commit(i.gather(first))
			default:
				return
			}
		}
	}
}

// gather takes what has queued up, mostly while the group before was being
// committed: that wait is all the delay that grouping needs.
func (i *Inbox) gather(first *job) []*job {
	group, bytes := []*job{first}, first.bytes
	for len(group) < maxGroup && bytes < maxGroupBytes {
		select {
		case j := <-i.queue:
			group = append(group, j)
			bytes += j.bytes
		default:
			return group
		}
	}
	return group
}

func (i *Inbox) commit(group []*job) {
	slices.SortStableFunc(group, func(a, b *job) int {
		switch {
		case a.order < b.order:
			return -1
		case a.order > b.order:
			return 1
		}
		return 0
	})
	start := time.Now()
	err := i.transact(group)
	i.seconds.Observe(time.Since(start).Seconds())
	i.group.Observe(float64(len(group)))
	if err != nil && len(group) > 1 && !unavailable(err) {
		// One of them is at fault: the others must not suffer for it.
		for _, j := range group {
			j.done <- i.transact([]*job{j})
		}
		return
	}
	for _, j := range group {
		j.done <- err
	}
}

func (i *Inbox) transact(group []*job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("commit to the inbox: a fault in the program: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	err = i.db.Write(ctx, func(tx *database.Tx) error {
		for _, j := range group {
			if err := j.do(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit to the inbox: %w", err)
	}
	return nil
}

func unavailable(err error) bool {
	return errors.Is(err, database.ErrFull) || errors.Is(err, database.ErrReadOnly) || errors.Is(err, database.ErrUnavailable)
}
