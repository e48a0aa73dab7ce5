package main

import (
	"context"
	"fmt"
	"strings"

	"rollbridge/collector/database"
	"rollbridge/e2e/stack"
)

// agedLimit is goal P10.
const agedLimit = 1.2

// aged compares the CPU of an upload at a collector whose database is full of
// other schools and of this one's past with that at an empty one (P10).
func (b *bench) aged(ctx context.Context) ([]row, error) {
	schools, depth := b.pick(50, 300), b.pick(100, 300)
	if b.large {
		schools = 24_000
	}
	n := b.options.uploads()
	places := make([]*place, 2) // empty, full
	fleets := make([]*fleet, 2)
	servers := make([]*server, 2)
	for i, name := range []string{"empty", "full"} {
		var err error
		if places[i], err = b.newPlace(ctx, name, b.release, stack.CollectorOptions{}); err != nil {
			return nil, err
		}
		b.say("enrolling %d schools in the %s database", n, name)
		if fleets[i], err = b.enrol(ctx, places[i], n); err != nil {
			return nil, err
		}
		if err := places[i].start(ctx, ""); err != nil {
			return nil, err
		}
		servers[i] = places[i].server("the collector with the "+name+" database", true)
		uploads, err := each(fleets[i].agents, fleets[i].full)
		if err != nil {
			return nil, err
		}
		if _, err := servers[i].send(ctx, uploads, pace{workers: underWay}); err != nil {
			return nil, err
		}
	}
	watch := startWatch()
	if err := places[1].fill(ctx, fleets[1].agents[0].school, schools, depth); err != nil {
		return nil, err
	}
	rows, err := places[1].number(ctx, "SELECT (SELECT COUNT(*) FROM records) + (SELECT COUNT(*) FROM inbox)")
	if err != nil {
		return nil, err
	}
	b.say("filled with %d schools (%d records and batches) in %.0f s; %d pairs", schools, rows, watch().Seconds(), b.pairs())
	r := row{goal: "P10", what: "delta of 4 rows, full database against an empty one: CPU per upload", limit: agedLimit}
	for range b.pairs() {
		var took [2]load
		for i := range places {
			uploads, err := each(fleets[i].agents, fleets[i].delta)
			if err != nil {
				return nil, err
			}
			rest(ctx, fleets[i].agents)
			if took[i], err = servers[i].send(ctx, uploads, pace{workers: underWay}); err != nil {
				return nil, err
			}
			note(fleets[i].agents)
		}
		r.values = append(r.values, float64(took[1].cpuEach())/float64(took[0].cpuEach()))
		r.note = fmt.Sprintf("%d schools more, %d batches of the past each, %d rows; %.2f against %.2f ms",
			schools, depth, rows, millis(took[1].cpuEach()), millis(took[0].cpuEach()))
	}
	for _, l := range places {
		if err := l.process.Stop(); err != nil {
			return nil, err
		}
	}
	return []row{r}, nil
}

// columns of the tables that grow with schools and years, without the school.
var columns = map[string]string{
	"schools":        "name, phone, created_at, id_key",
	"records":        "dataset, key, pupil, week, version, body, tag, counted, refused, held, generation, sequence, received_at, as_at",
	"pupils":         "pupil, authority, key, epoch, upn_index, was, first_seen, left_at",
	"positions":      "agent, generation, sequence, digest, state, year, pupils_as_at, attendance_as_at, applied_at, resync_after",
	"inbox":          "agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, envelope, receipt, state",
	"deliveries":     "generation, sequence, first_sequence, full_, received_at, applied_at, upserts, removals, refused, unchanged, pupils, bytes, attendance_as_at",
	"attempts":       "agent, counter, heard_at, checkin, conflict",
	"statements":     "agent, kind, serial, generation, issued_at, signed",
	"agents":         "agent, generation, sign_key, receive_key, revocation, phrase, state, reenrolled, created_at, confirmed_at, id_key",
	"record_history": "dataset, key, version, pupil, body, replaced_at, why",
}

// fill copies one school's rows under the names of many others, and gives all
// schools the batches, deliveries and old versions of years. What is copied
// cannot be opened under another name; nothing in this benchmark opens it.
func (l *place) fill(ctx context.Context, from string, schools, depth int) error {
	numbers := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
	}
	copied := func(table string) string {
		values := columns[table]
		if table == "agents" { // whose id is in no other row
			values = strings.Replace(values, "agent,", l.otherAgent()+",", 1)
		}
		return numbers(schools) + fmt.Sprintf("INSERT INTO %s (school, %s) SELECT 'other-' || CAST(n.i AS TEXT), %s FROM %s, n WHERE school = '%s'",
			table, columns[table], values, table, from)
	}
	statements := []string{
		copied("schools"), copied("agents"), copied("attempts"), copied("statements"), copied("records"), copied("pupils"), copied("positions"), copied("inbox"), copied("deliveries"),
		// The past is an earlier generation's: it lies beside the present rows of
		// the same school and is in nobody's way but an index's.
		numbers(depth) + past("inbox", map[string]string{"generation": "0", "sequence": "n.i"}, "generation = 1 AND sequence = 1"),
		numbers(depth) + past("deliveries", map[string]string{"generation": "0", "sequence": "n.i"}, "generation = 1 AND sequence = 1"),
		// As many old versions of the newest week as a year has changes to it.
		numbers(20) + "INSERT INTO record_history (school, " + columns["record_history"] + ") " +
			"SELECT school, dataset, key, -n.i, pupil, body, received_at, 'changed' FROM records, n WHERE dataset = 'attendance' AND week = (SELECT MAX(week) FROM records)",
	}
	for _, s := range statements {
		err := l.db.Write(ctx, func(tx *database.Tx) error {
			_, err := tx.Exec(ctx, s)
			return err
		})
		if err != nil {
			return fmt.Errorf("fill the database: %w", err)
		}
	}
	return nil
}

// otherAgent is SQL for an agent's id that no agent has.
func (l *place) otherAgent() string {
	if l.db.Dialect == database.Postgres {
		return "substring(sha256(CAST(n.i AS TEXT)::bytea) FOR 16)"
	}
	return "randomblob(16)"
}

// past copies rows of a table within their school with some columns replaced.
func past(table string, replaced map[string]string, where string) string {
	names := strings.Split(columns[table], ", ")
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = name
		if v, found := replaced[name]; found {
			values[i] = v
		}
	}
	return fmt.Sprintf("INSERT INTO %s (school, %s) SELECT school, %s FROM %s, n WHERE %s",
		table, strings.Join(names, ", "), strings.Join(values, ", "), table, where)
}
