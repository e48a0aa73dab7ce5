package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// A site is everything that agents are measured with: one collector behind a
// relay that counts bytes, and the clock that shows the school's day.
type site struct {
	*bench
	place   *place
	relay   *relay
	clock   string
	schools int
}

func (b *bench) newSite(ctx context.Context) (*site, error) {
	// Schools of several sites stand in one directory.
	s := &site{bench: b, clock: filepath.Join(b.dir, "clock"), schools: 100 * len(b.places)}
	// An offset, not a moment: the time goes on while the programs run.
	morning := schoolDay.Add(10 * time.Hour)
	if err := os.WriteFile(s.clock, []byte(time.Until(morning).Round(time.Second).String()), 0o600); err != nil {
		return nil, fmt.Errorf("set the clock of the school's day: %w", err)
	}
	var err error
	if s.relay, err = newRelay(); err != nil {
		return nil, err
	}
	s.place, err = b.newPlace(ctx, fmt.Sprintf("site-%d", len(b.places)), b.clocked, stack.CollectorOptions{Clock: s.clock, PublicURL: "https://" + s.relay.address()})
	if err != nil {
		return nil, err
	}
	s.relay.serve(s.place.IntakeAddress())
	return s, s.place.start(ctx, "")
}

// enrolAgent makes a school and its agent, confirmed and allowed to send.
func (s *site) enrolAgent(ctx context.Context, source stack.Source) (school string, a *stack.Agent, err error) {
	school = fmt.Sprintf("site-%03d", s.schools)
	s.schools++
	code, err := s.place.AddSchool(ctx, stack.School{ID: school, Name: demoschool.SchoolName, Authorities: authorities})
	if err != nil {
		return "", nil, err
	}
	a, err = stack.NewAgent(s.clocked, filepath.Join(s.dir, school), source, stack.AgentOptions{Clock: s.clock})
	if err != nil {
		return "", nil, err
	}
	phrase, err := a.Enrol(ctx, code)
	if err != nil {
		return "", nil, err
	}
	_, err = s.place.Command(ctx, "agent", "confirm", school, phrase)
	s.relay.take()
	return school, a, err
}

// A sent is what one sync took and moved.
type sent struct {
	usage
	envelope int64 // bytes, of all parts
	wire     int64 // bytes, both ways, handshakes included
}

// sync runs one sync of an agent as a process of its own.
func (s *site) sync(ctx context.Context, school string, a *stack.Agent) (sent, error) {
	last, err := s.place.number(ctx, "SELECT COALESCE(MAX(sequence), 0) FROM inbox WHERE school = ?", school)
	if err != nil {
		return sent{}, err
	}
	used, err := measure(ctx, a.Programs.Agent, a.Env(), "sync")
	if err != nil {
		return sent{}, err
	}
	up, down := s.relay.take()
	t := sent{usage: used, wire: up + down}
	t.envelope, err = s.place.number(ctx, "SELECT COALESCE(SUM(bytes), 0) FROM inbox WHERE school = ? AND sequence > ?", school, last)
	if err == nil && t.envelope == 0 {
		err = fmt.Errorf("a sync sent no batch:\n%s", used.Stdout)
	}
	return t, err
}

// A route is one way of reading a MIS, with its yardstick.
type route struct {
	name          string
	source        stack.Source
	yardstick     string // child process
	yardstickArgs []string
	bareName      string
	rows          int // as the yardstick counts them
	unit          string
	folder        string  // of a route of files
	database      *sqlMIS // of a route of SQL Server
	memory        float64 // goal of a route of neither, in MiB

	firstCPU, firstWall, sameCPU, sameWall []float64
	first, same                            sent
	bare                                   usage
}

func (s *site) newRoute(profile string, school *demoschool.School) (*route, error) {
	r := &route{name: profile, yardstick: childCSV, bareName: "bare parse", unit: "rows", folder: filepath.Join(s.dir, fmt.Sprintf("mis-%s-%d", profile, s.schools))}
	r.source = stack.Folder(profile, r.folder)
	if err := os.Mkdir(r.folder, 0o755); err != nil {
		return nil, err
	}
	pattern, write := "*.csv", func() error { return school.WriteCSV(r.folder) }
	if profile == "ctf" {
		r.yardstick, r.unit, pattern = childXML, "pupils", "*.xml"
		write = func() error { return school.WriteCTF(r.folder, demoschool.CTFOptions{Files: 2}) }
	}
	if err := write(); err != nil {
		return nil, err
	}
	var err error
	r.yardstickArgs, err = filepath.Glob(filepath.Join(r.folder, pattern))
	return r, err
}

// measureBare runs the yardstick on the rows of the route.
func (r *route) measureBare(ctx context.Context) (usage, error) {
	u, err := r.yardstickRun(ctx, r.yardstickArgs...)
	if err != nil {
		return usage{}, err
	}
	r.rows, err = strconv.Atoi(strings.TrimSpace(u.Stdout))
	return u, err
}

