package delta

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

var testKeys = Keys{Local: bytes.Repeat([]byte{1}, 32), ID: bytes.Repeat([]byte{2}, 32)}

// A school is a MIS in memory.
type school struct {
	pupils map[int]*pupil
	next   int
	staff  map[int]int // number to version
}

// others are the datasets of pupils that the model has no names of its own for.
var others = slices.DeleteFunc(record.Datasets(), func(d record.Dataset) bool {
	return !d.OfPupils() || d == record.DatasetPupil || d == record.DatasetContact || d == record.DatasetAttendance
})

type pupil struct {
	authority string // "" is not in care
	unclear   bool   // the marker says neither yes nor no
	upn       string // the permanent one, or ""
	misspelt  bool   // upn is there with a wrong letter
	version   int
	contacts  map[int]int         // number to version
	weeks     map[record.Date]int // Monday to version
	// things are the records of others: dataset, number, version.
	things map[record.Dataset]map[int]int
}

// put adds or changes a record of one of others. There is one of each pupil in
// some datasets, so the number is 0 there.
func (p *pupil) put(d record.Dataset, number int) {
	if d == record.DatasetWelfare {
		number = 0
	}
	if p.things == nil {
		p.things = map[record.Dataset]map[int]int{}
	}
	if p.things[d] == nil {
		p.things[d] = map[int]int{}
	}
	p.things[d][number]++
}

func (p *pupil) rows(id record.PupilID) (rows []mis.Row) {
	for _, d := range others {
		for _, n := range slices.Sorted(maps.Keys(p.things[d])) {
			rows = append(rows, mis.Row{Authority: p.authority, Record: recordtest.Make(d, id, n, p.things[d][n])})
		}
	}
	return rows
}

func (p *pupil) ids(number int) (id, was record.PupilID) {
	plain := record.NewPupilID(testKeys.ID, fmt.Sprint(number))
	if p.upn == "" || p.misspelt {
		return plain, ""
	}
	return record.NewPupilID(testKeys.ID, fmt.Sprint(number), p.upn), plain
}

// rows are what the MIS holds of the pupils in care, weeks in from..to.
func (s *school) rows(from, to record.Date) []mis.Row {
	var pupils, contacts, weeks, things, staff []mis.Row
	for _, n := range slices.Sorted(maps.Keys(s.pupils)) {
		p := s.pupils[n]
		if p.authority == "" || p.unclear {
			continue
		}
		id, was := p.ids(n)
		pupils = append(pupils, mis.Row{Authority: p.authority, Was: was, Misspelt: p.misspelt, Record: &record.Pupil{
			ID: id, Forename: fmt.Sprintf("forename %d", p.version), House: fmt.Sprintf("house %d", p.version), InCare: true, CareAuthority: p.authority}})
		for _, c := range slices.Sorted(maps.Keys(p.contacts)) {
			contacts = append(contacts, mis.Row{Authority: p.authority, Record: &record.Contact{
				PupilID: id, ID: record.NewSubID(testKeys.ID, record.DatasetContact, fmt.Sprint(c)), Forename: fmt.Sprintf("contact %d", p.contacts[c])}})
		}
		things = append(things, p.rows(id)...)
		for _, w := range slices.Sorted(maps.Keys(p.weeks)) {
			if w < from.Monday() || w > to {
				continue
			}
			weeks = append(weeks, mis.Row{Authority: p.authority, Record: &record.Attendance{
				PupilID: id, Week: w, AM: []string{fmt.Sprint(p.weeks[w])}, PM: []string{"/"}}})
		}
	}
	for _, n := range slices.Sorted(maps.Keys(s.staff)) {
		staff = append(staff, mis.Row{Record: recordtest.Make(record.DatasetStaff, "", n, s.staff[n])})
	}
	return slices.Concat(pupils, contacts, things, weeks, staff)
}

