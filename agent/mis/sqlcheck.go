package mis

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/record"
)

const (
	driverSQL = "sql"

	// placeholder stands for the site's schema in queries and needs.
	placeholder = "{schema}"
)

// Parameters that a query may have.
const (
	paramPupils = "pupils" // MIS ids of the pupils admitted
	paramUPNs   = "upns"   // UPNs on the authorities' rosters
	paramSince  = "since"  // first day of the academic year
	paramToday  = "today"
	paramSchool = "school" // School of the row that the query school gave
)

// Columns of the query school.
const (
	schoolID     = "School"
	schoolName   = "Name"
	schoolPupils = "Pupils"
	schoolLooked = "LookedAfter"
	schoolAsAt   = "AsAt"
	whoName      = "who"
	queryName    = "query"
	byUPNName    = "by_upn"
	maxSchools   = 1000 // of one database
)

var (
	schoolColumns = []string{schoolID, schoolName, schoolPupils, schoolLooked, schoolAsAt}
	schoolNeeded  = []string{schoolID, schoolPupils}
	whoColumns    = []string{"pupil", "InCare", "CareAuthority"}
	byUPNColumns  = []string{"pupil", "UPN", "DOB"}
)

// needKinds are the kinds of columns as profiles write them.
var needKinds = map[string]sqlserver.Kind{
	"text": sqlserver.KindText, "whole": sqlserver.KindWhole, "number": sqlserver.KindNumber, "flag": sqlserver.KindFlag,
	"date": sqlserver.KindDate, "time": sqlserver.KindTime, "id": sqlserver.KindID, "any": sqlserver.KindAny,
}

// identifier is what a schema, table or view may be called here: what needs no
// quoting. Anything else would have to be told apart from the query around it.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// inSchema puts a schema where {schema} stands.
func inSchema(text, schema string) string {
	return strings.ReplaceAll(text, placeholder, "["+schema+"]")
}

// checkSQL is checkProfile for driver sql.
func checkSQL(p *Profile, at places) error {
	err := errors.Join(at.oneOf([]string{"null_means"}, p.NullMeans, nullMeanings, true), at.pupilGiven(p.Datasets), at.needs(p.Needs))
	if p.Delimiter+p.Encoding+p.Dates != "" {
		err = errors.Join(err, at.fault([]string{"driver"}, "a database says its own encoding and dates: remove delimiter, encoding and dates"))
	}
	if !p.Capabilities.MISID {
		err = errors.Join(err, at.fault([]string{"capabilities", "mis_id"}, "mis_id must be true: a database is asked by the ids of pupils"))
	}
	used, bad := at.schoolQuery(p.School)
	err = errors.Join(err, bad, at.listed(p.Needs, []string{"school"}, used))
	for _, d := range sortedDatasets(p.Datasets) {
		err = errors.Join(err, checkSQLDataset(p, d, at))
	}
	return err
}

func checkSQLDataset(p *Profile, d record.Dataset, at places) error {
	path := []string{"datasets", string(d)}
	if err := at.dataset(path, d); err != nil {
		return err
	}
	own := p.Datasets[d]
	if own == nil {
		return at.fault(path, "this dataset says nothing: give query, or remove it")
	}
	err := errors.Join(at.oneOf(append(path, "evidence"), own.Evidence, evidences, true), at.values(path, d, own.Values), at.nullMeans(path, d, own.NullMeans), at.identity(path, d, own.Identity), at.withhold(path, d, own))
	if own.File != "" || len(own.Columns) > 0 {
		err = errors.Join(err, at.fault(path, "a database has no files: remove file and columns; the query names its columns after the fields"))
	}
	if d == record.DatasetPupil || own.Who != "" {
		used, bad := at.whoQuery(path, d, own.Who)
		err = errors.Join(err, bad, at.listed(p.Needs, append(path, whoName), used))
	}
	if own.ByUPN != "" {
		used, bad := at.upnQuery(path, d, own.ByUPN)
		err = errors.Join(err, bad, at.listed(p.Needs, append(path, byUPNName), used))
	}
	used, bad := at.dataQuery(path, d, own.Query.Text)
	if bad == nil {
		bad = at.apart(path, d, own.Identity, used.Columns())
	}
	return errors.Join(err, bad, at.listed(p.Needs, append(path, queryName), used))
}

