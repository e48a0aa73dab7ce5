// Package update keeps the agent's program current: it looks into the signed
// repository, decides whether and when the school gets a newer version, and
// puts it into a slot beside the running one. The supervisor does the rest.
//
// It guarantees:
//   - nothing is staged that the built-in root does not lead to, nothing older
//     than what runs, nothing below the highest security floor ever seen here,
//     nothing whose state the running version could not read on the way back;
//   - what a mirror shows may be late but never older than what was seen before;
//   - whatever goes wrong is one sentence, nothing half-written is left, and the
//     agent goes on; a version that cannot be fetched is tried three times, then
//     once a day;
//   - the school's window and hold are kept, and never is anything fetched or
//     replaced on the morning of a school day, unless a person at the school asks;
//   - while every school of the computer is paused or has stopped, not a byte is
//     sent.
//
// It needs neither enrolment nor MIS, knows no school, and never replaces a
// running file: it asks the supervisor by slot.Dir.Wish.
//
// Start reading at Decide, which is a pure function, then Updater.Check.
package update
