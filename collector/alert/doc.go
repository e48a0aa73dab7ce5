// Package alert sends e-mails to those people of the authorities who want them,
// when the time for the registers of a session is over: how many schools are to be
// called, how many children are missed, and a link.
//
// It guarantees:
//   - An e-mail holds counts and the authority's name, never a school or a child.
//   - Each person gets one for each authority and session, however many processes
//     run and whenever they are restarted. (If a process dies between the mail
//     server's yes and its own note of it, the person may get it twice, with the
//     same Message-ID.)
//   - It goes out when most of the authority's schools have had their time, on a
//     day on which one is in session, and not after the session: a missed time is
//     caught up within it, or not at all.
//   - Nothing is sent over a connection that is not encrypted, unless the operator
//     said so for a mail server on the same machine.
//   - No log line and no metric holds an address, or what a mail server answered:
//     it may repeat one.
//
// Start reading at Runner.Run; time.go says when, text.go what, mail.go how.
package alert
