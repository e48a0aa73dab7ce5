// Package envelope seals what leaves a school and opens it in the collector
// (design.md §4), with the standard library only.
//
// An envelope is a clear header, an HPKE ciphertext and an Ed25519 signature:
//
//	"RBE1" | u16 header length | header | u16 enc length | enc | u32 ciphertext length | ciphertext | signature (64)
//
// The header is the associated data of the encryption, so it cannot be moved
// to another ciphertext, and the signature covers a domain prefix, the header
// and SHA-256(enc | ciphertext), so that a sender can be proved without
// opening anything. The header names no school and no counts. The plaintext is
// padded to a Padmé size of at least 1 KiB before it is sealed.
//
// HPKE is RFC 9180 with MLKEM768-X25519, HKDF-SHA-256 and AES-256-GCM. The
// same suite seals small secrets to an agent or to the collector: SealTo and
// OpenFrom.
//
// Parse checks every length against the limits before it allocates; it
// accepts exactly one encoding of an envelope. testdata holds test vectors.
//
// Start reading at Header, Seal, Parse and (*Envelope).Open.
package envelope
