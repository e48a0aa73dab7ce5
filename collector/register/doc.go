// Package register says what the register of one session says of every child
// that a person may see: one [State] for each, and never a state made of two.
//
// It guarantees:
//   - A mark belongs to a session only if the school's data are as at the
//     session's register time or later. Before that the child is NotReceived,
//     whatever stands in the database: yesterday's data are nobody's today.
//   - What a child's row says is not believed where it is older than the
//     school's data: a newer version was refused, or its removal is held. Such a
//     child is NotReceived too, and [Child].Why says which.
//   - A mark that the list of codes does not explain is never taken for
//     presence: see the table in [Meaning].
//   - Nothing of a school that has stopped is read or kept. A child of it is not
//     even counted, because its list is hidden.
//   - A mark given by phone is not here: collector/call has it, and pages show
//     it beside the register.
//
// Decoded marks are kept in memory, by school, record and version, so that a
// look at 2,000 children opens only what has changed since the last one. The
// memory is bounded, and holds codes and no names.
//
// Start reading at [Registers.Read], then at [Meaning].
package register
