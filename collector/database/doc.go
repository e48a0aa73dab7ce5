// Package database opens the collector's database, SQLite by default and
// PostgreSQL for production, and hides what differs between them.
//
// It guarantees: a transaction that Write has committed is on durable storage
// (SQLite: WAL with synchronous=FULL; PostgreSQL: synchronous_commit=on); a
// transaction that another one got in the way of (busy, serialization failure,
// deadlock) is run again a bounded number of times, so what is given to Write
// must be safe to run more than once; a schema of another version than the
// program's is refused before anything is read. It never holds a lock between
// transactions, and knows no table: those who own tables write their own SQL,
// once for both dialects.
//
// Queries use ? for parameters. Times are microseconds since 1970 in BIGINT
// columns (Micros, FromMicros), binary values BYTEA or BLOB, and the SQL is
// what both dialects share: INSERT ... ON CONFLICT, RETURNING, CASE, no
// functions on dates or JSON.
//
// Start reading at Open, DB.Write and DB.Read; migrations holds the schema.
package database
