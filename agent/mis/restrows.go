package mis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Bounds of the fingerprint of the members that rows have.
const (
	schemaRows  = 100 // of each resource, beside those of pupils admitted
	schemaNames = 5000
)

// note adds the members of a row to the fingerprint.
func (q *restReading) note(d record.Dataset, row any) {
	o, ok := row.(map[string]any)
	if !ok || len(q.schema) >= schemaNames {
		return
	}
	for name := range o {
		q.schema[string(d)+" "+name] = true
	}
}

// A restRows goes through the rows of one dataset after the pupils.
type restRows struct {
	q       *restReading
	d       record.Dataset
	owner   *expression // nil for staff
	columns *columnSet
	raw     rawRow
	seen    []bool // by simple column: a row of a pupil admitted has the member
	rows    int
	matched int
	known   bool // some row is of a pupil who is among the pupils
	// anonymous is the first row without the id of its pupil.
	anonymous place
	use       func(rawRow, place) error
}

// readOwned asks for a dataset of the pupils admitted, or for the staff.
func (q *restReading) readOwned(ctx context.Context, d record.Dataset, use func(rawRow, place) error) error {
	own := q.plan.datasets[d]
	q.begin(d)
	defer func() { q.counts[d].asAt = q.asAt }()
	if d.OfPupils() && len(q.kept) == 0 && !q.reading.ask.Try {
		return nil // it could only be of nobody
	}
	if q.carries(d) {
		q.carried[d], q.asAt = true, q.fed.asAt
		return nil
	}
	w, err := q.newRows(d, use)
	if err != nil {
		return err
	}
	names := w.columns.lookups()
	if w.owner != nil {
		names = append(slices.Clone(names), w.owner.lookups...)
	}
	if own.asking.From != "" && own.asking.From != fromPupil {
		names = append(slices.Clone(names), own.asking.From)
	}
	if err := q.load(ctx, names, own.asking.Each); err != nil {
		return err
	}
	keys, err := q.wanted(ctx, own.asking.From, own.asking.IDs)
	if err != nil {
		return err
	}
	a := restAsk{what: string(d), d: d, own: own.asking, pupils: q.ids(), keys: keys}
	if err := q.request(ctx, a, func(m made, row any) error { return w.row(ctx, m, row) }); err != nil {
		return err
	}
	return w.end()
}

func (q *restReading) newRows(d record.Dataset, use func(rawRow, place) error) (*restRows, error) {
	own := q.plan.datasets[d]
	w := &restRows{q: q, d: d, raw: newRow(d), use: use}
	var err error
	if d.OfPupils() {
		if w.owner, err = q.jq.optional(own.columns["pupil"]); err != nil {
			return nil, err
		}
	}
	w.columns, err = q.jq.newColumns(d, own.columns, func(name string) bool { return !d.OfPupils() || name != "pupil" })
	if err != nil {
		return nil, err
	}
	w.seen = make([]bool, len(w.columns.simple))
	return w, nil
}

// row drops what is of nobody admitted before anything else of it is looked at.
func (w *restRows) row(ctx context.Context, m made, row any) error {
	q := w.q
	w.rows++
	q.counts[w.d].rows++
	if limit := q.limit.rows[w.d]; w.rows > limit {
		return fault(w.d, "the MIS gives more than %d rows of %s: %s", limit, w.d, orElse(descriptions[w.d].tooMany, "check what the profile asks for"))
	}
	if w.rows%1024 == 0 && ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", w.d, ctx.Err())
	}
	if w.rows <= schemaRows {
		q.note(w.d, row)
	}
	var id string
	if w.owner != nil {
		var mine bool
		var err error
		if id, mine, err = w.own(ctx, m, row); err != nil || !mine {
			return err
		}
	}
	at := w.at()
	q.note(w.d, row)
	if err := q.fillRow(ctx, w.columns, row, q.variables(m), w.raw, at); err != nil {
		return err
	}
	for i, c := range w.columns.simple {
		w.seen[i] = w.seen[i] || has(row, c.x.path)
	}
	if w.owner != nil {
		w.raw[ofPupilID] = id
	}
	w.matched++
	return w.use(w.raw, at)
}

func (w *restRows) at() place { return place{file: string(w.d), line: w.rows, rows: true} }

// own says whose a row is, and whether that pupil was admitted.
func (w *restRows) own(ctx context.Context, m made, row any) (id string, mine bool, err error) {
	v, err := w.owner.one(ctx, row, w.q.variables(m))
	if err == nil {
		id, err = textOf(v)
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", false, fmt.Errorf("read %s: %w", w.d, ctx.Err())
		}
		return "", false, w.q.fieldFault(w.d, w.at(), ofPupilID, cannot(err))
	}
	if id = strings.TrimSpace(id); id == "" {
		if w.anonymous.line == 0 {
			w.anonymous = w.at()
		}
		return "", false, nil
	}
	if err := w.q.askedFor(w.d, m, id, w.at()); err != nil {
		return "", false, err
	}
	mine = w.q.byID[id] != nil
	w.known = w.known || mine || w.q.pupils.has(id)
	return id, mine, nil
}

// end judges a dataset as a whole.
func (w *restRows) end() error {
	d, q := w.d, w.q
	switch {
	case w.rows == 0:
		if len(q.kept) > 0 || !d.OfPupils() {
			q.none(d)
		}
	case w.anonymous.line > 0 && !w.known:
		return notShown(protocol.ProblemIdentifier, d, "no row of %s has the id of its pupil: the account of mis.api may be kept from seeing it, or the MIS calls it something else; correct the expression under mis.datasets.%s.columns.pupil", d, d)
	case w.anonymous.line > 0:
		return q.fieldFault(d, w.anonymous, ofPupilID, "the identifier of the pupil is empty: every row must have one; correct it in the MIS, or have each leave such rows out")
	case d.OfPupils() && !w.known && len(q.kept) > 0 && !q.named:
		return fault(d, "not one row of %s (there are %d) is of a pupil whom the MIS gives among the pupils: compare how the profile finds the id (columns.pupil) in the two", d, w.rows)
	}
	if d == record.DatasetAttendance && q.wholeYear(q.plan.datasets[d].asking) {
		// The whole year was asked for, so days without a row are read too.
		c := q.counts[d]
		c.from, c.to = q.year, max(c.to, q.reading.ask.Today)
	}
	for i, c := range w.columns.simple {
		if w.matched > 0 && !w.seen[i] {
			if name := descriptions[d].names[c.field]; slices.Contains(descriptions[d].needed, name) {
				return notShown(protocol.ProblemRightMissing, d, "no row of %s has %s: the account of mis.api may be kept from seeing it, or the MIS calls it something else; correct the expression under mis.datasets.%s.columns", d, name, d)
			}
			q.warn(d, descriptions[d].names[c.field], WarnNoColumn)
		}
	}
	return nil
}

// wholeYear says whether an asking names the days of the academic year.
func (q *restReading) wholeYear(own *Asking) bool {
	has := placeholdersOf(own)
	return own.Windows != nil || slices.Contains(has, fillSince)
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// notShown is a fault of what the account of mis.api may not see, for all that can
// be told from outside.
func notShown(problem protocol.ProblemCode, d record.Dataset, format string, args ...any) *Error {
	return &Error{Problem: problem, Dataset: d, Text: fmt.Sprintf(format, args...)}
}