// A collector is what the collector does with batches, in a few lines.
type collector struct {
	records map[string]held
	state   record.Digest
}

type held struct {
	canonical []byte
	tag       record.Tag
	counted   bool
}

func (c *collector) apply(bodies [][]byte) error {
	inBatch := map[string]bool{}
	var m protocol.Manifest
	for i, lines := range bodies {
		plain, err := protocol.Compress(lines)
		if err != nil {
			return err
		}
		err = protocol.ReadBody(plain, &m, func(o protocol.Op) error { return c.op(o, inBatch) })
		if err != nil {
			return err
		}
		if m.Part != i+1 || m.Parts != len(bodies) {
			return fmt.Errorf("part %d of %d says %d of %d", i+1, len(bodies), m.Part, m.Parts)
		}
	}
	for name := range c.records {
		if _, key, _ := SplitKey(name); key.Week() != "" && key.Week() < m.Year {
			delete(c.records, name)
		}
	}
	if m.Full {
		c.complete(m, inBatch)
	}
	var sum record.Digest
	for _, r := range c.records {
		if r.counted {
			sum.Add(r.tag)
		}
	}
	if sum != m.State {
		return fmt.Errorf("digest mismatch (full %v)", m.Full)
	}
	c.state = sum
	return nil
}

func (c *collector) op(o protocol.Op, inBatch map[string]bool) error {
	name := StateKey(o.Dataset, o.Key)
	old, known := c.records[name]
	if o.Remove != "" {
		if inBatch[name] {
			return fmt.Errorf("a %s record comes and goes in one batch", o.Dataset)
		}
		if !known || !old.counted {
			// A full batch names narrowed and renamed records that the
			// collector need not have any more.
			if known {
				delete(c.records, name)
			}
			return nil
		}
		delete(c.records, name)
		return nil
	}
	if inBatch[name] {
		return fmt.Errorf("a %s record comes twice in one batch", o.Dataset)
	}
	inBatch[name] = true
	if o.Was != "" && !known {
		if _, there := c.records[StateKey(record.DatasetPupil, record.Key(o.Was))]; !there {
			return fmt.Errorf("a pupil has a predecessor that was never sent")
		}
	}
	c.records[name] = held{bytes.Clone(o.Record), record.NewTag(testKeys.ID, o.Dataset, o.Key, o.Record), true}
	return nil
}

// complete takes out what a full batch does not have; a mass disappearance is
// simplified to "keeps it all, uncounted", which the digest must not mind.
func (c *collector) complete(m protocol.Manifest, inBatch map[string]bool) {
	for name, r := range c.records {
		if !inBatch[name] {
			r.counted = false
			c.records[name] = r
		}
	}
}

// A world is both sides and what the test may do to them.
type world struct {
	school  school
	today   record.Date
	ask     protocol.Ask
	allowed scope.Allowed
	state   State
	there   collector
	holds   []protocol.Hold
	form    Form
	columns map[record.Dataset]int // version of what the MIS gives of each dataset
	fed     *fed
}

// fed is what a change feed speaks of: the last sealed read, if it was whole.
type fed struct {
	rows  map[string][]byte
	scope string
	year  record.Date
}

var authorities = []string{"330", "383", "801"}

// staffFields are what each authority asks of staff.
var staffFields = map[string][]string{"330": {"Surname", "Email"}, "383": {"Phone", "Surname"}, "801": {}}

func newWorld() *world {
	w := &world{today: "2026-03-02", school: school{pupils: map[int]*pupil{}, staff: map[int]int{}}, state: State{Entries: map[string]Entry{}},
		there: collector{records: map[string]held{}}, columns: map[record.Dataset]int{}}
	w.state.Graves = map[Grave]record.Date{}
	for _, code := range authorities {
		datasets := map[record.Dataset][]string{
			record.DatasetPupil: {"Forename", "House"}, record.DatasetContact: {"Forename"}, record.DatasetAttendance: {}, record.DatasetStaff: staffFields[code],
		}
		for _, d := range others {
			for _, f := range record.Fields(d) {
				datasets[d] = append(datasets[d], f.Name)
			}
		}
		w.ask.Requests = append(w.ask.Requests, protocol.AuthorityAsk{Code: code, Datasets: datasets})
	}
	w.allowed = scope.FromAsk(w.ask)
	return w
}

