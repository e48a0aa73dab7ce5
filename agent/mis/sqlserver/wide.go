package sqlserver

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A wide is a right or role over a whole server or database. A login that only
// reads views has none of them.
type wide struct {
	ask    string   // the expression that is 1 if the login has it
	what   string   // how people call it
	revoke string   // T-SQL; {login}, {user} and {database} stand for the names, and it ends in the database
	right  string   // the right that it is, none for a role
	covers []string // the rights that follow from it
	all    bool     // everything else follows from it
}

// wides are asked in one statement, the widest first.
var wides = widest()

func widest() (all []wide) {
	follows := map[string][]string{"securityadmin": {"ALTER ANY LOGIN"}, "serveradmin": {"VIEW SERVER STATE"}, "processadmin": {"VIEW SERVER STATE"}, "dbcreator": {"ALTER ANY DATABASE"}}
	for _, r := range []string{"sysadmin", "securityadmin", "serveradmin", "setupadmin", "processadmin", "diskadmin", "dbcreator", "bulkadmin"} {
		all = append(all, wide{ask: "IS_SRVROLEMEMBER('" + r + "')", what: "is a member of the server role " + r,
			revoke: "ALTER SERVER ROLE [" + r + "] DROP MEMBER {login};", covers: follows[r], all: r == "sysadmin"})
	}
	for _, r := range []string{"CONTROL SERVER", "ALTER ANY LOGIN", "ALTER ANY DATABASE", "VIEW SERVER STATE"} {
		all = append(all, wide{ask: "HAS_PERMS_BY_NAME(NULL, NULL, '" + r + "')", what: "has the right " + r + " on the server",
			revoke: "USE [master]; REVOKE " + r + " FROM {login}; USE {database};", right: r, all: r == "CONTROL SERVER"})
	}
	ddl := []string{"ALTER", "CREATE TABLE", "CREATE VIEW", "CREATE PROCEDURE", "CREATE FUNCTION"}
	covers := map[string][]string{"db_datareader": {"SELECT"}, "db_datawriter": {"INSERT", "UPDATE", "DELETE"}, "db_ddladmin": ddl,
		"db_securityadmin": {"ALTER ANY ROLE"}, "db_accessadmin": {"ALTER ANY USER"}, "db_backupoperator": {"BACKUP DATABASE"}}
	for _, r := range []string{"db_owner", "db_datareader", "db_datawriter", "db_ddladmin", "db_securityadmin", "db_accessadmin", "db_backupoperator"} {
		all = append(all, wide{ask: "IS_MEMBER('" + r + "')", what: "is a member of the role " + r,
			revoke: "ALTER ROLE [" + r + "] DROP MEMBER {user};", covers: covers[r], all: r == "db_owner"})
	}
	for _, r := range []string{"CONTROL", "ALTER", "SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "CREATE TABLE", "CREATE VIEW",
		"CREATE PROCEDURE", "CREATE FUNCTION", "BACKUP DATABASE", "ALTER ANY USER", "ALTER ANY ROLE"} {
		var covered []string
		if r == "ALTER" {
			covered = append(slices.Clone(ddl), "ALTER ANY USER", "ALTER ANY ROLE")
		}
		all = append(all, wide{ask: "HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', '" + r + "')", what: "has the right " + r + " on the whole database",
			revoke: "REVOKE " + r + " FROM {user};", right: r, covers: covered, all: r == "CONTROL"})
	}
	return append(all, wide{ask: "HAS_PERMS_BY_NAME('dbo', 'USER', 'IMPERSONATE')", what: "may act as the database's owner",
		revoke: "REVOKE IMPERSONATE ON USER::[dbo] FROM {user};", all: true})
}

var askWides = fix(widesText())

func widesText() string {
	var columns []string
	for i, w := range wides {
		columns = append(columns, fmt.Sprintf("%s AS w%d", w.ask, i))
	}
	return "SELECT " + strings.Join(columns, ", ")
}

// wides reports the rights over everything; all says that whatever else there
// is follows from one of them.
func (p *probe) wides(ctx context.Context) (covered map[string]bool, all bool, err error) {
	covered = map[string]bool{}
	var unproven []string
	var held []wide
	err = p.ask(ctx, askWides, nil, func(cells []Cell) error {
		held, unproven = heldOf(cells)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	names := strings.NewReplacer("{login}", bracket(p.login), "{user}", bracket(p.user), "{database}", bracket(p.database))
	for _, w := range held {
		if covered[w.right] {
			continue // a role above is the reason
		}
		tsql := names.Replace(w.revoke)
		if w.all && p.user == "dbo" && strings.Contains(w.revoke, "{user}") {
			tsql = fmt.Sprintf("ALTER AUTHORIZATION ON DATABASE::%s TO [sa];", bracket(p.database))
		}
		p.warn("Too much: the login "+w.what, askAdministrator+": the agent needs SELECT on a few views and nothing else", tsql)
		for _, r := range append(slices.Clone(w.covers), w.right) {
			covered[r] = r != ""
		}
		if w.all {
			return covered, true, nil
		}
	}
	if len(unproven) > 0 {
		p.warn("The server does not say whether the login "+strings.Join(unproven, ", or ")+" (not proven)", "ask the database administrator to look", "")
	}
	return covered, false, nil
}

// heldOf reads the answer about wides. NULL is no yes and no no.
func heldOf(cells []Cell) (held []wide, unproven []string) {
	for i, w := range wides {
		switch {
		case cells[i].Null:
			unproven = append(unproven, w.what)
		case cells[i].Text == "1":
			held = append(held, w)
		}
	}
	return held, unproven
}
