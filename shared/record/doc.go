// Package record is the data model that agent and collector share: the typed
// records of looked-after pupils and of the staff who answer for them, their
// natural keys, their one canonical encoding and the digest that proves that
// both sides hold the same set.
//
// Field names in the encoding follow the DfE's Common Basic Data Set. A record
// is one JSON object on one line; Encode is deterministic, so equal records
// have equal bytes and a change of bytes is a change of the record.
//
// A pupil is known by PupilID, never by UPN: UPNs change, repeat and may have
// to be unlinked. PupilIDs are made at the school with a key the school holds
// (NewPupilID) and mean nothing without it.
//
// Every record prints as one fixed word in logs and errors. Start reading at
// Record and at the table in dataset.go, then any of the types (pupil.go,
// attendance.go, event.go …); Check says what makes a record acceptable,
// Fields what a provision may ask for, Digest how two sides compare.
//
// To add a dataset: a type with its methods, its line in hidden.go, its line in
// the table, its meanings in meaning.go; then write docs/data.md anew as
// page_test.go says. To add a field: the type and its meaning.
package record
