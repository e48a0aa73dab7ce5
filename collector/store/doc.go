// Package store is everything the collector keeps but the inbox: who takes
// part (authorities, schools, provisions, codes, agents, statements) and what
// arrived (records encrypted at rest, their history, quarantine, holds,
// deliveries), on SQLite and PostgreSQL alike. Every table begins its key with
// the school and no transaction spans schools (design.md §8).
//
// It guarantees:
//   - A record's content is readable only through the vault: bodies are sealed
//     by the pupil's own key; those of staff, who belong to the school, and
//     quarantined ones by the school's.
//   - A version is written once; the one before it goes to the history, so
//     versions of a key are 1, 2, 3 … without a gap. The oldest are forgotten
//     first, never one that counts or waits in a hold (forget.go).
//   - positions.state is the sum of the tags of the records with counted set:
//     Fsck proves it.
//   - Statement serials rise, also after a restore from a backup: a serial is
//     at least the present time in milliseconds.
//
// It decides nothing: apply decides what becomes of batches, enrolment who may
// speak. Its errors hold no value of any record.
//
// Start reading at Store, Schools and Records; position.go and record.go are
// what apply writes with, statement.go what both issue with.
package store
