// Package scope drops what may not leave the school (design.md §1, promises 1
// and 2): the step between mis, which reads, and delta, which compares.
//
// What leaves is what the authorities asked for and the school allowed: a
// Scope is that intersection, and there is no way to make a wider one. It is
// asked twice. Admit decides on a pupil before anything of that pupil is
// buffered; Trim looks at every row again, drops rows of pupils that it did
// not see admitted and empties fields that are not allowed for the pupil's own
// authority. Staff belong to the school, not to a pupil: a row of theirs leaves
// if any authority is given the dataset, once, with the fields that any of them
// is given; Given says whose is what. An authority's roster may stand in for the
// marker, never for what is asked and allowed. A marker that says neither yes nor no is an error, never a "no":
// that pupil is not sent, and nothing is removed until it is clear.
//
// It never reads a MIS, never remembers a pupil longer than one read, and no
// error of it holds a value of a pupil.
//
// Start reading at New, Admit and Trim; Wider says what waits for a yes.
package scope
