// Package supervise keeps one program, the worker, running: it is what the
// service manager starts. It is small, speaks to no network and reads no MIS,
// settings or keys, so that it hardly ever has a reason to end. It is replaced
// by packages only; what updates bring runs below it.
//
// Of the versions on this machine (agent/slot) it runs the one in force. A newer
// one that is asked for, by the worker or by a command, is tried: it is on
// probation, and in force when it has lived for ten minutes.
//
// It guarantees:
//   - no program but the package's own copy is started whose hash is not the
//     signed one, looked at before every start
//   - each start on probation is counted on disk before it: whatever ends the
//     computer in between, a version is started three times at most
//   - one that ends, hangs, no longer answers, writes without end, fails a
//     self-test that the version before passes, or never looks for updates is left
//     for the version before by itself, and not tried again unasked
//   - whatever of the state is lost, there is something good to run: the newest
//     version that has served its probation, in the last resort the package's own
//   - a worker that ends without having been told to is started again: at once,
//     then with growing pauses, so that one that can never run never spins
//   - a stop is orderly: the worker's standard input ends, it has a while to
//     finish, and only then is it killed, with all its children
//   - when this process itself is killed, the worker's standard input ends as
//     well, so no worker is left without a supervisor
//   - nothing that a worker started outlives it
//
// Time is measured by the monotonic clock: no clock that is set hurries or
// delays anything. How things stand, and what goes wrong, is told to systemd
// (sd_notify(3)) where it listens.
//
// Start reading at line.go, which is the contract with the worker; then
// Supervisor.Run, keeper (when something is started), machine (what) and life
// (one life of it).
package supervise
