package mis

import (
	"cmp"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/record"
)

// A sqlPlan is what driver sql needs beside the queries of the datasets.
type sqlPlan struct {
	settings sqlserver.Settings
	log      *slog.Logger
	schoolID string // "" where the database has one school
	school   sqlserver.Select
	who      sqlserver.Select
	// byUPN finds pupils who are on a roster, whether in care or not; nil where
	// the profile does not say how.
	byUPN   *sqlserver.Select
	profile *Profile // for its needs
	schema  string
}

// checkServer checks how the database is reached.
func checkServer(site Site) error {
	if site.Server == nil {
		return errors.New("the database is not given: set mis.server.host and mis.server.database, and the login under mis.server")
	}
	if err := site.Server.Settings.Validate(); err != nil {
		// Each line begins with the name of a setting.
		return errors.New("mis.server." + strings.ReplaceAll(err.Error(), "\n", "\nmis.server."))
	}
	return nil
}

// addQueries puts the site's schema into the queries of a profile that has
// been checked.
func (p *plan) addQueries(from *Profile, site Site) error {
	p.words = sqlWords
	server := site.Server
	if server == nil {
		server = new(Server)
	}
	schema := cmp.Or(server.Schema, DefaultSchema)
	if !identifier.MatchString(schema) {
		return errors.New("mis.server.schema must be the name of a schema, in letters, digits and underscores")
	}
	p.sql = sqlPlan{settings: server.Settings, log: site.Log, schoolID: server.School, profile: from, schema: schema}
	var err error
	parse := func(text string) sqlserver.Select {
		q, bad := sqlserver.ParseSelect(inSchema(text, schema))
		err = errors.Join(err, bad)
		return q
	}
	p.sql.school = parse(from.School)
	for d, own := range from.Datasets {
		made := p.datasets[d]
		made.query = parse(own.Query.Text)
		columns := made.query.Columns()
		if d == record.DatasetPupil {
			p.sql.who = parse(own.Who)
			columns = append(slices.Clone(columns), p.sql.who.Columns()...)
			if own.ByUPN != "" {
				q := parse(own.ByUPN)
				p.sql.byUPN = &q
				columns = append(columns, q.Columns()...)
			}
		}
		for _, name := range columns {
			made.headings[made.about.number(name)] = name
		}
	}
	return err
}

// needs are the tables and views that the queries for these datasets read, with
// the columns that the profile names of them.
func (p *plan) needs(datasets []record.Dataset) []sqlserver.Need {
	queries := []sqlserver.Select{p.sql.school, p.sql.who}
	if p.sql.byUPN != nil {
		queries = append(queries, *p.sql.byUPN)
	}
	for _, d := range datasets {
		if own := p.datasets[d]; own != nil {
			queries = append(queries, own.query)
		}
	}
	found := map[string]*sqlserver.Need{}
	for _, q := range queries {
		for _, o := range q.Objects() {
			for _, name := range needsOf(p.sql.profile.Needs, o, p.sql.schema) {
				object, _ := objectNamed(name, p.sql.schema)
				addNeed(found, object, p.sql.profile.Needs[name])
			}
		}
	}
	var all []sqlserver.Need
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all = append(all, *found[name])
	}
	return all
}

func addNeed(found map[string]*sqlserver.Need, o sqlserver.Object, need *NeedProfile) {
	made := found[o.String()]
	if made == nil {
		made = &sqlserver.Need{Object: o, Evidence: need.Evidence, Columns: map[string]sqlserver.Kind{}}
		found[o.String()] = made
	}
	for column, kind := range need.Columns {
		made.Columns[column] = needKinds[kind]
	}
}

// Needs are the tables and views that a read of every dataset of the profile
// needs, sorted; none for a source of files.
func (s *Source) Needs() []sqlserver.Need {
	if s.plan.driver != driverSQL {
		return nil
	}
	return s.plan.needs(record.Datasets())
}
