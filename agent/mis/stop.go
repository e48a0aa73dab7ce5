package mis

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// stopsOne are the faults that keep one dataset back and not the whole read: a
// right was trimmed, or a column is gone or empty. A school's register must not
// wait for somebody's right to its contacts. Any other fault is a sign that the
// read as a whole cannot be trusted.
var stopsOne = map[protocol.ProblemCode]protocol.Why{
	protocol.ProblemRightMissing: protocol.WhyPermission,
	protocol.ProblemIdentifier:   protocol.WhyIdentifier,
}

// stopped makes a stop of a fault of dataset d that is one, and returns any
// other error as it is. Of the pupils a fault is always one of the whole read,
// since nothing can be decided without them.
func (r *reading) stopped(d record.Dataset, err error) error {
	var fault *Error
	if d == record.DatasetPupil || !errors.As(err, &fault) || fault.Dataset != d {
		return err
	}
	why, one := stopsOne[fault.Problem]
	if !one {
		return err
	}
	r.report.Stops = append(r.report.Stops, Stop{Dataset: d, Why: why, Text: fault.Text})
	r.forget(d)
	return nil
}

// stands says whether nothing stops a dataset so far.
func (r *reading) stands(d record.Dataset) bool {
	for _, s := range r.report.Stops {
		if s.Dataset == d {
			return false
		}
	}
	return true
}

// forget drops what is kept of the dataset that is being read.
func (r *reading) forget(d record.Dataset) {
	r.seen = map[[2]uint64]sighting{}
	r.ids = [2]idColumn{}
	r.needs = needRows{}
	delete(r.unnamed, d)
	delete(r.forms, d)
	if d == record.DatasetAttendance {
		for _, c := range r.children {
			c.weeks = nil
		}
	}
}

// absent is a fault of a thing that has to be read and is not there: whether a
// right to it was taken away or it was removed cannot be told from outside.
func absent(d record.Dataset, format string, args ...any) *Error {
	return &Error{Problem: protocol.ProblemRightMissing, Dataset: d, Text: fmt.Sprintf(format, args...)}
}

// An idColumn counts the rows that have no id in a column of ids.
type idColumn struct {
	rows, empty int
	first       place // without one
}

// The two columns of ids that a row may have.
const (
	idOfPupil = iota
	idOfThing
)

// has counts a row, and says whether its id is there. One without an id is
// passed over until it is known whether any row has one (identified).
func (c *idColumn) has(id string, at place) bool {
	if c.rows++; id != "" {
		return true
	}
	if c.empty++; c.empty == 1 {
		c.first = at
	}
	return false
}

// identified judges the ids of a dataset once all its rows are read. A column
// that is empty in every row is kept from the reader, or is another than meant:
// that stops the dataset. One that is empty here and there is a fault of the
// data.
func (r *reading) identified(d record.Dataset) error {
	about := r.plan.datasets[d].about
	for i, of := range []struct {
		field int
		text  string
	}{
		{ofPupilID, "the identifier of the pupil is empty: every row must have one"},
		{about.id, "the identifier of the " + about.thing + " is empty: every row must have one"},
	} {
		switch c := r.ids[i]; {
		case c.empty == 0:
		case c.empty == c.rows:
			return &Error{Problem: protocol.ProblemIdentifier, Dataset: d, Text: fmt.Sprintf(
				"%s: %s, and none of %d rows has one: the account that reads may be kept from seeing it, or it is the wrong column; correct %s",
				r.label(d, of.field), of.text, c.rows, r.plan.words.maker)}
		default:
			return r.fieldFault(d, c.first, of.field, of.text+"; correct "+r.plan.words.maker)
		}
	}
	r.ids = [2]idColumn{}
	return nil
}

// form notes parts of what does not vary with the data of a dataset.
func (r *reading) form(d record.Dataset, parts ...string) {
	r.forms[d] = append(r.forms[d], parts...)
}

// schemas are the fingerprints of the forms that were noted.
func (r *reading) schemas() map[record.Dataset]string {
	made := map[record.Dataset]string{}
	for d, parts := range r.forms {
		h := sha256.New()
		for _, part := range parts {
			fmt.Fprintf(h, "%d:%s\n", len(part), part)
		}
		made[d] = hex.EncodeToString(h.Sum(nil))
	}
	return made
}
