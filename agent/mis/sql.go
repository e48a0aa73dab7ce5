package mis

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A sqlReading is the state of one read of a database.
type sqlReading struct {
	*reading
	session *sqlserver.Session
	school  string // @school
	asked   askedPupils
	byUPN   upnPupils
}

// readSQL is the driver sql: the school, then who is in care or on a roster, then
// everything of those admitted and of nobody else.
func readSQL(ctx context.Context, r *reading) error {
	session, err := r.plan.connect(ctx)
	if err != nil {
		return sqlFault("", err)
	}
	defer session.Close() // nothing was written: nothing can be lost
	q := &sqlReading{reading: r, session: session, asked: newAskedPupils(), byUPN: newUPNPupils()}
	err = q.read(ctx)
	cost := session.Cost()
	r.report.Cost = &cost
	return err
}

func (q *sqlReading) read(ctx context.Context) error {
	// The pupils' own rows are read whatever is asked for: they name the pupils.
	datasets := append([]record.Dataset{record.DatasetPupil}, q.rest()...)
	if err := q.verify(ctx, datasets); err != nil {
		return err
	}
	school, err := q.readSchool(ctx)
	if err != nil {
		return err
	}
	for _, d := range record.Datasets() {
		q.counts[d].asAt = school.asAt
	}
	q.school = school.id
	if err := q.readByUPN(ctx); err != nil {
		return err
	}
	if err := q.readWho(ctx, school); err != nil {
		return err
	}
	if err := q.unmarkedPupils(); err != nil {
		return err
	}
	if q.listing {
		return q.nameWaiting(ctx)
	}
	byID, err := q.readPupils(ctx)
	if err != nil {
		return err
	}
	return q.readRest(q.rest(), byID, func(d record.Dataset, use func(rawRow, place) error) error {
		if err := q.readOwned(ctx, d, use); err != nil {
			return err
		}
		if d == record.DatasetAttendance {
			// The query asked for the whole year, so days without a row are read too.
			c := q.counts[d]
			c.from, c.to = q.year, max(c.to, q.ask.Today)
		}
		return nil
	})
}

// verify compares the database with what the queries need, in one question; if
// that finds a fault, dataset by dataset, so that those which can be read are.
func (q *sqlReading) verify(ctx context.Context, datasets []record.Dataset) error {
	seen, err := q.session.Verify(ctx, q.plan.needs(datasets))
	var f *sqlserver.Fault
	switch {
	case err == nil:
		q.note(datasets, seen)
		return nil
	case !errors.As(err, &f) || f.Reason != sqlserver.Right && f.Reason != sqlserver.Schema:
		return sqlFault("", err)
	}
	for _, d := range datasets {
		seen, err := q.session.Verify(ctx, q.plan.needs([]record.Dataset{d}))
		if errors.As(err, &f) && d != record.DatasetPupil && (f.Reason == sqlserver.Right || f.Reason == sqlserver.Schema) {
			err = q.stopped(d, absent(d, "%s", f.Text))
		} else if err == nil {
			q.note([]record.Dataset{d}, seen)
		}
		if err != nil {
			return sqlFault(d, err)
		}
	}
	return nil
}

// note takes down the columns that Verify saw, for the fingerprints. The length
// of a text is no part of a dataset's: views are rebuilt with longer columns, and
// no value means anything else for it.
func (q *sqlReading) note(datasets []record.Dataset, seen []string) {
	for _, line := range seen {
		q.reading.schema[line] = true
	}
	for _, d := range datasets {
		objects := q.plan.datasets[d].query.Objects()
		if d == record.DatasetPupil {
			objects = slices.Concat(objects, q.plan.sql.school.Objects(), q.plan.sql.who.Objects())
		}
		for _, line := range seen { // sorted
			if slices.ContainsFunc(objects, func(o sqlserver.Object) bool { return isColumnOf(line, o) }) {
				base, _, _ := strings.Cut(line[strings.LastIndexByte(line, ' '):], "(")
				q.form(d, line[:strings.LastIndexByte(line, ' ')]+base)
			}
		}
	}
}

// isColumnOf says whether a line of Verify is of a column of an object. SQL
// Server does not tell names apart by case in most databases.
func isColumnOf(line string, o sqlserver.Object) bool {
	prefix := o.Schema + "." + o.Name + "."
	return len(line) > len(prefix) && strings.EqualFold(line[:len(prefix)], prefix)
}

