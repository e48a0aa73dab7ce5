package mis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Bounds of one lookup.
const (
	maxLookupRows = 20_000_000 // that go by
	maxLookupKept = 500_000
)

// A lookupTable is what is kept of one lookup, by the text of its key.
type lookupTable struct {
	many bool
	rows map[string]any // with many []any
}

// lookup is the function of that name.
func (q *restReading) lookup(name string, key any) any {
	t := q.tables[name]
	if t == nil {
		return fmt.Errorf("lookup %q is not there yet", name)
	}
	text, err := textOf(key)
	if err != nil {
		return err
	}
	v := t.rows[strings.TrimSpace(text)]
	if v == nil && t.many {
		return []any{}
	}
	return v
}

// load reads the lookups of these names that have not been read, and what they
// need; and those that further expressions name.
func (q *restReading) load(ctx context.Context, names []string, texts ...string) error {
	names = slices.Clone(names)
	for _, text := range texts {
		x, err := q.jq.optional(text)
		if err != nil {
			return err
		}
		if x != nil {
			names = append(names, x.lookups...)
		}
	}
	for _, name := range names {
		if q.tables[name] != nil {
			continue
		}
		own := q.plan.rest.profile.Lookups[name]
		var below []string
		if own.From != "" && own.From != fromPupil {
			below = []string{own.From}
		}
		if err := q.load(ctx, below, own.IDs, own.Each, own.Owner, own.Key, own.Value); err != nil {
			return err
		}
		made, err := q.readLookup(ctx, name, own)
		if err != nil {
			return err
		}
		q.tables[name] = made
	}
	return nil
}

// readLookup asks for one, and keeps of it what its kind allows: everything else
// is dropped row by row.
func (q *restReading) readLookup(ctx context.Context, name string, own *LookupProfile) (*lookupTable, error) {
	w := &lookupWalk{q: q, own: own, what: "lookups." + name, into: &lookupTable{many: own.Many, rows: map[string]any{}}}
	keys, err := q.wanted(ctx, own.From, own.IDs)
	if err != nil {
		return nil, err
	}
	if own.From != "" {
		w.wanted = map[string]bool{}
		for _, key := range keys {
			w.wanted[key] = true
		}
	}
	if !own.Codes && (own.From == "" && len(q.kept) == 0 || own.From != "" && len(keys) == 0) {
		return w.into, nil // of nobody: nothing to ask for
	}
	if w.owner, err = q.jq.optional(own.Owner); err != nil {
		return nil, err
	}
	if w.key, err = q.jq.optional(own.Key); err != nil {
		return nil, err
	}
	if w.value, err = q.jq.optional(own.Value); err != nil {
		return nil, err
	}
	err = q.request(ctx, restAsk{what: w.what, d: q.on, own: &own.Asking, pupils: q.ids(), keys: keys}, func(m made, row any) error { return w.row(ctx, m, row) })
	if err == nil {
		err = w.judge()
	}
	return w.into, err
}

// A lookupWalk goes through the rows of one lookup.
type lookupWalk struct {
	q                 *restReading
	own               *LookupProfile
	what              string
	owner, key, value *expression
	wanted            map[string]bool // nil for all
	into              *lookupTable
	n, kept           int
	// owned are the rows with an owner, known whether one is among the pupils,
	// open the rows that a key was looked for in, and keyed those with one.
	owned, open, keyed int
	known              bool
}

func (w *lookupWalk) row(ctx context.Context, m made, row any) error {
	w.n++
	if w.n > maxLookupRows {
		return fault(w.q.on, "%s has more than %d rows: check what it asks for", w.what, maxLookupRows)
	}
	if w.n%1024 == 0 && ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", w.what, ctx.Err())
	}
	vars := w.q.variables(m)
	if w.owner != nil {
		id, err := w.text(ctx, "owner", w.owner, row, vars)
		if err != nil || id == "" {
			return err
		}
		if m.pupils != nil && !slices.Contains(m.pupils, id) {
			return w.notAsked("owner")
		}
		mine := w.q.byID[id] != nil
		w.owned++
		w.known = w.known || mine || w.q.pupils.has(id)
		if !mine {
			return nil
		}
	}
	key, err := w.text(ctx, "key", w.key, row, vars)
	w.open += oneIf(err == nil)
	w.keyed += oneIf(key != "")
	switch {
	case err != nil:
		return err
	case m.key != "" && key != m.key:
		return w.notAsked("key")
	case key == "" || w.wanted != nil && !w.wanted[key]:
		return nil
	}
	v, err := w.value.one(ctx, row, vars)
	if err != nil {
		return w.fault(ctx, "value", err)
	}
	return w.keep(key, v)
}

