package mis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

const driverReport = "report"

// thirdParty is what gives a SIMS user the ids in reports.
const thirdParty = "Third Party Reporter"

// A reportReading is the state of one read of reports.
type reportReading struct {
	*reading
	// run has the report of a dataset made and hands over what is printed. An
	// error of read ends the program; an error of run is of the program.
	run func(ctx context.Context, d record.Dataset, read func(io.Reader) error) error
	// cared is set once a pupil is marked as looked after.
	cared bool
}

// readReports is the driver report: one run of SIMS's CommandReporter for each
// dataset, the pupils first.
func readReports(ctx context.Context, r *reading) error {
	rr := &reportReading{reading: r}
	rr.run = rr.runReporter
	return rr.read(ctx)
}

func (r *reportReading) read(ctx context.Context) error {
	byID := map[string]*child{}
	pupil := func(raw rawRow, at place) error {
		yes, known := readBool(raw[pInCare])
		r.cared = r.cared || yes && known
		return r.listedPupil(byID, raw, at)
	}
	if err := r.eachRecord(ctx, record.DatasetPupil, pupil); err != nil {
		return err
	}
	if r.counts[record.DatasetPupil].rows == 0 {
		return fault(record.DatasetPupil, "%s has no record: its filter excludes everybody, or the SIMS user may see no pupil; run it in SIMS as that user and put it right", r.plan.reportName(record.DatasetPupil))
	}
	return r.readRest(r.rest(), byID, func(d record.Dataset, use func(rawRow, place) error) error {
		if err := r.eachRecord(ctx, d, use); err != nil {
			return err
		}
		if d == record.DatasetAttendance && r.plan.command.AttendanceRange != "" {
			// The report was asked for the whole year, so days without a row are read too.
			c := r.counts[d]
			c.from, c.to = r.year, max(c.to, r.ask.Today)
		}
		return nil
	})
}

// reportName is what messages call the report of a dataset.
func (p *plan) reportName(d record.Dataset) string {
	return fmt.Sprintf("the report %q", p.datasets[d].report)
}

// eachRecord has one report made and reads all of it.
func (r *reportReading) eachRecord(ctx context.Context, d record.Dataset, use func(raw rawRow, at place) error) error {
	w := &reportWalk{r: r.reading, d: d, shown: r.plan.reportName(d), use: use}
	w.prepare()
	err := r.run(ctx, d, func(out io.Reader) error { return w.read(ctx, out) })
	if err != nil {
		return err
	}
	if err := r.missing(w); err != nil {
		return err
	}
	if r.counts[d].rows == 0 {
		r.none(d)
	}
	r.counts[d].asAt = r.report.Started.UTC()
	return nil
}

// missing judges the columns that no record of a report had. SIMS leaves an
// empty value out, and leaves a whole column out, without a word, where its user
// has no right to it: only the whole report tells the two apart.
func (r *reportReading) missing(w *reportWalk) error {
	if r.counts[w.d].rows == 0 {
		return nil // nobody is there to have a value
	}
	about, own := descriptions[w.d], r.plan.datasets[w.d]
	for i, caption := range own.headings {
		if caption == "" || w.seen[i] {
			continue
		}
		name := about.names[i]
		switch {
		case name == "pupil" || i == about.id:
			return &Error{Problem: protocol.ProblemIdentifier, Dataset: w.d, Text: fmt.Sprintf(
				"no record of %s has the column %q: SIMS leaves ids out without a word unless the user of mis.command is in the group %s; put the user in it, and see that the report has a column of that caption", w.shown, caption, thirdParty)}
		case slices.Contains(about.must(r.plan.saysAuthority), name) && (name != "CareAuthority" || r.cared):
			return &Error{Problem: protocol.ProblemRightMissing, Dataset: w.d, Text: fmt.Sprintf(
				"no record of %s has the column %q: SIMS leaves out what its user may not see. Give the user of mis.command the right to that field, see that the report has a column of that caption, and that SIMS holds a value for at least one pupil (ids need the group %s besides)", w.shown, caption, thirdParty)}
		case !slices.Contains(about.must(r.plan.saysAuthority), name):
			r.warn(w.d, name, WarnNoColumn)
		}
	}
	if w.anonymous.line > 0 {
		return r.fieldFault(w.d, w.anonymous, w.lacks, "the identifier is empty: every record must have one; correct the report")
	}
	return nil
}

// asked are the captions without which the pupil report says nothing and which
// no source publishes: the school must give them.
func (p *plan) asked() error {
	own := p.datasets[record.DatasetPupil]
	var missing []string
	for _, name := range own.about.must(p.saysAuthority) {
		if own.headings[own.about.number(name)] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("datasets.pupil: the caption of %s is not given, and without it nobody is sent: ask whoever looks after SIMS at the school what that column of the report is called and give it under mis.datasets.pupil.columns", strings.Join(missing, " and of "))
	}
	return nil
}

