package mis

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/mis/rest"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A restReading is the state of one read of a web interface.
type restReading struct {
	*reading
	session *rest.Session
	jq      jq
	tables  map[string]*lookupTable
	// kept are the pupils admitted, with their rows as the MIS gave them, until
	// their own columns have been read.
	kept []*keptPupil
	byID map[string]*keptPupil
	// named: the MIS was asked for those in care only, so others are unknown.
	named bool
	// marked are the rows of the gate that do not say no, until the pupils' own have come.
	marked map[string]*keptPupil
	asAt   time.Time // of the dataset that is being read
	on     record.Dataset
	// names are the school's, as $names.
	names map[string]any
	// fed is what the MIS's own lists of changes say, nil where it is not asked.
	fed *feedReading
	// failed and envelopeTime are expressions over envelopes, nil for none.
	failed, envelopeTime *expression
}

// A keptPupil is a pupil who was admitted.
type keptPupil struct {
	id   string
	yes  admission
	gate rawRow // what the gate says of the pupil, nil without a gate
	row  any    // nil until it has come
	at   place
}

// readREST is the driver rest: the probes, who is in care, then everything of
// those admitted and of nobody else.
func readREST(ctx context.Context, r *reading) error {
	q := &restReading{reading: r, tables: map[string]*lookupTable{}, byID: map[string]*keptPupil{}}
	q.jq = jq{define: r.plan.rest.profile.define(), lookup: q.lookup}
	if err := q.prepare(); err != nil {
		return err
	}
	session, err := r.plan.rest.open(q.jq)
	if err != nil {
		return restFault("", err)
	}
	q.session = session
	defer session.Close()
	err = q.read(ctx)
	cost := session.Cost()
	r.report.Requests = &cost
	return err
}

// prepare compiles what every answer goes through.
func (q *restReading) prepare() error {
	q.names = map[string]any{}
	for name, value := range q.plan.rest.names {
		q.names[name] = value
	}
	var err, bad error
	q.failed, err = q.jq.optional(q.plan.rest.api.Failed)
	q.envelopeTime, bad = q.jq.optional(q.plan.rest.api.AsAt)
	return errors.Join(err, bad)
}

func (q *restReading) read(ctx context.Context) error {
	for i := range q.plan.rest.api.Probes {
		if err := q.probe(ctx, i); err != nil {
			return err
		}
	}
	if err := q.findPupils(ctx); err != nil {
		return err
	}
	if q.listing {
		return nil
	}
	if err := q.askFeeds(ctx); err != nil {
		return err
	}
	byID, err := q.givePupils(ctx)
	if err != nil {
		return err
	}
	err = q.readRest(q.reading.rest(), byID, func(d record.Dataset, use func(rawRow, place) error) error {
		return q.readOwned(ctx, d, use)
	})
	if err != nil {
		return err
	}
	return q.giveFeed()
}

// restFault puts what went wrong with the interface into the words of a read.
// Other errors (of the context, of admit or sink, faults of rows) are left alone.
func restFault(d record.Dataset, err error) error {
	var f *rest.Fault
	if !errors.As(err, &f) {
		return err
	}
	problem := protocol.ProblemMISData
	switch f.Kind {
	case rest.Down:
		problem = protocol.ProblemMISDown
	case rest.Right:
		problem = protocol.ProblemRightMissing
	}
	if f.Status == http.StatusUnauthorized {
		d = "" // it is not one dataset that is refused
	}
	made := &Error{Problem: problem, Dataset: d, Text: f.Text, NoAccess: f.SignIn || f.Status == http.StatusForbidden && begins(d)}
	if f.NoRows {
		return &noRows{made}
	}
	return made
}

// begins says whether a read begins with this: who is refused the pupils, or a
// probe, is refused everything.
func begins(d record.Dataset) bool { return d == "" || d == record.DatasetPupil }

var errSeen = errors.New("seen")

