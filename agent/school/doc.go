// Package school is one enrolled school on this machine: it puts the steps of
// a record's way together (mis, scope, delta, outbox, uplink), keeps the
// school's own off switch, and obeys what the collector's control key signs.
//
// It guarantees:
//   - a read that fails anywhere changes nothing that is sealed, queued or held
//     as sent; what went wrong is recorded and reported;
//   - only what was asked and allowed is read, and a marker file (paused,
//     revoked) stops reading at once, whoever wrote it and whatever the service
//     is doing;
//   - state changes only by what is signed: receipts, answers and statements as
//     uplink proved them;
//   - after a revoke nothing is read or sealed again, keys and queue are gone,
//     and one signed message is delivered for as long as it takes.
//
// It never widens what leaves, never starts a program and never writes outside
// its data directory.
//
// Start reading at Open, then Sync (sync.go), Deliver (deliver.go), obey
// (obey.go), Run (run.go) and Revoke (revoke.go).
package school
