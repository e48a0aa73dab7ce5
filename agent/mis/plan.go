package mis

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// defaultSettle is how long a file must have been left alone: exports are
// written in bursts, and a pause in one is seldom longer.
const defaultSettle = 5 * time.Second

// A plan is a profile with the site laid over it, in the form that reading
// needs.
type plan struct {
	driver, format string
	dir            string
	delimiter      rune
	encoding       string
	dates, layout  string // as declared, and as package time has it
	nullMeans      string
	nation         string
	settle         time.Duration
	newline        bool // the last line must end in a line break
	misID          bool
	saysAuthority  bool // whose pupil a child is
	words          words
	sql            sqlPlan
	command        *Command // of driver report
	rest           restPlan
	datasets       map[record.Dataset]*datasetPlan
}

type datasetPlan struct {
	about *description
	file  string
	// report is the name of a report in SIMS.
	report string
	// headings by field number, empty where the route has no such column.
	headings []string
	// values by field number: what the MIS writes, in small letters, to the code.
	values map[int]map[string]string
	// nullNo are the numbers of yes-or-no fields of which an empty value is a no.
	nullNo   map[int]bool
	complete bool
	// withheld are the fields that the marker Withhold keeps back.
	withheld []string
	// identity are the numbers of the fields that stand for an id.
	identity []int
	// query is what a database is asked for the pupils admitted.
	query sqlserver.Select
	// asking is what a web interface is asked, columns the expressions over its
	// rows, feeds what says that it changed.
	asking  *Asking
	columns map[string]string
	feeds   []string
}

// words are what messages call the thing that must be put right beside the MIS.
type words struct{ maker, repeaters string }

var (
	fileWords = words{maker: "the export", repeaters: "columns"}
	sqlWords  = words{maker: "the view or the query", repeaters: "joins"}
	// Several lists of one pupil in one report come as every pair of them.
	reportWords = words{maker: "the report", repeaters: "columns"}
	restWords   = words{maker: "the profile's expressions", repeaters: "lists"}
)

// newPlan lays the site over the profile, and refuses what cannot be read.
func newPlan(p *Profile, site Site) (plan, error) {
	made, err := layPlan(p, site)
	if err != nil {
		return plan{}, err
	}
	switch made.driver {
	case driverSQL:
		return made, checkServer(site)
	case driverReport:
		return made, errors.Join(site.Command.check(), made.asked())
	case driverREST:
		return made, made.checkAPI(site)
	}
	if strings.TrimSpace(site.Dir) == "" {
		return plan{}, errors.New("the folder that holds the MIS's files is not given: set mis.folder")
	}
	return made, nil
}

// layPlan is newPlan without a look at where the MIS is.
func layPlan(p *Profile, site Site) (plan, error) {
	if p == nil {
		return plan{}, errors.New("no profile is given: choose one of " + strings.Join(ProfileNames(), ", "))
	}
	p, err := p.With(site.File)
	if err != nil {
		return plan{}, err
	}
	var at places // of what the file brought; the profile by itself is in order
	if site.File != nil {
		at = site.File.at
	}
	if err := errors.Join(checkProfile(p, at), checkSite(site, p.Driver == driverREST, places{}), checkForm(p, site)); err != nil {
		return plan{}, err
	}
	made := plan{
		driver: p.Driver, format: p.Format, dir: site.Dir, misID: p.Capabilities.MISID, saysAuthority: p.Capabilities.CaringAuthority, words: fileWords,
		delimiter: delimiters[cmp.Or(site.Delimiter, p.Delimiter)],
		encoding:  cmp.Or(site.Encoding, p.Encoding),
		dates:     cmp.Or(site.Dates, p.Dates),
		nullMeans: cmp.Or(site.NullMeans, p.NullMeans),
		nation:    cmp.Or(site.Nation, codes.NationEngland),
		settle:    defaultSettle,
		newline:   site.FinalNewline != "optional",
		datasets:  map[record.Dataset]*datasetPlan{},
	}
	if p.Format != "csv" && p.Driver != driverReport && p.Driver != driverREST {
		made.dates = "yyyy-mm-dd" // the form of XML, and of package sqlserver
	}
	made.layout = dateLayouts[made.dates]
	if site.SettleSeconds != nil {
		made.settle = time.Duration(*site.SettleSeconds) * time.Second
	}
	for _, d := range sortedDatasets(site.Datasets) {
		if p.Datasets[d] == nil {
			return plan{}, fmt.Errorf("datasets has %s, which the profile %s does not read", d, p.Name)
		}
	}
	p = p.without(site.Datasets)
	switch p.Driver {
	case driverReport:
		p = p.knownColumns(site.Datasets)
	case driverREST:
		p = p.knownColumns(site.Datasets)
		if err := made.addREST(p, site); err != nil {
			return plan{}, err
		}
	}
	for d, own := range p.Datasets {
		dp, err := newDatasetPlan(d, own, site.Datasets[d], p)
		if err != nil {
			return plan{}, err
		}
		made.datasets[d] = dp
		if p.Driver == driverREST {
			if err := made.layColumns(d, own, site.Datasets[d], p.define()); err != nil {
				return plan{}, err
			}
		}
	}
	switch p.Driver {
	case driverSQL:
		return made, made.addQueries(p, site)
	case driverReport:
		made.addReports(p, site)
	}
	return made, nil
}

