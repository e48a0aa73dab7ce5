// Package standin is a server that answers like a small part of SQL Server, so
// that tests and the demo read a school's MIS over the real wire protocol.
//
// It is not SQL Server. It keeps each database in a SQLite file, has the T-SQL
// that package tsql translates with certainty (the rest is refused in words),
// and decides about logins, users, rights and errors itself, as the public
// documentation of SQL Server describes them. What passes here has a fair
// chance on SQL Server; nothing here has been compared with a real one.
//
// What it does: SQL and Windows (NTLM) logins, users, the fixed roles, GRANT,
// DENY and REVOKE on databases, schemas, objects and columns, ownership chains
// below views, catalogue views that show only what the session may see,
// snapshot and read committed transactions, the error numbers a client
// branches on, and faults on demand (Stage).
//
// Where it differs from SQL Server, knowingly:
//
//   - A database has one writer at a time. A reader at READ COMMITTED waits
//     (SET LOCK_TIMEOUT, then 1222) while an open transaction has written to a
//     table that it reads, whatever the row; deadlocks happen only on demand.
//   - A snapshot that writes after anybody else has is refused (3960), whatever
//     the row.
//   - REPEATABLE READ and SERIALIZABLE keep every writer out; READ UNCOMMITTED
//     reads what is committed.
//   - Any error ends its batch. DDL and rights are not part of a transaction:
//     DDL within one is refused.
//   - Logins, rights and the catalogue live in memory: they outlast Stop and
//     Restart, not the Server.
//   - A user who may see an object sees all its columns in INFORMATION_SCHEMA.
//   - Of the system databases there is only master, which every login may enter.
//
// Start at Start; session.go is the way of a statement, rights.go who may what.
package standin
