// Package tsql reads a subset of T-SQL and translates it to SQLite, for the
// stand-in for SQL Server that tests and the demo run on.
//
// The promise is certainty, not breadth: what Translate gives answers exactly
// what SQL Server answers (with its defaults: us_english, a case-insensitive,
// accent-sensitive collation, ANSI settings on); everything else is refused
// with error 49999 and a sentence that names what is not translated. A text
// that is not T-SQL at all is 102, an unknown column 207, an unknown object
// 208, an ambiguous column 209, as SQL Server numbers them.
//
// It is not SQL Server, not an emulator of it and no judge of whether T-SQL is
// valid: it has no optimiser, no sql_variant, no procedures (they are kept by
// name only), no rights (it tells which objects and columns a statement uses,
// the engine decides) and no sessions. It opens no database.
//
// # How data lies in SQLite
//
// One SQLite file per database; an object is one identifier "schema.name" in
// the Catalogue's spelling. Stored values:
//
//	tinyint smallint int bigint bit   INTEGER
//	float real                        REAL
//	decimal money                     TEXT with all digits of its scale
//	char varchar nchar nvarchar       TEXT COLLATE mssql; char and nchar padded
//	date                              TEXT 2006-01-02
//	time(n)                           TEXT 15:04:05.n
//	datetime                          TEXT 2006-01-02 15:04:05.000
//	datetime2(n)                      TEXT 2006-01-02 15:04:05.n
//	smalldatetime                     TEXT 2006-01-02 15:04:00
//	datetimeoffset(n)                 TEXT 2006-01-02 15:04:05.n +00:00 (its own clock)
//	uniqueidentifier                  TEXT, upper case
//	binary varbinary                  BLOB
//
// Store and Value convert between these and the Go values of sqltype.
//
// The collation mssql compares without regard to case and trailing blanks and
// with regard to accents. Order is certain only for ASCII letters, digits,
// blanks and the underscore; ordering other text fails with 49999 when the row
// is met. Equality of stored ligatures, ß and characters beyond the basic
// plane is not that of every collation: constants with them are refused where
// they are compared.
//
// Known differences, none of which a read of this project's meets: an UPDATE
// of key columns must not leave two rows alike even for a moment; of values
// that are alike but not the same (a, A) DISTINCT and GROUP BY may keep another
// one; whether a computed column of a result can be NULL is told on the safe
// side.
//
// # Things that only the session knows
//
// DB_NAME(), SUSER_SNAME(), HAS_PERMS_BY_NAME(...), GETDATE(), @@VERSION and
// the like are asked of an Environment: a Catalogue that also is one. With
// constant arguments they are asked once, at Translate; with columns as
// arguments the SQL calls the registered function mssql_session with the
// Environment's Session number, which Enter gives. Views cannot use them.
//
// # Errors while rows are read
//
// The registered functions fail with SQL Server's numbers (245 and so on);
// ErrorOf finds the Error in what SQLite's driver returns, and also maps
// SQLite's broken constraints (515, 2627, 2601).
//
// Start at Parse, then Select.Translate.
package tsql