// checkForm refuses settings of a site that its driver has no use for: a person
// who wrote them expects them to be obeyed.
func checkForm(p *Profile, site Site) error {
	form := site.Delimiter + site.Encoding + site.Dates
	if p.Driver == driverREST || site.API != nil {
		return checkRESTForm(p, site)
	}
	if p.Driver == driverReport || site.Command != nil {
		return checkReportForm(p, site)
	}
	switch {
	case p.Driver == driverSQL && form+site.FinalNewline != "":
		return errors.New("a database says its own encoding and dates: remove delimiter, encoding, dates and final_newline")
	case p.Driver == driverSQL && site.Dir != "":
		return fmt.Errorf("the profile %s asks a database, which has no folder: remove mis.folder", p.Name)
	case p.Driver != driverSQL && site.Server != nil:
		return fmt.Errorf("the profile %s reads files, not a database: remove mis.server, or choose another profile", p.Name)
	case p.Driver != driverSQL && p.Format != "csv" && form != "":
		return fmt.Errorf("a %s says its own encoding and dates: remove delimiter, encoding and dates", p.Format)
	}
	return nil
}

func newDatasetPlan(d record.Dataset, own *DatasetProfile, site SiteDataset, p *Profile) (*datasetPlan, error) {
	made := &datasetPlan{
		about:    descriptions[d],
		file:     cmp.Or(site.File, own.File),
		headings: newRow(d),
		values:   map[int]map[string]string{},
		nullNo:   map[int]bool{},
		complete: p.Capabilities.Snapshot && (site.Complete == nil || *site.Complete),
	}
	if p.Format == "ctf" && (len(site.Columns) > 0 || site.File != "" && d != record.DatasetPupil) {
		return nil, fmt.Errorf("datasets.%s: a ctf has fixed names and one pattern of files: give only file, under pupil", d)
	}
	if p.Driver == driverSQL && (len(site.Columns) > 0 || site.File != "") {
		return nil, fmt.Errorf("datasets.%s: a database has no files: remove file and columns; queries of the school's own stand in mis.site_file", d)
	}
	if p.Driver == driverReport && site.File != "" {
		return nil, fmt.Errorf("datasets.%s: a report is no file: remove file; its name stands in the profile", d)
	}
	if p.Driver == driverREST && site.File != "" {
		return nil, fmt.Errorf("datasets.%s: a web interface has no files: remove file", d)
	}
	columns := overlaid(own.Columns, site.Columns)
	if p.Driver == driverReport {
		if err := checkReportColumns(d, own, columns); err != nil {
			return nil, fmt.Errorf("datasets.%s: %w", d, err)
		}
	}
	if p.Format == "csv" {
		at, path := places{}, []string{"datasets", string(d)}
		if err := errors.Join(at.columns(path, d, columns), at.needed(path, d, columns, p.Capabilities), at.apart(path, d, own.Identity, given(columns))); err != nil {
			return nil, fmt.Errorf("datasets.%s: %w", d, err)
		}
	}
	identity := own.Identity
	if len(identity) == 0 {
		identity = made.about.identity
	}
	made.withheld = withheldBy(d, own.Withhold, identity)
	for _, name := range identity {
		made.identity = append(made.identity, made.about.number(name))
	}
	for field, means := range own.NullMeans {
		made.nullNo[made.about.number(field)] = means == nullNo
	}
	for i, field := range made.about.names {
		if p.Driver != driverREST { // its headings are the fields
			made.headings[i] = strings.TrimSpace(columns[field])
		}
		if rules := own.Values[field]; len(rules) > 0 {
			made.values[i] = make(map[string]string, len(rules))
			for from, to := range rules {
				made.values[i][heading(from)] = to
			}
		}
	}
	return made, nil
}

// code applies a field's value rules.
func (d *datasetPlan) code(field int, value string) string {
	if rules := d.values[field]; rules != nil {
		if to, ok := rules[heading(value)]; ok {
			return to
		}
	}
	return value
}
