// Package people is where an authority's administrators decide who may sign in: the list
// of people, invitations, roles, caseloads, the end of access, the access review, the
// classification that stands on exports, and the audit log.
//
// It guarantees:
//   - An administrator sees and changes people of the own authority only; of somebody who
//     works for others too, only that this authority is left.
//   - What package account refuses is a sentence beside the field: nobody takes the own
//     access away or gives more to it, and an authority keeps an administrator.
//   - A one-time password is on one page, once, and in no address, log or session.
//   - Each change is in the audit log with its own transaction, and so is each look at the
//     log and at the children of a caseload.
//
// It decides no right by itself: account does. Start reading at Routes; form.go reads what
// is decided about a person, log.go is the audit log.
package people
