package trial

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/mis/rest"
	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// staleAfter is how old a copy or an export may be without a word: a day and
// its morning.
const staleAfter = 36 * time.Hour

// A Trial is one try of a profile on the MIS. Its JSON is that of `profile test
// --json`; the names are kept from version to version.
type Trial struct {
	Profile  string              `json:"profile"`
	Works    bool                `json:"works"` // nothing failed
	Findings []sqlserver.Finding `json:"findings"`
	Counts   *Counts             `json:"counts,omitempty"` // absent if the MIS could not be read
	Cost     *sqlserver.Cost     `json:"cost,omitempty"`   // of the look and the read of a database
	Requests *rest.Cost          `json:"requests,omitempty"`

	source   *mis.Source
	server   *sqlserver.Settings
	datasets []record.Dataset
	whole    bool // everything of the pupils in care is read, counted and forgotten
	records  map[record.Dataset]int
}

// Counts are numbers of rows; of a database only the pupils' are asked, of a
// web interface what can be asked for without naming a pupil, or else everything.
type Counts struct {
	Pupils      int            `json:"pupils"` // of files all, of a database those not clearly out of care
	LookedAfter int            `json:"looked_after"`
	Unclear     int            `json:"unclear"`
	Authorities map[string]int `json:"authorities"` // looked-after pupils by the authority in force
	Contacts    *int           `json:"contacts,omitempty"`
	Marks       *int           `json:"attendance,omitempty"`
	// Rows are those that were read of each dataset, Records what came of them of
	// the pupils in care where everything was read.
	Rows    map[record.Dataset]int `json:"rows"`
	Records map[record.Dataset]int `json:"records,omitempty"`
}

// What findings of a trial are about, besides those of package sqlserver.
const (
	AboutMIS     sqlserver.About = "mis"     // reaching it, and what it was asked
	AboutRight   sqlserver.About = "right"   // to sign in, or to read something
	AboutDataset sqlserver.About = "dataset" // Object names it
)

// ProblemOld is the problem of data that are not of today.
const ProblemOld = "old"

// New prepares a trial of a profile at a site; it reads nothing. Where whole is
// set, those in care are admitted and their records counted, and else nobody.
// Errors are those of mis.Open.
func New(profile *mis.Profile, site mis.Site, whole bool) (*Trial, error) {
	site.Log = slog.New(slog.DiscardHandler) // what it would say of the connection is among the findings
	source, err := mis.Open(profile, site)
	if err != nil {
		return nil, err
	}
	t := &Trial{Profile: profile.Name, Works: true, source: source, datasets: source.Datasets(), whole: whole}
	if site.Server != nil {
		t.server = &site.Server.Settings
	}
	return t, nil
}

// Datasets are those that are tried.
func (t *Trial) Datasets() []record.Dataset { return t.datasets }

// Database is the name of the database, "" where there is none.
func (t *Trial) Database() string {
	if t.server == nil {
		return ""
	}
	return t.server.Database
}

func (t *Trial) add(level sqlserver.Level, what, do string) {
	t.say(sqlserver.Finding{Level: level, What: what, Do: do, About: AboutMIS})
}

// of adds what was found of one dataset.
func (t *Trial) of(d record.Dataset, level sqlserver.Level, what, do string) {
	t.say(sqlserver.Finding{Level: level, What: what, Do: do, About: AboutDataset, Object: string(d)})
}

func (t *Trial) say(f sqlserver.Finding) {
	t.Findings = append(t.Findings, f)
	t.Works = t.Works && f.Level != sqlserver.LevelFail
}

// Run looks at the rights, if there is a database, and then reads with nobody
// admitted, so that nothing of any pupil is kept. Where a person has named what is
// to be tried, those in care are admitted and their records counted.
//
// What a person can put right is a finding; an error, which may be a *mis.Error
// besides, says what else there is.
func (t *Trial) Run(ctx context.Context) error {
	if len(t.source.Needs()) > 0 {
		if err := t.look(ctx); err != nil {
			return t.failed(err)
		}
		if !t.Works {
			return nil // the read would say the same again
		}
	}
	if err := t.read(ctx); err != nil {
		return t.failed(err)
	}
	return nil
}

