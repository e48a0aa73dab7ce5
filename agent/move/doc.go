// Package move carries an enrolled agent to another machine in one file:
// identity, what is known of the collector, what the school allows, the state,
// the queue and the logbook. The new machine shows a public key, the old one
// seals to it and stops for good, and the new one goes on where the old one
// was: no new enrolment, no full batch.
//
// It guarantees:
//   - nobody but the machine that showed the key opens the file, and a file that
//     was changed on the way is refused whole;
//   - at no moment can both machines run: the file has its name only when the
//     old machine's marker is on disk, and the marker is written only when all of
//     the file is. A crash before it leaves the old machine as it was, one after
//     it is finished by whoever comes next there, the service too;
//   - an import leaves all of an agent or nothing, and never replaces one;
//   - keys are protected anew on the new machine.
//
// It never carries settings: their values may be passwords, and paths of another
// machine. The file names those that were set, without values. A copy of the old
// machine that comes back later, from a backup, is found out by the collector
// (design.md §4, "superseded").
//
// Start reading at NewKey, Export and Import; the file is in file.go.
package move
