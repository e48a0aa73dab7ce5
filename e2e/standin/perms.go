package standin

import (
	"slices"
	"strings"

	"rollbridge/e2e/standin/tsql"
)

// serverRights are what every login has of the server (true), and what only an
// administrator has.
var serverRights = map[string]bool{"CONNECT SQL": true, "VIEW ANY DATABASE": true,
	"CONTROL SERVER": false, "VIEW SERVER STATE": false, "ALTER ANY DATABASE": false, "CREATE ANY DATABASE": false,
	"ALTER ANY LOGIN": false, "ADMINISTER BULK OPERATIONS": false, "SHUTDOWN": false}

// hasPerms is HAS_PERMS_BY_NAME: NULL for what is not known, or not to be seen.
func (ss *session) hasPerms(args []any) (any, error) {
	name, class, right := word(args, 0), strings.ToUpper(word(args, 1)), strings.ToUpper(strings.TrimSpace(word(args, 2)))
	switch {
	case len(args) == 5 && class == "OBJECT" && strings.EqualFold(word(args, 4), "COLUMN"):
		return ss.hasColumn(name, right, bareName(word(args, 3))), nil
	case len(args) != 3:
		return nil, notTranslated("HAS_PERMS_BY_NAME with these arguments.")
	case class == "" || class == "SERVER":
		if everybody, ok := serverRights[right]; ok {
			return number(everybody || ss.login.sysadmin), nil
		}
		return nil, nil
	case class == "USER":
		return ss.hasUser(fold(bareName(name)), right), nil
	}
	known, ok := rightsOf[class]
	if !ok || class == "COLUMN" {
		return nil, notTranslated("HAS_PERMS_BY_NAME of the class %s.", class)
	}
	on, ok := ss.securableOf(class, name, args[0] == nil)
	switch {
	case !ok:
		return nil, nil
	case right == "ANY":
		return number(slices.ContainsFunc(known, func(a string) bool { return on(a) == granted })), nil
	case !slices.Contains(known, right):
		return nil, nil
	}
	return number(on(right) == granted), nil
}

// hasUser is the same of another user: only dbo and its role may act as one.
func (ss *session) hasUser(name, right string) any {
	if u, ok := ss.d.principals[name]; !ok || u.role || right != "IMPERSONATE" {
		return nil
	}
	r := ss.reader()
	return number(r.all() || r.roles["db_owner"])
}

// securableOf finds what a name of a class is, if the session may know of it.
func (ss *session) securableOf(class, name string, null bool) (on func(right string) answer, ok bool) {
	r := ss.reader()
	switch class {
	case "OBJECT":
		o, ok := ss.seenObject(name)
		return func(right string) answer { return r.on(o, right) }, ok
	case "SCHEMA":
		sc, ok := ss.d.schemas[fold(bareName(name))]
		return func(right string) answer { return r.onSchema(sc, right) }, ok
	}
	d := ss.d
	if !null {
		d = ss.server.databases[fold(bareName(name))]
	}
	if d == nil || d.userOf(ss.login) == nil {
		return nil, false
	}
	return d.reader(d.userOf(ss.login)).onDatabase, true
}

// hasColumn is the same of one column.
func (ss *session) hasColumn(name, right, column string) any {
	o, ok := ss.seenObject(name)
	if !ok || !slices.Contains(rightsOf["COLUMN"], right) ||
		!slices.ContainsFunc(o.Columns, func(c tsql.Column) bool { return strings.EqualFold(c.Name, column) }) {
		return nil
	}
	return number(ss.reader().column(o, column, right) == granted)
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