// probe proves one permission: an answer without the row, or without any, is how
// most interfaces refuse.
func (q *restReading) probe(ctx context.Context, i int) error {
	probe := &q.plan.rest.api.Probes[i]
	expect := expression{path: []string{}}
	if probe.Expect != "" {
		x, err := q.jq.compile(probe.Expect)
		if err != nil {
			return fmt.Errorf("compile expect of probe %d: %w", i+1, err)
		}
		expect = *x
	}
	what := fmt.Sprintf("probe %d", i+1)
	err := q.request(ctx, restAsk{what: what, own: &probe.Asking}, func(m made, row any) error {
		v, err := expect.one(ctx, row, q.variables(m))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && (probe.Expect == "" || v != nil && v != false) {
			return errSeen
		}
		return nil
	})
	var empty *noRows
	switch {
	case errors.Is(err, errSeen):
		return nil
	case err != nil && !errors.As(err, &empty):
		return err
	}
	return &Error{Problem: protocol.ProblemRightMissing, Text: what + ": " + probe.Says}
}

// A noRows is the fault of an answer that has not the list of rows: to a probe it
// says that nothing was granted.
type noRows struct{ fault *Error }

func (n *noRows) Error() string { return n.fault.Error() }
func (n *noRows) Unwrap() error { return n.fault }

// begin notes which dataset is read, and when its data were true at the latest.
func (q *restReading) begin(d record.Dataset) {
	q.on = d
	q.asAt = q.report.Started.Add(-time.Duration(q.plan.rest.api.FreshnessMinutes) * time.Minute).UTC()
}

// findPupils has the gate decide about everybody, and keeps the rows of those
// admitted.
func (q *restReading) findPupils(ctx context.Context) error {
	const d = record.DatasetPupil
	q.begin(d)
	gate, own := q.plan.rest.gate, q.plan.datasets[d]
	has := placeholdersOf(own.asking)
	named := slices.Contains(has, fillPupil) || slices.Contains(has, fillPupils)
	q.named = named
	early, err := q.earlyColumns(own.columns, named)
	if err != nil {
		return err
	}
	if gate != nil {
		if err := q.readGate(ctx, gate, named); err != nil {
			return err
		}
	}
	if err := q.load(ctx, early.lookups(), own.asking.Each); err != nil {
		return err
	}
	w := q.earlyWalk(string(d), early)
	err = q.request(ctx, restAsk{what: string(d), d: d, own: own.asking, pupils: q.ids()}, func(m made, row any) error {
		return w.take(ctx, m, row, func(raw rawRow, at place) error { return q.pupilRow(raw, m, row, at) })
	})
	q.counts[d].asAt = q.asAt
	if !named {
		q.counts[d].rows = w.rows
	}
	switch {
	case err != nil:
		return err
	case w.rows == 0 && !(named && len(q.kept) == 0):
		return fault(d, "the MIS gives no pupil at all: check that the account of mis.api may see this school's pupils, and what the profile asks for")
	}
	if err := w.judge(gate == nil); err != nil {
		return err
	}
	return q.missing()
}

// earlyColumns are those that are read of everybody: who a pupil is and is in
// care, and where there is a roster what a pupil is looked up by.
func (q *restReading) earlyColumns(columns map[string]string, named bool) (*columnSet, error) {
	fields := slices.Clone(earlyFields)
	if q.reading.ask.Roster != nil {
		q.blind = named || !q.everybodys(columns["UPN"]) || !q.everybodys(columns["DOB"])
		if !q.blind {
			fields = append(fields, "UPN", "DOB")
		}
		for _, name := range []string{"Surname", "Forename"} {
			if q.listing && q.everybodys(columns[name]) {
				fields = append(fields, name)
			}
		}
	}
	return q.jq.newColumns(record.DatasetPupil, columns, func(name string) bool { return slices.Contains(fields, name) })
}

