// Package retention forgets what the collector has kept for long enough. The
// rules are those of record.Keepings, the periods the operator's settings; the
// authorities answer for both (docs/data.md, docs/decisions/0011).
//
// It guarantees:
//   - What a school's MIS holds is never forgotten: nothing that counts in the
//     position's state goes, so a school that has not changed sends nothing new
//     after a run.
//   - Nothing that waits in a hold goes, and nothing else of its child.
//   - A child goes as a whole, with the key, in one transaction. Everything else
//     goes in small pieces, each in a transaction of its own, so it may be killed
//     anywhere and goes on where it stopped.
//   - It says how much, never what.
//   - Calls to schools, which are the authorities' own, go after the shorter of the
//     two periods of days (Calls; call.Book.Forget carries it out).
//
// It reads no record: it holds no key. Schools that stopped are destroyed as a
// whole by who stops them, not by these rules.
//
// Start reading at Job.Run; the rules' queries are in store/forget.go.
package retention
