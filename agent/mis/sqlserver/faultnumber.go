package sqlserver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"
)

// A meaning is what an error number of SQL Server stands for. In the text
// {server}, {database} and {login} are those of the settings, {LOGIN} and
// {DATABASE} the same in brackets for T-SQL, {object} and {column} what of the
// query the error is about, {grant} the T-SQL that gives the right to read it and
// {view} the object as a text of T-SQL.
type meaning struct {
	reason Reason
	text   string
	does   []int32
}

// The sentences that say whom to ask.
const (
	askDBA    = " Ask the database administrator."
	askAuthor = " Ask whoever wrote the query or the view: the supplier of the profile, or the database administrator."
)

// meanings are the numbers this package has sentences for (sys.messages of SQL
// Server). The first of several errors that has one counts, except that those of
// generic are passed over where another one says more.
var meanings = []meaning{
	{Login, "{server} does not let the login {login} in: the name or the password is wrong, or the login is disabled or may not connect; SQL Server does not say which. Check user and password; the database administrator sees the cause in the server's error log.", []int32{18456}},
	{Login, "The login {login} is disabled on {server}. Ask the database administrator to run: ALTER LOGIN {LOGIN} ENABLE", []int32{18470}},
	{Login, "The login {login} is locked on {server}, after wrong passwords. Ask the database administrator to run: ALTER LOGIN {LOGIN} WITH PASSWORD = N'…' UNLOCK, and give that password here.", []int32{18486}},
	{Login, "The password of the login {login} has expired on {server}. Ask the database administrator to run: ALTER LOGIN {LOGIN} WITH PASSWORD = N'…', and ALTER LOGIN {LOGIN} WITH CHECK_EXPIRATION = OFF; then give the new password here.", []int32{18487}},
	{Login, "{server} wants the password of the login {login} changed at the first sign-on, which a service cannot do. Ask the database administrator to run: ALTER LOGIN {LOGIN} WITH PASSWORD = N'…' (without MUST_CHANGE), and give that password here.", []int32{18488}},
	{Login, "{server} does not take this kind of login: the Windows account is of a domain it does not trust, or it takes Windows accounts only. Check login and user, or ask the database administrator to allow SQL Server logins or to make one for this account.", []int32{18452, 18450}},
	{Login, "{server} has as many users as its licence allows. Ask the database administrator to free one.", []int32{18458, 18459, 18460}},
	{Login, "{server} does not let this computer in. Ask the database administrator to allow its address.", []int32{40615, 17892}},

	{Database, "The database {database} is not there on {server}, or the login {login} may not open it. Check database (was it renamed, or a new one made for the new year?); if it is right, ask the database administrator to run in it: CREATE USER {LOGIN} FOR LOGIN {LOGIN}", []int32{4060, 4063, 4064, 911}},
	{Database, "The login {login} has no user in the database {database}. Ask the database administrator to run in it: CREATE USER {LOGIN} FOR LOGIN {LOGIN}", []int32{916}},
	{Database, "The database {database} cannot be read now: it is offline, being restored or recovered, or kept by one user. Wait for the maintenance to end, or ask the database administrator.", []int32{615, 904, 921, 922, 923, 924, 926, 927, 942, 945, 946, 952, 954, 976, 978, 979, 981, 982, 983, 988, 40613, 40197}},

	{Right, "The login {login} may not read {object}. Ask the database administrator{grant}", []int32{229}},
	{Right, "The login {login} may not read all columns that the query needs of {object}. Ask the database administrator{grant}", []int32{230}},
	{Right, "The login {login} lacks a right that the query needs." + askDBA, []int32{262, 297, 300, 371, 15247, 10330, 6522}},

	{Schema, "{object} does not exist in {database}, or the login {login} may not see it. Check the schema and the name; ask the database administrator whether the view was dropped or renamed. If it is there, ask them{grant}", []int32{208}},
	{Schema, "The column {column} does not exist in {object}. The MIS or its views have changed, perhaps by an update." + askAuthor, []int32{207}},
	{Schema, "The column {column} could be of more than one table in the query." + askAuthor, []int32{209}},
	{Schema, "A view that the query reads no longer fits the tables below it: the MIS has changed, perhaps by an update. Ask the database administrator to correct the view, or, if nothing in it is wrong, to run in {database}: EXEC sp_refreshview {view}", []int32{4413, 4502, 4429}},
	{Schema, "{server} does not understand the query; it may need a newer version of SQL Server." + askAuthor, []int32{102, 103, 105, 107, 116, 156, 164, 170, 174, 189, 195, 205, 213, 243, 319, 1011, 1013, 1033, 4104, 4121, 4145, 8120, 8155, 8156, 8158, 8159}},
	{Schema, "The query compares or joins values of types or collations that do not go together." + askAuthor, []int32{206, 257, 306, 402, 421, 446, 447, 451, 457, 468, 529, 8116, 8117, 8133}},

	{Data, "A value in {database} is not of the type that the query or a view makes of it, such as letters in place of a number or a date that does not exist." + askAuthor, []int32{220, 232, 235, 236, 237, 241, 242, 244, 245, 248, 293, 295, 296, 517, 535, 8114, 8115, 8134, 8152, 8169, 2628, 3623, 6355, 9420}},
	{Data, "The query expects one value where {database} has several." + askAuthor, []int32{512}},

	{Busy, "Somebody else kept what the query needs locked for longer than {lock}. Nothing was lost; the next read tries again. If it happens often, read at another time or raise lock_seconds.", []int32{1222}},
	{Busy, "The query and somebody else's work blocked each other, and SQL Server ended the query in favour of the other. Nothing was lost; the next read tries again.", []int32{1205}},
	{Busy, "The database {database}, or another one that a view takes rows from, does not allow snapshot isolation or is just being switched. Nothing was lost; the next read tries again, without it if {database} does not allow it. If it stays so, ask the database administrator to switch ALLOW_SNAPSHOT_ISOLATION on in the other database too, or off in {database}.", []int32{3952, 3956, 3957, 3951}},
	{Busy, "The tables changed their form or were cleaned up while they were read. Nothing was lost; the next read tries again.", []int32{3960, 3958, 3959, 3961, 3966, 3967}},
	{Busy, "The transaction of the read was ended by {server}. Nothing was lost; the next read tries again.", []int32{0, 3988, 3971, 3998, 1203}},
	{Busy, "{server} has no memory, connections or space left for the query. The next read tries again; if this stays so, ask the database administrator.", []int32{701, 802, 1101, 1105, 1204, 8628, 8645, 8651, 9002, 10928, 10929, 10936, 17809, 17300}},

	{Down, "{server} is starting, stopping, paused or kept for its administrator. The next read tries again.", []int32{17142, 17187, 17188, 17189, 17197, 18401, 18451, 18461, 6005, 6006, 596, 6104}},
	{Down, "{server} reports that its storage is damaged or fails. Tell the database administrator at once: the school's data may be at risk.", []int32{605, 823, 824, 825, 829, 7105, 8966}},
}