// notAsked is the fault of a row for which a request did not ask. To pass over it
// would show everything that hangs on it as gone.
func (w *lookupWalk) notAsked(part string) error {
	return fault(w.q.on, "row %d of %s, %s: it is not what was asked for: the MIS does not filter by what the profile writes, keeps this account from seeing whose it is, or writes ids in two ways", w.n, w.what, part)
}

// judge says what was missing in all rows: they would be passed over, and
// everything that hangs on them be shown as gone.
func (w *lookupWalk) judge() error {
	const why = "the account of mis.api may be kept from seeing it, or the MIS calls it something else; ask whoever manages the account, and correct the profile"
	switch {
	case w.n == 0:
	case w.owner != nil && w.owned == 0:
		return notShown(protocol.ProblemIdentifier, w.q.on, "no row of %s (there are %d) says of which pupil it is (owner): %s", w.what, w.n, why)
	case w.owner != nil && !w.known && !w.q.named:
		return fault(w.q.on, "not one row of %s (there are %d) is of a pupil whom the MIS gives among the pupils: compare how the profile finds the id in the two (owner, columns.pupil)", w.what, w.n)
	case w.open > 0 && w.keyed == 0:
		return notShown(protocol.ProblemIdentifier, w.q.on, "no row of %s (there are %d) has what it is found by (key): %s", w.what, w.open, why)
	}
	return nil
}

func (w *lookupWalk) text(ctx context.Context, part string, x *expression, row any, vars []any) (string, error) {
	v, err := x.one(ctx, row, vars)
	if err == nil {
		var text string
		if text, err = textOf(v); err == nil {
			return strings.TrimSpace(text), nil
		}
	}
	return "", w.fault(ctx, part, err)
}

func (w *lookupWalk) fault(ctx context.Context, part string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", w.what, ctx.Err())
	}
	return fault(w.q.on, "row %d of %s, %s: %s", w.n, w.what, part, cannot(err))
}

func (w *lookupWalk) keep(key string, v any) error {
	t := w.into
	if w.kept++; w.kept > maxLookupKept {
		return fault(w.q.on, "%s keeps more than %d rows: check what it asks for, and that each of them is needed", w.what, maxLookupKept)
	}
	if t.many {
		list, _ := t.rows[key].([]any)
		t.rows[key] = append(list, v)
		return nil
	}
	before, twice := t.rows[key]
	if twice && gojq.Compare(before, v) != 0 {
		return fault(w.q.on, "row %d of %s: one key twice, and not the same: set many: true to keep a list for each key, or have each leave out all but one", w.n, w.what)
	}
	t.rows[key] = v
	return nil
}

// wanted are the keys that from names, sorted, each once; nil without from.
func (q *restReading) wanted(ctx context.Context, from, ids string) ([]string, error) {
	if from == "" {
		return nil, nil
	}
	x, err := q.jq.optional(ids)
	if err != nil {
		return nil, err
	}
	if x != nil {
		if err := q.load(ctx, x.lookups); err != nil {
			return nil, err
		}
	}
	var keys []string
	for key, value := range q.origins(from) {
		if x == nil {
			keys = append(keys, key)
			continue
		}
		found, err := idsIn(ctx, x, value, q.noVariables())
		if err != nil {
			return nil, fault(q.on, "ids, in the values of %s: %s", from, cannot(err))
		}
		keys = append(keys, found...)
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(s string) bool { return s == "" }), nil
}

// origins yields the keys and single values that from means.
func (q *restReading) origins(from string) func(yield func(string, any) bool) {
	return func(yield func(string, any) bool) {
		if from == fromPupil {
			for _, k := range q.kept {
				if !yield(k.id, k.row) {
					return
				}
			}
			return
		}
		t := q.tables[from]
		for key, v := range t.rows {
			list, ok := v.([]any)
			if !ok || !t.many {
				list = []any{v}
			}
			for _, v := range list {
				if !yield(key, v) {
					return
				}
			}
		}
	}
}

