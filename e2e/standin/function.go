package standin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/standin/tds"
	"rollbridge/e2e/standin/tsql"
)

// A session is the tsql.Environment of its own statements.

// Session is the number under which SQLite's functions find the session.
func (ss *session) Session() int64 { return ss.number }

// user is who the session is in its database; the server's mutex is held.
func (ss *session) user() *principal {
	if u := ss.d.userOf(ss.login); u != nil {
		return u
	}
	// Dropped since the session entered: nothing is left to it.
	return &principal{name: "guest"}
}

func (ss *session) reader() reader { return ss.d.reader(ss.user()) }

// Call answers a function that depends on the session.
func (ss *session) Call(function string, args []any) (any, error) {
	ss.server.mu.RLock()
	defer ss.server.mu.RUnlock()
	if f, ok := functions[function]; ok {
		return f(ss, args)
	}
	return nil, notTranslated("the function %s.", function)
}

var functions map[string]func(*session, []any) (any, error)

func init() {
	login := func(ss *session, args []any) (any, error) {
		if len(args) > 0 {
			return nil, notTranslated("the name of another login.")
		}
		return ss.login.name, nil
	}
	user := func(ss *session, args []any) (any, error) {
		if len(args) > 0 {
			return nil, notTranslated("the name of another user.")
		}
		return ss.user().name, nil
	}
	functions = map[string]func(*session, []any) (any, error){
		"SUSER_SNAME": login, "SUSER_NAME": login, "ORIGINAL_LOGIN": login, "SYSTEM_USER": login,
		"USER_NAME": user, "CURRENT_USER": user,
		"DB_NAME": (*session).databaseName, "DB_ID": (*session).databaseID, "HAS_DBACCESS": (*session).hasAccess,
		"OBJECT_ID": (*session).objectID, "OBJECT_NAME": (*session).objectName,
		"SCHEMA_ID": (*session).schemaID, "SCHEMA_NAME": (*session).schemaName,
		"HAS_PERMS_BY_NAME": (*session).hasPerms, "IS_SRVROLEMEMBER": (*session).isServerMember,
		"IS_MEMBER": (*session).isMember, "IS_ROLEMEMBER": (*session).isMember,
		"SERVERPROPERTY": (*session).property,
		"GETDATE":        (*session).now, "SYSDATETIME": (*session).now,
		"@@VERSION": func(ss *session, _ []any) (any, error) {
			return "Rollbridge stand-in for SQL Server (" + ss.version() + "), not SQL Server", nil
		},
		"APP_NAME":     func(ss *session, _ []any) (any, error) { return ss.hello.App, nil },
		"HOST_NAME":    func(ss *session, _ []any) (any, error) { return ss.hello.Host, nil },
		"@@SERVERNAME": func(ss *session, _ []any) (any, error) { return ss.serverName(), nil },
		"@@SPID":       func(ss *session, _ []any) (any, error) { return 50 + ss.number%30000, nil },
		"@@TRANCOUNT": func(ss *session, _ []any) (any, error) {
			if ss.tx == nil {
				return int64(0), nil
			}
			return int64(ss.tx.depth), nil
		},
		"@@LOCK_TIMEOUT": func(ss *session, _ []any) (any, error) {
			if ss.set.lockTimeout < 0 {
				return int64(-1), nil
			}
			return ss.set.lockTimeout.Milliseconds(), nil
		},
	}
}

// now is the clock on the wall, labelled UTC as package sqltype wants it.
func (ss *session) now([]any) (any, error) {
	t := time.Now()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), nil
}

func (ss *session) version() string {
	if v := ss.server.o.Version; v != "" {
		return v
	}
	return "16.0.1000"
}

