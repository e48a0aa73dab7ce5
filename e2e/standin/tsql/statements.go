package tsql

// A Statement is one of the types of this file, or *Select.
type Statement interface{ statement() }

// A Name is an object's name of one or two parts; Schema is empty where the
// statement gives none (dbo).
type Name struct{ Schema, Name string }

// String writes the name as a message does: mis.Student.
func (n Name) String() string {
	if n.Schema == "" {
		return n.Name
	}
	return n.Schema + "." + n.Name
}

// A Select is a query: one SELECT or several joined by UNION [ALL], with the
// ORDER BY of the whole.
type Select struct {
	cores []*core
	all   []bool // all[i] says whether cores[i] and cores[i+1] keep duplicates
	order []orderItem
}

// Insert is INSERT … VALUES or INSERT … SELECT.
type Insert struct {
	Table   Name
	Columns []string // empty: all columns of the table
	rows    [][]expr
	query   *Select
}

// Update is UPDATE … SET … WHERE of one table.
type Update struct {
	Table Name
	set   []setItem
	where expr
}

// Delete is DELETE FROM … WHERE of one table.
type Delete struct {
	Table Name
	where expr
}

// CreateTable is CREATE TABLE with types, nullability and a primary key.
type CreateTable struct {
	Table   Name
	Columns []Column // columns of the primary key are NOT NULL
	Key     []string // of the primary key; empty without
	KeyName string   // of its constraint; empty: the server names it
}

// CreateIndex is CREATE [UNIQUE] INDEX; order and clustering are dropped.
type CreateIndex struct {
	Name    string
	Table   Name
	Columns []string
	Unique  bool
}

// CreateView is CREATE VIEW or ALTER VIEW.
type CreateView struct {
	View  Name
	Alter bool
	Names []string // of the columns, where the statement lists them
	Text  string   // the statement as it was written
	Query *Select
}

// CreateProcedure keeps a procedure by its name only: it can be granted and
// dropped, not run.
type CreateProcedure struct {
	Procedure Name
	Alter     bool
}

// CreateSchema is CREATE SCHEMA [AUTHORIZATION].
type CreateSchema struct{ Name, Owner string }

// Drop is DROP TABLE, VIEW, PROCEDURE, INDEX or SCHEMA.
type Drop struct {
	Kind     string // TABLE VIEW PROCEDURE INDEX SCHEMA
	Names    []Name // of an INDEX: its name, in the Name of one part
	Table    Name   // of an INDEX only
	IfExists bool
}

// CreateDatabase is CREATE DATABASE name.
type CreateDatabase struct{ Name string }

// DropDatabase is DROP DATABASE [IF EXISTS] name.
type DropDatabase struct {
	Name     string
	IfExists bool
}

// AlterDatabase renames a database, or sets one of its options. Exactly one
// of NewName and Option is not empty.
type AlterDatabase struct {
	Name    string // empty: CURRENT
	NewName string
	Option  string // ALLOW_SNAPSHOT_ISOLATION, READ_COMMITTED_SNAPSHOT, SINGLE_USER or MULTI_USER
	On      bool   // for the first two
}

// CreateLogin is CREATE LOGIN, of SQL Server or FROM WINDOWS.
type CreateLogin struct {
	Name       string
	Windows    bool
	Password   string
	MustChange bool
	Options    map[string]string // upper-case name to upper-case or plain value: DEFAULT_DATABASE, CHECK_POLICY, …
}

// AlterLogin gives a login a password, or enables or disables it.
type AlterLogin struct {
	Name       string
	Password   string
	MustChange bool
	Unlock     bool
	Enable     *bool
	Options    map[string]string
}

// DropLogin is DROP LOGIN name.
type DropLogin struct{ Name string }

// CreateUser is CREATE USER name [FOR LOGIN login | WITHOUT LOGIN].
type CreateUser struct {
	Name          string
	Login         string // the user's own name where the statement gives none
	WithoutLogin  bool
	DefaultSchema string
}

// DropUser is DROP USER [IF EXISTS] name.
type DropUser struct {
	Name     string
	IfExists bool
}

// AlterRole adds a member to a role of the database, or of the server, or
// drops one.
type AlterRole struct {
	Role   string
	Member string
	Drop   bool
	Server bool
}

// Permission is GRANT, DENY or REVOKE.
type Permission struct {
	Action  string   // GRANT DENY REVOKE
	Rights  []string // upper case: SELECT, VIEW DEFINITION, CREATE TABLE, …
	Class   string   // OBJECT, SCHEMA or DATABASE
	On      Name     // of an OBJECT; of a SCHEMA: its Name; of a DATABASE: empty
	Columns []string // of an OBJECT; empty: the whole of it
	Users   []string
}

// UseDatabase is USE database.
type UseDatabase struct{ Database string }

// SetOption is SET option value, in upper case: NOCOUNT ON, LOCK_TIMEOUT 5000,
// TRANSACTION ISOLATION LEVEL SNAPSHOT.
type SetOption struct{ Option, Value string }

// Transaction is BEGIN, COMMIT or ROLLBACK of a transaction.
type Transaction struct{ Action string }

type setItem struct {
	column string
	value  expr
}

func (*Select) statement()          {}
func (*Insert) statement()          {}
func (*Update) statement()          {}
func (*Delete) statement()          {}
func (*CreateTable) statement()     {}
func (*CreateIndex) statement()     {}
func (*CreateView) statement()      {}
func (*CreateProcedure) statement() {}
func (*CreateSchema) statement()    {}
func (*Drop) statement()            {}
func (*CreateDatabase) statement()  {}
func (*DropDatabase) statement()    {}
func (*AlterDatabase) statement()   {}
func (*CreateLogin) statement()     {}
func (*AlterLogin) statement()      {}
func (*DropLogin) statement()       {}
func (*CreateUser) statement()      {}
func (*DropUser) statement()        {}
func (*AlterRole) statement()       {}
func (*Permission) statement()      {}
func (*UseDatabase) statement()     {}
func (*SetOption) statement()       {}
func (*Transaction) statement()     {}
