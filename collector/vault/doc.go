// Package vault keeps what is at rest secret, and makes forgetting possible
// (design.md §8).
//
// There are three layers of keys:
//
//	kek.key      the key-encryption key, behind gocloud.dev/secrets; it wraps
//	epoch-N.key  one a day, each a file outside the database and outside every
//	             backup; the newest wraps
//	data keys    AES-256, one per pupil and one per school, kept wrapped in the
//	             rows of the database
//
// It guarantees:
//   - A data key opens only what was sealed for its owner, and only under the
//     exact Name it was sealed with: a row moved to another school, pupil,
//     dataset, key or version does not open.
//   - An epoch key is destroyed only 14 days after a newer one took its place,
//     and the caller says beforehand that it wraps nothing live (Expired,
//     Destroy). A backup of the database therefore opens nothing that has been
//     erased since, and everything that has not.
//   - The data keys of a school that has stopped wait under a hold key of that
//     stop (hold.go), hold-ID.key, also outside every backup. When it is
//     destroyed, and the last epoch key of before is, no copy of the database
//     opens the school's data. hold-ID.json stays as a note of the stop.
//   - New epochs and destroyed ones are noticed by other processes on the same
//     directory.
//
// It never writes a data key or a pupil's data to a file, and no error holds
// either. index.key, wrapped by kek.key too, makes the blind index of UPNs: it
// joins one child's records in two schools without a UPN in clear.
//
// Start reading at Vault, Key and Name; store keeps the wrapped keys and
// re-wraps them (store.Rotate).
package vault