// everybodys says whether an expression needs nothing that is read of pupils
// admitted only.
func (q *restReading) everybodys(text string) bool {
	x, err := q.jq.optional(text)
	if err != nil || x == nil {
		return false
	}
	return !slices.ContainsFunc(x.lookups, func(name string) bool { return !q.plan.rest.profile.Lookups[name].Codes })
}

// pupilRow takes one row of the pupils' own resource.
func (q *restReading) pupilRow(raw rawRow, m made, row any, at place) error {
	id := raw[pID]
	if err := q.askedFor(record.DatasetPupil, m, id, at); err != nil {
		return err
	}
	if before, twice := q.pupils.add(id, origin{line: int32(at.line)}); twice {
		return q.again(at, before)
	}
	if m.pupils != nil { // the gate has decided already
		q.byID[id].row, q.byID[id].at = row, at
		return nil
	}
	k := &keptPupil{id: strings.Clone(id), row: row, at: at}
	var err error
	switch before := q.marked[id]; {
	case q.plan.rest.gate == nil:
		k.yes, err = q.gate(raw, at)
	case before == nil:
		k.yes, err = q.unmarked(raw, at, MarkerNotInCare)
	default:
		before.row = row // come
		k.gate, raw[pInCare], raw[pAuthority] = before.gate, before.gate[pInCare], before.gate[pAuthority]
		k.yes, err = q.gate(raw, at)
	}
	if err == nil && k.yes.ok() {
		q.keep(k)
	}
	return err
}

// missing passes over pupils whom the gate has and the list of pupils does not:
// most have left. That all of them are missing is no coincidence.
func (q *restReading) missing() error {
	gone, all := 0, len(q.marked)
	for _, k := range q.marked {
		gone += oneIf(k.row == nil)
	}
	q.marked = nil // its rows are of pupils who were not admitted, too
	there := q.kept[:0]
	for _, k := range q.kept {
		if k.row != nil {
			there = append(there, k)
			continue
		}
		delete(q.byID, k.id)
		gone++
	}
	all = max(all, len(q.kept))
	clear(q.kept[len(there):])
	q.kept = there
	if gone > 0 && gone == all {
		return fault(record.DatasetPupil, "not one of the pupils in care (there are %d) is among the pupils that the MIS gives: compare how the profile finds the id (columns.pupil) in the two", all)
	}
	q.warnMany(record.DatasetPupil, pupilFields.names[pID], WarnNoPupil, gone)
	return nil
}

func (q *restReading) again(at place, before origin) error {
	return q.fieldFault(record.DatasetPupil, at, pID, fmt.Sprintf("the pupil of row %d again: there must be one row for each pupil; have `each` leave out what repeats one", before.line))
}

func (q *restReading) keep(k *keptPupil) {
	q.kept = append(q.kept, k)
	q.byID[k.id] = k
}

// ids are those of the pupils admitted, in the order in which they were read.
func (q *restReading) ids() []string {
	ids := make([]string, len(q.kept))
	for i, k := range q.kept {
		ids[i] = k.id
	}
	return ids
}

// askedFor refuses a row of a pupil for whom a request did not ask: it has
// crossed the wire already, so the MIS does not understand the filter.
func (q *restReading) askedFor(d record.Dataset, m made, id string, at place) error {
	if m.pupils == nil || slices.Contains(m.pupils, id) {
		return nil
	}
	return q.fieldFault(d, at, ofPupilID, "it is not a pupil who was asked for: the MIS does not filter by what the profile writes under query, or writes ids in two ways")
}

