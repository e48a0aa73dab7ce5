package mis

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A reading is the state of one Read. Of pupils who are not admitted it holds
// only their hash.
type reading struct {
	plan  plan
	limit limits
	ask   Ask
	admit func(Candidate) (bool, error)
	sink  func(Row) error

	report     Report
	year       record.Date // first day of the academic year that is read
	counts     map[record.Dataset]*count
	warnings   map[protocol.Warning]int // Count is 0 in the key
	incomplete map[record.Dataset]bool
	carried    map[record.Dataset]bool // nothing changed, says the MIS
	schema     map[string]bool

	fates   []rosterFate // by entry of ask.Roster
	blind   bool         // this route cannot look pupils up by UPN
	listing bool         // waiting is asked for, and nothing else
	waiting []Waiting

	pupils   pupilSet
	seen     map[[2]uint64]sighting // of the datasets that are being read
	ids      [2]idColumn            // of the dataset that is being read
	needs    needRows
	unnamed  map[record.Dataset][]unnamedRow
	forms    map[record.Dataset][]string // what Report.Schemas are made of
	children []*child                    // admitted, in the order in which they were read
	words    []string                    // the different marks
	numbers  map[string]uint16           // of words
	days     map[string]day
}

// count is what a manifest says about one dataset.
type count struct {
	rows, matched, withheld int
	asAt                    time.Time
	from, to                record.Date
}

// A child is a pupil who was admitted.
type child struct {
	id        record.PupilID
	authority string
	weeks     map[record.Date]*week
}

func newReading(s *Source, ask Ask, admit func(Candidate) (bool, error), sink func(Row) error) (*reading, error) {
	if _, err := record.ParseDate(string(ask.Today)); err != nil {
		return nil, fmt.Errorf("read the MIS: the day to read for: %w", err)
	}
	if len(ask.IDKey) < 16 {
		return nil, errors.New("read the MIS: the id key is missing or too short")
	}
	r := &reading{
		plan: s.plan, limit: s.limit, ask: ask, admit: admit, sink: sink,
		report:     Report{ProfileHash: s.hash},
		year:       ask.Today.AcademicYearStart(),
		counts:     map[record.Dataset]*count{},
		warnings:   map[protocol.Warning]int{},
		incomplete: map[record.Dataset]bool{},
		carried:    map[record.Dataset]bool{},
		schema:     map[string]bool{},
		pupils:     newPupilSet(),
		seen:       map[[2]uint64]sighting{},
		unnamed:    map[record.Dataset][]unnamedRow{},
		forms:      map[record.Dataset][]string{},
		numbers:    map[string]uint16{},
		days:       map[string]day{},
	}
	for _, d := range record.Datasets() {
		r.counts[d] = new(count)
	}
	if ask.Roster != nil {
		r.fates = make([]rosterFate, len(ask.Roster.entries))
	}
	return r, nil
}

// wants says whether records of a dataset are to be given out.
func (r *reading) wants(d record.Dataset) bool {
	return slices.Contains(r.ask.Datasets, d) && r.plan.datasets[d] != nil
}

func (r *reading) warn(d record.Dataset, field, code string) { r.warnMany(d, field, code, 1) }

func (r *reading) warnMany(d record.Dataset, field, code string, n int) {
	if n > 0 {
		r.warnings[protocol.Warning{Dataset: d, Field: field, Code: code}] += n
	}
}

// fault makes the read void.
func fault(d record.Dataset, format string, args ...any) *Error {
	return &Error{Problem: protocol.ProblemMISData, Dataset: d, Text: fmt.Sprintf(format, args...)}
}

// A place is where a row was found: a line of a file, or a row of the answer to
// a query.
type place struct {
	file string
	line int
	rows bool // file is the name of a query
}

func (p place) String() string {
	if p.rows {
		return fmt.Sprintf("row %d of %s", p.line, p.file)
	}
	return fmt.Sprintf("%s line %d", p.file, p.line)
}

// other names another line or row of the same file or answer.
func (p place) other(line int) string {
	if p.rows {
		return fmt.Sprintf("row %d", line)
	}
	return fmt.Sprintf("line %d", line)
}

// fieldFault is a fault of one value.
func (r *reading) fieldFault(d record.Dataset, at place, field int, text string) *Error {
	return fault(d, "%s, %s: %s", at, r.label(d, field), text)
}

// label is the field as the school knows it: by its heading or element.
func (r *reading) label(d record.Dataset, field int) string {
	if name := r.plan.datasets[d].headings[field]; name != "" {
		return fmt.Sprintf("column %q", name)
	}
	return "element " + r.plan.datasets[d].about.names[field]
}

func (r *reading) give(row Row) error {
	if err := r.sink(row); err != nil {
		return fmt.Errorf("pass on a %s record: %w", row.Record.Dataset(), err)
	}
	return nil
}

// finish completes the report.
func (r *reading) finish() Report {
	for _, d := range record.Datasets() {
		if !slices.Contains(r.ask.Datasets, d) {
			continue
		}
		c := r.counts[d]
		if !r.stands(d) {
			r.report.Datasets = append(r.report.Datasets, protocol.DatasetRead{Dataset: d})
			continue
		}
		read := protocol.DatasetRead{
			Dataset: d, Rows: c.rows, Matched: c.matched, Excluded: c.rows - c.matched, From: c.from, To: c.to, Withheld: c.withheld,
		}
		// What the profile does not offer, or the site leaves out, was not read at
		// any time, and nothing of it is gone.
		if own := r.plan.datasets[d]; own != nil {
			read.AsAt = c.asAt
			read.Complete = own.complete && r.report.Unknown == 0 && !r.incomplete[d] && !r.carried[d]
			read.Carried = r.carried[d]
		}
		r.report.Datasets = append(r.report.Datasets, read)
	}
	r.report.Schemas = r.schemas()
	r.report.Roster = r.rosterUse()
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r.schema)) {
		fmt.Fprintf(h, "%d:%s\n", len(name), name)
	}
	r.report.Schema = hex.EncodeToString(h.Sum(nil))
	for w, n := range r.warnings {
		w.Count = n
		r.report.Warnings = append(r.report.Warnings, w)
	}
	slices.SortFunc(r.report.Warnings, func(a, b protocol.Warning) int {
		return cmp.Or(cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code))
	})
	return r.report
}

// A pupilSet remembers every pupil of the school by a hash that is different
// in every read and cannot be turned back, and where each was seen.
type pupilSet struct {
	seeds [2]maphash.Seed
	seen  map[[2]uint64]origin
}

// origin is the number of a file and a line in it.
type origin struct{ file, line int32 }

func newPupilSet() pupilSet {
	return pupilSet{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, seen: map[[2]uint64]origin{}}
}

func (s *pupilSet) hash(identity string) [2]uint64 {
	return [2]uint64{maphash.String(s.seeds[0], identity), maphash.String(s.seeds[1], identity)}
}

// add notes a pupil, or returns where the pupil was noted before.
func (s *pupilSet) add(identity string, at origin) (before origin, twice bool) {
	h := s.hash(identity)
	if before, twice = s.seen[h]; !twice {
		s.seen[h] = at
	}
	return before, twice
}

func (s *pupilSet) has(identity string) bool {
	_, ok := s.seen[s.hash(identity)]
	return ok
}
