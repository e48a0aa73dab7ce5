// Package apply turns sealed batches into records: the step between inbox and
// store (design.md §2).
//
// For each school, in the order of its agent's chain, it verifies an
// envelope's signature again, opens it, reads the body within its limits,
// checks every record, and in one transaction stores the good ones,
// quarantines the bad ones, holds a mass disappearance back, signs the outcome
// statement, advances the school's position by compare-and-set, and deletes
// the sealed body. Digest and receipt stay in the inbox.
//
// It guarantees:
//   - A batch is applied once and in order, whatever arrives how often; killed
//     anywhere, it goes on as if it had not been.
//   - Nothing is dropped: a bad record stays, encrypted, with its reasons; an
//     envelope that does not open stays too and a full batch is asked for.
//   - Batches of an agent that is not confirmed stay sealed.
//   - What the records' digest says is compared with the agent's after every
//     read; a difference asks for a full batch.
//
// It never trusts intake: what intake stored is verified as if it came from
// the network. Its log lines carry school, sequence, counts and codes.
//
// Start reading at Applier.Once and next.go; read.go applies one read.
package apply
