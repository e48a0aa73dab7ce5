package standin

import (
	"slices"
	"strings"

	"rollbridge/e2e/standin/tsql"
)

// The functions of this file are called with the server's mutex held.

func (ss *session) createLogin(st *tsql.CreateLogin) error {
	s := ss.server
	if !ss.login.sysadmin {
		return notAllowed()
	}
	if _, ok := s.logins[fold(st.Name)]; ok {
		return fault(15025, 16, "The server principal '%s' already exists.", st.Name)
	}
	l := &login{name: st.Name, password: st.Password, windows: st.Windows, mustChange: st.MustChange, database: "master"}
	if st.Windows {
		domain, account, _ := strings.Cut(st.Name, `\`)
		if _, ok := s.windows(domain, account); !ok {
			return fault(15401, 16, "Windows NT user or group '%s' not found. Check the name again.", st.Name)
		}
	} else if st.Options["CHECK_POLICY"] != "OFF" {
		if err := weak(st.Name, st.Password); err != nil {
			return err
		}
	}
	if d := st.Options["DEFAULT_DATABASE"]; d != "" {
		l.database = d
	}
	s.logins[fold(st.Name)] = l
	return nil
}

func (ss *session) alterLogin(st *tsql.AlterLogin) error {
	l, ok := ss.server.logins[fold(st.Name)]
	if !ok || !ss.login.sysadmin {
		return noSuch("login", st.Name)
	}
	if st.Password != "" {
		if st.Options["CHECK_POLICY"] != "OFF" {
			if err := weak(st.Name, st.Password); err != nil {
				return err
			}
		}
		l.password, l.expired, l.mustChange = st.Password, false, st.MustChange
	}
	if st.Unlock {
		l.locked = false
	}
	if st.Enable != nil {
		l.disabled = !*st.Enable
	}
	if d := st.Options["DEFAULT_DATABASE"]; d != "" {
		l.database = d
	}
	return nil
}

func (ss *session) dropLogin(st *tsql.DropLogin) error {
	l, ok := ss.server.logins[fold(st.Name)]
	switch {
	case !ok || !ss.login.sysadmin:
		return noSuch("login", st.Name)
	case l.sessions > 0:
		return fault(15434, 16, "Could not drop login '%s' as the user is currently logged in.", st.Name)
	}
	delete(ss.server.logins, fold(st.Name))
	return nil
}

// mayManage says whether the session manages users and roles of its database.
func (ss *session) mayManage() bool {
	return ss.reader().onDatabase("CONTROL") == granted
}

func (ss *session) createUser(st *tsql.CreateUser) error {
	if !ss.mayManage() {
		return notAllowed()
	}
	d := ss.d
	if _, ok := d.principals[fold(st.Name)]; ok {
		return fault(15023, 16, "User, group, or role '%s' already exists in the current database.", st.Name)
	}
	u := &principal{name: st.Name}
	if !st.WithoutLogin {
		name := st.Login
		if name == "" {
			name = st.Name
		}
		l, ok := ss.server.logins[fold(name)]
		if !ok {
			return fault(15007, 16, "'%s' is not a valid login or you do not have permission.", name)
		}
		for _, p := range d.principals {
			if !p.role && p.login == fold(l.name) {
				return fault(15063, 16, "The login already has an account under a different user name.")
			}
		}
		u.login = fold(l.name)
	}
	d.addPrincipal(u)
	return nil
}

func (ss *session) dropUser(st *tsql.DropUser) error {
	d := ss.d
	u, ok := d.principals[fold(st.Name)]
	switch {
	case !ok && st.IfExists:
		return nil
	case !ok, u.role, !ss.mayManage():
		return noSuch("user", st.Name)
	case fold(u.name) == "dbo":
		return fault(15150, 16, "Cannot drop the user 'dbo'.")
	}
	for _, sc := range d.schemas {
		if sc.owner == u {
			return fault(15138, 16, "The database principal owns a schema in the database, and cannot be dropped.")
		}
	}
	delete(d.principals, fold(st.Name))
	for _, r := range d.principals {
		delete(r.members, fold(st.Name))
	}
	d.grants = slices.DeleteFunc(d.grants, func(g grant) bool { return g.grantee == fold(st.Name) })
	return nil
}

func (ss *session) alterRole(st *tsql.AlterRole) error {
	if st.Server {
		return ss.alterServerRole(st)
	}
	r, ok := ss.d.principals[fold(st.Role)]
	if !ok || !r.role || !ss.mayManage() {
		return noSuch("role", st.Role)
	}
	m, ok := ss.d.principals[fold(st.Member)]
	if !ok || fold(st.Role) == "public" {
		return noSuch("user", st.Member)
	}
	if st.Drop {
		delete(r.members, fold(m.name))
	} else {
		r.members[fold(m.name)] = true
	}
	return nil
}

func (ss *session) alterServerRole(st *tsql.AlterRole) error {
	l, ok := ss.server.logins[fold(st.Member)]
	switch {
	case !ss.login.sysadmin:
		return noSuch("server role", st.Role)
	case !ok:
		return noSuch("login", st.Member)
	case fold(st.Role) != "sysadmin":
		return notTranslated("server roles but sysadmin.")
	case fold(l.name) == administrator:
		return fault(15405, 16, "Cannot use the special principal '%s'.", st.Member)
	}
	l.sysadmin = !st.Drop
	return nil
}

// permission carries out GRANT, DENY and REVOKE.
func (ss *session) permission(st *tsql.Permission) error {
	g, err := ss.securable(st)
	if err != nil {
		return err
	}
	columns := st.Columns
	if len(columns) == 0 {
		columns = []string{""}
	} else {
		g.class = onColumn
	}
	for _, name := range st.Users {
		p, ok := ss.d.principals[fold(name)]
		switch {
		case !ok:
			return noSuch("user", name)
		case fold(name) == "dbo" || p == ss.user():
			return fault(4604, 16, "Cannot grant, deny, or revoke permissions to sa, dbo, entity owner, information_schema, sys, or yourself.")
		}
		for _, right := range st.Rights {
			for _, c := range columns {
				g.grantee, g.right, g.column = fold(name), right, fold(c)
				ss.d.put(g, st.Action)
			}
		}
	}
	return nil
}

// put replaces what a principal had of a right on the same thing. On the whole
// of an object it takes the columns' with it.
func (d *database) put(g grant, action string) {
	d.grants = slices.DeleteFunc(d.grants, func(o grant) bool {
		if o.grantee != g.grantee || o.right != g.right || o.target != g.target {
			return false
		}
		return (o.class == g.class && o.column == g.column) || (g.class == onObject && o.class == onColumn)
	})
	if g.deny = action == "DENY"; action != "REVOKE" {
		d.grants = append(d.grants, g)
	}
}

// dataRights are those that only what has rows knows.
var dataRights = []string{"SELECT", "INSERT", "UPDATE", "DELETE"}

// rightsOf are the rights that a class of securable knows.
var rightsOf = map[string][]string{
	"COLUMN": {"SELECT", "UPDATE", "REFERENCES"},
	"OBJECT": {"SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "REFERENCES", "ALTER", "CONTROL", "VIEW DEFINITION", "TAKE OWNERSHIP"},
	"SCHEMA": {"SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "REFERENCES", "ALTER", "CONTROL", "VIEW DEFINITION", "TAKE OWNERSHIP"},
	"DATABASE": {"SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "REFERENCES", "ALTER", "CONTROL", "VIEW DEFINITION", "TAKE OWNERSHIP",
		"CONNECT", "CREATE TABLE", "CREATE VIEW", "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE SCHEMA", "CREATE ROLE", "VIEW DATABASE STATE",
		"BACKUP DATABASE", "ALTER ANY USER", "ALTER ANY ROLE"},
	"SERVER": {"CONTROL SERVER", "ALTER ANY LOGIN", "ALTER ANY DATABASE", "VIEW SERVER STATE"},
}

// securable is what a permission is about, if the session may give it away.
func (ss *session) securable(st *tsql.Permission) (grant, error) {
	r, class, knows := ss.reader(), st.Class, st.Class
	if len(st.Columns) > 0 {
		knows = "COLUMN"
	}
	for _, right := range st.Rights {
		if !slices.Contains(rightsOf[knows], right) {
			return grant{}, fault(102, 15, "Incorrect syntax near '%s'.", right)
		}
	}
	switch class {
	case "DATABASE":
		if r.onDatabase("CONTROL") != granted {
			return grant{}, fault(4613, 16, "Grantor does not have GRANT permission.")
		}
		return grant{class: onDatabase}, nil
	case "SCHEMA":
		sc, ok := ss.d.schemas[fold(st.On.Name)]
		if !ok || r.onSchema(sc, "CONTROL") != granted {
			return grant{}, noSuch("schema", st.On.Name)
		}
		return grant{class: onSchema, target: fold(sc.name)}, nil
	}
	o, ok := ss.d.objects[key(st.On.Schema, st.On.Name)]
	if !ok || r.on(o, "CONTROL") != granted {
		return grant{}, noSuch("object", st.On.Name)
	}
	for _, right := range st.Rights {
		foreign := dataRights
		if o.kind != procedure {
			foreign = []string{"EXECUTE"}
		}
		if slices.Contains(foreign, right) {
			return grant{}, fault(4606, 16, "Granted or revoked privilege %s is not compatible with object.", right)
		}
	}
	for _, c := range st.Columns {
		if !slices.ContainsFunc(o.Columns, func(k tsql.Column) bool { return strings.EqualFold(k.Name, c) }) {
			return grant{}, fault(1911, 16, "Column name '%s' does not exist in the target table or view.", c)
		}
	}
	return grant{class: onObject, target: o.key()}, nil
}
