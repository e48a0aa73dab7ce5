package standin

import (
	"slices"
	"strings"

	"rollbridge/e2e/standin/tds"
	"rollbridge/e2e/standin/tsql"
)

// class is what a right is about.
type class int

const (
	onDatabase class = iota
	onSchema
	onObject
	onColumn
)

// A grant is one right given or denied.
type grant struct {
	class   class
	target  string // folded: "" for the database, a schema's name, an object's key
	column  string // folded
	right   string // upper case
	grantee string // folded
	deny    bool
}

// An answer is what the grants of one principal come to.
type answer int

const (
	nothing answer = iota
	granted
	denied
)

// visibleBy are the rights of which any makes an object's metadata visible.
var visibleBy = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "REFERENCES", "ALTER", "CONTROL", "VIEW DEFINITION", "TAKE OWNERSHIP"}

// fixedRights are what the fixed roles have on the whole database.
var fixedRights = []grant{
	{grantee: "db_datareader", right: "SELECT"},
	{grantee: "db_datawriter", right: "INSERT"}, {grantee: "db_datawriter", right: "UPDATE"}, {grantee: "db_datawriter", right: "DELETE"},
	{grantee: "db_ddladmin", right: "ALTER"},
	{grantee: "db_denydatareader", right: "SELECT", deny: true},
	{grantee: "db_denydatawriter", right: "INSERT", deny: true}, {grantee: "db_denydatawriter", right: "UPDATE", deny: true},
	{grantee: "db_denydatawriter", right: "DELETE", deny: true},
	{grantee: "public", right: "CONNECT"},
}

// databaseDDL are the database rights that ALTER on the database brings.
var databaseDDL = []string{"CREATE TABLE", "CREATE VIEW", "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE SCHEMA", "CREATE ROLE"}

// A reader answers what one session may do in one database. Its methods want
// the server's mutex held.
type reader struct {
	d     *database
	user  *principal
	roles map[string]bool
}

func (d *database) reader(user *principal) reader {
	return reader{d: d, user: user, roles: d.roles(user)}
}

// all says that nothing is checked: dbo.
func (r reader) all() bool { return fold(r.user.name) == "dbo" }

// on is what right on one object comes to, columns aside: a DENY anywhere from
// the object up to the database, else a GRANT, else ownership.
func (r reader) on(o *object, right string) answer {
	if r.all() {
		return granted
	}
	return r.weigh(right, r.roles[fold(o.schema.owner.name)] || r.roles["db_owner"], func(g grant) bool {
		return g.class == onDatabase || (g.class == onSchema && g.target == fold(o.Schema)) ||
			(g.class == onObject && g.target == o.key())
	})
}

// onSchema is the same of a schema.
func (r reader) onSchema(s *schema, right string) answer {
	if r.all() {
		return granted
	}
	return r.weigh(right, r.roles[fold(s.owner.name)] || r.roles["db_owner"], func(g grant) bool {
		return g.class == onDatabase || (g.class == onSchema && g.target == fold(s.name))
	})
}

// onDatabase is the same of the database.
func (r reader) onDatabase(right string) answer {
	if r.all() {
		return granted
	}
	return r.weigh(right, r.roles["db_owner"], func(g grant) bool { return g.class == onDatabase })
}

// weigh puts the grants that concern something together. DENY wins over GRANT
// and over ownership by a role (only dbo itself is beyond DENY).
func (r reader) weigh(right string, owner bool, concerns func(grant) bool) answer {
	result := nothing
	if owner {
		result = granted
	}
	for _, g := range slices.Concat(fixedRights, r.d.grants) {
		if !r.roles[g.grantee] || !concerns(g) || !covers(g, right) {
			continue
		}
		if g.deny {
			return denied
		}
		result = granted
	}
	return result
}

// covers says whether a grant of one right decides about another (Permissions
// hierarchy, Database Engine).
func covers(g grant, right string) bool {
	switch {
	case g.right == right, g.right == "CONTROL" && g.class != onColumn:
		return true
	case g.deny:
		return false
	case g.class == onDatabase && g.right == "ALTER":
		return slices.Contains(databaseDDL, right)
	}
	return right == "VIEW DEFINITION" && g.right == "ALTER"
}

