package protocol

import (
	"crypto/sha256"
	"slices"

	"rollbridge/shared/record"
)

// A Hold is a set of removals that wait for a person at the school: too many
// records disappeared at once to be believed without a yes (design.md §4).
type Hold struct {
	// Code releases exactly this set: `sync --release CODE`.
	Code    string         `json:"code"`
	Dataset record.Dataset `json:"dataset"`
	// Authority is set for pupils, which are counted per authority.
	Authority string `json:"authority,omitempty"`
	// Gone of Of records have disappeared.
	Gone int `json:"gone"`
	Of   int `json:"of"`
}

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
	h := sha256.New()
	h.Write([]byte("rollbridge/hold/v1\x00" + string(d) + "\x00" + authority))
	for _, k := range sorted {
		h.Write([]byte("\x00" + k))
	}
	return codeEncoding.EncodeToString(h.Sum(nil)[:5])
}
