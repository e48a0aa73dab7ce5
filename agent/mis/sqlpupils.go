package mis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A sqlSchool is the row of the query school that is this school.
type sqlSchool struct {
	id     string
	pupils int // on roll
	// lookedAfter is how many rows who must give, -1 where the MIS does not say.
	lookedAfter int
	asAt        time.Time
}

// readSchool finds out which school this is, and whether the login sees its
// pupils at all: an empty answer without an error is the commonest failure.
func (q *sqlReading) readSchool(ctx context.Context) (sqlSchool, error) {
	const d = record.DatasetPupil
	var chosen map[string]string
	names, count := q.plan.sql.school.Columns(), 0
	err := q.session.Query(ctx, q.plan.sql.school, q.values(q.plan.sql.school, nil), func(cells []sqlserver.Cell) error {
		if count++; count > maxSchools {
			return fault(d, "the query school gives more than %d rows: it must give one for each school", maxSchools)
		}
		row := map[string]string{}
		for i, name := range names {
			if !cells[i].Null {
				row[name] = strings.Clone(strings.TrimSpace(cells[i].Text))
			}
		}
		if own := q.plan.sql.schoolID; own == "" || strings.EqualFold(own, row[schoolID]) {
			if chosen != nil && own != "" {
				return fault(d, "the query school gives two rows for the school that mis.server.school names: it must give one for each school")
			}
			chosen = row
		}
		return nil
	})
	switch {
	case err != nil:
		return sqlSchool{}, sqlFault(d, err)
	case count == 0:
		return sqlSchool{}, fault(d, "the query school gives no row: check that this is the MIS's database, and that the login is shown the rows of its tables and views")
	case chosen == nil:
		return sqlSchool{}, fault(d, "mis.server.school names no school of this database, which has %d: correct it", count)
	case count > 1 && q.plan.sql.schoolID == "":
		return sqlSchool{}, fault(d, "this database has %d schools: set mis.server.school to the id of this one", count)
	}
	return q.schoolOf(chosen)
}

// schoolOf reads the values of the school's row.
func (q *sqlReading) schoolOf(row map[string]string) (sqlSchool, error) {
	const d = record.DatasetPupil
	s := sqlSchool{id: row[schoolID], lookedAfter: -1, asAt: q.report.Started.UTC()}
	if s.id == "" {
		return s, fault(d, "the query school, column School: the school has no id: correct the view or the query")
	}
	var err error
	if s.pupils, err = strconv.Atoi(row[schoolPupils]); err != nil || s.pupils < 0 {
		return s, fault(d, "the query school, column Pupils: it is not a number of pupils: correct the view or the query")
	}
	if s.pupils == 0 {
		return s, &Error{Problem: protocol.ProblemRightMissing, Dataset: d,
			Text: "the MIS shows this login a school without a single pupil on roll: check mis.server.database and mis.server.school, and that nothing hides the rows from the login (row level security, views that filter by user)"}
	}
	if text := row[schoolLooked]; text != "" {
		if s.lookedAfter, err = strconv.Atoi(text); err != nil || s.lookedAfter < 0 {
			return s, fault(d, "the query school, column LookedAfter: it is not a number of pupils: correct the view or the query, or give NULL")
		}
	}
	if text := row[schoolAsAt]; text != "" {
		made, err := time.ParseInLocation(time.DateTime, text, london)
		if err != nil || made.Year() < 1900 {
			return s, fault(d, "the query school, column AsAt: it is not the time at which a copy was made: correct the view or the query, or give NULL for the live database")
		}
		s.asAt = q.notLater(d, made)
	}
	return s, nil
}

// An askedPupil is a pupil who was admitted and whose own row is to come.
type askedPupil struct {
	id, exact         string // as records are named by; as the database wrote it
	marker, authority string // as the database has them
	yes               admission
	at                place
	row               int // of the query, 0 before it has come
}

// askedPupils finds pupils by id. A database may compare texts without regard
// to case, so that one table writes an id otherwise than another.
type askedPupils struct {
	all []*askedPupil
	ids[*askedPupil]
}

func newAskedPupils() askedPupils { return askedPupils{ids: newIDs[*askedPupil]()} }

func (a *askedPupils) add(p *askedPupil) {
	a.all = append(a.all, p)
	a.ids.add(p.id, p)
}

// values are those of @pupils: as the database wrote them, blanks included.
func (a *askedPupils) values() []string {
	values := make([]string, len(a.all))
	for i, p := range a.all {
		values[i] = p.exact
	}
	return values
}

// ids find what an id of the database stands for.
type ids[T comparable] struct {
	exact  map[string]T
	folded map[string][]T
}

func newIDs[T comparable]() ids[T] { return ids[T]{exact: map[string]T{}, folded: map[string][]T{}} }

func (x ids[T]) add(id string, to T) {
	x.exact[id] = to
	fold := strings.ToLower(id)
	x.folded[fold] = append(x.folded[fold], to)
}

// find is what was added under that id: exactly, or else without regard to case
// if that is one only; else nothing.
func (x ids[T]) find(id string) T {
	if found, ok := x.exact[id]; ok {
		return found
	}
	if near := x.folded[strings.ToLower(id)]; len(near) == 1 {
		return near[0]
	}
	var none T
	return none
}

