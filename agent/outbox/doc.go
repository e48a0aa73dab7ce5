// Package outbox is the agent's one durable place: what has been sealed, what
// still has to be sent, and what the agent knows of its collector (state.db,
// a bbolt file).
//
// It guarantees that new hashes, sealed envelopes, the head of the chain and
// the logbook's entries are written in one transaction, on disk before it
// returns; a crash leaves all of it or nothing. Entries reach the logbook
// right after; Open completes what a crash cut off. An envelope is kept until
// a control-signed outcome names it, so that a collector restored from a
// backup can be given it again; one that has waited 14 days for its outcome is
// withdrawn by a full batch.
//
// It remembers also which batch carried how much of which pupil, behind keyed
// hashes (Trace), so that the school can answer what was sent about a child.
//
// It never holds a readable record: the agent itself cannot open an envelope
// once it is sealed. One process at a time has it open.
//
// Start reading at Open, Snapshot, Seal, Next, Receipted and ApplyOutcome;
// Facts is everything small.
package outbox
