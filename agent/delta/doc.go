// Package delta works out what changed since the last sealed state (design.md
// §2 and §4): the step between scope, which let the rows through, and outbox,
// which seals.
//
// A Comparison takes the rows of one read as they stream by and gives, at the
// end, the lines to seal, the changes of the local state and the digest of all
// that the collector will then hold. An unchanged row costs no memory beyond
// its key.
//
// The state has one entry per record that the agent holds as sent. Its key is
// the dataset, a slash and the record's key. Its value is HMAC-SHA-256 of the
// record under the local key (32 bytes), the record's tag (32) and the group
// (8), an HMAC of the caring authority's code. It can be read by nobody, but
// whoever holds the local key can test guesses, so it is treated as personal
// data.
//
// Nothing is removed that was not looked for: removals come only from datasets
// that were read completely, and inside the window of dates that was read. Only
// attendance has a window; every other dataset, also one with dates (behaviour,
// detentions, results), is read whole or is not complete. A mass disappearance
// is held back until a person at the school releases its code. Weeks before the
// academic year leave the state without a removal.
//
// A dataset that the read stopped, or whose columns have another form than when
// they were last sealed, stays as it is: its rows are taken back when the read
// ends. A contact that was removed and comes back is held too, by the keyed
// hashes of those that were removed (docs/decisions/0009-safety-stops.md). A
// carried dataset, of which the MIS's own feed says that nothing changed, stays
// without a hold.
//
// Whatever is a pupil's leaves with the pupil. Staff belong to the school: their
// group is that of no authority, they are weighed per school, and only a scope
// in which no authority is given them narrows them away.
//
// It never writes anything itself: outbox commits a Result together with its
// envelopes. Start reading at New, Add and Finish, then remove.go, stop.go and
// returned.go.
package delta