func (r *route) yardstickRun(ctx context.Context, args ...string) (usage, error) {
	program, err := itself()
	if err != nil {
		return usage{}, err
	}
	return measure(ctx, program, nil, append([]string{r.yardstick}, args...)...)
}

// pair measures a first sync and one without a change, each beside the yardstick.
func (s *site) pair(ctx context.Context, r *route) error {
	school, a, err := s.enrolAgent(ctx, r.source)
	if err != nil {
		return err
	}
	for _, m := range []struct {
		into      *sent
		cpu, wall *[]float64
	}{{&r.first, &r.firstCPU, &r.firstWall}, {&r.same, &r.sameCPU, &r.sameWall}} {
		if r.bare, err = r.measureBare(ctx); err != nil {
			return err
		}
		before := r.database.out()
		if *m.into, err = s.sync(ctx, school, a); err != nil {
			return err
		}
		if r.database != nil {
			if m.into == &r.first {
				r.database.bytes = r.database.out() - before
			}
			if err := s.settled(ctx); err != nil {
				return err
			}
		}
		*m.cpu = append(*m.cpu, float64(m.into.CPU)/float64(r.bare.CPU))
		*m.wall = append(*m.wall, float64(m.into.Wall)/float64(r.bare.Wall))
	}
	return nil
}

func (r *route) tableRows() []row {
	goal, cpuLimit, wallLimit := "P3", 3.0, 2.0
	speed := func(u usage) string {
		return fmt.Sprintf("%.0f %s/s, %.0f ms CPU, %.0f ms, peak %d MiB",
			float64(r.rows)/u.Wall.Seconds(), r.unit, millis(u.CPU), millis(u.Wall), u.Peak>>20)
	}
	against := fmt.Sprintf("%s of %d %s: %s", r.bareName, r.rows, r.unit, speed(r.bare))
	first, same := r.name+", first sync against a "+r.bareName, r.name+", sync without change against a "+r.bareName
	return []row{
		{what: first + ": CPU", values: r.firstCPU, note: speed(r.first.usage)},
		{what: first + ": wall", values: r.firstWall, note: against},
		{goal: goal, what: same + ": CPU", values: r.sameCPU, limit: cpuLimit, note: speed(r.same.usage)},
		{goal: goal, what: same + ": wall", values: r.sameWall, limit: wallLimit},
	}
}

// agent measures the real agent: time and CPU beside a bare parse (P3), bytes
// (P4, P5, P6) and memory (P7, P9).
func (b *bench) agent(ctx context.Context) ([]row, error) {
	return b.onSite(ctx, func(s *site, school *demoschool.School, csv *route) ([]row, error) {
		rows, err := s.routes(ctx, func() (*route, error) { return csv, nil })
		if err != nil {
			return nil, err
		}
		for _, more := range []func(context.Context, *route, *demoschool.School) ([]row, error){s.sizes, s.script, s.memory, s.tenfold} {
			add, err := more(ctx, csv, school)
			if err != nil {
				return nil, err
			}
			rows = append(rows, add...)
		}
		return rows, nil
	})
}

// drivers measures the other ways of reading the same school, one after the other.
func (b *bench) drivers(ctx context.Context) ([]row, error) {
	return b.onSite(ctx, func(s *site, school *demoschool.School, _ *route) ([]row, error) {
		return s.routes(ctx,
			func() (*route, error) { return s.newRoute("ctf", school) },
			func() (*route, error) { return s.newSQLRoute(ctx, school, false) },
			func() (*route, error) { return s.newSQLRoute(ctx, school, true) },
			func() (*route, error) { return s.newReportRoute(ctx, school) },
			func() (*route, error) { return s.newRESTRoute(school) },
		)
	})
}

// onSite measures on a site of its own, with a school and its CSV files.
func (b *bench) onSite(ctx context.Context, do func(s *site, school *demoschool.School, csv *route) ([]row, error)) ([]row, error) {
	s, err := b.newSite(ctx)
	if err != nil {
		return nil, err
	}
	defer s.relay.close()
	school := newSchool(schoolPupils)
	csv, err := s.newRoute("csv", school)
	if err != nil {
		return nil, err
	}
	rows, err := do(s, school, csv)
	return rows, errors.Join(err, s.place.process.Stop())
}

// routes measures ways of reading a school.
func (s *site) routes(ctx context.Context, makers ...func() (*route, error)) ([]row, error) {
	var rows []row
	for _, newRoute := range makers {
		r, err := newRoute()
		if err != nil {
			return nil, err
		}
		s.say("agent, %s, %d pairs", r.name, s.pairs())
		for range s.pairs() {
			if err := s.pair(ctx, r); err != nil {
				return nil, err
			}
		}
		own, err := r.databaseRows(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(append(rows, r.tableRows()...), own...)
		if r.database == nil { // whose memory is among its own rows
			rows = append(rows, row{what: r.name + ", first sync: peak memory", values: []float64{float64(r.first.Peak) / kib / kib}, unit: "MiB", limit: r.memory})
		}
	}
	return rows, nil
}