// A reading is how one read goes.
type reading struct {
	full       bool
	incomplete map[record.Dataset]bool
	from       record.Date // "" is the whole academic year
	released   []string
	stops      map[record.Dataset]protocol.Why
	feed       bool // the MIS says what has not changed
	profile    string
}

// sync reads, compares, applies on both sides and returns the result.
func (w *world) sync(r reading) (Result, error) {
	sc := scope.New(w.ask, w.allowed)
	c := New(Input{State: w.state, Keys: testKeys, Scope: sc, Today: w.today, Full: r.full, Released: r.released, Form: w.form})
	from := r.from
	if from == "" {
		from = w.today.AcademicYearStart()
	}
	report := mis.Report{Started: time.Unix(1, 0).UTC(), Ended: time.Unix(2, 0).UTC(), ProfileHash: r.profile, Schemas: map[record.Dataset]string{}}
	rows := w.school.rows(from, w.today)
	unclear := false
	for _, p := range w.school.pupils {
		unclear = unclear || p.unclear
	}
	for _, d := range sc.Datasets() {
		read := protocol.DatasetRead{Dataset: d, Complete: !unclear && !r.incomplete[d]}
		if why, stopped := r.stops[d]; stopped {
			report.Stops = append(report.Stops, mis.Stop{Dataset: d, Why: why})
			read.Complete = false
		} else {
			report.Schemas[d] = fmt.Sprint(w.columns[d])
		}
		if r.feed && d != record.DatasetPupil && w.unchanged(d, rows, sc.Hash()) {
			read.Carried, read.Complete = true, false
			rows = slices.DeleteFunc(rows, func(row mis.Row) bool { return row.Record.Dataset() == d })
		}
		if d == record.DatasetAttendance {
			read.From, read.To = from, w.today
		}
		report.Datasets = append(report.Datasets, read)
	}
	lost := map[record.Dataset]bool{} // an incomplete read loses its first row
	gone := map[record.PupilID]bool{}
	for _, row := range rows {
		d := row.Record.Dataset()
		if r.incomplete[d] && !lost[d] || gone[row.Record.Pupil()] {
			lost[d] = true
			if d == record.DatasetPupil {
				gone[row.Record.Pupil()] = true
			}
			continue
		}
		c.Note(row)
		if trimmed, ok := sc.Trim(row); ok {
			if err := c.Add(trimmed); err != nil {
				return Result{}, err
			}
		}
	}
	result, err := c.Finish(report)
	if r.feed && errors.Is(err, ErrCarried) {
		r.feed = false
		return w.sync(r)
	}
	if err != nil {
		return Result{}, err
	}
	bodies, err := result.Bodies()
	if err != nil {
		return Result{}, err
	}
	if err := tallied(result, bodies); err != nil {
		return Result{}, err
	}
	before := maps.Clone(w.there.records)
	if err := w.there.apply(bodies); err != nil {
		return Result{}, err
	}
	if err := w.truth().just(bodies, before, w.there.records, len(r.released) > 0); err != nil {
		return Result{}, err
	}
	w.commit(result)
	w.fed = nil
	if len(r.incomplete)+len(result.Manifest.Holds) == 0 && !unclear && r.from == "" {
		w.fed = &fed{rows: canonical(w.school.rows(from, w.today)), scope: sc.Hash(), year: w.today.AcademicYearStart()}
	}
	return result, w.agree()
}