// readWho asks who is in care, and has the gate decide about each.
func (q *sqlReading) readWho(ctx context.Context, school sqlSchool) error {
	const d = record.DatasetPupil
	one := q.query(d, "pupil.who", q.plan.sql.who)
	c := q.counts[d]
	var blanks int
	var blank place
	err := q.run(ctx, one, nil, func(raw rawRow, at place) error {
		c.rows++
		if raw[pID] == "" {
			if blanks++; blanks == 1 {
				blank = at
			}
			return nil
		}
		return q.whoRow(raw, one.exact, at)
	})
	switch {
	case err != nil:
		return err
	case blanks > 0 && blanks == c.rows:
		return &Error{Problem: protocol.ProblemIdentifier, Dataset: d,
			Text: fmt.Sprintf("the query pupil.who, %s: the identifier is empty in every row: the login may be kept from seeing it, or the query reads the wrong column", q.label(d, pID))}
	case blanks > 0:
		return q.fieldFault(d, blank, pID, "the identifier is empty: every pupil must have one; correct "+q.plan.words.maker)
	case c.rows < school.lookedAfter:
		return &Error{Problem: protocol.ProblemRightMissing, Dataset: d,
			Text: fmt.Sprintf("rows are withheld: the MIS counts %d pupils who are looked after or may be, and the query pupil.who gives %d: look for row level security or a view that filters by user, and that the view holds nobody who is clearly not in care", school.lookedAfter, c.rows)}
	}
	return nil
}

func (q *sqlReading) whoRow(raw rawRow, exact string, at place) error {
	const d = record.DatasetPupil
	if before, twice := q.pupils.add(raw[pID], origin{line: int32(at.line)}); twice {
		return q.fieldFault(d, at, pID, fmt.Sprintf("the pupil of row %d again: there must be one row for each pupil; remove joins that repeat a pupil", before.line))
	}
	raw[pUPN], raw[pDOB] = "", "" // of the row before
	if known := q.byUPN.find(raw[pID]); known != nil {
		known.marked = true
		raw[pUPN], raw[pDOB] = known.upn, known.dob
	}
	yes, err := q.gate(raw, at)
	if err != nil || !yes.ok() {
		return err
	}
	q.asked.add(&askedPupil{
		id: strings.Clone(raw[pID]), exact: strings.Clone(exact), marker: strings.Clone(raw[pInCare]), authority: strings.Clone(raw[pAuthority]),
		yes: yes, at: at,
	})
	return nil
}

// readPupils asks for the pupils admitted. Each must come once.
func (q *sqlReading) readPupils(ctx context.Context) (map[string]*child, error) {
	const d = record.DatasetPupil
	byID := map[string]*child{}
	one := q.query(d, string(d), q.plan.datasets[d].query)
	err := q.run(ctx, one, q.asked.values(), func(raw rawRow, at place) error {
		p, err := q.askedFor(d, raw, at)
		if err != nil {
			return err
		}
		if p.row != 0 {
			return q.fieldFault(d, at, pID, fmt.Sprintf("the pupil of row %d again: there must be one row for each pupil; remove joins that repeat a pupil", p.row))
		}
		p.row = at.line
		raw[pInCare], raw[pAuthority] = p.marker, p.authority
		if err := q.sameChild(p, raw, at); err != nil {
			return err
		}
		byID[p.id], err = q.admitted(raw, at, p.yes)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range q.asked.all {
		if p.row == 0 {
			return nil, fault(d, "%s: the pupil is missing from the answer to the query pupil: it must find every pupil whom pupil.who or pupil.by_upn gives; look for inner joins, and for ids that are written in two ways", p.at)
		}
	}
	return byID, nil
}

// askedFor finds the pupil of a row, and names the pupil in it as who did. A
// row of anybody else has crossed the wire already: the query is wrong.
func (q *sqlReading) askedFor(d record.Dataset, raw rawRow, at place) (*askedPupil, error) {
	if raw[pID] == "" {
		return nil, q.fieldFault(d, at, pID, "the identifier of the pupil is empty: every row must have one; correct "+q.plan.words.maker)
	}
	p := q.asked.find(raw[pID])
	if p == nil {
		return nil, q.fieldFault(d, at, pID, "it is not the id of one pupil who was asked for: the query must filter this column by IN (@pupils), and ids must be written in one way in all tables")
	}
	raw[pID] = p.id
	return p, nil
}

// readOwned asks for a dataset of the pupils admitted, or for the staff.
func (q *sqlReading) readOwned(ctx context.Context, d record.Dataset, use func(raw rawRow, at place) error) error {
	one := q.query(d, string(d), q.plan.datasets[d].query)
	var pupils []string
	if d.OfPupils() {
		pupils = q.asked.values()
	}
	err := q.run(ctx, one, pupils, func(raw rawRow, at place) error {
		q.counts[d].rows++
		if d.OfPupils() && raw[ofPupilID] != "" {
			if _, err := q.askedFor(d, raw, at); err != nil {
				return err
			}
		}
		return use(raw, at)
	})
	if err == nil && one.rows == 0 && (len(q.asked.all) > 0 || !d.OfPupils()) {
		q.none(d)
	}
	return err
}
