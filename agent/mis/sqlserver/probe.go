package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Level is how a finding is to be taken.
type Level string

// The levels.
const (
	LevelOK   Level = "ok"   // as it should be
	LevelWarn Level = "warn" // a read works; a person should look
	LevelFail Level = "fail" // a read would end here
)

// A Finding is one thing that Probe looked at. It names objects and counts
// rows; it never holds a value of one.
type Finding struct {
	Level Level  `json:"level"`
	What  string `json:"what"`           // what was found
	Do    string `json:"do,omitempty"`   // what to do, and whom to ask
	TSQL  string `json:"tsql,omitempty"` // lines to hand to the database administrator

	About   About  `json:"-"`
	Object  string `json:"-"` // the one it is about, "" for none
	Problem string `json:"-"` // the code of a read that fails for it, "" where the finding is no such fault
}

// An About is what kind of thing a finding is about.
type About string

// The kinds of things that Probe looks at.
const (
	AboutServer   About = "server"   // the server, the database and the way to them
	AboutObject   About = "object"   // something that is needed
	AboutExcess   About = "excess"   // rights that are not needed
	AboutWithheld About = "withheld" // rows that the login may not see
)

// PagePassword is the password that docs/mis/sql-views.md prints, which is
// therefore no secret.
const PagePassword = "Replace-this-by-31-of-your-own!"

// countLimit bounds how many rows of one object Probe has counted: it is asked
// on the server that runs the school's day.
const countLimit = 100_000

// askColumnRights says of each column that is seen whether it may be read.
var askColumnRights = fix("SELECT c.COLUMN_NAME AS c, HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'SELECT', c.COLUMN_NAME, 'COLUMN') AS r " +
	"FROM INFORMATION_SCHEMA.COLUMNS AS c WHERE c.TABLE_SCHEMA = @p2 AND c.TABLE_NAME = @p3")

// A probe is the state of one Probe.
type probe struct {
	*Session
	login, user, database string
	major                 int // version of the server: 11 is SQL Server 2012
	about                 About
	object                string // that is looked at
	findings              []Finding
}

// Probe looks at what a set-up must have: that everything needed is there, of
// a type that can be read, readable and not empty; and that the login may do
// no more than that. It sends about three statements for each object and six
// more. Findings come in the order in which a person should read them.
//
// An error means that the look could not be finished; what is missing in the
// database is a Finding.
func (s *Session) Probe(ctx context.Context, needs []Need) ([]Finding, error) {
	p := &probe{Session: s}
	for _, look := range []struct {
		about About
		at    func(context.Context, []Need) error
	}{{AboutServer, p.server}, {AboutObject, p.needs}, {AboutExcess, p.tooMuch}, {AboutWithheld, p.withheld}} {
		p.about = look.about
		if err := look.at(ctx, needs); err != nil {
			return p.findings, fmt.Errorf("look at the database: %w", err)
		}
	}
	return p.findings, nil
}

func (p *probe) ok(what string, args ...any) {
	p.found(LevelOK, fmt.Sprintf(what, args...), "", "")
}

func (p *probe) warn(what, do, tsql string) {
	p.found(LevelWarn, what, do, tsql)
}

func (p *probe) fail(what, do, tsql string) {
	p.found(LevelFail, what, do, tsql)
}

func (p *probe) found(level Level, what, do, tsql string) {
	p.findings = append(p.findings, Finding{Level: level, What: what, Do: do, TSQL: tsql, About: p.about, Object: p.object})
}

// needs looks at each object that queries read.
func (p *probe) needs(ctx context.Context, needs []Need) error {
	found, err := p.columns(ctx, needs)
	if err != nil {
		return err
	}
	defer func() { p.object = "" }()
	for _, n := range sorted(needs) {
		p.object = n.Object.String()
		if err := p.need(ctx, n, found[n.Object]); err != nil {
			return err
		}
	}
	return nil
}

func (p *probe) need(ctx context.Context, n Need, there shape) error {
	right, err := p.answer(ctx, askSelect, n.Object.String())
	if err != nil {
		return err
	}
	if len(there) == 0 {
		what, do := "does not exist, or the login may not see it", n.advice()
		if right.Text == "0" {
			what, do = "the login may not read it", askAdministrator
		}
		p.fail(fmt.Sprintf("%s: %s", n.Object, what), do, grant(n.Object, p.user))
		return nil
	}
	if wrong := n.compare(there); len(wrong) > 0 {
		p.fail(fmt.Sprintf("%s: %s", n.Object, strings.Join(wrong, "; ")), n.advice(), "")
		return nil
	}
	readable, err := p.readable(ctx, n, there, right)
	if err != nil || !readable {
		return err
	}
	return p.rows(ctx, n, there)
}

const askAdministrator = "ask the database administrator to run the T-SQL"

