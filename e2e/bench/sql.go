package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/microsoft/go-mssqldb" // the driver sqlserver

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// idsAtOnce is how many pupils one query asks for: as many as the agent's.
const idsAtOnce = 500

// A selection says what the yardstick of reading a database reads.
type selection struct {
	DSN     string   `json:"dsn"`
	Queries []string `json:"queries"`
	IDs     []int    `json:"ids"` // of pupils; none for queries without a place for them
}

// A sqlMIS is a route's MIS on SQL Server.
type sqlMIS struct {
	*stack.MIS
	all        bool   // every pupil is looked after
	everything string // file with the selection of all rows
	bytes      int64  // that crossed the wire, out of the server, in the last first sync
}

// newSQLRoute makes the school a database read through the views. With all,
// every pupil is looked after by an authority that asks.
func (s *site) newSQLRoute(ctx context.Context, school *demoschool.School, all bool) (*route, error) {
	name := "sql-views"
	if all {
		name += ", all looked after"
	}
	dir := filepath.Join(s.dir, fmt.Sprintf("mis-sql-%d", s.schools))
	mis, err := stack.NewMIS(ctx, dir, school.TablesSQL, stack.MISOptions{})
	if err != nil {
		return nil, err
	}
	s.databases = append(s.databases, mis)
	if all {
		err := mis.Run(ctx, "UPDATE mis.StudentCare SET InCare = 'Y', CareAuthority = '"+authorities[0]+"', EndDate = NULL")
		if err != nil {
			return nil, fmt.Errorf("make every pupil looked after: %w", err)
		}
	}
	r := &route{
		name: name, source: mis.Source(), unit: "rows", bareName: "bare SELECT", yardstick: childSelect,
		database: &sqlMIS{MIS: mis, all: all, everything: filepath.Join(s.dir, filepath.Base(dir)+"-everything.json")},
	}
	looked := filepath.Join(s.dir, filepath.Base(dir)+"-looked-after.json")
	r.yardstickArgs = []string{looked}
	return r, errors.Join(
		r.database.describe(looked, school, func(p *demoschool.Pupil) bool { return all || school.Provisioned(p) }),
		r.database.describe(r.database.everything, school, nil),
	)
}

// describe writes the selection of the pupils that want takes; of all without.
func (d *sqlMIS) describe(file string, school *demoschool.School, want func(*demoschool.Pupil) bool) error {
	dsn, err := d.AdministratorDSN()
	if err != nil {
		return err
	}
	c := selection{DSN: dsn}
	columns := map[string]string{}
	for _, t := range school.TablesSQL() {
		names := make([]string, len(t.Columns))
		for i, column := range t.Columns {
			names[i] = "t." + column.Name
		}
		columns[t.Name] = strings.Join(names, ", ")
	}
	where := ""
	if want != nil {
		where = " WHERE t.StudentID IN (?)"
		for p := range school.Pupils() {
			if want(p) {
				id, err := strconv.Atoi(p.ID)
				if err != nil {
					return fmt.Errorf("read a pupil's id: %w", err)
				}
				c.IDs = append(c.IDs, id)
			}
		}
	}
	// The best queries: straight from the tables, by their keys.
	care := "c.InCare, c.CareAuthority, c.StartDate, c.EndDate, c.PEP"
	c.Queries = []string{
		"SELECT " + columns["mis.Student"] + ", " + care + " FROM mis.Student AS t JOIN mis.StudentCare AS c ON c.StudentID = t.StudentID" + where,
		"SELECT " + columns["mis.StudentContact"] + " FROM mis.StudentContact AS t" + where,
		"SELECT " + columns["mis.SessionMark"] + " FROM mis.SessionMark AS t" + where,
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// out is how many bytes the server has sent so far; 0 where nobody counts them.
func (d *sqlMIS) out() int64 {
	if d == nil || d.Instance.StandIn() == nil {
		return 0
	}
	_, out := d.Instance.StandIn().Bytes()
	return out
}

// databaseRows are what only a database has: bytes that crossed the wire, and memory.
func (r *route) databaseRows(ctx context.Context) ([]row, error) {
	if r.database == nil {
		return nil, nil
	}
	crossed := row{what: r.name + ", first sync: bytes from the database against those of its tables"}
	if r.database.out() > 0 {
		before := r.database.out()
		whole, err := r.yardstickRun(ctx, r.database.everything)
		if err != nil {
			return nil, err
		}
		against := r.database.out() - before
		crossed.values = []float64{float64(r.database.bytes) / float64(against)}
		crossed.note = fmt.Sprintf("%d bytes against %d; the tables have %s rows", r.database.bytes, against, strings.TrimSpace(whole.Stdout))
	} else {
		crossed.note = "only the stand-in counts them"
	}
	memory := row{what: r.name + ", first sync: peak memory", values: []float64{float64(r.first.Peak) / kib / kib}, unit: "MiB"}
	if !r.database.all {
		memory.goal, memory.limit = "P7", 40 // a goal for this school as it is
	}
	return []row{crossed, memory}, nil
}

// settled waits until the collector has decided everything, so that its work
// is not in the next measurement.
func (s *site) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	return stack.Await(ctx, "the collector to have applied everything", func() (bool, error) {
		n, err := s.place.number(ctx, "SELECT COUNT(*) FROM inbox WHERE state = 'waiting'")
		return n == 0, err
	})
}

// selectRows is the yardstick of reading a database: every cell of every row of
// the selection through go-mssqldb, and nothing else.
func selectRows(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	var c selection
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	db, err := sql.Open("sqlserver", c.DSN)
	if err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	rows := 0
	for _, query := range c.Queries {
		for from := 0; from == 0 || from < len(c.IDs); from += idsAtOnce {
			ids := c.IDs[from:min(from+idsAtOnce, len(c.IDs))]
			n, err := readAll(db, query, ids)
			if err != nil {
				return fmt.Errorf("yardstick: %w", err)
			}
			rows += n
		}
	}
	_, err = fmt.Println(rows)
	return err
}

func readAll(db *sql.DB, query string, ids []int) (n int, err error) {
	places, args := make([]string, len(ids)), make([]any, len(ids))
	for i, id := range ids {
		places[i], args[i] = "@p"+strconv.Itoa(i+1), id
	}
	rows, err := db.Query(strings.Replace(query, "(?)", "("+strings.Join(places, ", ")+")", 1), args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	cells, into := make([]any, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}
