// Package inbox keeps what intake has taken, sealed, until apply has decided
// it (design.md §2): batches, enrolments, revocations and the newest check-in
// of each agent.
//
// It guarantees: when Keep, KeepRequest or KeepCheckin returns without an
// error, what was kept is on durable storage, together with the receipt, which
// stands in the same row, so that a repeat gets the same bytes for ever. What
// arrives at the same time is committed together (group commit): one fsync for
// many schools. Batches of an agent form a chain; a batch that does not follow
// the head is not kept, and one that contradicts the chain is kept as evidence
// for control to decide by. Several processes may keep at once: the primary
// key, not a lock, decides who was first.
//
// It opens nothing, verifies no signature (intake does, and apply again) and
// never decides about a school.
//
// Start reading at Inbox.Keep and keepBatch (the rules of the chain); Waiting,
// Rows, Mark and the rest of reader.go are apply's side and work inside the
// caller's transaction.
package inbox
