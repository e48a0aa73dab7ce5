package delta

import (
	"rollbridge/agent/mis"
	"rollbridge/shared/record"
)

// bases maps the id that each pupil of the state would have without a
// permanent UPN to the pupil's id.
func (s State) bases() map[record.PupilID]record.PupilID {
	known := map[record.PupilID]record.PupilID{}
	for name, e := range s.Entries {
		if _, key, ok := SplitKey(name); ok && e.Base != "" {
			known[e.Base] = key.Pupil()
		}
	}
	return known
}

// settle gives a pupil whose UPN is misspelt, and the pupil's other rows, the
// id under which the pupil is known, so that a slip of a finger makes nobody
// leave the list. A UPN that is valid, temporary or not there at all decides by
// itself: what replaces a permanent UPN on purpose leads to nobody (design.md
// §4). It returns the Base for the state's entry, empty for other datasets.
func (c *Comparison) settle(row mis.Row) record.PupilID {
	id := row.Record.Pupil()
	if row.Record.Dataset() != record.DatasetPupil {
		if known, ok := c.meant[id]; ok {
			record.SetPupil(row.Record, known)
		}
		return ""
	}
	known, ok := c.known[id]
	if !row.Misspelt || !ok {
		return row.Was
	}
	if _, own := c.in.State.Entries[StateKey(record.DatasetPupil, record.Key(id))]; own {
		return row.Was
	}
	c.meant[id] = known
	record.SetPupil(row.Record, known)
	return id
}
