package mis

import (
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// What settings may say, each list in the order in which it is offered.
var (
	delimiters   = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t'}
	encodings    = []string{"utf-8", "windows-1252", "utf-16"}
	dateLayouts  = map[string]string{"dd/mm/yyyy": "02/01/2006", "yyyy-mm-dd": "2006-01-02", "mm/dd/yyyy": "01/02/2006", "dd-mm-yyyy": "02-01-2006"}
	nullMeanings = []string{nullNotInCare, nullUnknown}
	newlines     = []string{"required", "optional"}
	nations      = []string{codes.NationEngland, codes.NationWales}
	evidences    = []string{"documented", "seen", "inferred", "site"}
)

const (
	nullNotInCare = "not_in_care"
	nullUnknown   = "unknown"
	nullNo        = "no"
)

var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,40}$`)

// oneOf checks a setting that has a closed list; empty is allowed unless need.
func (p places) oneOf(path []string, value string, list []string, need bool) error {
	if value == "" && !need || slices.Contains(list, value) {
		return nil
	}
	return p.fault(path, "%s must be one of %s", path[len(path)-1], strings.Join(list, ", "))
}

func checkProfile(p *Profile, at places) error {
	if !profileName.MatchString(p.Name) {
		return at.fault([]string{"name"}, "name must be given, in small letters, digits and hyphens")
	}
	if _, ok := drivers[[2]string{p.Driver, p.Format}]; !ok {
		return at.fault([]string{"driver"}, "driver and format must be file with csv, file with ctf, or sql, report or rest without a format")
	}
	switch p.Driver {
	case driverSQL:
		return errors.Join(checkSQL(p, at), at.noReports(p), at.noREST(p))
	case driverReport:
		return errors.Join(checkReport(p, at), at.noREST(p))
	case driverREST:
		return checkREST(p, at)
	}
	csv := p.Format == "csv"
	err := errors.Join(
		at.oneOf([]string{"null_means"}, p.NullMeans, nullMeanings, true),
		at.form(p.Delimiter, p.Encoding, p.Dates, csv),
	)
	if !csv && p.Delimiter+p.Encoding+p.Dates != "" {
		err = errors.Join(err, at.fault([]string{"format"}, "a %s says its own encoding and dates: remove delimiter, encoding and dates", p.Format))
	}
	if len(p.Needs) > 0 || p.School != "" {
		err = errors.Join(err, at.fault([]string{"driver"}, "files are not asked: remove needs and school, or set driver to sql"))
	}
	err = errors.Join(err, at.pupilGiven(p.Datasets), at.noReports(p), at.noREST(p))
	for _, d := range sortedDatasets(p.Datasets) {
		err = errors.Join(err, checkDataset(p, d, at))
	}
	return err
}

func (p places) pupilGiven(datasets map[record.Dataset]*DatasetProfile) error {
	if datasets[record.DatasetPupil] == nil {
		return p.fault([]string{"datasets"}, "datasets must have pupil: who is in care decides about all the others")
	}
	return nil
}

func (p places) form(delimiter, encoding, dates string, need bool) error {
	return errors.Join(
		p.oneOf([]string{"delimiter"}, delimiter, slices.Sorted(maps.Keys(delimiters)), need),
		p.oneOf([]string{"encoding"}, encoding, encodings, need),
		p.oneOf([]string{"dates"}, dates, slices.Sorted(maps.Keys(dateLayouts)), need),
	)
}

func checkDataset(p *Profile, d record.Dataset, at places) error {
	path := []string{"datasets", string(d)}
	if err := at.dataset(path, d); err != nil {
		return err
	}
	own := p.Datasets[d]
	if own == nil {
		return at.fault(path, "this dataset says nothing: give file and columns, or remove it")
	}
	err := at.oneOf(append(path, "evidence"), own.Evidence, evidences, true)
	if own.File == "" || !plainName(own.File) {
		err = errors.Join(err, at.fault(append(path, "file"), "file must be the name of a file in the school's folder, without a path"))
	}
	if own.Who+own.Query.Text != "" {
		err = errors.Join(err, at.fault(path, "files are not asked: remove who and query, or set driver to sql"))
	}
	err = errors.Join(err, at.values(path, d, own.Values), at.nullMeans(path, d, own.NullMeans), at.identity(path, d, own.Identity), at.withhold(path, d, own))
	if p.Format == "ctf" {
		if len(own.Columns) > 0 {
			err = errors.Join(err, at.fault(append(path, "columns"), "a ctf has elements of fixed names: remove columns"))
		}
		if _, bad := filepath.Match(own.File, ""); bad != nil || p.Datasets[record.DatasetPupil] != nil && own.File != p.Datasets[record.DatasetPupil].File {
			err = errors.Join(err, at.fault(append(path, "file"), "file must be one pattern such as *.xml, the same in every dataset"))
		}
		return err
	}
	return errors.Join(err, at.columns(path, d, own.Columns), at.needed(path, d, own.Columns, p.Capabilities), at.apart(path, d, own.Identity, given(own.Columns)))
}

// given are the fields that have a column.
func given(columns map[string]string) []string {
	var fields []string
	for field, heading := range columns {
		if strings.TrimSpace(heading) != "" {
			fields = append(fields, field)
		}
	}
	return fields
}

// identity checks the names of what tells things without an id apart.
func (p places) identity(path []string, d record.Dataset, fields []string) error {
	path = append(slices.Clone(path), "identity")
	about := descriptions[d]
	if about.id < 0 && len(fields) > 0 {
		return p.fault(path, "%s records have no id of their own, so nothing makes one: remove identity", d)
	}
	var found error
	for i, name := range fields {
		switch known := about.single(); {
		case !slices.Contains(known, name):
			found = errors.Join(found, p.fault(path, "entry %d cannot be part of an identity%s; of %s these can: %s", i+1, didYouMean(name, known), d, strings.Join(known, ", ")))
		case slices.Contains(fields[:i], name):
			found = errors.Join(found, p.fault(path, "entry %d is there twice: remove one", i+1))
		}
	}
	return found
}

// apart refuses things that nothing could tell apart: those without an id, and
// without what is to stand for it.
func (p places) apart(path []string, d record.Dataset, identity, given []string) error {
	about := descriptions[d]
	if about.id < 0 || slices.Contains(given, about.names[about.id]) {
		return nil
	}
	isGiven := func(name string) bool { return slices.Contains(given, name) }
	for _, name := range identity {
		if slices.Contains(about.names, name) && !isGiven(name) {
			return p.fault(append(slices.Clone(path), "identity"), "%s is part of the identity and is not read: give its column, or remove it from identity", name)
		}
	}
	if len(identity) == 0 && !slices.ContainsFunc(about.identity, isGiven) {
		return p.fault(path, "nothing tells one %s from another: give the column of %s, its id in the MIS, or of some of %s", about.thing, about.names[about.id], strings.Join(about.identity, ", "))
	}
	return nil
}

func (p places) dataset(path []string, d record.Dataset) error {
	if slices.Contains(knownDatasets(), string(d)) {
		return nil
	}
	return p.fault(path, "a dataset that is not known%s; known are %s", didYouMean(string(d), knownDatasets()), strings.Join(knownDatasets(), ", "))
}

func (p places) columns(path []string, d record.Dataset, columns map[string]string) error {
	found := p.fields(path, d, columns)
	for _, field := range slices.Sorted(maps.Keys(columns)) {
		here := append(slices.Clone(path), "columns", field)
		for _, other := range slices.Sorted(maps.Keys(columns)) {
			if other < field && columns[field] != "" && heading(columns[other]) == heading(columns[field]) {
				found = errors.Join(found, p.fault(here, "two fields are read from one column: give each its own"))
			}
		}
	}
	return found
}

// fields refuses columns of fields that there are not.
func (p places) fields(path []string, d record.Dataset, columns map[string]string) error {
	var found error
	names := descriptions[d].names
	for _, field := range slices.Sorted(maps.Keys(columns)) {
		if !slices.Contains(names, field) {
			found = errors.Join(found, p.fault(append(slices.Clone(path), "columns", field), "a field that %s records do not have%s; they have %s",
				d, didYouMean(field, names), strings.Join(names, ", ")))
		}
	}
	return found
}

func (p places) needed(path []string, d record.Dataset, columns map[string]string, can Capabilities) error {
	for _, field := range descriptions[d].must(can.CaringAuthority) {
		if strings.TrimSpace(columns[field]) == "" {
			return p.fault(append(slices.Clone(path), "columns"), "the heading of %s is not given: without it no %s can be read", field, d)
		}
	}
	return nil
}

// nullMeans checks what empty values of yes-or-no fields are said to mean.
func (p places) nullMeans(path []string, d record.Dataset, means map[string]string) error {
	var found error
	known := descriptions[d].yesOrNo()
	for _, field := range slices.Sorted(maps.Keys(means)) {
		here := append(slices.Clone(path), "null_means", field)
		if !slices.Contains(known, field) {
			found = errors.Join(found, p.fault(here, "it is no yes-or-no field of %s%s; these are: %s", d, didYouMean(field, known), strings.Join(known, ", ")))
		} else if means[field] != nullNo && means[field] != nullUnknown {
			found = errors.Join(found, p.fault(here, "null_means of a field must be no or unknown"))
		}
	}
	return found
}

func (p places) values(path []string, d record.Dataset, values map[string]map[string]string) error {
	for _, field := range slices.Sorted(maps.Keys(values)) {
		if coded := descriptions[d].coded(); !slices.Contains(coded, field) {
			return p.fault(append(slices.Clone(path), "values", field), "values cannot be given for this field; they can for %s", strings.Join(coded, ", "))
		}
	}
	return nil
}

// checkSite checks what a site says whatever the profile is; expressions are
// checked with it.
func checkSite(s Site, expressions bool, at places) error {
	if s.SettleSeconds != nil && (*s.SettleSeconds < 0 || *s.SettleSeconds > 3600) {
		return at.fault([]string{"settle_seconds"}, "settle_seconds must be from 0 to 3600")
	}
	err := errors.Join(
		at.form(s.Delimiter, s.Encoding, s.Dates, false),
		at.oneOf([]string{"null_means"}, s.NullMeans, nullMeanings, false),
		at.oneOf([]string{"nation"}, s.Nation, nations, false),
		at.oneOf([]string{"final_newline"}, s.FinalNewline, newlines, false),
	)
	for _, d := range sortedDatasets(s.Datasets) {
		path := []string{"datasets", string(d)}
		if fault := at.dataset(path, d); fault != nil {
			err = errors.Join(err, fault)
			continue
		}
		own := s.Datasets[d]
		err = errors.Join(err, checkDrop(d, own, at))
		if own.File != "" && !plainName(own.File) {
			err = errors.Join(err, at.fault(append(path, "file"), "file must be the name of a file in the folder, without a path"))
		}
		if !expressions {
			err = errors.Join(err, at.columns(path, d, own.Columns))
		}
	}
	return err
}

// checkDrop refuses to leave out what must be there, and what more is said of a
// dataset that is left out.
func checkDrop(d record.Dataset, own SiteDataset, at places) error {
	path := []string{"datasets", string(d), "drop"}
	switch {
	case own.Drop && d == record.DatasetPupil:
		return at.fault(path, "datasets.%s.drop: pupil cannot be left out: who is in care decides about all the others", d)
	case own.Drop && (own.File != "" || len(own.Columns) > 0 || own.Complete != nil && !*own.Complete):
		return at.fault(path, "datasets.%s.drop: a dataset that is left out needs nothing else: remove drop, or file, columns and complete", d)
	}
	return nil
}

// plainName keeps every file inside the school's folder.
func plainName(name string) bool {
	return name != "." && name != ".." && !strings.ContainsAny(name, "/\\:\x00") && strings.TrimSpace(name) == name
}

// heading is the form in which headings are compared.
func heading(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
