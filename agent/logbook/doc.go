// Package logbook is the school's proof of what left it: a file of its own
// with a key of its own, which outlives everything else of the agent
// (design.md §1 promise 7). The outbox decides what is entered, in the
// transaction that seals, sends or settles a batch, and appends it here.
//
// logbook.jsonl holds one JSON object per line. The first names the format,
// the logbook's public key, the agent and the collector's root fingerprint.
// Each further one holds its number, time, event and data, the SHA-256 of the
// line before (without its line break) and an Ed25519 signature, last in the
// line, over "rollbridge/logbook/v1", a zero byte and the line without its
// member "sig".
//
// Verify needs nothing but the file: it shows lines that were changed, put in,
// taken out or moved, and receipts, keyrings and outcomes that are not signed
// by the collector named in the first line. It cannot show that lines were cut
// off at the end, except where the cut falls inside a line: compare the last
// entry with what the collector shows, or run fsck beside the state. Nor can it
// show that a whole file was replaced by whoever holds the logbook's key.
//
// It never holds a pupil's id, name or any other value of a pupil.
//
// Start reading at Create, Open, Append and Verify.
package logbook
