// Package children is the portal's pages about children: the list, one child with
// everything that is held of it, children on the roster whom no school sends, and
// exports.
//
// It guarantees:
//   - Nobody sees a child who is not in their sight (store.Sight): the store decides,
//     and a child of another authority, of another caseload or of a stopped school is
//     not there at all.
//   - Every look is in the audit log before it is shown, with the ids of the children
//     whose names stand on the page; an export, with its reason too.
//   - No name, UPN or anything else of a child is in an address, a title or the name of
//     a file. A search is a form that is sent, never an address.
//   - What is not there is explained: not asked for, not given, not read yet, or empty
//     at the school. What is there says which school it is from, for when it is true,
//     when it came and as which version.
//
// Start reading at Routes. list.go and search.go find children, child.go makes the page
// of one, section.go the part of each dataset and why something is missing in it,
// words.go writes values, strip.go draws attendance, export.go makes files.
package children
