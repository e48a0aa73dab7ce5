package event

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"rollbridge/shared/logkey"
)

// A sink takes events out of the log: the Event Log, or a test.
type sink interface {
	write(e Event, text string) error
}

// handler hands every record on, and those that are events to its sink too.
type handler struct {
	slog.Handler
	sink sink
	// with are the attributes of With, as text.
	with string
}

// Enabled lets events through that the log itself does not want: what it does
// not want it is not given.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.Handler.Enabled(ctx, level)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.with)
	for _, a := range attrs {
		describe(&b, a)
	}
	return &handler{Handler: h.Handler.WithAttrs(attrs), sink: h.sink, with: b.String()}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), sink: h.sink, with: h.with}
}

// Handle fails where the log fails. That an event could not be written is said
// in the log, once the record itself is there.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if h.Handler.Enabled(ctx, r.Level) {
		if err := h.Handler.Handle(ctx, r); err != nil {
			return err
		}
	}
	e, text, is := eventOf(r, h.with)
	if !is {
		return nil
	}
	err := h.sink.write(e, text)
	if err == nil || !h.Handler.Enabled(ctx, slog.LevelWarn) {
		return nil
	}
	failed := slog.NewRecord(r.Time, slog.LevelWarn, "an event could not be written to the Event Log", 0)
	failed.AddAttrs(slog.String(logkey.Error, err.Error()))
	return h.Handler.Handle(ctx, failed)
}

// eventOf is the event that a record carries and how it reads to a person.
func eventOf(r slog.Record, with string) (e Event, text string, is bool) {
	var details strings.Builder
	details.WriteString(with)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != logkey.Event {
			describe(&details, a)
			return true
		}
		switch v := a.Value.Resolve().Any().(type) {
		case ID:
			e, is = Of(v)
		case int64:
			e, is = Of(ID(v))
		}
		return true
	})
	if !is {
		return e, "", false
	}
	text = e.Means
	if e.Do != "" {
		text += "\n" + e.Do
	}
	return e, text + "\n\n" + r.Message + details.String(), true
}

func describe(b *strings.Builder, a slog.Attr) {
	fmt.Fprintf(b, "\n%s: %v", a.Key, a.Value.Resolve())
}
