// Package host runs the agents of many schools in one process (design.md §7,
// "Hosted"): where a cloud MIS needs nothing in the school, the operator runs one
// process for hundreds of them.
//
// Each directory in [Host.Dir] is the data directory of one school: its own
// settings, keys, queue, logbook and control socket, so that every command works
// on one of them as on a school's own machine. A directory that is added is
// found without a restart; one that is taken away ends.
//
// It guarantees that schools do not touch each other: one whose settings are
// wrong, whose agent fails or panics is begun again by itself, with growing
// pauses, while the others go on. How many read at once is bounded by what they
// share (school.Turns), not here.
//
// It knows nothing of what an agent does. Start reading at Host.Run.
package host
