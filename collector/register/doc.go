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
// Two things are kept in memory, so that a look at 500 schools reads only those at
// which something was applied since the last one, and opens only what changed there:
// who is on each school's list, by the position that apply left the school at
// (store.ListMark), and decoded marks, by record and version. The database is asked
// at each look which are current, in the snapshot in which the rest is read, so that
// what another process applied is never missed; of a school that has stopped nothing
// is current. The memory is bounded, by authority, and holds codes and no names.
//
// Start reading at [Registers.Read], then at [Meaning].
package register