// Meanings that take the place of those above where the error is not about what
// the query itself names.
var (
	// brokenChain: 229 and 230 about a table below a view.
	brokenChain = meaning{Right, "The login {login} may not read a table from which {object} takes its rows. A right to read the view is enough only where the view and the tables below it have the same owner, in one database. Ask the database administrator to make it so (docs/mis/sql-views.md, step 1); a right on the table itself is not needed.", nil}
	// otherDatabase: 916 after signing on.
	otherDatabase = meaning{Database, "{object} takes rows from another database than {database}, in which the login {login} has no user. Ask the database administrator to bring these rows into a table of {database} that the view can read instead.", nil}
)

// decisive errors say what the others that come with them only follow from.
var decisive = []int32{4413, 4502, 4429}

// generic errors come beside others that say more.
var generic = []int32{18456, 3621, 0}

var byNumber = func() map[int32]*meaning {
	all := map[int32]*meaning{}
	for i := range meanings {
		for _, n := range meanings[i].does {
			all[n] = &meanings[i]
		}
	}
	return all
}()

// serverFault says what an error that the server sent means.
func (s *Session) serverFault(e mssql.Error, r request) *Fault {
	all := e.All
	if len(all) == 0 {
		all = []mssql.Error{e}
	}
	best := all[0]
	var known *meaning
	for _, one := range all {
		m := byNumber[one.Number]
		if m != nil && (known == nil || slices.Contains(generic, best.Number) || slices.Contains(decisive, one.Number)) {
			best, known = one, m
		}
	}
	f := &Fault{Number: best.Number}
	object, column, named := r.query.subject(best.Message)
	f.Object = object
	if known == nil {
		f.Reason, f.Text = s.unknown(best)
		return f
	}
	switch {
	case (f.Number == 229 || f.Number == 230) && !named && len(r.query.objects) > 0:
		known = &brokenChain
	case f.Number == 916 && r.text != "":
		known = &otherDatabase
	}
	f.Reason = known.reason
	f.Text = strings.NewReplacer(
		"{server}", s.place(), "{database}", s.settings.Database, "{DATABASE}", bracket(s.settings.Database),
		"{login}", s.loginName(), "{LOGIN}", s.loginBracket(),
		"{object}", cmp.Or(object, r.query.allObjects()), "{column}", cmp.Or(column, "that the query names"),
		"{grant}", s.grants(object, r.query), "{view}", viewText(object),
		"{lock}", s.settings.lockTime().String(),
	).Replace(known.text)
	if f.Number != 0 {
		f.Text += fmt.Sprintf(" (SQL Server error %d)", f.Number)
	}
	return f
}

