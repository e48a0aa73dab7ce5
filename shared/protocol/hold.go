package protocol

import (
	"crypto/sha256"
	"slices"

	"rollbridge/shared/record"
)

// A Why says which safety stop made a hold.
type Why string

// The safety stops. Each is explained to the school and to the authority in one
// table on its side; a reason that a version does not know is shown as a hold
// without one.
const (
	WhyDisappearance Why = "disappearance" // too many records are gone at once (MassDisappearance)
	WhyReturned      Why = "returned"      // a contact that was removed is there again
	WhySchema        Why = "schema"        // the MIS gives its columns in another form than when they were last sealed
	WhyPermission    Why = "permission"    // what has to be read is not there: a right was trimmed, a column is gone
	WhyIdentifier    Why = "identifier"    // the column of an id is empty in every row
)

// Whys are all reasons of holds.
func Whys() []Why {
	return []Why{WhyDisappearance, WhyReturned, WhySchema, WhyPermission, WhyIdentifier}
}

// Releasable says whether a person's yes ends a hold. What cannot be read is
// held until it can be.
func (w Why) Releasable() bool { return w != WhyPermission && w != WhyIdentifier }

// ReturnedFor is how many days a removed contact is remembered: one that comes
// back within them is held (docs/decisions/0009-safety-stops.md).
const ReturnedFor = 400

// A Hold is what a safety stop keeps back until a person at the school says
// yes, or until its cause is mended (design.md §4): removals of many records at
// once, contacts that came back, or one dataset of a read, none of whose rows is
// sent and nothing of which is removed meanwhile. Of the dataset pupil it is
// the whole read.
type Hold struct {
	// Code releases exactly this: `sync --release CODE`, if Why is Releasable.
	Code string `json:"code"`
	// Why is empty in batches and outcomes of versions that knew disappearances
	// only; Reason reads both.
	Why     Why            `json:"why,omitempty"`
	Dataset record.Dataset `json:"dataset"`
	// Authority is set for pupils, which are counted per authority, and for
	// contacts that came back.
	Authority string `json:"authority,omitempty"`
	// Gone of Of records have disappeared; of contacts that came back Gone is how
	// many. Both are 0 where a dataset was not read.
	Gone int `json:"gone"`
	Of   int `json:"of"`
}

// Reason is Why, also of a hold that says none.
func (h Hold) Reason() Why {
	if h.Why == "" {
		return WhyDisappearance
	}
	return h.Why
}

// Disappeared says whether removals are held back.
func (h Hold) Disappeared() bool { return h.Reason() == WhyDisappearance }

// MassDisappearance is the rule, for gone records out of of that there were and
// come that are new in the same read: more than 20 % and at least 3, or any fall
// to zero. Pupils are counted per authority; other datasets per school and
// only among pupils who are still there, because a pupil's records leave with
// the pupil; staff, who are no pupil's, all together. Removals by a narrowed
// scope are not counted.
//
// Where something new has come, one or two that are gone were replaced and did
// not fall to zero: many schools have one child in care, and so one social
// worker and one designated teacher, who change. Pupils and marks are never
// replaced in this sense: new ones beside none of the old are a wrong read.
func MassDisappearance(d record.Dataset, gone, of, come int) bool {
	zero := gone == of && (come == 0 || d == record.DatasetPupil || d == record.DatasetAttendance)
	return gone > 0 && (zero || (gone >= 3 && gone*5 > of))
}

// HoldCode names a set of removals: other removals have another code, so a yes
// to one set is no yes to a larger one.
func HoldCode(d record.Dataset, authority string, gone []record.Key) string {
	sorted := slices.Clone(gone)
	slices.Sort(sorted)
	return holdCode("rollbridge/hold/v1\x00"+string(d)+"\x00"+authority, sorted)
}

// ReturnedCode names a set of contacts that came back.
func ReturnedCode(d record.Dataset, authority string, back []record.Key) string {
	sorted := slices.Clone(back)
	slices.Sort(sorted)
	return holdCode("rollbridge/returned/v1\x00"+string(d)+"\x00"+authority, sorted)
}

// StopCode names the stop of a dataset; form is the fingerprint of its columns
// where that is the reason, so that a yes to one form is no yes to another.
func StopCode(w Why, d record.Dataset, form string) string {
	return holdCode("rollbridge/stop/v1\x00"+string(w)+"\x00"+string(d)+"\x00"+form, nil)
}

func holdCode(what string, sorted []record.Key) string {
	h := sha256.New()
	h.Write([]byte(what))
	for _, k := range sorted {
		h.Write([]byte("\x00" + k))
	}
	return codeEncoding.EncodeToString(h.Sum(nil)[:5])
}
