package codes

import (
	"io/fs"
	"time"
)

// Entry is one code of a small code set.
type Entry struct {
	Codeset, Code, Label string
	Status               string // "current", "historic" or "not collected"
	Parent               string // the main code this one rolls up to, where the set has two levels
	Note                 string // "unconfirmed" in it means: accept and warn
	// ValidFrom and ValidTo are the first and last day, midnight UTC; zero is open.
	ValidFrom, ValidTo time.Time
}

type entryKey struct{ codeset, code string }

const relationshipSet = "contact_relationship"

// Lookup finds an exact code in one of the code sets of data/, such as "nc_year", "sex", "sen_provision" or
// "post_looked_after_arrangement". False means the set or the code is unknown: keep the raw value and warn.
func Lookup(codeset, code string) (Entry, bool) {
	e, ok := data().entries[entryKey{codeset, code}]
	return e, ok
}

// Relationship is the label of a contact's relationship to the pupil (DfE Common Basic Data Set), historic codes included.
func Relationship(code string) (label string, ok bool) {
	e, ok := Lookup(relationshipSet, code)
	return e.Label, ok
}

// entryLists are the files of the small code sets.
var entryLists = []string{
	"data/relationship.csv", "data/care_status.csv", "data/pupil_small.csv", "data/sen.csv", "data/suspensions.csv", "data/assessment.csv",
}

func loadEntries(files fs.FS) (map[entryKey]Entry, error) {
	all := map[entryKey]Entry{}
	for _, name := range entryLists {
		err := eachRow(files, name, func(r *row) error {
			e := Entry{
				Codeset:   r.need("codeset"),
				Code:      r.need("code"),
				Label:     r.need("label"),
				Status:    r.word("status", "current", "historic", "not collected"),
				Parent:    r.text("parent_code"),
				Note:      r.text("note"),
				ValidFrom: r.from("valid_from"),
				ValidTo:   r.to("valid_to"),
			}
			key := entryKey{e.Codeset, e.Code}
			if _, twice := all[key]; twice {
				r.fail("code", "appears twice in its code set")
			}
			all[key] = e
			return r.err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
