package standin

import (
	"fmt"
	"strings"
	"time"

	"rollbridge/e2e/standin/tds"
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

var _ tds.Session = (*session)(nil)