func (ss *session) serverName() string {
	name := ss.server.o.ServerName
	if name == "" {
		name = "STANDIN"
	}
	if i := ss.server.o.Instance; i != "" {
		name += `\` + i
	}
	return name
}

func (ss *session) property(args []any) (any, error) {
	switch strings.ToUpper(word(args, 0)) {
	case "PRODUCTVERSION":
		if v := ss.version(); strings.Count(v, ".") == 2 {
			return v + ".0", nil
		}
		return ss.version(), nil
	case "PRODUCTLEVEL":
		return "RTM", nil
	case "EDITION":
		return "Rollbridge stand-in", nil
	case "ENGINEEDITION":
		return int64(4), nil // Express
	case "SERVERNAME":
		return ss.serverName(), nil
	case "INSTANCENAME":
		if i := ss.server.o.Instance; i != "" {
			return i, nil
		}
	case "COLLATION":
		return collation, nil
	}
	return nil, nil
}

// word is an argument as text, "" for NULL.
func word(args []any, i int) string {
	if i >= len(args) || args[i] == nil {
		return ""
	}
	return fmt.Sprint(args[i])
}

func (ss *session) databaseName(args []any) (any, error) {
	if len(args) == 0 {
		return ss.d.name, nil
	}
	for _, d := range ss.server.databases {
		if args[0] == int64(d.id) {
			return d.name, nil
		}
	}
	return nil, nil
}

func (ss *session) databaseID(args []any) (any, error) {
	if len(args) == 0 {
		return int64(ss.d.id), nil
	}
	if d, ok := ss.server.databases[fold(word(args, 0))]; ok {
		return int64(d.id), nil
	}
	return nil, nil
}

func (ss *session) hasAccess(args []any) (any, error) {
	d, ok := ss.server.databases[fold(word(args, 0))]
	if !ok {
		return nil, nil
	}
	return number(d == ss.d || d.open(ss.login)), nil
}

// seenObject is an object of a name, if the session may know of it.
func (ss *session) seenObject(name string) (*object, bool) {
	schemaName, bare, ok := splitName(name)
	if !ok {
		return nil, false
	}
	o, ok := ss.d.objects[key(schemaName, bare)]
	if !ok || !ss.reader().visible(o) {
		return nil, false
	}
	return o, true
}

func (ss *session) objectID(args []any) (any, error) {
	o, ok := ss.seenObject(word(args, 0))
	if !ok || (len(args) > 1 && !strings.EqualFold(strings.TrimSpace(word(args, 1)), string(o.kind))) {
		return nil, nil
	}
	return int64(o.id), nil
}

func (ss *session) objectName(args []any) (any, error) {
	if len(args) != 1 {
		return nil, notTranslated("OBJECT_NAME of another database.")
	}
	for _, o := range ss.d.objects {
		if args[0] == int64(o.id) && ss.reader().visible(o) {
			return o.Name, nil
		}
	}
	return nil, nil
}

func (ss *session) schemaID(args []any) (any, error) {
	name := "dbo"
	if len(args) > 0 {
		name = word(args, 0)
	}
	if sc, ok := ss.d.schemas[fold(name)]; ok {
		return int64(sc.id), nil
	}
	return nil, nil
}

func (ss *session) schemaName(args []any) (any, error) {
	if len(args) == 0 {
		return "dbo", nil
	}
	for _, sc := range ss.d.schemas {
		if args[0] == int64(sc.id) {
			return sc.name, nil
		}
	}
	return nil, nil
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// hasPerms is HAS_PERMS_BY_NAME: NULL for what is not known, or not to be seen.
func (ss *session) hasPerms(args []any) (any, error) {
	if len(args) == 5 {
		return ss.hasColumn(args)
	}
	if len(args) != 3 {
		return nil, notTranslated("HAS_PERMS_BY_NAME with other than three or five arguments.")
	}
	name, class, right := word(args, 0), strings.ToUpper(word(args, 1)), strings.ToUpper(strings.TrimSpace(word(args, 2)))
	r := ss.reader()
	switch class {
	case "OBJECT":
		o, ok := ss.seenObject(name)
		if !ok || !slices.Contains(append(slices.Clone(rightsOf["OBJECT"]), "ANY"), right) {
			return nil, nil
		}
		return r.has(rightsOf["OBJECT"], right, func(right string) answer { return r.on(o, right) }), nil
	case "SCHEMA":
		sc, ok := ss.d.schemas[fold(bareName(name))]
		if !ok || !slices.Contains(append(slices.Clone(rightsOf["SCHEMA"]), "ANY"), right) {
			return nil, nil
		}
		return r.has(rightsOf["SCHEMA"], right, func(right string) answer { return r.onSchema(sc, right) }), nil
	case "DATABASE":
		d, ok := ss.d, true
		if args[0] != nil {
			d, ok = ss.server.databases[fold(bareName(name))]
		}
		if !ok || d.userOf(ss.login) == nil || !slices.Contains(append(slices.Clone(rightsOf["DATABASE"]), "ANY"), right) {
			return nil, nil
		}
		there := d.reader(d.userOf(ss.login))
		return there.has(rightsOf["DATABASE"], right, there.onDatabase), nil
	case "", "SERVER":
		// No right on the server is given away here; sysadmin has them all.
		if !slices.Contains(rightsOf["SERVER"], right) {
			return nil, nil
		}
		return number(ss.login.sysadmin), nil
	case "USER":
		// Nor may anybody but dbo and its role act as somebody else.
		if u, ok := ss.d.principals[fold(bareName(name))]; !ok || u.role || right != "IMPERSONATE" {
			return nil, nil
		}
		return number(r.all() || r.roles["db_owner"]), nil
	}
	return nil, notTranslated("HAS_PERMS_BY_NAME of the class %s.", class)
}

// hasColumn is HAS_PERMS_BY_NAME of one column of an object.
func (ss *session) hasColumn(args []any) (any, error) {
	o, ok := ss.seenObject(word(args, 0))
	right := strings.ToUpper(strings.TrimSpace(word(args, 2)))
	if !ok || !strings.EqualFold(word(args, 1), "OBJECT") || !strings.EqualFold(word(args, 4), "COLUMN") || !slices.Contains(rightsOf["COLUMN"], right) {
		return nil, nil
	}
	column := bareName(word(args, 3))
	if !slices.ContainsFunc(o.Columns, func(c tsql.Column) bool { return strings.EqualFold(c.Name, column) }) {
		return nil, nil
	}
	return number(ss.reader().column(o, column, right) == granted), nil
}

// has answers for one right, or for any of those of a class.
func (r reader) has(all []string, right string, on func(string) answer) int64 {
	if right == "ANY" {
		return number(slices.ContainsFunc(all, func(a string) bool { return on(a) == granted }))
	}
	return number(on(right) == granted)
}

// serverRoles are the fixed server roles.
var serverRoles = []string{"sysadmin", "securityadmin", "serveradmin", "setupadmin", "processadmin", "diskadmin", "dbcreator", "bulkadmin", "public"}

func (ss *session) isServerMember(args []any) (any, error) {
	if len(args) != 1 {
		return nil, notTranslated("the server roles of another login.")
	}
	role := fold(word(args, 0))
	if !slices.Contains(serverRoles, role) {
		return nil, nil
	}
	return number(role == "public" || ss.login.sysadmin), nil
}

// isMember is IS_MEMBER and IS_ROLEMEMBER of the current user; dbo is in
// db_owner only.
func (ss *session) isMember(args []any) (any, error) {
	if len(args) != 1 {
		return nil, notTranslated("the roles of another user.")
	}
	role, ok := ss.d.principals[fold(word(args, 0))]
	if !ok || !role.role {
		return nil, nil
	}
	return number(ss.reader().roles[fold(role.name)]), nil
}

// splitName takes a name of up to three parts apart, with or without brackets;
// a third part would be the database, which has to be the session's own.
func splitName(text string) (schemaName, name string, ok bool) {
	parts, ok := nameParts(strings.TrimSpace(text))
	if !ok || len(parts) > 2 {
		return "", "", false
	}
	if len(parts) == 1 {
		return "", parts[0], true
	}
	return parts[0], parts[1], true
}

func bareName(text string) string {
	parts, ok := nameParts(strings.TrimSpace(text))
	if !ok || len(parts) != 1 {
		return text
	}
	return parts[0]
}

func nameParts(text string) (parts []string, ok bool) {
	for {
		part, rest, found := "", "", false
		switch {
		case strings.HasPrefix(text, "["):
			part, rest, found = quoted(text[1:], ']')
		case strings.HasPrefix(text, `"`):
			part, rest, found = quoted(text[1:], '"')
		default:
			i := strings.IndexByte(text, '.')
			if i < 0 {
				i = len(text)
			}
			part, rest, found = text[:i], text[i:], i > 0
		}
		if !found {
			return nil, false
		}
		parts = append(parts, part)
		if rest == "" {
			return parts, true
		}
		if text, found = strings.CutPrefix(rest, "."); !found {
			return nil, false
		}
	}
}

// quoted reads up to the closing sign, which stands for itself when doubled.
func quoted(text string, closing byte) (part, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != closing:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == closing:
			b.WriteByte(closing)
			i++
		default:
			return b.String(), text[i+1:], true
		}
	}
	return "", "", false
}

var _ tds.Session = (*session)(nil)
