// Package roster takes in the list that an authority keeps of the children it
// looks after: UPN, date of birth, school, and for each child whether the
// school may know (design.md §6, Matching).
//
// It guarantees:
//   - A roster is taken over whole or not at all, for all schools at once; an
//     import that is killed anywhere leaves the one that stood.
//   - Everything wrong with a file is said together, with line and column, up to
//     MaxFaults, and never with a value of a child.
//   - More than a fifth of the children gone (and at least 3), or all of them,
//     is refused until somebody repeats the command with the code of exactly
//     that change.
//   - Nothing is guessed: a date whose day and month could be swapped, a UPN
//     whose check letter does not fit, a child at two schools are faults.
//
// It never tells a school anything: enrolment.Desk.Roster does, and only of
// children whom the school may know. Nothing of a file is kept but these four
// columns, and these only sealed.
//
// Start reading at Parse (what a file means), then Importer.Import. sheet/ turns
// CSV and XLSX files into rows.
package roster
