package sqlserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// shown is how many objects a finding names before it only counts.
const shown = 10

// rights are those asked on each schema and object, in the order of the answer.
var rights = []string{"CONTROL", "SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "ALTER"}

// askSchemas and askObjects list what the login sees, with its rights.
var (
	askSchemas = fix("SELECT s.name AS s, " + rightsText("QUOTENAME(s.name)", "SCHEMA") +
		" FROM sys.schemas AS s WHERE s.schema_id < 16384 AND s.name NOT IN ('sys', 'INFORMATION_SCHEMA')")
	askObjects = fix("SELECT s.name AS s, o.name AS o, o.type AS t, " + rightsText("QUOTENAME(s.name) + N'.' + QUOTENAME(o.name)", "OBJECT") +
		" FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id" +
		" WHERE o.is_ms_shipped = 0 AND o.type IN ('U', 'V', 'P', 'PC', 'FN', 'FS', 'AF', 'IF', 'TF', 'FT')")
)

func rightsText(name, class string) string {
	var columns []string
	for i, r := range rights {
		columns = append(columns, fmt.Sprintf("HAS_PERMS_BY_NAME(%s, '%s', '%s') AS r%d", name, class, r, i))
	}
	return strings.Join(columns, ", ")
}

// meaningful are the rights that do something, by the type of an object.
var meaningful = map[string][]string{
	"U": {"CONTROL", "SELECT", "INSERT", "UPDATE", "DELETE", "ALTER"}, "V": {"CONTROL", "SELECT", "INSERT", "UPDATE", "DELETE", "ALTER"},
	"IF": {"CONTROL", "SELECT", "ALTER"}, "TF": {"CONTROL", "SELECT", "ALTER"}, "FT": {"CONTROL", "SELECT", "ALTER"},
	"P": {"CONTROL", "EXECUTE", "ALTER"}, "PC": {"CONTROL", "EXECUTE", "ALTER"}, "FN": {"CONTROL", "EXECUTE", "ALTER"},
	"FS": {"CONTROL", "EXECUTE", "ALTER"}, "AF": {"CONTROL", "EXECUTE", "ALTER"},
}

// tooMuch looks for every right that reading the needs does not take.
func (p *probe) tooMuch(ctx context.Context, needs []Need) error {
	before := len(p.findings)
	covered, all, err := p.wides(ctx)
	if err != nil {
		return err
	}
	if !all {
		schemas, err := p.schemas(ctx, covered)
		if err != nil {
			return err
		}
		if err := p.objects(ctx, needs, covered, schemas); err != nil {
			return err
		}
	}
	if len(p.findings) == before {
		p.ok("The login may do nothing else that was looked for: no role, no right to write, to execute or to read other tables")
	}
	return nil
}

// schemas reports rights over a whole schema, and returns them as "schema
// RIGHT". The right to read one is judged by what is in it.
func (p *probe) schemas(ctx context.Context, covered map[string]bool) (map[string]bool, error) {
	held := map[string]bool{}
	err := p.ask(ctx, askSchemas, nil, func(cells []Cell) error {
		name := strings.Clone(cells[0].Text)
		for i, r := range rights {
			if cells[1+i].Text != "1" || covered[r] || held[name+" CONTROL"] {
				continue
			}
			held[name+" "+r] = true
			if r != "SELECT" {
				p.warn(fmt.Sprintf("Too much: the login has the right %s on the whole schema %s", r, bracket(name)), askAdministrator, p.revokeSchema(r, name))
			}
		}
		return nil
	})
	return held, err
}

func (p *probe) revokeSchema(right, schema string) string {
	return runnable(fmt.Sprintf("REVOKE %s ON SCHEMA::%s FROM %s;", right, bracket(schema), bracket(p.user)))
}

// runnable is a line of T-SQL that can be handed over. Whoever may make tables
// chooses their names, and a tool that splits a script at lines with GO does so
// within a name too: what follows would be run with an administrator's rights.
func runnable(line string) string {
	if strings.ContainsFunc(line, unicode.IsControl) {
		return "-- not printed: a name in this line has a line break or another control character; take the right away by hand"
	}
	return line
}

// A hoard is the objects on which the login has one right too much.
type hoard struct {
	objects int
	names   []string // the first few
	revoke  []string // the first few, each once
}

// objects reports what is left: rights on single tables, views and procedures.
func (p *probe) objects(ctx context.Context, needs []Need, covered, schemas map[string]bool) error {
	hoards := map[string]*hoard{}
	unproven := 0
	err := p.ask(ctx, askObjects, nil, func(cells []Cell) error {
		o := named(needs, cells[0].Text, cells[1].Text)
		if schemas[o.Schema+" CONTROL"] {
			return nil // everything in it follows from that
		}
		needed := slices.ContainsFunc(needs, func(n Need) bool { return n.Object == o })
		useful := meaningful[strings.TrimSpace(cells[2].Text)]
		for i, r := range rights {
			cell := cells[3+i]
			if !slices.Contains(useful, r) || covered[r] || needed && r == "SELECT" {
				continue
			}
			if cell.Null {
				unproven++
				continue
			}
			bySchema := schemas[o.Schema+" "+r]
			if cell.Text != "1" || bySchema && r != "SELECT" {
				continue
			}
			p.hoard(hoards, r, o, bySchema)
			if r == "CONTROL" {
				break // the others follow from it
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range rights {
		if h := hoards[r]; h != nil {
			p.warn(h.what(r), askAdministrator+"; if the right comes by a role or a group, take it away there", strings.Join(h.revoke, "\n"))
		}
	}
	if unproven > 0 {
		p.warn(fmt.Sprintf("The server does not say about %d rights on single objects whether the login has them (not proven)", unproven), "ask the database administrator to look", "")
	}
	return nil
}

func (p *probe) hoard(hoards map[string]*hoard, right string, o Object, bySchema bool) {
	h := hoards[right]
	if h == nil {
		h = &hoard{}
		hoards[right] = h
	}
	h.objects++
	if len(h.names) < shown {
		h.names = append(h.names, o.String())
	}
	line := runnable(fmt.Sprintf("REVOKE %s ON %s FROM %s;", right, o, bracket(p.user)))
	if bySchema {
		line = p.revokeSchema(right, o.Schema)
	}
	switch {
	case slices.Contains(h.revoke, line):
	case len(h.revoke) < shown:
		h.revoke = append(h.revoke, line)
	case len(h.revoke) == shown:
		h.revoke = append(h.revoke, "-- and so on; run rollbridge-agent profile test again for the rest")
	}
}

func (h *hoard) what(right string) string {
	more := ""
	if h.objects > len(h.names) {
		more = fmt.Sprintf(" and %d more", h.objects-len(h.names))
	}
	which := "on"
	if right == "SELECT" {
		which = "on what is not needed:"
	}
	return fmt.Sprintf("Too much: the login has the right %s %s %s%s", right, which, strings.Join(h.names, ", "), more)
}
