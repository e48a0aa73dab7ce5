// Package identity holds the keys that make one agent of one school: what it
// signs and receives with, what its pupils' ids are made with, what its local
// hashes and its logbook are keyed with (design.md §4).
//
// It guarantees that an identity exists completely or not at all, and that a
// loaded one is the one that was made. It never sends a key anywhere, never
// makes a second identity where there is one, and holds no collector's key.
//
// Start reading at Identity, then Create, Load and Destroy.
package identity
