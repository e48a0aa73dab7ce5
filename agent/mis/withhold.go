package mis

import (
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// withholdName is the field of every dataset but attendance by which a MIS marks
// a row of which something must not be disclosed, such as a confidential address.
// It is no field of the record: it decides whether others are filled in.
const withholdName = "Withhold"

var withholdMark = kind{coded: true}

// withFields adds what every dataset has beside its own fields.
func withFields(d record.Dataset, fields []field) []field {
	if d == record.DatasetAttendance {
		return fields
	}
	return append(slices.Clone(fields), a(withholdMark, withholdName)...)
}

// withholdable are the fields of a record that a marker may keep back: what
// makes a record usable, or may tell it from others, cannot be.
func withholdable(d record.Dataset, identity []string) []string {
	var names []string
	for _, f := range record.Fields(d) {
		if !f.Always && !slices.Contains(identity, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// withheldBy are the fields that the marker of a dataset keeps back: those that
// the profile names, or else the sensitive ones, or where there are none all.
func withheldBy(d record.Dataset, named, identity []string) []string {
	if len(named) > 0 {
		return named
	}
	var names []string
	for _, f := range record.Fields(d) {
		if f.Sensitive {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return withholdable(d, identity)
	}
	return names
}

// withhold checks which fields a marker keeps back.
func (p places) withhold(path []string, d record.Dataset, own *DatasetProfile) error {
	path = append(slices.Clone(path), "withhold")
	about := descriptions[d]
	if len(own.Withhold) > 0 && !slices.Contains(about.names, withholdName) {
		return p.fault(path, "%s has no marker for it: remove withhold", d)
	}
	identity := about.identity
	if len(own.Identity) > 0 {
		identity = own.Identity
	}
	known := withholdable(d, identity)
	for _, name := range own.Withhold {
		if !slices.Contains(known, name) {
			return p.fault(path, "%s cannot be withheld of %s%s; these can: %s", name, d, didYouMean(name, known), strings.Join(known, ", "))
		}
	}
	return nil
}

// withheld says whether the marker of a row keeps fields back. Only a clear no
// lets them go: an empty marker does too where the profile says that it means no.
func (c *cells) withheld() bool {
	at := slices.Index(c.about.names, withholdName)
	if at < 0 || c.r.plan.datasets[c.d].headings[at] == "" {
		return false
	}
	text := c.ruled(at, strings.TrimSpace(c.raw[at]))
	if text == "" {
		return !c.r.plan.datasets[c.d].nullNo[at]
	}
	yes, known := readBool(text)
	if !known {
		c.warn(at, WarnUnclear)
	}
	return yes || !known
}

// keepBack empties the cells of what must not leave, before anything is made of
// them, and counts the rows of which something was there to keep back.
func (c *cells) keepBack() (fields map[int]bool) {
	if !c.withheld() {
		return nil
	}
	keep, known, some := c.r.plan.datasets[c.d].withheld, record.Fields(c.d), false
	fields = map[int]bool{}
	for i, f := range c.about.fields {
		if f.at < 0 || !slices.Contains(keep, known[f.at].Name) {
			continue
		}
		some, fields[i] = some || c.raw[i] != "", true
		c.raw[i] = ""
	}
	if some {
		c.r.counts[c.d].withheld++
	}
	return fields
}