func canonical(rows []mis.Row) map[string][]byte {
	all := map[string][]byte{}
	for _, row := range rows {
		text, err := record.Encode(row.Record)
		if err != nil {
			panic(err)
		}
		all[StateKey(row.Record.Dataset(), row.Record.Key())] = text
	}
	return all
}

// unchanged is what a feed says: of the pupils who are there now, nothing of a
// dataset has come, gone or changed since the last sealed read.
func (w *world) unchanged(d record.Dataset, rows []mis.Row, scope string) bool {
	if w.fed == nil || w.fed.scope != scope || w.fed.year != w.today.AcademicYearStart() {
		return false
	}
	now, there := canonical(rows), map[record.PupilID]bool{}
	for _, row := range rows {
		there[row.Record.Pupil()] = true
	}
	of := func(all map[string][]byte) map[string]string {
		part := map[string]string{}
		for name, text := range all {
			if own, key, _ := SplitKey(name); own == d && (there[key.Pupil()] || !d.OfPupils()) {
				part[name] = string(text)
			}
		}
		return part
	}
	return maps.Equal(of(now), of(w.fed.rows))
}

// commit does what outbox does with a result.
func (w *world) commit(r Result) {
	if r.Manifest.Full {
		w.state.Entries = map[string]Entry{}
	}
	for _, c := range r.Changes {
		if c.Entry == nil {
			delete(w.state.Entries, c.Key)
		} else {
			w.state.Entries[c.Key] = *c.Entry
		}
	}
	for _, g := range r.Buried {
		w.state.Graves[g] = r.Today
	}
	for _, g := range r.Risen {
		delete(w.state.Graves, g)
	}
	w.state.Digest, w.holds, w.form = r.Manifest.State, r.Manifest.Holds, r.Form
}

// agree says whether both sides count the same set of records.
func (w *world) agree() error {
	var sum record.Digest
	for name, e := range w.state.Entries {
		sum.Add(e.Tag)
		if r, ok := w.there.records[name]; !ok || !r.counted || r.tag != e.Tag {
			return fmt.Errorf("the state has a record that the collector has not")
		}
	}
	counted := 0
	for _, r := range w.there.records {
		if r.counted {
			counted++
		}
	}
	if sum != w.state.Digest || counted != len(w.state.Entries) {
		return fmt.Errorf("state of %d records, %d counted at the collector; or the digest is not the sum of the tags", len(w.state.Entries), counted)
	}
	return nil
}

// exact compares what the collector counts with what the MIS holds in scope;
// extra is how many records it may have besides, because they are held, and back
// how many it lacks, because they came back and are held.
func (w *world) exact(extra, back int) error {
	sc := scope.New(w.ask, w.allowed)
	want := map[string][]byte{}
	for _, row := range w.school.rows(w.today.AcademicYearStart(), w.today) {
		if trimmed, ok := sc.Trim(row); ok {
			canonical, err := record.Encode(trimmed.Record)
			if err != nil {
				return err
			}
			want[StateKey(trimmed.Record.Dataset(), trimmed.Record.Key())] = canonical
		}
	}
	for name, r := range w.there.records {
		if !r.counted {
			continue
		}
		if canonical, ok := want[name]; !ok {
			extra--
		} else if !bytes.Equal(canonical, r.canonical) {
			return fmt.Errorf("the collector has another version of %s", name)
		}
		delete(want, name)
	}
	if len(want) != back || extra != 0 {
		return fmt.Errorf("%d records of the MIS are missing at the collector, %d of them came back; held and not accounted for: %d", len(want), back, extra)
	}
	return nil
}

// draw helpers

func (w *world) some(t *rapid.T) *pupil {
	if len(w.school.pupils) == 0 {
		return &pupil{contacts: map[int]int{}, weeks: map[record.Date]int{}}
	}
	numbers := slices.Sorted(maps.Keys(w.school.pupils))
	return w.school.pupils[rapid.SampledFrom(numbers).Draw(t, "pupil")]
}