// connect opens a session with the school's server.
func (p *plan) connect(ctx context.Context) (*sqlserver.Session, error) {
	log := p.sql.log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return sqlserver.Open(ctx, p.sql.settings, log)
}

// Session connects to the database of a source of driver sql, for a look at
// what its login may do. The caller closes it.
func (s *Source) Session(ctx context.Context) (*sqlserver.Session, error) {
	if s.plan.driver != driverSQL {
		return nil, errors.New("this profile reads files: there is no database to connect to")
	}
	session, err := s.plan.connect(ctx)
	return session, sqlFault("", err)
}

// sqlFault puts what went wrong with the server into the words of a read.
// Other errors (of the context, of admit or sink, faults of rows) are left alone.
func sqlFault(d record.Dataset, err error) error {
	var f *sqlserver.Fault
	if !errors.As(err, &f) {
		return err
	}
	problem := protocol.ProblemMISDown
	switch f.Reason {
	case sqlserver.Right, sqlserver.Login:
		problem = protocol.ProblemRightMissing
	case sqlserver.Schema:
		problem = protocol.ProblemMISData
		if f.Unseen {
			problem = protocol.ProblemRightMissing // a missing right looks like a missing column
		}
	case sqlserver.Data, sqlserver.Setting:
		problem = protocol.ProblemMISData
	}
	return &Error{Problem: problem, Dataset: d, Text: f.Text}
}

// A query is one question with where its answers are found in a raw row.
type query struct {
	d      record.Dataset
	name   string // for messages
	text   sqlserver.Select
	fields []int // by column
	raw    rawRow
	rows   int
	exact  string // the identifier of the row as the database wrote it
}

func (q *sqlReading) query(d record.Dataset, name string, text sqlserver.Select) *query {
	made := &query{d: d, name: name, text: text, raw: newRow(d)}
	for _, column := range text.Columns() {
		made.fields = append(made.fields, descriptions[d].number(column))
	}
	return made
}

// run asks and hands every row to use; raw is used again for each. list is the
// one that the query is narrowed by, nil for none.
func (q *sqlReading) run(ctx context.Context, one *query, list []string, use func(raw rawRow, at place) error) error {
	err := q.session.Query(ctx, one.text, q.values(one.text, list), func(cells []sqlserver.Cell) error {
		if one.rows++; one.rows > q.limit.rows[one.d] {
			return fault(one.d, "the query %s gives more than %d rows: %s", one.name, q.limit.rows[one.d], cmp.Or(descriptions[one.d].tooMany, "check the views that it reads"))
		}
		at := place{file: one.name, line: one.rows, rows: true}
		for i, field := range one.fields {
			if field == pID {
				one.exact = cells[i].Text
			}
			text, err := q.cell(one, field, cells[i], at)
			if err != nil {
				return err
			}
			one.raw[field] = text
		}
		return use(one.raw, at)
	})
	return sqlFault(one.d, err)
}

// values are the parameters that the query names, and no other.
func (q *sqlReading) values(text sqlserver.Select, list []string) sqlserver.Values {
	v := sqlserver.Values{Lists: map[string][]string{}, Dates: map[string]string{}, Texts: map[string]string{}}
	for _, name := range text.Parameters() {
		switch name {
		case paramPupils, paramUPNs:
			v.Lists[name] = list
		case paramSince:
			v.Dates[name] = string(q.year)
		case paramToday:
			v.Dates[name] = string(q.ask.Today)
		case paramSchool:
			v.Texts[name] = q.school
		}
	}
	return v
}

// cell is the text of one value as files would have it.
func (q *sqlReading) cell(one *query, field int, c sqlserver.Cell, at place) (string, error) {
	if c.Null {
		return "", nil
	}
	switch c.Kind {
	case sqlserver.KindOther:
		return "", q.fieldFault(one.d, at, field, "it is of a type that is not read, such as binary or XML: have the query give another column, or CAST it")
	case sqlserver.KindDate, sqlserver.KindTime:
		day := c.Text[:min(len("2006-01-02"), len(c.Text))]
		switch f := descriptions[one.d].fields[field]; {
		case f.kind.clock:
			return strings.TrimSpace(c.Text[len(day):]), nil
		case f.kind.day && day < "1900-01-01": // "no date"
			q.warn(one.d, f.name, WarnNotUnderstood)
			return "", nil
		}
		return day, nil
	}
	text := strings.TrimSpace(c.Text)
	if strings.ContainsRune(text, '\uFFFD') {
		return "", q.fieldFault(one.d, at, field, "there is half a character in it: correct the value in the MIS")
	}
	return text, nil
}
