package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/e2e/stack"
)

// The load and the limits of goal P11.
const (
	todaySchools = 500
	todayRate    = 20    // batches a second, meanwhile
	todayLimit   = 200.0 // milliseconds, p95
	todayRatio   = 3.0   // of the bare queries
	// todaySilent schools have not reported, so that the page has a list.
	todaySilent = 30
)

// today measures the page Today in a collector with every role: the page of a
// person who is signed in, at 500 schools of 2,000 children of one authority,
// while batches arrive and are applied (P11). In turn with each page the same
// rows are read by the best queries, and by nothing else.
func (b *bench) today(ctx context.Context) ([]row, error) {
	l, err := b.newPlace(ctx, "today", b.release, stack.CollectorOptions{})
	if err != nil {
		return nil, err
	}
	b.say("enrolling %d schools for the page Today", todaySchools)
	f, err := b.enrol(ctx, l, todaySchools)
	if err != nil {
		return nil, err
	}
	schools, err := newSchoolsOfToday(f, b.idKey, time.Now())
	if err != nil {
		return nil, err
	}
	if err := l.start(ctx, ""); err != nil {
		return nil, err
	}
	b.say("filling them with their children")
	product := l.server("the collector", true)
	uploads, err := each(f.agents, schools.full)
	if err == nil {
		_, err = product.send(ctx, uploads, pace{workers: underWay})
	}
	if err == nil {
		err = errors.Join(l.noneRefused(ctx), l.schoolDay(ctx, f))
	}
	if err != nil {
		return nil, err
	}
	page := row{goal: "P11", what: fmt.Sprintf("Today, %d schools, %d children, %d batches a second meanwhile: p95", todaySchools, todaySchools*batchPupils, todayRate), unit: "ms", limit: todayLimit}
	ratio := row{goal: "P11", what: "Today against its bare queries: wall, median", limit: todayRatio}
	reader, err := l.newReader(ctx)
	if err != nil {
		return nil, err
	}
	alone := row{what: "Today, nothing arriving: CPU for each page", unit: "ms"}
	for range b.pairs() {
		each, err := l.cpuOfPage(ctx, reader)
		if err != nil {
			return nil, err
		}
		alone.values = append(alone.values, millis(each))
		took, bare, err := b.look(ctx, l, product, f, schools, reader)
		if err != nil {
			return nil, err
		}
		page.values = append(page.values, millis(took.percentile(95)))
		ratio.values = append(ratio.values, float64(took.percentile(50))/float64(bare.percentile(50)))
		page.note = fmt.Sprintf("%d pages; p50 %.0f, longest %.0f ms, %d KiB", took.uploads, millis(took.percentile(50)), millis(took.percentile(100)), reader.size>>10)
		ratio.note = fmt.Sprintf("bare p50 %.0f, p95 %.0f ms", millis(bare.percentile(50)), millis(bare.percentile(95)))
	}
	return []row{page, ratio, alone}, l.process.Stop()
}

// cpuOfPage is what the collector and its database use for one page when nothing
// else happens: unlike the time that it takes, it does not depend on what else
// the machine does.
func (l *place) cpuOfPage(ctx context.Context, r *reader) (time.Duration, error) {
	const pages = 20
	before, err := l.cpu()
	for range pages {
		if err == nil {
			err = r.page(ctx)
		}
	}
	if err != nil {
		return 0, err
	}
	after, err := l.cpu()
	return (after - before) / pages, err
}

// look opens the page, and reads its rows barely, in turn while batches arrive.
func (b *bench) look(ctx context.Context, l *place, product *server, f *fleet, schools *schoolsOfToday, r *reader) (took, bare load, err error) {
	seconds := b.pick(10, 25)
	uploads, err := each(some(f.agents[todaySilent:], seconds*todayRate), schools.delta)
	if err != nil {
		return took, bare, err
	}
	b.say("opening the page for %d s while %d batches arrive", seconds, len(uploads))
	sent := make(chan error, 1)
	go func() {
		_, err := product.send(ctx, uploads, pace{workers: underWay, perSecond: todayRate})
		sent <- err
	}()
	for done := false; !done; {
		select {
		case err = <-sent:
			done = true
		default:
			begin := time.Now()
			if err := r.page(ctx); err != nil {
				return took, bare, errors.Join(err, <-sent)
			}
			opened := time.Now()
			if err := l.bareToday(ctx, r.authority); err != nil {
				return took, bare, errors.Join(err, <-sent)
			}
			took.latency, bare.latency = append(took.latency, opened.Sub(begin)), append(bare.latency, time.Since(opened))
		}
	}
	took.uploads = len(took.latency)
	if err == nil && took.uploads < 5 {
		err = fmt.Errorf("only %d pages were opened", took.uploads)
	}
	return took, bare, err
}

// some are n of the agents, in turn.
func some(agents []*agent, n int) []*agent {
	var list []*agent
	for len(list) < n {
		list = append(list, agents[:min(len(agents), n-len(list))]...)
	}
	return list
}

