// Package slot is the versions directory: the programs that updates have
// brought, one directory each, and what says which of them runs.
//
//	P/rollbridge-agent                the package's own copy, which supervises
//	P/versions/1.8.2/rollbridge-agent a slot: written once, checked before every start
//	P/versions/1.8.2/targets.json     the signed list that it was taken from
//	P/versions/state.json             State: written by the supervisor only
//	P/versions/wish.json              Wish: what the worker or a command asks for
//	P/versions/metadata/              *.root.json and targets.json: the updater's
//	P/versions/update.json            the updater's memory; this package never looks
//
// Each file has one writer. There is one such directory for a machine, whatever
// the number of its schools, and nothing of it is in a data directory: pausing,
// revoking, moving or restoring a school touches no program.
//
// It guarantees:
//   - state.json is there whole, as before or as after a Save, whatever fails or
//     ends in between; one that cannot be read is told from one that is not there
//   - Verify believes a program only by the hash that stands in metadata signed
//     through the built-in root, whatever the directory's own files claim
//   - Remove deletes nothing but a slot, and follows no link out of the directory
//
// It has no network, starts nothing and decides nothing: which version runs is
// decided by agent/supervise, which version is fetched by agent/update.
//
// Start reading at Dir and State.
package slot
