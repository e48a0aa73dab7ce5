package sqlserver

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// askServer says who is signed on where, and the server's version.
var askServer = fix("SELECT SUSER_SNAME() AS l, USER_NAME() AS u, DB_NAME() AS d, " +
	"CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS v")

// askPolicies counts the row-level security that the login can see. The view
// exists from SQL Server 2016.
var askPolicies = fix("SELECT COUNT(*) AS n FROM sys.security_policies AS p WHERE p.is_enabled = 1")

// Versions of SQL Server by the first number.
const (
	version2012 = 11
	version2016 = 13
)

var years = map[int]string{9: "2005", 10: "2008", 11: "2012", 12: "2014", 13: "2016", 14: "2017", 15: "2019", 16: "2022", 17: "2025"}

// server says what was reached and how.
func (p *probe) server(ctx context.Context, _ []Need) error {
	var version string
	err := p.ask(ctx, askServer, nil, func(cells []Cell) error {
		p.login, p.user, p.database = strings.Clone(cells[0].Text), strings.Clone(cells[1].Text), strings.Clone(cells[2].Text)
		version = strings.Clone(cells[3].Text)
		return nil
	})
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(version, ".")
	p.major, _ = strconv.Atoi(first)
	name := "SQL Server"
	if year := years[p.major]; year != "" {
		name += " " + year
	}
	what := fmt.Sprintf("Connected to %s (%s) at %s, database %s, as %s", name, version, p.place(), bracket(p.database), bracket(p.login))
	if p.major < version2012 {
		p.warn(what, "this version is older than SQL Server 2012, for which the queries are written: it may work, but plan to replace the server", "")
	} else {
		p.ok("%s", what)
	}
	p.snapshot()
	return nil
}

// Findings says how the way to the server is protected. It asks nobody.
func (s Settings) Findings() (found []Finding) {
	for _, sentence := range s.Unsafe() {
		found = append(found, Finding{Level: LevelWarn, About: AboutServer, What: sentence, Do: "whoever looks after the server can give you its certificate"})
	}
	if len(found) == 0 {
		found = append(found, Finding{Level: LevelOK, About: AboutServer, What: "The connection is encrypted and the server's certificate is checked"})
	}
	if s.Password == PagePassword {
		found = append(found, Finding{Level: LevelWarn, About: AboutServer, What: "The login has the password that is printed in docs/mis/sql-views.md",
			Do:   "choose a long one, let the database administrator set it, and change mis.server.password",
			TSQL: fmt.Sprintf("-- ALTER LOGIN %s WITH PASSWORD = N'…'; -- with one that you choose", bracket(s.User))})
	}
	return found
}

// snapshot says which isolation the session has.
func (p *probe) snapshot() {
	if p.tx != nil {
		p.ok("The database allows snapshot isolation: a read sees one instant and takes no locks")
		return
	}
	p.warn("The database does not allow snapshot isolation: each query takes shared locks for a moment, at READ COMMITTED",
		"recommended, not needed: "+askAdministrator+" (it costs space in tempdb)",
		fmt.Sprintf("ALTER DATABASE %s SET ALLOW_SNAPSHOT_ISOLATION ON;", bracket(p.database)))
}

// withheld notices row-level security, which hides rows without an error.
func (p *probe) withheld(ctx context.Context, _ []Need) error {
	if p.major < version2016 {
		return nil
	}
	n, err := p.answer(ctx, askPolicies)
	if err != nil {
		return err
	}
	if n.Text != "0" && !n.Null {
		p.warn("Row-level security is in force in this database ("+n.Text+" policies are seen): rows may be withheld from this login without any error",
			"ask the database administrator whether it concerns the tables behind the views, and to let this login see every looked-after child", "")
	}
	return nil
}
