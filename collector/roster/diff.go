package roster

import (
	"maps"
	"slices"

	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Diff counts what an import changes. It names no child.
type Diff struct {
	Authority string `json:"authority"`
	// Before and After are how many children there are.
	Before int `json:"before"`
	After  int `json:"after"`
	Counts
	Schools []SchoolDiff `json:"schools"`
	// Release is the code without which so many removals are refused; empty
	// where none is needed.
	Release string `json:"release,omitempty"`
}

// Counts are the ways in which a child's line changes. A child counts once: as
// moved where the school is another one, whatever else is.
type Counts struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
	Moved   int `json:"moved"`
}

// A SchoolDiff is one school's part: Moved are those who come, Gone those who
// go to another school. After is how many there are then, MayKnow of how many
// of them the school may know.
type SchoolDiff struct {
	School string `json:"school"`
	Counts
	Gone    int `json:"moved_away"`
	After   int `json:"after"`
	MayKnow int `json:"may_know"`
}

// Some says whether anything changes.
func (d Diff) Some() bool { return d.Counts != Counts{} }

// Compare counts what becomes of one list in favour of another; blind makes a
// name of a child that says nothing, of which the release code is made.
func Compare(authority string, before, after []store.Listed, blind func(upn string) []byte) Diff {
	d := Diff{Authority: authority, Before: len(before), After: len(after)}
	schools := map[string]*SchoolDiff{}
	at := func(id string) *SchoolDiff {
		if schools[id] == nil {
			schools[id] = &SchoolDiff{School: id}
		}
		return schools[id]
	}
	old := make(map[string]store.Listed, len(before))
	for _, c := range before {
		old[c.UPN] = c
		at(c.School)
	}
	for _, c := range after {
		s := at(c.School)
		s.After++
		if c.MayKnow {
			s.MayKnow++
		}
		was, known := old[c.UPN]
		delete(old, c.UPN)
		switch {
		case !known:
			d.Added++
			s.Added++
		case was.School != c.School:
			d.Moved++
			s.Moved++
			at(was.School).Gone++
		case was != c:
			d.Changed++
			s.Changed++
		}
	}
	var gone []record.Key
	for upn, c := range old {
		d.Removed++
		at(c.School).Removed++
		gone = append(gone, record.Key(blind(upn)))
	}
	for _, id := range slices.Sorted(maps.Keys(schools)) {
		d.Schools = append(d.Schools, *schools[id])
	}
	// By the rule for pupils: new children in place of all the old are another
	// authority's file.
	if protocol.MassDisappearance(record.DatasetPupil, d.Removed, d.Before, d.Added) {
		d.Release = protocol.HoldCode("roster", authority, gone)
	}
	return d
}