// schoolDay makes the present moment one at which registers are due and in, on
// whatever day and at whatever time this runs, except at the silent schools,
// which have sent nothing since the day before yesterday, and lets every agent have
// spoken.
func (l *place) schoolDay(ctx context.Context, f *fleet) error {
	return l.db.Write(ctx, func(tx *database.Tx) error {
		now := time.Now()
		from, to := now.AddDate(0, 0, -7).Format(time.DateOnly), now.AddDate(0, 0, 7).Format(time.DateOnly)
		for i, a := range f.agents {
			if _, err := tx.Exec(ctx, `INSERT INTO calendar_entries (school, first_day, session, kind, last_day, authority, changed_by, changed_at)
				VALUES (?, ?, '', 'open', ?, '', 'bench', 0)`, a.school, from, to); err != nil {
				return err
			}
			for _, session := range []string{"AM", "PM"} {
				if _, err := tx.Exec(ctx, `INSERT INTO session_times (school, from_day, session, register_at, late_at, not_received_at, authority, changed_by, changed_at)
					VALUES (?, ?, ?, 0, 0, 0, '', 'bench', 0)`, a.school, from, session); err != nil {
					return err
				}
			}
			frame, err := a.checkin(now)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE attempts SET checkin = ? WHERE school = ?", frame, a.school); err != nil {
				return err
			}
			if i >= todaySilent {
				continue
			}
			if _, err := tx.Exec(ctx, "UPDATE positions SET attendance_as_at = ? WHERE school = ?", database.Micros(now.AddDate(0, 0, -2)), a.school); err != nil {
				return err
			}
		}
		return nil
	})
}

// A reader is a person in front of the page.
type reader struct {
	authority string
	browser   *stack.Browser
	size      int
}

func (l *place) newReader(ctx context.Context) (*reader, error) {
	r := &reader{authority: authorities[0]}
	who, err := l.Join(ctx, stack.Person{Name: "reader", Role: "administrator", Authorities: []string{r.authority}})
	if err != nil {
		return nil, fmt.Errorf("invite a reader of the page: %w", err)
	}
	if r.browser, err = l.As(ctx, who); err != nil {
		return nil, fmt.Errorf("sign a reader in: %w", err)
	}
	// As a browser that looks again has it: the handshake is not the page.
	r.browser.Client.Transport.(*http.Transport).DisableKeepAlives = false
	return r, nil
}

func (r *reader) page(ctx context.Context) error {
	page, err := r.browser.Get(ctx, "/")
	if err == nil && page.Code != http.StatusOK {
		err = fmt.Errorf("the page Today was answered with %d", page.Code)
	}
	r.size = len(page.Body)
	return err
}

// bareQueries read the rows that Today is made of, each in the best way; the
// parameter is the authority, and of the first the week too.
var bareQueries = []string{
	`SELECT p.school, p.pupil, p.key, p.upn_index, w.version, w.body, w.received_at, w.refused, w.held FROM provisions q
		JOIN pupils p ON p.school = q.school AND p.authority = q.authority AND p.left_at IS NULL
		LEFT JOIN records w ON w.school = p.school AND w.dataset = 'attendance' AND w.key = p.pupil || CAST(? AS TEXT) WHERE q.authority = ?`,
	`SELECT s.school, s.name, s.phone, s.revoked_at, o.given, o.pupils_as_at, o.attendance_as_at, o.applied_at, a.sign_key, a.state, t.heard_at, t.checkin FROM provisions q
		JOIN schools s ON s.school = q.school LEFT JOIN positions o ON o.school = s.school LEFT JOIN agents a ON a.school = s.school
		LEFT JOIN attempts t ON t.school = a.school AND t.agent = a.agent WHERE q.authority = ?`,
	`SELECT e.school, e.first_day, e.session, e.kind, e.last_day FROM provisions q JOIN calendar_entries e ON e.school = q.school WHERE q.authority = ?`,
	`SELECT t.school, t.from_day, t.session, t.register_at, t.late_at, t.not_received_at FROM provisions q JOIN session_times t ON t.school = q.school WHERE q.authority = ?`,
	`SELECT school, call, body FROM calls WHERE authority = ?`,
	`SELECT h.school, h.code, h.dataset FROM provisions q JOIN holds h ON h.school = q.school AND h.released_at IS NULL WHERE q.authority = ?`,
}

// bareToday is the yardstick of the page: every row is read, and nothing is done
// with it.
func (l *place) bareToday(ctx context.Context, authority string) error {
	return l.db.Read(ctx, func(tx *database.Tx) error {
		for i, query := range bareQueries {
			args := []any{authority}
			if i == 0 {
				args = slices.Insert(args, 0, any("/"+monday(time.Now())))
			}
			if err := drain(ctx, tx, query, args); err != nil {
				return fmt.Errorf("read the rows of Today: %w", err)
			}
		}
		return nil
	})
}

func drain(ctx context.Context, tx *database.Tx, query string, args []any) (err error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	cells := make([]any, len(columns))
	for i := range cells {
		cells[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return err
		}
	}
	return rows.Err()
}
