package mis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollbridge/shared/record"
)

// A column is one field and the expression that finds it in a row.
type column struct {
	field int
	x     *expression
}

// columnSet are expressions over one kind of rows. Those that gojq must run are
// run as one, since beginning a run costs more than most expressions.
type columnSet struct {
	d       record.Dataset
	simple  []column
	complex []column
	all     *expression // [[first], [second], …] of complex
}

// newColumns compiles expressions that have been checked.
func (j jq) newColumns(d record.Dataset, columns map[string]string, keep func(field string) bool) (*columnSet, error) {
	made := &columnSet{d: d}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		if !keep(name) {
			continue
		}
		x, err := j.compile(columns[name])
		if err != nil {
			return nil, fmt.Errorf("compile the expression of %s.%s: %w", d, name, err)
		}
		one := column{descriptions[d].number(name), x}
		if x.path != nil {
			made.simple = append(made.simple, one)
			continue
		}
		made.complex = append(made.complex, one)
		parts = append(parts, "[("+columns[name]+"\n)]")
	}
	if len(parts) == 0 {
		return made, nil
	}
	var err error
	if made.all, err = j.compile("[" + strings.Join(parts, ",") + "]"); err != nil {
		return nil, fmt.Errorf("compile the expressions of %s: %w", d, err)
	}
	return made, nil
}

// lookups are those that the columns name.
func (s *columnSet) lookups() []string {
	if s.all == nil {
		return nil
	}
	return s.all.lookups
}

// A cellFault is a value that cannot be taken.
type cellFault struct {
	field int
	err   error
}

func (f *cellFault) Error() string { return f.err.Error() }

// fill puts the texts of one row into raw. Its error is a *cellFault or the end
// of ctx.
func (s *columnSet) fill(ctx context.Context, row any, vars []any, raw rawRow) error {
	for _, c := range s.simple {
		v, err := follow(row, c.x.path)
		if err == nil {
			raw[c.field], err = textOf(v)
		}
		if err != nil {
			return &cellFault{c.field, err}
		}
	}
	if s.all == nil {
		return nil
	}
	made, err := s.all.one(ctx, row, vars)
	if err != nil {
		return s.blame(ctx, row, vars, err)
	}
	lists, _ := made.([]any) // what all is made of
	for i, c := range s.complex {
		outputs, _ := lists[i].([]any)
		switch len(outputs) {
		case 0:
			raw[c.field] = ""
		case 1:
			raw[c.field], err = textOf(outputs[0])
		default:
			err = errSeveral
		}
		if err != nil {
			return &cellFault{c.field, err}
		}
	}
	return nil
}

// blame finds the expression that cannot be applied to a row.
func (s *columnSet) blame(ctx context.Context, row any, vars []any, first error) error {
	for _, c := range s.complex {
		if _, err := c.x.one(ctx, row, vars); err != nil && !errors.Is(err, errSeveral) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &cellFault{c.field, err}
		}
	}
	return &cellFault{s.complex[0].field, first} // together they take too many steps
}

// cannot says why a value cannot be taken, without the value.
func cannot(err error) string {
	switch {
	case errors.Is(err, errSeveral):
		return "its expression gives more than one value for one row: have it give one, with first(…), or a list, with […]"
	case errors.Is(err, errShape):
		return "its expression gives " + errShape.Error() + ": have it give one of these"
	case errors.Is(err, errEndless):
		return "its expression takes too many steps for one row: look for recursion that does not end"
	}
	return "its expression cannot be applied to this row, which has another shape than it expects: compare it with an answer of the MIS; .member? passes over what is not there"
}

// values puts a row's texts in order: trimmed, of moments the day.
func (q *restReading) values(s *columnSet, raw rawRow, at place) error {
	about := descriptions[s.d]
	for _, list := range [][]column{s.simple, s.complex} {
		for _, c := range list {
			text := strings.TrimSpace(raw[c.field])
			if strings.ContainsRune(text, '\uFFFD') {
				return q.fieldFault(s.d, at, c.field, "there is half a character in it: correct the value in the MIS")
			}
			if about.fields[c.field].kind.day || s.d == record.DatasetAttendance && c.field == aDate {
				text = q.dayOfMoment(text)
			}
			raw[c.field] = text
		}
	}
	return nil
}

// restMoment is a date with a time after it, with or without a zone.
var restMoment = regexp.MustCompile(`^(\d{4}-\d\d-\d\d|\d\d[/-]\d\d[/-]\d{4})[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$`)

// dayOfMoment is the day of a date with a time after it, any other text as it is.
// Without a zone the day is the one that is written. With one it is London's: a
// summer's day that begins at midnight there is written 23:00Z of the day before.
func (q *restReading) dayOfMoment(text string) string {
	m := restMoment.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	if at, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "T", 1)); err == nil && q.plan.layout == time.DateOnly {
		return at.In(london).Format(time.DateOnly)
	}
	return m[1]
}

// fillRow is fill and values, with faults in the words of a read.
func (q *restReading) fillRow(ctx context.Context, s *columnSet, row any, vars []any, raw rawRow, at place) error {
	err := s.fill(ctx, row, vars, raw)
	var bad *cellFault
	switch {
	case errors.As(err, &bad):
		return q.fieldFault(s.d, at, bad.field, cannot(bad.err))
	case err != nil:
		return fmt.Errorf("read %s: %w", at, err)
	}
	return q.values(s, raw, at)
}
