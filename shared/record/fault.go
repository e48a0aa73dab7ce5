package record

import "slices"

// A Severity says what a Fault means for the record.
type Severity string

// An error keeps the record out of the store: it is quarantined, and the last
// good version stays. A warning is counted and the record is stored as it is,
// because no list of codes is complete enough to drop a record for.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// A FaultCode says what is wrong with a field; the list is closed.
type FaultCode string

// The codes of faults.
const (
	FaultMalformed FaultCode = "malformed"         // not of the form that the field has
	FaultCheck     FaultCode = "check_character"   // a check letter or digit does not fit
	FaultNotADate  FaultCode = "not_a_date"        //
	FaultFuture    FaultCode = "future"            // a day that has not come
	FaultOrder     FaultCode = "order"             // dates in the wrong order
	FaultNotMonday FaultCode = "not_a_monday"      //
	FaultLength    FaultCode = "length"            // a list of the wrong length
	FaultTooLong   FaultCode = "too_long"          // a text or list over its limit
	FaultControl   FaultCode = "control_character" // a text with line breaks or the like
	FaultRange     FaultCode = "range"             // a number that cannot be
	FaultUnknown   FaultCode = "unknown_code"      // not in the code list
	FaultHistoric  FaultCode = "historic_code"     // in the list, and replaced by another
	FaultConflict  FaultCode = "conflict"          // contradicts another field of the record
	FaultPermanent FaultCode = "permanent"         // a permanent UPN where it must not be kept
	// FaultKey and FaultDecode are found by who reads a batch, before Check.
	FaultKey    FaultCode = "key"    // the record's key is not the one it was sent under
	FaultDecode FaultCode = "decode" // not readable as a record of its dataset
)

// A Fault is one thing wrong with a record. It holds no value of the record:
// Sentence names field and remedy only.
type Fault struct {
	Field    string // name in the encoding
	Code     FaultCode
	Severity Severity
	Sentence string
}

// Reason is dataset-free text for outcomes and counts: "field:code".
func (f Fault) Reason() string { return f.Field + ":" + string(f.Code) }

// Refused says whether faults keep a record out of the store.
func Refused(faults []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool { return f.Severity == SeverityError })
}