// addReports is what a plan of driver report has more.
func (p *plan) addReports(from *Profile, site Site) {
	p.words = reportWords
	p.command = cmp.Or(site.Command, new(Command))
	for d, own := range from.Datasets {
		p.datasets[d].report = own.Report
	}
}

// checkReport checks a profile of driver report. Columns may be missing that
// only the school knows; they are asked for when it is opened.
func checkReport(p *Profile, at places) error {
	err := errors.Join(
		at.oneOf([]string{"null_means"}, p.NullMeans, nullMeanings, true),
		at.oneOf([]string{"dates"}, p.Dates, reportDates, true),
		at.pupilGiven(p.Datasets))
	if p.Delimiter+p.Encoding != "" {
		err = errors.Join(err, at.fault([]string{"driver"}, "a report says its own encoding: remove delimiter and encoding"))
	}
	if len(p.Needs) > 0 || p.School != "" {
		err = errors.Join(err, at.fault([]string{"driver"}, "reports are not asked with queries: remove needs and school"))
	}
	if !p.Capabilities.MISID {
		err = errors.Join(err, at.fault([]string{"capabilities", "mis_id"}, "mis_id must be true: reports are put together by the pupil's id"))
	}
	for _, d := range sortedDatasets(p.Datasets) {
		err = errors.Join(err, checkReportDataset(p.Datasets[d], d, at))
	}
	return err
}

// checkReportForm refuses settings that reports have no use for, and those of
// reports where none are made.
func checkReportForm(p *Profile, site Site) error {
	switch {
	case p.Driver != driverReport:
		return fmt.Errorf("the profile %s has no program run: remove mis.command, or choose another profile", p.Name)
	case site.Dir != "" || site.Server != nil:
		return fmt.Errorf("the profile %s has reports made by a program: remove mis.folder and mis.server", p.Name)
	case site.Delimiter+site.Encoding+site.FinalNewline != "":
		return errors.New("a report says its own encoding: remove delimiter, encoding and final_newline")
	case site.Dates != "" && !slices.Contains(reportDates, site.Dates):
		return fmt.Errorf("reports write dates as one of %s: correct mis.dates", strings.Join(reportDates, ", "))
	}
	return nil
}

// checkReportColumns checks the columns of the profile and the school together.
// The pupils' may lack some until the MIS is opened.
func checkReportColumns(d record.Dataset, own *DatasetProfile, columns map[string]string) error {
	at, path := places{}, []string{"datasets", string(d)}
	err := errors.Join(at.columns(path, d, columns), at.apart(path, d, own.Identity, given(columns)))
	if d != record.DatasetPupil {
		err = errors.Join(err, at.needed(path, d, columns, Capabilities{CaringAuthority: true})) // that of pupils is not checked here
	}
	return err
}

// reportDates are the forms in which reports write dates, each with or without
// a time after it.
var reportDates = []string{"dd/mm/yyyy", "yyyy-mm-dd"}

func checkReportDataset(own *DatasetProfile, d record.Dataset, at places) error {
	path := []string{"datasets", string(d)}
	if err := at.dataset(path, d); err != nil {
		return err
	}
	if own == nil {
		return at.fault(path, "this dataset says nothing: give report and columns, or remove it")
	}
	err := errors.Join(
		at.oneOf(append(slices.Clone(path), "evidence"), own.Evidence, evidences, true),
		at.values(path, d, own.Values), at.nullMeans(path, d, own.NullMeans), at.identity(path, d, own.Identity), at.withhold(path, d, own), at.columns(path, d, own.Columns), at.columnEvidence(path, own))
	if !plainArgument(own.Report) || strings.TrimSpace(own.Report) == "" {
		err = errors.Join(err, at.fault(append(slices.Clone(path), "report"), "report must be the name of a report in SIMS, without quotes"))
	}
	if own.File+own.Who+own.Query.Text != "" {
		err = errors.Join(err, at.fault(path, "a report is no file and no query: remove file, who and query"))
	}
	return err
}

// columnEvidence checks how single columns are known.
func (p places) columnEvidence(path []string, own *DatasetProfile) error {
	var found error
	for _, field := range slices.Sorted(maps.Keys(own.ColumnEvidence)) {
		here := append(slices.Clone(path), "column_evidence", field)
		if own.Columns[field] == "" {
			found = errors.Join(found, p.fault(here, "column_evidence has a field that columns does not have: remove it, or give its column"))
		}
		if !slices.Contains(evidences, own.ColumnEvidence[field]) {
			found = errors.Join(found, p.fault(here, "evidence must be one of %s", strings.Join(evidences, ", ")))
		}
	}
	return found
}

// noReports refuses what only reports have.
func (p places) noReports(from *Profile) error {
	for _, d := range sortedDatasets(from.Datasets) {
		if own := from.Datasets[d]; own != nil && (own.Report != "" || len(own.ColumnEvidence) > 0) {
			return p.fault([]string{"datasets", string(d)}, "only driver report has reports: remove report and column_evidence")
		}
	}
	return nil
}
