// Package server runs the roles of the collector in one process: it opens what
// each role needs and nothing else, listens, and ends in order.
//
// It guarantees:
//   - A process with role intake opens the intake keys, its certificate and the
//     database, and touches no other key: it starts where the others do not
//     exist.
//   - Nothing listens before the schema is checked and every key is read.
//   - On the end of its context it takes no new connection, answers the
//     requests it has within a limit, finishes what it is committing and closes
//     the database. Killed instead, it loses nothing: every role goes on from
//     the database.
//   - Any number of processes may run the same roles on one database.
//
// Start reading at Run and its roles.go; control.go opens what decides,
// listen.go and certificate.go are the listeners, private.go the operator's
// own, jobs.go what is done by the clock.
package server
