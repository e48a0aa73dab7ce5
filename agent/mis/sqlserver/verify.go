package sqlserver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// objectsAtOnce is how many objects one question about columns is written for.
const objectsAtOnce = 50

// askColumns lists the columns of the named objects that the login may see.
var askColumns = fix(columnsText())

func columnsText() string {
	var b strings.Builder
	b.WriteString("SELECT c.TABLE_SCHEMA AS s, c.TABLE_NAME AS n, c.COLUMN_NAME AS c, c.DATA_TYPE AS t, c.CHARACTER_MAXIMUM_LENGTH AS l, " +
		"c.NUMERIC_PRECISION AS p, c.NUMERIC_SCALE AS d FROM INFORMATION_SCHEMA.COLUMNS AS c WHERE")
	for i := range objectsAtOnce {
		if i > 0 {
			b.WriteString(" OR")
		}
		fmt.Fprintf(&b, " (c.TABLE_SCHEMA = @p%d AND c.TABLE_NAME = @p%d)", 2*i+1, 2*i+2)
	}
	return b.String()
}

// askSelect says whether an object may be read: 1, 0, or NULL for an object
// that does not exist or whose rights are not shown.
var askSelect = fix("SELECT HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'SELECT') AS r")

// askUser is the database's name for who is signed on, for a GRANT.
var askUser = fix("SELECT USER_NAME() AS u")

// Verify compares the database with what queries need, so that a view that was
// renamed or rebuilt is named before anything is read. It returns a line
// "schema.object.column type" for each column needed, sorted, for a
// fingerprint; a column that nobody needs changes nothing.
//
// Everything that does not fit is in one *Fault: of Reason Right if all of it
// is that the login may not read an object that is there, else Schema.
func (s *Session) Verify(ctx context.Context, needs []Need) (seen []string, err error) {
	found, err := s.columns(ctx, needs)
	if err != nil {
		return nil, fmt.Errorf("compare the database with what is needed: %w", err)
	}
	var problems []problem
	for _, n := range sorted(needs) {
		there := found[n.Object]
		if len(there) == 0 {
			p, err := s.invisible(ctx, n)
			if err != nil {
				return nil, fmt.Errorf("compare the database with what is needed: %w", err)
			}
			problems = append(problems, p)
			continue
		}
		if wrong := n.compare(there); len(wrong) > 0 {
			problems = append(problems, problem{object: n.Object, reason: Schema, unseen: n.unseen(there), text: strings.Join(wrong, "; "), do: n.advice()})
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(n.Columns)) {
			c, _ := there.find(name)
			seen = append(seen, fmt.Sprintf("%s.%s.%s %s", n.Object.Schema, n.Object.Name, name, c.typed))
		}
	}
	if len(problems) > 0 {
		return nil, joined(problems)
	}
	slices.Sort(seen)
	return seen, nil
}

// columns are those of the needed objects, as far as the login may see them.
func (s *Session) columns(ctx context.Context, needs []Need) (map[Object]shape, error) {
	found := map[Object]shape{}
	for chunk := range slices.Chunk(sorted(needs), objectsAtOnce) {
		args := make([]any, 2*objectsAtOnce)
		for i, n := range chunk {
			args[2*i], args[2*i+1] = n.Object.Schema, n.Object.Name
		}
		err := s.ask(ctx, askColumns, args, func(cells []Cell) error {
			base := strings.ToLower(cells[3].Text)
			o := named(chunk, cells[0].Text, cells[1].Text)
			found[o] = append(found[o], described{
				name: strings.Clone(cells[2].Text), base: base,
				typed: typed(base, cells[4].Text, cells[5].Text, cells[6].Text), whole: cells[6].Text == "0",
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// named is the need's own spelling of an object that the server named.
func named(needs []Need, schema, name string) Object {
	exact := Object{Schema: strings.Clone(schema), Name: strings.Clone(name)}
	for _, n := range needs {
		if n.Object == exact {
			return exact
		}
	}
	for _, n := range needs {
		if strings.EqualFold(n.Object.Schema, schema) && strings.EqualFold(n.Object.Name, name) {
			return n.Object
		}
	}
	return exact
}

func sorted(needs []Need) []Need {
	return slices.SortedFunc(slices.Values(needs), func(a, b Need) int { return strings.Compare(a.Object.String(), b.Object.String()) })
}

// compare says what is wrong with the columns that are there.
func (n Need) compare(there shape) (wrong []string) {
	for _, name := range slices.Sorted(maps.Keys(n.Columns)) {
		c, ok := there.find(name)
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("column %s is missing, or the login may not see it", bracket(name)))
		case !c.fits(n.Columns[name]):
			wrong = append(wrong, c.misfit(n.Columns[name]))
		}
	}
	return wrong
}

// unseen says whether every column that is there fits.
func (n Need) unseen(there shape) bool {
	for name, kind := range n.Columns {
		if c, ok := there.find(name); ok && !c.fits(kind) {
			return false
		}
	}
	return true
}

// advice says what to do about an object that is not as it is needed.
func (n Need) advice() string {
	if n.Evidence == "documented" {
		return "ask the database administrator to make the view as docs/mis/sql-views.md prints it; a column that the MIS does not hold is given as CAST(NULL AS …), and a view that the school does not give is left out (mis.datasets.….drop)"
	}
	return "these names were seen at another school and are promised by nobody: ask the database administrator what they are called here and put that into the site file (mis.site_file), or use the profile sql-views"
}

// A problem is what Verify found about one object.
type problem struct {
	object   Object
	reason   Reason
	unseen   bool
	text, do string
}

// invisible tells a missing right from a missing object, as far as the server
// says it.
func (s *Session) invisible(ctx context.Context, n Need) (problem, error) {
	right, err := s.answer(ctx, askSelect, n.Object.String())
	if err != nil {
		return problem{}, err
	}
	user, err := s.answer(ctx, askUser)
	if err != nil {
		return problem{}, err
	}
	p := problem{object: n.Object, reason: Schema, unseen: true, text: "does not exist, or the login may not see it",
		do: "if it is there, ask the database administrator to run " + grant(n.Object, user.Text) + " If not, " + n.advice()}
	if right.Text == "0" {
		p.reason, p.text, p.do = Right, "the login may not read it", "ask the database administrator to run "+grant(n.Object, user.Text)
	}
	return p, nil
}

func grant(o Object, user string) string {
	return fmt.Sprintf("GRANT SELECT ON %s TO %s;", o, bracket(user))
}

// answer is the only cell of the only row of a fixed statement.
func (s *Session) answer(ctx context.Context, f fixed, args ...any) (Cell, error) {
	answer := Cell{Null: true}
	err := s.ask(ctx, f, args, func(cells []Cell) error {
		answer = cells[0]
		answer.Text = strings.Clone(answer.Text)
		return nil
	})
	return answer, err
}

// joined makes one Fault of all that was found.
func joined(problems []problem) *Fault {
	f := &Fault{Reason: Right, Unseen: true}
	if len(problems) == 1 {
		f.Object = problems[0].object.String()
	}
	var sentences []string
	for _, p := range problems {
		f.Unseen = f.Unseen && p.unseen
		if p.reason != Right {
			f.Reason = p.reason
		}
		sentences = append(sentences, fmt.Sprintf("%s: %s. What to do: %s.", p.object, p.text, p.do))
	}
	f.Text = strings.Join(sentences, " ")
	return f
}
