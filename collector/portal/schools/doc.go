// Package schools has the pages about schools: the list, one school with its two
// clocks, its last fourteen days, what is wrong there and who acts, and the times
// and days on which its registers are expected.
//
// It guarantees:
//   - A school that this authority does not ask for data is not there
//     (web.ErrNotFound), like one that does not exist.
//   - Counts are of this authority's own children. What a delivery held in all is
//     shown only where nobody else asks the school.
//   - Every change is in the audit log in the transaction that makes it, and every
//     look at a school, and at what it delivered, before it is shown.
//   - Of a school that has stopped nothing is shown that it had sent.
//
// Words, owners and next steps come from shared/status and collector/overview; this
// package only puts them on a page. It names no child.
//
// Start reading at Routes; list.go and school.go are the two pages that people look
// at, days.go, times.go and phone.go the forms.
package schools