// needs checks the list of tables and views.
func (p places) needs(needs map[string]*NeedProfile) error {
	var found error
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		path := []string{"needs", name}
		if _, ok := objectNamed(name, DefaultSchema); !ok {
			found = errors.Join(found, p.fault(path, "a table or view is named as schema.name, or {schema}.name for the site's own schema, in letters, digits and underscores"))
			continue
		}
		own := needs[name]
		if own == nil || len(own.Columns) == 0 {
			found = errors.Join(found, p.fault(path, "give evidence and columns: each column that a query names, with its kind"))
			continue
		}
		found = errors.Join(found, p.oneOf(append(slices.Clone(path), "evidence"), own.Evidence, evidences, true))
		for _, column := range slices.Sorted(maps.Keys(own.Columns)) {
			here := append(slices.Clone(path), "columns", column)
			if kinds := slices.Sorted(maps.Keys(needKinds)); !slices.Contains(kinds, own.Columns[column]) {
				found = errors.Join(found, p.fault(here, "a kind that is not known%s; known are %s", didYouMean(own.Columns[column], kinds), strings.Join(kinds, ", ")))
			}
			if strings.TrimSpace(column) == "" || len(column) > 128 {
				found = errors.Join(found, p.fault(here, "a column has a name of 1 to 128 characters"))
			}
		}
	}
	return found
}

// objectNamed reads the name of a table or view.
func objectNamed(name, schema string) (sqlserver.Object, bool) {
	first, second, _ := strings.Cut(name, ".")
	if first == placeholder {
		first = schema
	}
	return sqlserver.Object{Schema: first, Name: second}, identifier.MatchString(first) && identifier.MatchString(second)
}

// listed refuses a query over an object whose columns are not checked at start.
func (p places) listed(needs map[string]*NeedProfile, path []string, q sqlserver.Select) error {
	for _, used := range q.Objects() {
		if len(needsOf(needs, used, DefaultSchema)) == 0 {
			return p.fault(path, "%s reads %s.%s, which needs does not list: list it there with each column that is read of it", strings.Join(path, "."), used.Schema, used.Name)
		}
	}
	return nil
}

// needsOf are the names of an object among the needs; SQL Server does not tell
// names apart by case in most databases.
func needsOf(needs map[string]*NeedProfile, o sqlserver.Object, schema string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		if n, ok := objectNamed(name, schema); ok && strings.EqualFold(n.Schema, o.Schema) && strings.EqualFold(n.Name, o.Name) {
			names = append(names, name)
		}
	}
	return names
}

func (p places) schoolQuery(text string) (sqlserver.Select, error) {
	path := []string{"school"}
	q, err := p.query(path, text, []string{paramToday, paramSince})
	if err != nil {
		return q, err
	}
	return q, errors.Join(p.namesOf(path, q, schoolColumns), p.has(path, q, schoolNeeded))
}

func (p places) whoQuery(path []string, d record.Dataset, text string) (sqlserver.Select, error) {
	path = append(slices.Clone(path), whoName)
	if d != record.DatasetPupil {
		return sqlserver.Select{}, p.fault(path, "only pupil has who: rows of other datasets are asked for by the pupils it gives")
	}
	q, err := p.query(path, text, []string{paramSchool, paramToday, paramSince})
	if err != nil {
		return q, err
	}
	return q, errors.Join(p.namesOf(path, q, whoColumns), p.has(path, q, whoColumns), p.whole(path, q))
}

