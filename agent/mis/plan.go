package mis

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

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
	datasets       map[record.Dataset]*datasetPlan
}

type datasetPlan struct {
	file string
	// headings by field number, empty where the route has no such column.
	headings []string
	// values by field number: what the MIS writes, in small letters, to the code.
	values   map[int]map[string]string
	complete bool
}

func newPlan(p *Profile, site Site) (plan, error) {
	if p == nil {
		return plan{}, errors.New("no profile is given: choose one of " + strings.Join(ProfileNames(), ", "))
	}
	if err := errors.Join(checkProfile(p, places{}), checkSite(site, places{})); err != nil {
		return plan{}, err
	}
	if strings.TrimSpace(site.Dir) == "" {
		return plan{}, errors.New("the folder that holds the MIS's files is not given: set folder")
	}
	if p.Format != "csv" && site.Delimiter+site.Encoding+site.Dates != "" {
		return plan{}, fmt.Errorf("a %s says its own encoding and dates: remove delimiter, encoding and dates", p.Format)
	}
	made := plan{
		driver: p.Driver, format: p.Format, dir: site.Dir, misID: p.Capabilities.MISID,
		delimiter: delimiters[cmp.Or(site.Delimiter, p.Delimiter)],
		encoding:  cmp.Or(site.Encoding, p.Encoding),
		dates:     cmp.Or(site.Dates, p.Dates),
		nullMeans: cmp.Or(site.NullMeans, p.NullMeans),
		nation:    cmp.Or(site.Nation, codes.NationEngland),
		settle:    defaultSettle,
		newline:   site.FinalNewline != "optional",
		datasets:  map[record.Dataset]*datasetPlan{},
	}
	if p.Format == "ctf" {
		made.dates = "yyyy-mm-dd" // XML's own form
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
	for d, own := range p.Datasets {
		dp, err := newDatasetPlan(d, own, site.Datasets[d], p)
		if err != nil {
			return plan{}, err
		}
		made.datasets[d] = dp
	}
	return made, nil
}

func newDatasetPlan(d record.Dataset, own *DatasetProfile, site SiteDataset, p *Profile) (*datasetPlan, error) {
	made := &datasetPlan{
		file:     cmp.Or(site.File, own.File),
		headings: make([]string, len(fieldNames[d])),
		values:   map[int]map[string]string{},
		complete: p.Capabilities.Snapshot && (site.Complete == nil || *site.Complete),
	}
	if p.Format == "ctf" && (len(site.Columns) > 0 || site.File != "" && d != record.DatasetPupil) {
		return nil, fmt.Errorf("datasets.%s: a ctf has fixed names and one pattern of files: give only file, under pupil", d)
	}
	columns := maps.Clone(own.Columns)
	for field, name := range site.Columns {
		columns[field] = name
	}
	if p.Format == "csv" {
		at, path := places{}, []string{"datasets", string(d)}
		if err := errors.Join(at.columns(path, d, columns), at.needed(path, d, columns)); err != nil {
			return nil, fmt.Errorf("datasets.%s: %w", d, err)
		}
	}
	for i, field := range fieldNames[d] {
		made.headings[i] = strings.TrimSpace(columns[field])
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