// readGate asks who is in care. Where the pupils are asked for one by one it
// decides at once, and else when their own rows come.
func (q *restReading) readGate(ctx context.Context, gate *GateProfile, named bool) error {
	const d, what = record.DatasetPupil, "pupil.gate"
	columns, err := q.jq.newColumns(d, gate.Columns, func(string) bool { return true })
	if err != nil {
		return err
	}
	if err := q.load(ctx, columns.lookups(), gate.Each); err != nil {
		return err
	}
	w, seen := q.earlyWalk(what, columns), newPupilSet()
	q.marked = map[string]*keptPupil{}
	err = q.request(ctx, restAsk{what: what, d: d, own: &gate.Asking}, func(m made, row any) error {
		return w.take(ctx, m, row, func(raw rawRow, at place) error { return q.gateRow(seen, raw, at, named) })
	})
	switch {
	case err != nil:
		return err
	case w.rows == 0:
		q.warn(d, "InCare", WarnNoRows)
	}
	q.counts[d].rows = w.rows
	return w.judge(true)
}

// gateRow takes one pupil of the gate. The same pupil again is passed over if
// nothing differs: some MISs list each period of care.
func (q *restReading) gateRow(seen pupilSet, raw rawRow, at place, named bool) error {
	before, twice := seen.add(raw[pID], origin{line: int32(at.line)})
	if _, same := seen.add(strings.Join(raw, "\x00"), origin{}); twice && same {
		q.warn(record.DatasetPupil, pupilFields.names[pID], WarnRepeated)
		return nil
	}
	if twice {
		return q.again(at, before)
	}
	k := &keptPupil{at: at}
	if named {
		var err error
		if k.yes, err = q.gate(raw, at); err != nil || !k.yes.ok() {
			return err
		}
	} else if readMarker(raw[pInCare], q.plan.nullMeans) == MarkerNotInCare {
		return nil
	}
	k.gate = make(rawRow, len(raw))
	for i, s := range raw {
		k.gate[i] = strings.Clone(s)
	}
	k.id = k.gate[pID]
	if named {
		q.keep(k)
	} else {
		q.marked[k.id] = k
	}
	return nil
}

// givePupils reads the pupils' own columns and gives out their records.
func (q *restReading) givePupils(ctx context.Context) (map[string]*child, error) {
	const d = record.DatasetPupil
	own, byID := q.plan.datasets[d], map[string]*child{}
	columns, err := q.jq.newColumns(d, own.columns, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	if len(q.kept) > 0 {
		if err := q.load(ctx, columns.lookups()); err != nil {
			return nil, err
		}
	}
	raw := newRow(d)
	for _, k := range q.kept {
		clear(raw)
		copy(raw, k.gate)
		if err := q.fillRow(ctx, columns, k.row, q.variables(made{pupil: k.id}), raw, k.at); err != nil {
			return nil, err
		}
		raw[pID] = k.id
		if byID[k.id], err = q.admitted(raw, k.at, k.yes); err != nil {
			return nil, err
		}
	}
	q.absentColumns(d, columns, func(use func(any)) {
		for _, k := range q.kept {
			use(k.row)
		}
	})
	return byID, nil
}

// absentColumns warns of members that no row has: a right is missing, or the
// MIS has another version.
func (q *restReading) absentColumns(d record.Dataset, columns *columnSet, rows func(func(any))) {
	if len(q.kept) == 0 {
		return
	}
	seen := make([]bool, len(columns.simple))
	rows(func(row any) {
		for i, c := range columns.simple {
			seen[i] = seen[i] || has(row, c.x.path)
		}
	})
	for i, c := range columns.simple {
		if !seen[i] {
			q.warn(d, descriptions[d].names[c.field], WarnNoColumn)
		}
	}
}

// has says whether the member that a path leads to is there, null or not.
func has(row any, path []string) bool {
	above, err := follow(row, path[:len(path)-1])
	o, ok := above.(map[string]any)
	if err != nil || !ok {
		return false
	}
	_, there := o[path[len(path)-1]]
	return there
}

// variables are the values of jqVariables for one request.
func (q *restReading) variables(m made) []any {
	if m.vars != nil {
		return m.vars
	}
	vars := []any{string(q.reading.ask.Today), string(q.year), q.names, nil, nil}
	if m.pupil != "" {
		vars[3] = m.pupil
	}
	if m.key != "" {
		vars[4] = m.key
	}
	return vars
}