// readable looks at the rights on the object and on each column.
func (p *probe) readable(ctx context.Context, n Need, there shape, whole Cell) (bool, error) {
	rights := map[string]Cell{}
	err := p.ask(ctx, askColumnRights, []any{n.Object.String(), n.Object.Schema, n.Object.Name}, func(cells []Cell) error {
		rights[strings.Clone(cells[0].Text)] = Cell{Text: strings.Clone(cells[1].Text), Null: cells[1].Null}
		return nil
	})
	if err != nil {
		return false, err
	}
	denied, unproven := n.denied(there, rights)
	switch {
	case len(denied) == len(n.Columns):
		p.fail(fmt.Sprintf("%s: the login may not read it", n.Object), askAdministrator, grant(n.Object, p.user))
	case len(denied) > 0:
		columns := strings.Join(denied, ", ")
		p.fail(fmt.Sprintf("%s: the login may not read %s", n.Object, columns),
			askAdministrator+"; if that does not help, a DENY on these columns is to be revoked",
			fmt.Sprintf("GRANT SELECT ON %s (%s) TO %s;", n.Object, columns, bracket(p.user)))
	case len(unproven) > 0 || whole.Null:
		p.warn(fmt.Sprintf("%s: the server does not say whether the login may read it (not proven)", n.Object),
			"look at the next line: if rows were counted, it may; otherwise "+askAdministrator, grant(n.Object, p.user))
	}
	return len(denied) == 0, nil
}

// denied are the columns needed that may not be read, and those of which the
// server does not say it (NULL is no yes and no no).
func (n Need) denied(there shape, rights map[string]Cell) (denied, unproven []string) {
	for _, name := range slices.Sorted(maps.Keys(n.Columns)) {
		c, _ := there.find(name)
		switch r, asked := rights[c.name]; {
		case !asked || r.Null:
			unproven = append(unproven, bracket(c.name))
		case r.Text != "1":
			denied = append(denied, bracket(c.name))
		}
	}
	return denied, unproven
}

// rows counts what is there, with every column, so that a read is known to work.
func (p *probe) rows(ctx context.Context, n Need, there shape) error {
	q, names, err := n.counting(there)
	if err != nil {
		return err
	}
	var counts []int
	err = p.Query(ctx, q, Values{}, func(cells []Cell) error {
		for _, c := range cells {
			number, err := strconv.Atoi(c.Text)
			if err != nil {
				return &Fault{Reason: Data, Object: n.Object.String(), Text: "the server's answer to a count is not a number"}
			}
			counts = append(counts, number)
		}
		return nil
	})
	var fault *Fault
	switch {
	case errors.As(err, &fault) && (fault.Reason == Right || fault.Reason == Schema || fault.Reason == Data):
		p.fail(fmt.Sprintf("%s: a read fails: %s", n.Object, fault.Text), "ask the database administrator", "")
		return nil
	case err != nil:
		return err
	case len(counts) != len(names)+1:
		return &Fault{Reason: Data, Object: n.Object.String(), Text: "the server's answer to a count has no row"}
	}
	p.counted(n, names, counts[0], counts[1:])
	return nil
}

// counted judges the counts.
func (p *probe) counted(n Need, names []string, rows int, filled []int) {
	if rows == 0 {
		p.warn(fmt.Sprintf("%s can be read and has no rows", n.Object),
			"either there is nothing to read at this school, or rows are withheld from this login: ask the database administrator to count them under their own login and compare",
			fmt.Sprintf("SELECT COUNT(*) FROM %s;", n.Object))
		return
	}
	var nothing []string
	whole := true
	for i, name := range names {
		if empty := rows - filled[i]; empty > 0 && n.Columns[name] == KindID {
			p.fail(fmt.Sprintf("%s: %s is empty in %d of %s rows", n.Object, bracket(name), empty, number(rows)),
				"an identifier must never be empty: ask the database administrator whether the view leaves it out or a right to it is missing below the view", "")
			whole = false
		} else if filled[i] == 0 {
			nothing = append(nothing, bracket(name))
		}
	}
	if !whole {
		return
	}
	note := ""
	if len(nothing) > 0 {
		note = "; nothing in " + strings.Join(nothing, ", ") + " (right if the MIS holds nothing there)"
	}
	p.ok("%s can be read, all %d columns; rows: %s%s", n.Object, len(names), number(rows), note)
}

func number(rows int) string {
	if rows > countLimit {
		return "more than " + strconv.Itoa(countLimit)
	}
	return strconv.Itoa(rows)
}

// counting is the query that counts an object's rows and, of each column
// needed, the values. Its text is made of identifiers only.
func (n Need) counting(there shape) (Select, []string, error) {
	names := slices.Sorted(maps.Keys(n.Columns))
	var counts, columns []string
	for i, name := range names {
		value := "t." + bracket(name)
		if c, _ := there.find(name); c.isText() {
			value = "NULLIF(" + value + ", '')"
		}
		counts = append(counts, fmt.Sprintf("COUNT(%s) AS c%d", value, i))
		columns = append(columns, "o."+bracket(name))
	}
	q, err := ParseSelect(fmt.Sprintf("SELECT COUNT(*) AS n, %s FROM (SELECT TOP (%d) %s FROM %s AS o) AS t",
		strings.Join(counts, ", "), countLimit+1, strings.Join(columns, ", "), n.Object))
	if err != nil {
		return Select{}, nil, &Fault{Reason: Setting, Object: n.Object.String(),
			Text: fmt.Sprintf("%s cannot be counted: %v", n.Object, err)}
	}
	return q, names, nil
}