// failed makes a finding of what a person can put right; the error says what
// else there is.
func (t *Trial) failed(err error) error {
	var fault *mis.Error
	if errors.As(err, &fault) {
		f := sqlserver.Finding{Level: sqlserver.LevelFail, What: fault.Text, About: AboutMIS, Problem: string(fault.Problem)}
		switch {
		case fault.Problem == protocol.ProblemRightMissing:
			f.About = AboutRight
		case fault.Problem != protocol.ProblemMISDown && fault.Dataset != "":
			f.About = AboutDataset
		}
		if fault.Dataset != "" {
			f.Object = string(fault.Dataset)
		}
		t.say(f)
	}
	return err
}

func (t *Trial) look(ctx context.Context) error {
	session, err := t.source.Session(ctx)
	if err != nil {
		return err
	}
	found, err := session.Probe(ctx, t.source.Needs())
	err = errors.Join(err, session.Close())
	cost := session.Cost()
	t.Cost = &cost
	t.Findings = append(t.Findings, found...)
	for _, f := range found {
		t.Works = t.Works && f.Level != sqlserver.LevelFail
	}
	t.Findings = append(t.Findings, t.server.Findings()...)
	var fault *sqlserver.Fault
	if errors.As(err, &fault) {
		f := sqlserver.Finding{Level: sqlserver.LevelFail, What: fault.Text, About: AboutMIS, Problem: string(protocol.ProblemMISDown)}
		if fault.Reason == sqlserver.Login || fault.Reason == sqlserver.Right || fault.Reason == sqlserver.Database {
			f.About, f.Problem = AboutRight, string(protocol.ProblemRightMissing)
		}
		t.say(f)
		return nil
	}
	return err
}

func (t *Trial) read(ctx context.Context) error {
	idKey := make([]byte, 32) // of nobody: no id is made of a pupil who is not admitted
	if _, err := rand.Read(idKey); err != nil {
		return fmt.Errorf("draw a key: %w", err)
	}
	london, err := time.LoadLocation(clock.Location)
	if err != nil {
		return fmt.Errorf("find the time zone of England: %w", err)
	}
	ask := mis.Ask{Datasets: t.datasets, Today: record.DateOf(clock.Now().In(london)), IDKey: idKey, Try: true}
	byAuthority := map[string]int{}
	admit := func(c mis.Candidate) (bool, error) {
		authority, err := codes.ResolveAuthority(c.Authority, ask.Today.Time())
		if err == nil {
			byAuthority[authority.Code]++
		}
		return t.whole && err == nil, nil
	}
	t.records = map[record.Dataset]int{}
	report, err := t.source.Read(ctx, ask, admit, func(r mis.Row) error {
		t.records[r.Record.Dataset()]++
		return nil
	})
	if err != nil {
		return err
	}
	t.count(report, byAuthority)
	for _, stop := range report.Stops {
		t.of(stop.Dataset, sqlserver.LevelFail, fmt.Sprintf("%s: %s", stop.Dataset, stop.Text), "until it is mended a sync sends everything else, and nothing of this is removed")
	}
	t.addCost(report.Cost)
	if c := report.Requests; c != nil {
		t.Requests = c
		t.add(sqlserver.LevelOK, "The MIS was asked "+Asked(*c), "")
	}
	return nil
}

// count says what the read found.
func (t *Trial) count(report mis.Report, byAuthority map[string]int) {
	c := &Counts{Unclear: report.Unknown, Authorities: byAuthority, Rows: map[record.Dataset]int{}}
	t.Counts = c
	for _, n := range byAuthority {
		c.LookedAfter += n
	}
	for _, d := range report.Datasets {
		t.age(d, report.Started)
		asked := slices.Contains(t.datasets, d.Dataset) && (t.whole || t.server == nil && (d.Rows > 0 || report.Requests == nil))
		switch {
		case d.Dataset == record.DatasetPupil:
			c.Pupils = d.Rows
			continue
		case !asked: // of nobody
			continue
		case d.Dataset == record.DatasetContact:
			c.Contacts = &d.Rows
		case d.Dataset == record.DatasetAttendance:
			c.Marks = &d.Rows
		}
		c.Rows[d.Dataset] = d.Rows
	}
	if t.whole {
		c.Records = t.records
	}
	t.sayPupils(c)
	t.sayRows(c)
	for _, w := range report.Warnings {
		if w.Code != mis.WarnUnclear {
			about := string(w.Dataset)
			if w.Field != "" {
				about += ", " + w.Field
			}
			t.of(w.Dataset, sqlserver.LevelWarn, fmt.Sprintf("%s: %s (%d rows)", about, w.Code, w.Count), "docs/profiles.md says under Warnings what the word means")
		}
	}
}

