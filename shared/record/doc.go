// Package record is the data model that agent and collector share: the typed
// records of a looked-after pupil, their natural keys, their one canonical
// encoding and the digest that proves that both sides hold the same set.
//
// Field names in the encoding follow the DfE's Common Basic Data Set. A record
// is one JSON object on one line; Encode is deterministic, so equal records
// have equal bytes and a change of bytes is a change of the record.
//
// A pupil is known by PupilID, never by UPN: UPNs change, repeat and may have
// to be unlinked. PupilIDs are made at the school with a key the school holds
// (NewPupilID) and mean nothing without it.
//
// Every type here prints as one fixed word in logs and errors. Start reading
// at Record, then pupil.go, contact.go, attendance.go; Check says what makes a
// record acceptable, Digest how two sides compare.
package record
