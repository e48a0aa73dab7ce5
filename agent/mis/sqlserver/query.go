package sqlserver

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"
)

const (
	// chunk is how many values of a list go with one statement; SQL Server takes
	// at most 2,100 parameters.
	chunk = 500
	// maxVarChar is the longest text that is sent as varchar(n).
	maxVarChar = 8000
)

// Values are what the parameters of a [Select] stand for, by name without @. A
// name that the Select does not have is passed over.
type Values struct {
	Lists map[string][]string // for what a Select [Select.Narrows] by; it has at most one
	Dates map[string]string   // YYYY-MM-DD
	Texts map[string]string
}

// A request is one statement with what its errors and its result are held
// against.
type request struct {
	text    string
	args    []any
	query   Select // zero for the package's own statements
	columns []string
	row     func([]Cell) error
}

// Query runs q and calls row for each row, in the server's order. The cells are
// used again for the next row. A list is sent in chunks of 500 values, one
// statement each, so that q must not count or sort across the list; an empty
// list sends nothing. Texts of ASCII go as varchar, others as nvarchar, dates as
// date. An error of row ends the query and is returned as it is; any other
// error is a *[Fault], or wraps that of ctx.
func (s *Session) Query(ctx context.Context, q Select, v Values, row func(cells []Cell) error) error {
	if q.text == "" {
		return &Fault{Reason: Setting, Text: "A query that was not checked cannot be sent."}
	}
	list, args, err := bind(q, v)
	if err != nil {
		return err
	}
	r := request{query: q, columns: q.columns, row: row}
	if list == "" {
		r.text, r.args = s.guard.admitSelect(q, "", 0), args
		return s.run(ctx, r)
	}
	for part := range slices.Chunk(v.Lists[list], chunk) {
		r.text, r.args = s.guard.admitSelect(q, list, len(part)), slices.Clone(args)
		for i, value := range part {
			r.args = append(r.args, sql.Named(listName(list, i), textValue(value)))
		}
		if err := s.run(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// bind makes the parameters that are no list, and names the one that is.
func bind(q Select, v Values) (list string, args []any, err error) {
	wrong := func(format string, name string) (string, []any, error) {
		return "", nil, &Fault{Reason: Setting, Text: fmt.Sprintf(format, name)}
	}
	for _, name := range q.parameters {
		_, isList := v.Lists[name]
		date, isDate := v.Dates[name]
		text, isText := v.Texts[name]
		switch {
		case isList && list != "":
			return wrong("The query has a second list, @%s: only one can be sent.", name)
		case isList:
			if !q.Narrows(name) {
				return wrong("The query may use the list @%[1]s once only, in its own WHERE, as column IN (@%[1]s) joined to the rest by AND; not beside OR or UNION, nor within another condition.", name)
			}
			list = name
		case isDate:
			d, err := civil.ParseDate(date)
			if err != nil {
				return wrong("The value for @%s is not a date YYYY-MM-DD.", name)
			}
			args = append(args, sql.Named(name, d))
		case isText:
			args = append(args, sql.Named(name, textValue(text)))
		default:
			return wrong("The query has a parameter @%s that nothing is known for: take it out, or correct its name.", name)
		}
	}
	return list, args, nil
}

// listName names the parameter for value i of a list. It cannot be that of a
// parameter in a query: those have no underscore.
func listName(list string, i int) string { return fmt.Sprintf("%s_%d", list, i+1) }

// textValue is varchar where that loses nothing: SQL Server cannot use an index
// on a varchar column for an nvarchar value.
func textValue(s string) any {
	if s != "" && len(s) <= maxVarChar && ascii(s) {
		return mssql.VarChar(s)
	}
	return s
}

// ask runs one of the package's own statements. args become @p1, @p2, … and are
// strings (sent as nvarchar), ints, or nil (an nvarchar NULL). Cells, limits,
// cost and errors are those of [Session.Query].
func (s *Session) ask(ctx context.Context, f fixed, args []any, row func([]Cell) error) error {
	args = slices.Clone(args)
	for i, a := range args {
		if a == nil {
			args[i] = sql.NullString{}
		}
	}
	return s.run(ctx, request{text: f.text, args: args, row: row})
}

// run sends one statement, once, and hands its rows on.
func (s *Session) run(ctx context.Context, r request) error {
	if s.closed {
		return &Fault{Reason: Down, Text: "The session with SQL Server is closed."}
	}
	if s.cost.Queries >= MaxQueries {
		return &Fault{Reason: Budget, Text: fmt.Sprintf("This read would ask %s more than %d times, which is not allowed, so that it cannot become a burden. Ask for help: a school needs about a dozen.", s.place(), MaxQueries)}
	}
	s.cost.Queries++
	start := time.Now()
	defer func() {
		took := time.Since(start)
		s.cost.Total += took
		s.cost.Slowest = max(s.cost.Slowest, took)
	}()
	// Not a deadline: the driver takes that for an error of the network and gives
	// the connection up, though the server has confirmed that it stopped.
	limit, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(s.settings.queryTime(), cancel)
	defer late.Stop()
	rows, err := s.send(limit, r)
	if err != nil {
		return s.fault(ctx, limit, r, err)
	}
	stopped, err := s.deliver(rows, r)
	// Closing first: it is where an error after the last row shows.
	if closing := rows.Close(); err == nil {
		err = closing
	}
	if stopped || err == nil {
		return err
	}
	return s.fault(ctx, limit, r, err)
}

func (s *Session) send(ctx context.Context, r request) (*sql.Rows, error) {
	if s.tx != nil {
		return s.tx.QueryContext(ctx, r.text, r.args...)
	}
	return s.conn.QueryContext(ctx, r.text, r.args...)
}

// deliver hands the rows on. stopped says that it was row that ended it.
func (s *Session) deliver(rows *sql.Rows, r request) (stopped bool, err error) {
	readers, err := resultColumns(rows)
	if err != nil {
		return false, err
	}
	if r.columns != nil && !sameNames(readers, r.columns) {
		return false, &Fault{Reason: Schema, Text: "SQL Server answered with other columns than the query names. Ask whoever wrote the query."}
	}
	cells := make([]Cell, len(readers))
	values := make([]any, len(readers))
	into := make([]any, len(readers))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, err
		}
		s.cost.Rows++
		for i, reader := range readers {
			if cells[i], err = reader.cell(values[i]); err != nil {
				return false, &Fault{Reason: Schema, Text: fmt.Sprintf("SQL Server's answer cannot be read: %v. Let the query CAST the column to nvarchar, and report this.", err)}
			}
		}
		if r.row == nil {
			continue
		}
		if err := r.row(cells); err != nil {
			return true, err
		}
	}
	return false, rows.Err()
}

func sameNames(readers []*resultColumn, names []string) bool {
	return slices.EqualFunc(readers, names, func(c *resultColumn, name string) bool { return strings.EqualFold(c.name, name) })
}
