// Package check looks at everything that an agent needs to do its work, one
// thing after the other, and says of each what was found, what to do and whom
// to ask.
//
// It guarantees:
//   - every line comes from a real try, none from settings alone, and a line
//     that depends on a thing that failed says "not tried" instead of repeating
//     the fault;
//   - nothing of a pupil, no password, no key and no code is in a line;
//   - every id and cause is in the list of list.go, which docs/check.md prints:
//     scripts may rely on them;
//   - a bundle (WriteBundle) is made of fields that are allowed by name: ids,
//     causes, numbers, times and words of closed lists. Sentences, names of hosts,
//     users and paths are not in it.
//
// It changes nothing but what a check-in changes, keeps nothing that it reads,
// and sends nothing at all once the school has revoked.
//
// Start reading at Line and List, then at Machine, School and MIS, which make
// the lines.
package check
