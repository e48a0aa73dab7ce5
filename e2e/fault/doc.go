// Package fault is what lies between a school and its collector on a bad day:
// whole-system tests put its parts in the way of the real programs.
//
//   - Relay is a line: it carries bytes, slowly, late, or until it is cut.
//   - Gateway ends TLS as a web filter does and so sees whole messages: it cuts
//     them off, loses replies, repeats what it captured, or answers with a page
//     of its own.
//   - Proxy is a school's forward proxy; its Door asks for nothing, or for Basic, NTLM
//     or the Kerberos of a Realm.
//   - Authority is a certificate authority that a machine trusts or does not.
//   - SmallDisk, ReadOnly, LimitFileSize, LimitRunning and Unprivileged take disk space
//     and rights away.
//   - Cut ends a program, and what it started, before the n-th act on its files,
//     as a power cut would, or lets that act and all later ones fail.
//   - Trace reads what strace saw, so that the order of writes can be checked.
//
// What happens by chance is drawn from a seed: the same seed gives the same
// faults in the same order of requests. Listeners are on loopback only, and
// Close ends everything that a part started.
//
// Nothing here knows a key of the programs, apart from a certificate that the
// test hands over, or changes a message: a fault is what a network, a disk or a
// kernel could do by itself.
//
// Start reading at Gateway and Fate.
package fault
