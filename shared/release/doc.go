// Package release says what a released agent is, for both sides: the collector's
// operators sign it, agents believe it.
//
// A release is a program whose hash and description (Release) stand in TUF
// metadata that people signed offline. Who gets it when stands in the target
// rollout.json (Rollout), signed by a key on a server: it can delay and never
// choose what nobody signed.
//
// It guarantees:
//   - Trust believes a target only through an unbroken chain: the built-in root,
//     every later root signed by the threshold of the one before and by its own,
//     and targets signed by the threshold of the last.
//   - A target counts only where its signed description and its path say the same.
//   - Metadata of any content gives an error or a Proof, never a panic.
//
// It has no network, writes nothing, and does not look at expiry: a program that
// was released stays released, and agents must start offline after years. The
// freshness of metadata is the concern of the updater (agent/update).
//
// Start reading at Release and Trust; rollout.go is who gets what, built.go what the
// linker stamped, scope.go the hash of what may leave a school.
package release
