// Package calls is the pages of the telephone: whom to call this session, the one
// form that records a call in seconds and by keyboard alone, who is calling whom,
// and the history of contacts with its export.
//
// It guarantees:
//   - Somebody who works for several authorities sees all their schools in one
//     list, each with its authority named; a form belongs to one authority, and
//     one of another's gets the page of what is not there.
//   - Names of children are on the form and on the page of one call only, and each
//     look at them is in the audit log, as is each call.
//   - Nothing about a child is in an address or a title: a call's address has the
//     school and a random number.
//   - A form that is sent twice records one call, and one that is sent again with
//     something else becomes a correction after a look.
//
// What a call is and whom to call is decided in collector/call.
//
// Start reading at Routes.
package calls