// dataQuery checks the query of a dataset. That of staff has no place for the
// id of a pupil, in or out: it can neither ask for pupils nor say whose a row is.
func (p places) dataQuery(path []string, d record.Dataset, text string) (sqlserver.Select, error) {
	path = append(slices.Clone(path), queryName)
	params := []string{paramSchool, paramToday, paramSince}
	if d.OfPupils() {
		params = append([]string{paramPupils}, params...)
	}
	q, err := p.query(path, text, params)
	if err != nil {
		return q, err
	}
	known, need := descriptions[d].names, descriptions[d].needed
	if d == record.DatasetPupil {
		isWho := func(name string) bool { return name != "pupil" && slices.Contains(whoColumns, name) }
		known, need = slices.DeleteFunc(slices.Clone(known), isWho), whoColumns[:1]
	}
	err = errors.Join(p.namesOf(path, q, known), p.has(path, q, need), p.whole(path, q))
	if d.OfPupils() {
		err = errors.Join(err, p.narrowed(path, q, paramPupils, "the pupils admitted"))
	}
	if d == record.DatasetAttendance && !slices.Contains(q.Parameters(), paramSince) {
		err = errors.Join(err, p.fault(path, "the query must ask for this academic year only: add … >= @since to its WHERE"))
	}
	return q, err
}

// upnQuery checks the query that finds pupils on a roster: it brings the ids,
// UPNs and dates of birth of those who were asked for, and nothing of anybody else.
func (p places) upnQuery(path []string, d record.Dataset, text string) (sqlserver.Select, error) {
	path = append(slices.Clone(path), byUPNName)
	if d != record.DatasetPupil {
		return sqlserver.Select{}, p.fault(path, "only pupil has by_upn: rows of other datasets are asked for by the pupils it finds")
	}
	q, err := p.query(path, text, []string{paramUPNs, paramSchool, paramToday})
	if err != nil {
		return q, err
	}
	return q, errors.Join(p.namesOf(path, q, byUPNColumns), p.has(path, q, byUPNColumns), p.whole(path, q),
		p.narrowed(path, q, paramUPNs, "the pupils on the roster"))
}

// narrowed refuses a query that brings rows of pupils who were not asked for.
func (p places) narrowed(path []string, q sqlserver.Select, list, who string) error {
	switch {
	case !slices.Contains(q.Parameters(), list):
		return p.fault(path, "the query must ask for %s only: add WHERE … IN (@%s)", who, list)
	case !q.Narrows(list):
		return p.fault(path, "@%[1]s must stand once, in the query's own WHERE, as column IN (@%[1]s) joined to the rest by AND: beside OR, NOT or UNION, in ON or in a sub-select it does not keep rows of other pupils out", list)
	}
	return nil
}

// whole refuses a query that stops early: what it leaves out would look gone.
func (p places) whole(path []string, q sqlserver.Select) error {
	if q.Limited() {
		return p.fault(path, "the query has TOP, which leaves rows out without a word: take it out (within a sub-select it may stand)")
	}
	return nil
}

// query parses one query with the default schema in the site's place.
func (p places) query(path []string, text string, params []string) (sqlserver.Select, error) {
	if strings.TrimSpace(text) == "" {
		return sqlserver.Select{}, p.fault(path, "%s is not given: it is the SELECT that is asked", strings.Join(path, "."))
	}
	q, err := sqlserver.ParseSelect(inSchema(text, DefaultSchema))
	if err != nil {
		return sqlserver.Select{}, p.queryFault(path, text, err)
	}
	for _, name := range q.Parameters() {
		if !slices.Contains(params, name) {
			return sqlserver.Select{}, p.fault(path, "a parameter that this query cannot have%s; it can have @%s", didYouMean(name, params), strings.Join(params, ", @"))
		}
	}
	return q, nil
}

// namesOf refuses columns that are no field of known.
func (p places) namesOf(path []string, q sqlserver.Select, known []string) error {
	var found error
	for i, name := range q.Columns() {
		if !slices.Contains(known, name) {
			found = errors.Join(found, p.fault(path, "column %d of the query has a name that is not known here%s; known are %s (capital letters count)",
				i+1, didYouMean(name, known), strings.Join(known, ", ")))
		}
	}
	return found
}

func (p places) has(path []string, q sqlserver.Select, need []string) error {
	for _, name := range need {
		if !slices.Contains(q.Columns(), name) {
			return p.fault(path, "the query gives no column %s: add … AS %s", name, name)
		}
	}
	return nil
}
