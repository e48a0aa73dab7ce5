package codes

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// row is one line of a list. Its readers remember the first error, so that a loader asks for all its columns and then looks
// at err once.
type row struct {
	file   string
	line   int
	column map[string]int
	fields []string
	err    error
}

// eachRow calls use for every line of a list below its header, and stops at the first error.
func eachRow(files fs.FS, name string, use func(*row) error) error {
	f, err := files.Open(name)
	if err != nil {
		return fmt.Errorf("open code list: %w", err)
	}
	defer f.Close() // read only: nothing is lost if closing fails
	r := csv.NewReader(f)
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("read header of code list %s: %w", name, err)
	}
	column := make(map[string]int, len(header))
	for i, h := range header {
		column[h] = i
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read code list %s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		w := &row{file: name, line: line, column: column, fields: fields}
		if err := use(w); err != nil {
			return err
		}
	}
}

func (r *row) fail(column, why string) {
	if r.err == nil {
		r.err = fmt.Errorf("code list %s line %d column %s: %s", r.file, r.line, column, why)
	}
}

func (r *row) text(column string) string {
	i, ok := r.column[column]
	if !ok {
		r.fail(column, "the column is missing")
		return ""
	}
	return r.fields[i]
}

// need is text that must not be empty.
func (r *row) need(column string) string {
	s := r.text(column)
	if s == "" {
		r.fail(column, "is empty")
	}
	return s
}

// word is text from a closed list.
func (r *row) word(column string, allowed ...string) string {
	s := r.text(column)
	if !slices.Contains(allowed, s) {
		r.fail(column, "is not one of "+strings.Join(allowed, ", "))
	}
	return s
}

func (r *row) yes(column string) bool { return r.word(column, "Y", "N") == "Y" }

// list is a cell of codes separated by semicolons; empty is none.
func (r *row) list(column string) []string {
	s := r.text(column)
	if s == "" {
		return nil
	}
	return strings.Split(s, ";")
}

// from and to are the first and the last day of a row's validity, midnight UTC; empty is the zero time. The sources give
// some dates only as a year or a month: the row is then valid for the whole of it.
func (r *row) from(column string) time.Time {
	t, _ := r.period(column)
	return t
}

func (r *row) to(column string) time.Time {
	_, t := r.period(column)
	return t
}

func (r *row) period(column string) (first, last time.Time) {
	s := r.text(column)
	if s == "" {
		return first, last
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, t
	}
	if t, err := time.Parse("2006-01", s); err == nil {
		return t, t.AddDate(0, 1, -1)
	}
	if t, err := time.Parse("2006", s); err == nil {
		return t, t.AddDate(1, 0, -1)
	}
	r.fail(column, "is not a date, month or year")
	return first, last
}

// civil is the calendar day that t shows in its own zone, as midnight UTC: validity is a matter of days, not of moments.
func civil(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// within reports whether day lies in [from, to], both included; a zero end is open.
func within(day, from, to time.Time) bool {
	d := civil(day)
	return (from.IsZero() || !d.Before(from)) && (to.IsZero() || !d.After(to))
}
