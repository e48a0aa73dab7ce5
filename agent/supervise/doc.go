// Package supervise keeps one program, the worker, running: it is what the
// service manager starts. It is small, speaks to no network and reads no MIS,
// settings or keys, so that it hardly ever has a reason to end.
//
// It guarantees:
//   - a worker that ends without having been told to, with whatever exit code,
//     is started again: at once, then with growing pauses, so that one that can
//     never run never spins
//   - a stop is orderly: the worker's standard input ends, it has a while to
//     finish, and only then is it killed, with all its children
//   - when this process itself is killed, the worker's standard input ends as
//     well, so no worker is left without a supervisor
//   - nothing that a worker started outlives it
//
// A worker says that it works by printing the line "ready"; that and what goes
// wrong is told to systemd (sd_notify(3)) where it listens.
//
// Start reading at Slot.Run, then keeper (when the worker is started) and life
// (one life of it).
package supervise
