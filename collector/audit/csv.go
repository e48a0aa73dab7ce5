package audit

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rollbridge/collector/export"
)

// WriteCSV writes the entries that are chosen, the oldest first. who names people by
// their numbers. label stands above them, unless it is empty.
func (l *Log) WriteCSV(ctx context.Context, w io.Writer, q Query, label string, who map[string]string) error {
	s := export.NewStream(w)
	err := head(s, label)
	if err == nil {
		err = l.Each(ctx, q, func(r Record) error { return s.Row(cells(r, who)...) })
	}
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return fmt.Errorf("export the audit log: %w", err)
	}
	return nil
}

func head(s *export.Stream, label string) error {
	if label != "" {
		if err := s.Row(label); err != nil {
			return err
		}
	}
	return s.Row("entry", "at", "person", "name", "action", "authority", "school", "children", "about", "reason", "hash")
}

func cells(r Record, who map[string]string) []string {
	children := make([]string, len(r.Children))
	for i, id := range r.Children {
		children[i] = string(id)
	}
	return []string{
		strconv.FormatInt(r.Seq, 10), r.At.Format(time.RFC3339), r.User, who[r.User], string(r.Action), r.Authority, r.School,
		strings.Join(children, " "), r.About, r.ReasonText(), fmt.Sprintf("%x", r.Hash),
	}
}

// ReasonText is the reason, or that it cannot be read any more.
func (r Record) ReasonText() string {
	if r.ReasonGone {
		return "(destroyed)"
	}
	return r.Reason
}
