package check

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"rollbridge/shared/logkey"
)

// A Logged is what a bundle holds of one line of the log: its message, which is
// a constant, and of its attributes the numbers, times and words of closed
// lists that are allowed by name.
type Logged struct {
	Time    time.Time      `json:"time"`
	Level   string         `json:"level"`
	Message string         `json:"message"`
	With    map[string]any `json:"with,omitempty"`
}

// plain are the keys whose values a bundle may hold. Those that could name a
// school, a host, a user or a file, and the texts of errors, are not here.
var plain = []string{
	logkey.Agent, logkey.Generation, logkey.Sequence, logkey.Count, logkey.Requests, logkey.Queries, logkey.Bytes, logkey.Duration,
	logkey.Dataset, logkey.Role, logkey.Reason, logkey.Kind, logkey.Serial, logkey.Epoch, logkey.Version, logkey.Attempt, logkey.Next,
	logkey.Status, logkey.Until, logkey.Event,
}

// word is what a text must look like to be one of a closed list.
var word = regexp.MustCompile(`^[A-Za-z0-9_.+-]{1,40}$`)

const keptLines = 300

// A Recent is a handler of a log that remembers the last lines of it in memory,
// as far as a bundle may hold them, and hands everything on.
type Recent struct {
	slog.Handler
	with map[string]any
	kept *ring
}

type ring struct {
	sync.Mutex
	lines []Logged
}

// Remember makes a Recent before another handler.
func Remember(next slog.Handler) *Recent { return &Recent{Handler: next, kept: new(ring)} }

// Last are the lines remembered, oldest first; none for nil.
func (r *Recent) Last() []Logged {
	if r == nil {
		return nil
	}
	r.kept.Lock()
	defer r.kept.Unlock()
	return slices.Clone(r.kept.lines)
}

// Handle remembers a line and hands it on.
func (r *Recent) Handle(ctx context.Context, rec slog.Record) error {
	l := Logged{Time: rec.Time, Level: rec.Level.String(), Message: rec.Message, With: map[string]any{}}
	for key, value := range r.with {
		l.With[key] = value
	}
	rec.Attrs(func(a slog.Attr) bool {
		allow(l.With, a)
		return true
	})
	r.kept.Lock()
	r.kept.lines = append(r.kept.lines, l)
	r.kept.lines = r.kept.lines[max(0, len(r.kept.lines)-keptLines):]
	r.kept.Unlock()
	return r.Handler.Handle(ctx, rec)
}

// allow takes an attribute over if it is one that a bundle may hold.
func allow(to map[string]any, a slog.Attr) {
	if !slices.Contains(plain, a.Key) {
		return
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindInt64:
		to[a.Key] = v.Int64()
	case slog.KindUint64:
		to[a.Key] = v.Uint64()
	case slog.KindBool:
		to[a.Key] = v.Bool()
	case slog.KindDuration:
		to[a.Key] = v.Duration().Milliseconds()
	case slog.KindTime:
		to[a.Key] = v.Time()
	default:
		if text := v.String(); word.MatchString(text) {
			to[a.Key] = text
		}
	}
}

// WithAttrs remembers attributes for all lines to come.
func (r *Recent) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := map[string]any{}
	for key, value := range r.with {
		with[key] = value
	}
	for _, a := range attrs {
		allow(with, a)
	}
	return &Recent{Handler: r.Handler.WithAttrs(attrs), with: with, kept: r.kept}
}

// WithGroup hands the group on; what is in it is not remembered, since no key of
// the list is in a group.
func (r *Recent) WithGroup(name string) slog.Handler {
	return &grouped{Handler: r.Handler.WithGroup(name), recent: r}
}

// A grouped remembers the messages of a group without its attributes.
type grouped struct {
	slog.Handler
	recent *Recent
}
