// Package portal is what people of the local authority see: the last step of a record's
// way. It guarantees:
//   - every figure stands beside the time it was true, and the status words are those of
//     shared/status and no others;
//   - a page shows only schools and children of the authority that the signed-in person
//     belongs to; who belongs to none, such as the operator's first person, sees all;
//   - pages work without JavaScript, and the browser is told to run none;
//   - a session is kept in the database, ends when its password is changed, and begins
//     with a fresh token at each sign-in.
//
// It never changes a record, and no address, title or log line holds anything about a
// child: pages show counts, but one. /roster shows people of an authority the children on
// its own roster whom no school sends, as the roster has them; people who belong to none
// see only how many.
//
// Start reading at Routes, the one list of all pages, and at web, which all of them share.
package portal
