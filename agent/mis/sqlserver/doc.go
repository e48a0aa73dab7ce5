// Package sqlserver is the agent's read-only way to a SQL Server. It knows
// nothing of pupils or profiles: it takes checked queries ([ParseSelect]) and
// gives rows of cells.
//
// It guarantees:
//   - Nothing reaches the server but this package's own few fixed statements and
//     SELECTs that [ParseSelect] accepted; a guard around the driver refuses any
//     other text before it is sent.
//   - The connection is encrypted and the server's certificate is checked, unless
//     the settings say otherwise, which each [Open] logs as a warning.
//   - A read is whole or an error: a connection lost among the rows is a [Fault],
//     never a short result.
//   - A session is small and polite: one connection, at most [MaxQueries]
//     statements, a time limit on each, a limit on waiting for locks, and the
//     lowest deadlock priority, so that it loses against the school's own work.
//   - No error holds the server's own words, a value of a row or a password.
//
// It never writes, and never asks for more than the queries it is given name.
//
// Start reading at Open in session.go; then select.go (which queries are
// allowed), guard.go (what may be sent), certificate.go (who is trusted) and
// faultnumber.go (what SQL Server's errors mean).
package sqlserver
