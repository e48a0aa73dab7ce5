package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// CSV writes a head and rows as UTF-8 with a byte order mark, which spreadsheets
// take it for. A text that a spreadsheet would take for a formula gets an
// apostrophe in front.
func CSV(w io.Writer, head []string, rows [][]string) error {
	s := NewStream(w)
	if err := s.Row(head...); err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.Row(row...); err != nil {
			return err
		}
	}
	return s.End()
}

// A Stream is CSV row by row, for what is too long to be held.
type Stream struct {
	w *csv.Writer
	// mark is written before the first row, so that a file that fails before it is empty.
	mark io.Writer
}

// NewStream begins a file.
func NewStream(w io.Writer) *Stream {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return &Stream{c, w}
}

// Row writes one row.
func (s *Stream) Row(cells ...string) error {
	if s.mark != nil {
		if _, err := io.WriteString(s.mark, "\uFEFF"); err != nil {
			return fmt.Errorf("write a CSV file: %w", err)
		}
		s.mark = nil
	}
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = plain(cell)
	}
	if err := s.w.Write(safe); err != nil {
		return fmt.Errorf("write a CSV file: %w", err)
	}
	return nil
}

// End writes what is left.
func (s *Stream) End() error {
	s.w.Flush()
	if err := s.w.Error(); err != nil {
		return fmt.Errorf("write a CSV file: %w", err)
	}
	return nil
}

func plain(cell string) string {
	cell = clean(cell)
	// Some programs leave out what is not seen before they look.
	seen := strings.TrimLeftFunc(cell, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	if strings.IndexAny(seen, "=+-@＝＋－＠") == 0 {
		return "'" + cell
	}
	return cell
}