// column is what right on one column comes to. A GRANT on the column is
// stronger than the same principal's DENY on the object (documented under
// DENY Object Permissions), a DENY on the column than any GRANT.
func (r reader) column(o *object, column, right string) answer {
	if r.all() {
		return granted
	}
	whole := r.on(o, right)
	var lifted []string
	for _, g := range r.d.grants {
		if g.class != onColumn || !r.roles[g.grantee] || g.target != o.key() || g.column != fold(column) || g.right != right {
			continue
		}
		if g.deny {
			return denied
		}
		lifted = append(lifted, g.grantee)
	}
	switch {
	case len(lifted) == 0:
		return whole
	case whole == denied && !r.deniedOnlyThere(o, right, lifted):
		return denied
	}
	return granted
}

// deniedOnlyThere says that every DENY of right is one on the object itself, of
// a principal that has the column.
func (r reader) deniedOnlyThere(o *object, right string, grantees []string) bool {
	for _, g := range slices.Concat(fixedRights, r.d.grants) {
		if !g.deny || g.class == onColumn || !r.roles[g.grantee] || !covers(g, right) {
			continue
		}
		switch {
		case g.class == onSchema && g.target != fold(o.Schema), g.class == onObject && g.target != o.key():
		case g.class != onObject || !slices.Contains(grantees, g.grantee):
			return false
		}
	}
	return true
}

// visible says whether the session sees that an object exists (Metadata
// Visibility Configuration): it owns it or has some right on it or on a column,
// and nobody has denied it VIEW DEFINITION.
func (r reader) visible(o *object) bool {
	if r.on(o, "VIEW DEFINITION") == denied {
		return false
	}
	for _, right := range visibleBy {
		if r.on(o, right) == granted {
			return true
		}
	}
	for _, g := range r.d.grants {
		if g.class == onColumn && !g.deny && r.roles[g.grantee] && g.target == o.key() && r.column(o, g.column, g.right) == granted {
			return true
		}
	}
	return false
}

// check refuses with 229 or 230 what a statement names and the session may
// not do. Below a view only what has another owner is checked.
func (r reader) check(uses []tsql.Use) *tds.Error {
	for _, u := range uses {
		o, ok := r.d.objects[key(u.Schema, u.Object)]
		if !ok {
			continue // a catalogue view: everybody may
		}
		if err := r.checkObject(o, u); err != nil {
			return err
		}
		if err := r.checkBelow(o); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) checkBelow(v *object) *tds.Error {
	for _, u := range v.uses {
		o, ok := r.d.objects[key(u.Schema, u.Object)]
		if !ok {
			continue
		}
		if o.schema.owner != v.schema.owner {
			if err := r.checkObject(o, u); err != nil {
				return err
			}
		}
		if err := r.checkBelow(o); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) checkObject(o *object, u tsql.Use) *tds.Error {
	right := string(u.Right)
	refused := fault(229, 14, "The %s permission was denied on the object '%s', database '%s', schema '%s'.", right, o.Name, r.d.name, o.Schema)
	if right != "SELECT" && right != "UPDATE" {
		if r.on(o, right) != granted {
			return refused
		}
		return nil
	}
	var may, mayNot []string
	for _, c := range o.Columns {
		if r.column(o, c.Name, right) == granted {
			may = append(may, c.Name)
		} else {
			mayNot = append(mayNot, c.Name)
		}
	}
	switch {
	case len(mayNot) == 0:
		return nil
	case len(may) == 0:
		return refused
	}
	for _, c := range u.Columns {
		if slices.ContainsFunc(mayNot, func(n string) bool { return strings.EqualFold(n, c) }) {
			return fault(230, 14, "The %s permission was denied on the column '%s' of the object '%s', database '%s', schema '%s'.", right, c, o.Name, r.d.name, o.Schema)
		}
	}
	return nil
}
