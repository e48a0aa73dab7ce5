package delta

import (
	"errors"
	"fmt"
	"slices"

	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Input is what a comparison needs besides the rows.
type Input struct {
	State State
	Keys  Keys
	// Scope tells a removal because of a narrowed scope from a pupil who left.
	Scope *scope.Scope
	// Profile is the name of the MIS profile, for the manifest.
	Profile string
	// Today decides which academic year the state covers.
	Today record.Date
	// Full sends everything, whatever the state says.
	Full bool
	// Released are hold codes that a person at the school has said yes to.
	Released []string
	// Form is what the last sealed read saw of columns, Result.Form of it.
	Form Form
}

// ErrRows is returned for rows that cannot be compared: a key twice, a row
// before its pupil, a record too large to send. The read is void then.
var ErrRows = errors.New("the rows of this read cannot be used")

// A Comparison is one read in progress. It is not safe for concurrent use.
type Comparison struct {
	in    Input
	year  record.Date
	codes map[Group]string // authorities in scope

	seen    map[string]struct{}               // state keys read
	pupils  map[record.PupilID]Group          // pupils read
	renamed map[record.PupilID]bool           // ids in the state that have a successor
	known   map[record.PupilID]record.PupilID // Base to id, of pupils in the state
	meant   map[record.PupilID]record.PupilID // id read to id known, of misspelt UPNs
	before  map[record.PupilID]record.PupilID // id read to the one under which the pupil was sent before

	rows     []sending // to be sent, unless their dataset is stopped
	returned []comeback
	stopped  map[record.Dataset]bool
	holds    []protocol.Hold

	digest  record.Digest // of all that will be held as sent
	lines   [][]byte
	changes []Change
	counts  counts
	notes   []Note // one for each line
	buried  []Grave
	risen   []Grave // and sent

	sent       map[tallyKey]*tally
	successors []Successor
	upns       map[record.PupilID]Mark   // by the id read, of pupils not yet compared
	aliases    map[record.PupilID][]Mark // of pupils read
}

// A sending is a row that was found to be new or changed. What becomes of its
// dataset is known only when the read ends.
type sending struct {
	dataset   record.Dataset
	authority string
	name      string // of the state
	entry     Entry
	line      []byte // nil where only the entry changes
	was       record.PupilID
}

// New starts a comparison.
func New(in Input) *Comparison {
	c := &Comparison{
		in:   in,
		year: in.Today.AcademicYearStart().Monday(),
		seen: map[string]struct{}{}, pupils: map[record.PupilID]Group{}, renamed: map[record.PupilID]bool{},
		codes: map[Group]string{}, counts: counts{},
		known: in.State.bases(), meant: map[record.PupilID]record.PupilID{}, before: map[record.PupilID]record.PupilID{},
		stopped: map[record.Dataset]bool{},
		sent:    map[tallyKey]*tally{}, upns: map[record.PupilID]Mark{}, aliases: map[record.PupilID][]Mark{},
	}
	if !in.Full {
		c.digest = in.State.Digest
	}
	for _, code := range in.Scope.Authorities() {
		c.codes[in.Keys.group(code)] = code
	}
	return c
}

// Add takes one row as scope.Trim let it through; pupils before their other
// rows. It keeps nothing of a row but its key, unless the row has to be sent.
// Errors wrap ErrRows; after one the whole read is void.
func (c *Comparison) Add(row mis.Row) error {
	upn := c.upns[row.Record.Pupil()]
	base := c.settle(row)
	d, key := row.Record.Dataset(), row.Record.Key()
	if c.ofAnEarlierYear(key) {
		return nil
	}
	name := StateKey(d, key)
	if _, twice := c.seen[name]; twice {
		return fmt.Errorf("compare %s: the same record comes twice; it is not known which is right: %w", d, ErrRows)
	}
	group := c.in.Keys.group(row.Authority)
	if err := c.meet(row, group); err != nil {
		return err
	}
	c.seen[name] = struct{}{}
	if d == record.DatasetPupil {
		c.alias(key.Pupil(), base, upn)
	}
	canonical, err := record.Encode(row.Record)
	if err != nil {
		return err
	}
	now := c.in.Keys.entry(d, key, canonical, group)
	now.Base = base
	old, known := c.in.State.Entries[name]
	was := c.predecessor(row)
	now.Renamed = was != "" || known && old.Renamed
	if c.in.Full && now.Renamed {
		was = base
	}
	c.formerly(row, now)
	s := sending{dataset: d, authority: row.Authority, name: name, entry: now, was: was}
	if known && !c.in.Full && old.Hash == now.Hash && was == "" {
		if old != now {
			c.rows = append(c.rows, s)
		}
		return nil
	}
	if s.line, err = line(protocol.Op{Dataset: d, Key: key, Record: canonical, Was: was}); err != nil {
		return err
	}
	if graves := c.graves(d, key); len(graves) > 0 && !known {
		c.returned = append(c.returned, comeback{d, key, row.Authority, graves, s})
		return nil
	}
	c.rows = append(c.rows, s)
	return nil
}

// send takes a row into the result.
func (c *Comparison) send(s sending) {
	entry := s.entry
	c.changes = append(c.changes, Change{Key: s.name, Entry: &entry})
	if s.line == nil {
		return
	}
	if old, known := c.in.State.Entries[s.name]; known && !c.in.Full {
		c.digest.Remove(old.Tag)
	}
	c.digest.Add(entry.Tag)
	c.counts.of(s.authority, s.dataset).Upserts++
	c.noteUpsert(s)
	c.lines = append(c.lines, s.line)
}

// ofAnEarlierYear says whether a week lies before the academic year that the state
// covers. The year begins on a Monday here, so that the week in which the
// first of September falls belongs to one year on both sides.
func (c *Comparison) ofAnEarlierYear(key record.Key) bool {
	week := key.Week()
	return week != "" && week < c.year
}

// meet remembers a pupil, and refuses a row whose pupil has not come before.
// What belongs to the school waits for nobody.
func (c *Comparison) meet(row mis.Row, group Group) error {
	id := row.Record.Pupil()
	if !row.Record.Dataset().OfPupils() {
		return nil
	}
	if row.Record.Dataset() == record.DatasetPupil {
		if c.renamed[id] {
			return fmt.Errorf("compare pupil: one pupil comes with and without a permanent UPN; correct the double entry in the MIS: %w", ErrRows)
		}
		c.pupils[id] = group
		return nil
	}
	if _, met := c.pupils[id]; !met {
		return fmt.Errorf("compare %s: a record comes before its pupil: %w", row.Record.Dataset(), ErrRows)
	}
	return nil
}

// predecessor is the id that the state still has for this pupil, if the pupil
// has got a permanent UPN since. Where the state has no such pupil nothing is
// said: two permanent UPNs of one child must not be joined by it (design.md §4).
func (c *Comparison) predecessor(row mis.Row) record.PupilID {
	if row.Was == "" || row.Was == row.Record.Pupil() || row.Record.Dataset() != record.DatasetPupil {
		return ""
	}
	if _, known := c.in.State.Entries[StateKey(record.DatasetPupil, record.Key(row.Was))]; !known {
		return ""
	}
	if _, read := c.pupils[row.Was]; read {
		return ""
	}
	// A pupil who is in the state already has a history of their own.
	if _, known := c.in.State.Entries[StateKey(record.DatasetPupil, row.Record.Key())]; known {
		return ""
	}
	if c.renamed[row.Was] {
		return ""
	}
	c.renamed[row.Was] = true
	return row.Was
}

func line(op protocol.Op) ([]byte, error) {
	line, err := protocol.MarshalLine(op)
	if err != nil {
		return nil, err
	}
	if len(line) > protocol.MaxLineBytes {
		return nil, fmt.Errorf("compare %s: a record has %d bytes, more than the %d that can be sent; look for a value that is far too long: %w",
			op.Dataset, len(line), protocol.MaxLineBytes, ErrRows)
	}
	return line, nil
}

// Finish takes the report of the read and gives the result. The comparison is
// spent. Errors wrap ErrRows or ErrCarried.
func (c *Comparison) Finish(report mis.Report) (Result, error) {
	read := c.stop(report)
	if err := c.carried(read); err != nil {
		return Result{}, err
	}
	c.settleReturned()
	for _, s := range c.rows {
		c.send(s)
	}
	m := protocol.Manifest{
		Full: c.in.Full, Part: 1, Parts: 1,
		Started: report.Started, Ended: report.Ended, Year: c.year, Datasets: c.given(read),
		Profile: c.in.Profile, Schema: report.Schema, ProfileHash: report.ProfileHash, Scope: c.in.Scope.Hash(),
		Released: c.in.Released, Warnings: report.Warnings, Roster: report.Roster,
	}
	removal := newRemoval(c, read)
	if err := removal.run(); err != nil {
		return Result{}, err
	}
	feed := report.Feed
	m.Holds, m.State = sortedHolds(slices.Concat(c.holds, removal.holds)), c.digest
	pupilsRead := slices.ContainsFunc(read, func(d protocol.DatasetRead) bool { return d.Dataset == record.DatasetPupil && d.Complete })
	if len(m.Holds) > 0 || report.Unknown > 0 || !pupilsRead {
		// What was kept back would not come again by itself, nor what changed
		// meanwhile of a pupil whom this read did not look for.
		feed = nil
	}
	return Result{
		Base: c.in.State.Base, Manifest: m, Lines: c.lines, Changes: c.changes, Counts: c.counted(), Notes: c.notes,
		Sent: c.sentOf(), Successors: c.successors, Aliases: c.sortedAliases(),
		Form: c.in.Form.after(report, c.stopped), Feed: feed, Today: c.in.Today, Buried: c.buried, Risen: c.risen,
	}, nil
}

// given adds to what was read whose it is, where no pupil says so.
func (c *Comparison) given(read []protocol.DatasetRead) []protocol.DatasetRead {
	read = slices.Clone(read)
	for i, d := range read {
		read[i].Given = c.in.Scope.Given(d.Dataset)
	}
	return read
}

// A Result is what a sync would seal.
type Result struct {
	// Base is the batch that the result follows.
	Base envelope.Link
	// Manifest stands for the whole read: Part and Parts are set by Bodies.
	Manifest protocol.Manifest
	// Lines are the operations, each one JSON line with its line break.
	Lines [][]byte
	// Changes of the state; with Manifest.Full they are the whole new state.
	Changes []Change
	// Notes say of each line what the line itself does not, for people.
	Notes []Note
	// Counts per authority and dataset, for the logbook and for people.
	Counts []Count
	// Sent is the same for each pupil, behind marks, with what leads to a mark: the
	// outbox keeps it, so that the school can tell what was sent about a child.
	Sent       []Sent
	Successors []Successor
	Aliases    []Alias
	// Form is to be remembered with the state, for Input.Form.
	Form Form
	// Feed is mis.Report.Feed: it speaks of what follows these lines. nil if the
	// next read must bring everything.
	Feed []byte
	// Buried are the contacts removed on Today while their pupil stays, Risen
	// those that came back and are among Lines, with a person's yes.
	Today         record.Date
	Buried, Risen []Grave
}

// A Change puts an entry into the state, or takes it out (Entry nil).
type Change struct {
	Key   string
	Entry *Entry
}

// Totals are the upserts and removals of all authorities and datasets.
func (r Result) Totals() (upserts, removals int) {
	for _, c := range r.Counts {
		upserts += c.Upserts
		removals += c.Removals
	}
	return upserts, removals
}