// sayRows says of each dataset but the pupils' how many rows there are.
func (t *Trial) sayRows(c *Counts) {
	var not []string
	for _, d := range t.datasets {
		rows, asked := c.Rows[d]
		switch {
		case d == record.DatasetPupil:
		case !asked:
			not = append(not, string(d))
		case t.whole:
			t.of(d, sqlserver.LevelOK, fmt.Sprintf("%d rows of %s, and of them %d records of the pupils in care", rows, things(d), c.Records[d]), "")
		case d.OfPupils():
			t.of(d, sqlserver.LevelOK, fmt.Sprintf("%d rows of %s, of all pupils; those of the looked-after are read at a sync", rows, things(d)), "")
		default:
			t.of(d, sqlserver.LevelOK, fmt.Sprintf("%d rows of %s", rows, things(d)), "")
		}
	}
	if t.server == nil && len(not) > 0 {
		t.add(sqlserver.LevelOK, "Not counted, since a sync asks for it by pupil, or there is none: "+strings.Join(not, ", "), "")
	}
}

func (t *Trial) sayPupils(c *Counts) {
	what := fmt.Sprintf("%d pupils read: %d looked after", c.Pupils, c.LookedAfter)
	if t.server != nil {
		what = fmt.Sprintf("%d pupils are looked after or unclear: %d looked after", c.Pupils, c.LookedAfter)
	}
	if c.LookedAfter == 0 {
		t.of(record.DatasetPupil, sqlserver.LevelWarn, what, "either nobody at this school is looked after, or the MIS has no marker with the authority for them: ask the school office to look at one such child")
	} else {
		var each []string
		for _, code := range slices.Sorted(maps.Keys(c.Authorities)) {
			each = append(each, fmt.Sprintf("%s: %d", code, c.Authorities[code]))
		}
		t.of(record.DatasetPupil, sqlserver.LevelOK, what+" (by authority "+strings.Join(each, ", ")+")", "")
	}
	if c.Unclear > 0 {
		t.of(record.DatasetPupil, sqlserver.LevelWarn, fmt.Sprintf("of %d pupils the MIS does not say clearly whether, or by which authority, they are looked after", c.Unclear),
			"ask the school office to fill the marker and the authority's code; such pupils are not sent, and nothing is removed meanwhile")
	}
}

// age speaks up where the data are not of today.
func (t *Trial) age(d protocol.DatasetRead, read time.Time) {
	if old := read.Sub(d.AsAt); !d.AsAt.IsZero() && old > staleAfter {
		t.say(sqlserver.Finding{Level: sqlserver.LevelWarn, About: AboutDataset, Object: string(d.Dataset), Problem: ProblemOld,
			What: fmt.Sprintf("%s: the data are as they were on %s", d.Dataset, d.AsAt.Local().Format("2 January 2006 at 15:04")),
			Do:   "see that the export or the copy is made every morning before the sync"})
	}
}

func (t *Trial) addCost(c *sqlserver.Cost) {
	if c == nil || t.Cost == nil {
		return
	}
	t.Cost.Queries += c.Queries
	t.Cost.Rows += c.Rows
	t.Cost.Bytes += c.Bytes
	t.Cost.Slowest = max(t.Cost.Slowest, c.Slowest)
	t.Cost.Total += c.Total
	t.add(sqlserver.LevelOK, fmt.Sprintf("The server was asked %d times for this; the slowest answer took %.1f s", t.Cost.Queries, t.Cost.Slowest.Seconds()), "")
}

// things is what rows of a dataset are called.
func things(d record.Dataset) string {
	switch d {
	case record.DatasetContact:
		return "contacts"
	case record.DatasetAttendance:
		return "marks"
	}
	return string(d)
}

// Asked says what a read asked of a web interface.
func Asked(c rest.Cost) string {
	return fmt.Sprintf("%d times, %d rows, %s, %.1f s in all", c.Requests, c.Rows, Size(c.Bytes), c.Time.Seconds())
}

// Size is a number of bytes as people read it.
func Size(bytes int64) string {
	if bytes >= 1_000_000 {
		return fmt.Sprintf("%.1f MB", float64(bytes)/1_000_000)
	}
	return fmt.Sprintf("%d kB", (bytes+999)/1000)
}