// unknown judges by the class of the error (severity, sys.messages).
func (s *Session) unknown(e mssql.Error) (Reason, string) {
	look := fmt.Sprintf(" Ask the database administrator what SQL Server error %d (class %d, state %d) means here.", e.Number, e.Class, e.State)
	switch {
	case e.Class >= 20:
		return Down, s.place() + " ended the connection because of a fault of its own." + look
	case e.Class >= 17:
		return Busy, s.place() + " lacks something it needs to answer." + look
	case e.Class == 14:
		return Right, "The login " + s.loginName() + " lacks a right that is needed." + look
	case e.Class == 13:
		return Busy, s.place() + " ended the query in favour of other work." + look
	}
	return Schema, s.place() + " refused the query." + look
}

// loginName is who signs on, for a sentence.
func (s *Session) loginName() string {
	if s.settings.User == "" {
		return "of this service's Windows account"
	}
	return s.settings.User
}

// loginBracket is who signs on, for a line of T-SQL.
func (s *Session) loginBracket() string {
	if s.settings.User == "" {
		return `[DOMAIN\account$]`
	}
	return bracket(s.settings.User)
}

// grants is what follows on "Ask the database administrator": the T-SQL that
// gives the right to read the object, or each object of the query.
func (s *Session) grants(object string, q Select) string {
	objects := []string{object}
	if object == "" {
		objects = objects[:0]
		for _, o := range q.objects {
			objects = append(objects, o.String())
		}
	}
	if len(objects) == 0 {
		return "."
	}
	for i, o := range objects {
		objects[i] = "GRANT SELECT ON " + o + " TO " + s.loginBracket()
	}
	return " to run in " + s.settings.Database + ": " + strings.Join(objects, "; ")
}

// viewText is an object as a parameter of a procedure.
func viewText(object string) string {
	return "N'" + strings.ReplaceAll(cmp.Or(object, "…"), "'", "''") + "'"
}

// subject finds, of the names in the query itself, those that an error message
// of the server quotes; named says that an object was found there, and is not
// only the one that there is. Only the query's own words are ever passed on: a
// message can quote values too.
func (q Select) subject(message string) (object, column string, named bool) {
	message = strings.ToLower(message)
	quotes := func(name string) bool {
		name = strings.ToLower(name)
		return slices.ContainsFunc([]string{"'" + name + "'", "\"" + name + "\"", "." + name + "'", "." + name + "\""},
			func(form string) bool { return strings.Contains(message, form) })
	}
	for _, o := range q.objects {
		// The schema too: a table below a view may have the view's name.
		if object == "" && quotes(o.Name) && strings.Contains(message, strings.ToLower(o.Schema)) {
			object, named = o.String(), true
		}
	}
	if object == "" && len(q.objects) == 1 {
		object = q.objects[0].String()
	}
	for _, w := range slices.Sorted(maps.Keys(q.words)) {
		if column == "" && quotes(w) {
			column = bracket(w)
		}
	}
	return object, column, named
}

// allObjects names everything that the query reads.
func (q Select) allObjects() string {
	if len(q.objects) == 0 {
		return "what is asked for"
	}
	names := make([]string, len(q.objects))
	for i, o := range q.objects {
		names[i] = o.String()
	}
	return strings.Join(names, ", ")
}
