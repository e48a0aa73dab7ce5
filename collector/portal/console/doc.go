// Package console is the operator's own pages, on the private listener only: how all
// authorities and schools stand, which agents run what, what waits, is held or was set
// aside, enrolment codes, releases, what expires, and what needs the operator.
//
// It guarantees:
//   - Nobody but an operator sees any of it, after the same sign-in as on the portal, with
//     a second factor. A page is in the operator's audit log before it is shown.
//   - It shows counts, times, and words of closed lists. It opens nothing that a school
//     sent: no page can name a child.
//   - It says what `status` says, from the same functions.
//
// The private listener is plain HTTP, for loopback or a closed network, so its cookies are
// not bound to TLS (web.Site.Plain): reach it by a tunnel (`ssh -L`), not across a network.
// The portal's public listener has none of these pages.
//
// It changes nothing: the commands do. It is in both languages; names of commands, jobs,
// fields and versions, and what a program said when it failed, are the same in both.
//
// Start reading at Routes and Sources.
package console
