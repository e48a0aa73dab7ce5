package mis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Source is one school's MIS, ready to be read. It holds settings only: no
// file and no connection is open between reads. Read may be called again, but not concurrently.
type Source struct {
	plan  plan
	hash  string
	limit limits
}

// limits bound what one read takes from files. They are far above the largest
// school and far below what would take a small machine down.
type limits struct {
	rows        map[record.Dataset]int
	recordBytes int   // one row with its quoted line breaks
	fileBytes   int64 // one CTF
	textBytes   int   // one value
	depth       int   // of XML elements
	files       int   // CTFs in the drop folder
}

func defaultLimits() limits {
	rows := map[record.Dataset]int{}
	for d, about := range descriptions {
		rows[d] = about.rows
	}
	return limits{
		rows:        rows,
		recordBytes: 1 << 20,
		fileBytes:   2 << 30,
		textBytes:   16 << 10,
		depth:       32,
		files:       1000,
	}
}

// Open lays the site over the profile and checks the two together. It opens no
// file and connects to nothing, so it succeeds while the MIS is away; its errors are *Error and say
// which setting to put right.
func Open(p *Profile, site Site) (*Source, error) {
	made, err := newPlan(p, site)
	if err != nil {
		return nil, &Error{Problem: protocol.ProblemMISData, Text: "the settings of the MIS cannot work: " + err.Error()}
	}
	laid, err := p.With(site.File)
	if err != nil {
		return nil, err // newPlan has laid it once
	}
	text, err := json.Marshal(struct {
		Profile *Profile
		Site    Site
	}{laid, site})
	if err != nil {
		return nil, fmt.Errorf("fingerprint the profile: %w", err)
	}
	sum := sha256.Sum256(text)
	return &Source{plan: made, hash: hex.EncodeToString(sum[:]), limit: defaultLimits()}, nil
}

// Datasets are those that the profile and the site say how to read, sorted.
func (s *Source) Datasets() []record.Dataset { return sortedDatasets(s.plan.datasets) }

// Freshness is how old the data may be that the MIS gives, as the profile
// declares it (a web interface may answer from a cache); 0 is not old at all. A
// read that is to bring the register of 9:30 begins so much later.
func (s *Source) Freshness() time.Duration {
	if s.plan.driver != driverREST {
		return 0
	}
	return time.Duration(s.plan.rest.api.FreshnessMinutes) * time.Minute
}

// Lint says what is wrong with a profile and a site together, apart from where
// the MIS is: the folder, or how the server is reached.
func Lint(p *Profile, site Site) error {
	_, err := layPlan(p, site)
	return err
}

// A driver reads one kind of MIS: it hands every pupil to the reading's gate
// and every row of an admitted pupil to its sink, pupils first.
type driver func(ctx context.Context, r *reading) error

// drivers by name and format.
var drivers = map[[2]string]driver{
	{"file", "csv"}:    readCSV,
	{"file", "ctf"}:    readCTF,
	{driverSQL, ""}:    readSQL,
	{driverReport, ""}: readReports,
	{driverREST, ""}:   readREST,
}

// Read reads the whole of what is asked. admit is called once for each pupil
// who is in care, before anything of the pupil is kept; sink gets the rows of
// the admitted in the order of record.Datasets, all pupils first, and those of
// staff, who are nobody's. Both are called one after the other, from Read's own goroutine.
//
// After any error the read is void and the rows already given to sink must be
// discarded. Errors are *Error for what a person must put right; an error of
// admit, sink or ctx is returned wrapped.
func (s *Source) Read(ctx context.Context, ask Ask, admit func(Candidate) (bool, error), sink func(Row) error) (Report, error) {
	r, err := newReading(s, ask, admit, sink)
	if err != nil {
		return Report{}, err
	}
	r.report.Started = clock.Now()
	if err := drivers[[2]string{s.plan.driver, s.plan.format}](ctx, r); err != nil {
		return Report{}, err
	}
	r.report.Ended = clock.Now()
	return r.finish(), nil
}

// Waiting reads the MIS for the pupils whom it does not mark and who are on
// ask.Roster, in the order in which they are read, for a person to look at. It
// keeps nothing else of anybody, and its errors are those of Read. ask.Datasets
// is not used.
func (s *Source) Waiting(ctx context.Context, ask Ask) ([]Waiting, Report, error) {
	ask.Datasets = []record.Dataset{record.DatasetPupil}
	nobody := func(Candidate) (bool, error) { return false, nil }
	r, err := newReading(s, ask, nobody, func(Row) error { return nil })
	if err != nil {
		return nil, Report{}, err
	}
	r.listing, r.report.Started = true, clock.Now()
	if err := drivers[[2]string{s.plan.driver, s.plan.format}](ctx, r); err != nil {
		return nil, Report{}, err
	}
	r.report.Ended = clock.Now()
	return r.waiting, r.finish(), nil
}

// london is where the wall clock of MIS files hangs.
var london = func() *time.Location {
	l, err := time.LoadLocation(clock.Location)
	if err != nil {
		panic("mis: the time zone of England is not built in: " + err.Error())
	}
	return l
}()
