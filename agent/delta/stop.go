package delta

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"rollbridge/agent/mis"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// ErrCarried is returned where a read says of a dataset that nothing changed
// although that cannot be said: everything is to be sent, or a pupil is there
// whose records were never sent. The MIS must be read again without its feed.
var ErrCarried = errors.New("the MIS's list of changes is not enough for this read")

// A Form is what is remembered of the columns that a sealed read saw.
type Form struct {
	// ProfileHash is that of the profile with the school's own settings. Another
	// one is the school's doing and makes the forms new, without a question.
	ProfileHash string `json:"profile_hash,omitempty"`
	// Schemas are mis.Report.Schemas, of each dataset the last that was used.
	Schemas map[record.Dataset]string `json:"schemas,omitempty"`
}

// after is the form that is remembered once a read is sealed.
func (f Form) after(report mis.Report, stopped map[record.Dataset]bool) Form {
	now := Form{ProfileHash: report.ProfileHash, Schemas: map[record.Dataset]string{}}
	if f.ProfileHash == report.ProfileHash {
		maps.Copy(now.Schemas, f.Schemas)
	}
	for d, schema := range report.Schemas {
		if !stopped[d] {
			now.Schemas[d] = schema
		}
	}
	return now
}

// differs says whether the form of a dataset is another than was sealed.
func (f Form) differs(d record.Dataset, report mis.Report) bool {
	now, seen := report.Schemas[d]
	before, known := f.Schemas[d]
	return seen && known && now != before && f.ProfileHash == report.ProfileHash
}

// stop finds the datasets of which nothing of this read is used, makes their
// holds, and takes back what was added of them. Without the pupils there is
// nothing to decide by, so that a stop of theirs is one of the whole read.
func (c *Comparison) stop(report mis.Report) []protocol.DatasetRead {
	for _, s := range report.Stops {
		c.hold(s.Dataset, s.Why, "")
	}
	for _, d := range record.Datasets() {
		if !c.stopped[d] && c.in.Form.differs(d, report) {
			c.hold(d, protocol.WhySchema, report.Schemas[d])
		}
	}
	all := c.stopped[record.DatasetPupil]
	read := slices.Clone(report.Datasets)
	for i, d := range read {
		if all || c.stopped[d.Dataset] {
			c.stopped[d.Dataset] = true
			read[i] = protocol.DatasetRead{Dataset: d.Dataset}
		}
	}
	if all {
		clear(c.pupils)
		clear(c.renamed)
	}
	maps.DeleteFunc(c.seen, func(name string, _ struct{}) bool {
		d, _, _ := SplitKey(name)
		return all || c.stopped[d]
	})
	c.rows = slices.DeleteFunc(c.rows, func(r sending) bool { return all || c.stopped[r.dataset] })
	c.returned = slices.DeleteFunc(c.returned, func(r comeback) bool { return all || c.stopped[r.dataset] })
	return read
}

// hold stops a dataset unless a person has said yes to what stops it.
func (c *Comparison) hold(d record.Dataset, why protocol.Why, form string) {
	h := protocol.Hold{Code: protocol.StopCode(why, d, form), Why: why, Dataset: d}
	if why.Releasable() && slices.Contains(c.in.Released, h.Code) {
		return
	}
	c.stopped[d] = true
	c.holds = append(c.holds, h)
}

// carried refuses a read that leaves out what it may not leave out. What stands
// at the collector of a carried dataset is the whole of it only if every pupil of
// this read was there before, under the same id and with the same authority,
// whose scope decides which fields went.
func (c *Comparison) carried(read []protocol.DatasetRead) error {
	carries := func(d protocol.DatasetRead) bool { return d.Carried }
	pupils := func(d protocol.DatasetRead) bool { return d.Carried && d.Dataset == record.DatasetPupil }
	switch {
	case !slices.ContainsFunc(read, carries):
		return nil
	case slices.ContainsFunc(read, pupils), c.in.Full:
		return ErrCarried
	}
	for id, group := range c.pupils {
		e, known := c.in.State.Entries[StateKey(record.DatasetPupil, record.Key(id))]
		if !known || e.Group != group {
			return ErrCarried
		}
	}
	return nil
}

// sortedHolds puts holds in an order that does not depend on that of the rows.
func sortedHolds(holds []protocol.Hold) []protocol.Hold {
	order := record.Datasets()
	slices.SortStableFunc(holds, func(a, b protocol.Hold) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Dataset), slices.Index(order, b.Dataset)),
			cmp.Compare(a.Reason(), b.Reason()), cmp.Compare(a.Authority, b.Authority))
	})
	return holds
}