// idsIn are the ids that an expression finds in one value.
func idsIn(ctx context.Context, x *expression, value any, vars []any) ([]string, error) {
	var found []string
	err := x.run(ctx, value, vars, func(v any) error {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, v := range list {
			text, err := scalarText(v)
			if err != nil {
				return err
			}
			found = append(found, strings.TrimSpace(text))
		}
		return nil
	})
	return found, err
}

// An earlyWalk goes through rows of everybody.
type earlyWalk struct {
	q       *restReading
	d       record.Dataset
	what    string
	columns *columnSet
	raw     rawRow
	rows    int
	found   []bool // by field: some row has the member that a simple expression names
	valued  []bool // by field: some row has a value
	cared   bool
	// anonymous is the first row without an id, headless the first without what
	// holds the marker.
	anonymous, headless place
}

func (q *restReading) earlyWalk(what string, columns *columnSet) *earlyWalk {
	const d = record.DatasetPupil
	n := len(descriptions[d].fields)
	return &earlyWalk{q: q, d: d, what: what, columns: columns, raw: newRow(d), found: make([]bool, n), valued: make([]bool, n)}
}

// take reads the early columns of one row, and hands it over if it has an id.
func (w *earlyWalk) take(ctx context.Context, m made, row any, use func(raw rawRow, at place) error) error {
	w.rows++
	if limit := w.q.limit.rows[w.d]; w.rows > limit {
		return fault(w.d, "the MIS gives more than %d rows of %s: check what the profile asks for", limit, w.what)
	}
	if w.rows%1024 == 0 && ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", w.what, ctx.Err())
	}
	at := place{file: w.what, line: w.rows, rows: true}
	if w.rows <= schemaRows {
		w.q.note(w.d, row)
	}
	if err := w.q.fillRow(ctx, w.columns, row, w.q.variables(m), w.raw, at); err != nil {
		return err
	}
	for _, c := range w.columns.simple {
		w.found[c.field] = w.found[c.field] || has(row, c.x.path)
		if above := c.x.path[:len(c.x.path)-1]; c.field == pInCare && len(above) > 0 && w.headless.line == 0 && !has(row, above) {
			w.headless = at
		}
	}
	for i, text := range w.raw {
		w.valued[i] = w.valued[i] || text != ""
	}
	yes, known := readBool(w.raw[pInCare])
	w.cared = w.cared || yes && known
	if w.raw[pID] == "" {
		if w.anonymous.line == 0 {
			w.anonymous = at
		}
		return nil
	}
	return use(w.raw, at)
}

// judge says what was missing in all rows, or in some: an interface leaves out
// what the account may not see.
func (w *earlyWalk) judge(marker bool) error {
	if w.rows == 0 {
		return nil
	}
	missing := func(field int) error {
		problem := protocol.ProblemRightMissing
		if field == pID {
			problem = protocol.ProblemIdentifier
		}
		return notShown(problem, w.d, "no row of %s has a value for %s: the account of mis.api may be kept from seeing it, or the MIS calls it something else; ask whoever manages the account, and correct the expression under mis.datasets.%s.columns", w.what, descriptions[w.d].names[field], w.d)
	}
	simple := func(field int) bool {
		return slices.ContainsFunc(w.columns.simple, func(c column) bool { return c.field == field })
	}
	switch {
	case !w.valued[pID]:
		return missing(pID)
	case w.anonymous.line > 0:
		return w.q.fieldFault(w.d, w.anonymous, pID, "the identifier is empty: every row must have one; correct it in the MIS, or have each leave such rows out")
	case !marker:
	case !w.valued[pInCare] && (w.q.plan.nullMeans == nullUnknown || simple(pInCare) && !w.found[pInCare]):
		return missing(pInCare)
	case w.cared && !w.valued[pAuthority]:
		return missing(pAuthority)
	case w.headless.line > 0 && w.found[pInCare] && w.q.plan.nullMeans == nullNotInCare:
		// A page that came without an include, for instance: not a null.
		return w.q.fieldFault(w.d, w.headless, pInCare, "the row has not the part of others in which the marker stands, so that nothing is said of this pupil: check what the profile asks for; if the MIS leaves out what is empty, give the expression as (.part.marker // false)")
	}
	return nil
}
