package mis

import (
	"fmt"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// rest are the datasets to read after the pupils, in order.
func (r *reading) rest() []record.Dataset {
	return slices.DeleteFunc(record.Datasets(), func(d record.Dataset) bool { return d == record.DatasetPupil || !r.wants(d) })
}

// listedPupil takes one pupil of a list that has everybody and an id of each.
func (r *reading) listedPupil(byID map[string]*child, raw rawRow, at place) error {
	id := raw[pID]
	if before, twice := r.pupils.add(id, origin{line: int32(at.line)}); twice {
		return r.fieldFault(record.DatasetPupil, at, pID, fmt.Sprintf("the pupil of %s again: %s must have one row for each pupil; remove %s that repeat a pupil",
			at.other(int(before.line)), r.plan.words.maker, r.plan.words.repeaters))
	}
	yes, err := r.gate(raw, at)
	if err != nil || !yes.ok() {
		return err
	}
	c, err := r.admitted(raw, at, yes)
	byID[strings.Clone(id)] = c
	return err
}

// readRest reads datasets after the pupils, in the order given. read brings the
// rows of one, from a file or from a database.
func (r *reading) readRest(datasets []record.Dataset, byID map[string]*child, read func(d record.Dataset, use func(rawRow, place) error) error) error {
	for _, d := range datasets {
		if !r.stands(d) {
			continue
		}
		if err := r.stopped(d, r.readOne(d, byID, read)); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) readOne(d record.Dataset, byID map[string]*child, read func(d record.Dataset, use func(rawRow, place) error) error) error {
	use, after := r.thingRow(byID, d), r.giveThings
	if d == record.DatasetAttendance {
		use, after = r.sessionRow(byID), func(record.Dataset) error { return r.giveWeeks() }
	}
	if err := read(d, use); err != nil {
		return err
	}
	if err := r.identified(d); err != nil {
		return err
	}
	r.seen = map[[2]uint64]sighting{} // of one dataset each
	return after(d)
}

// giveThings gives out what was kept of a dataset until all its rows were read.
func (r *reading) giveThings(d record.Dataset) error {
	if err := r.giveNeeds(); err != nil {
		return err
	}
	return r.giveUnnamed(d)
}

// thingRow takes the rows of any dataset whose rows are a record each.
func (r *reading) thingRow(byID map[string]*child, d record.Dataset) func(raw rawRow, at place) error {
	own := r.plan.datasets[d].about.id
	named := own >= 0 && r.plan.datasets[d].headings[own] != ""
	use := func(raw rawRow, at place, who *child) error {
		if named && !r.ids[idOfThing].has(raw[own], at) {
			return nil
		}
		return r.thing(d, raw, at, who)
	}
	if d.OfPupils() {
		return r.owned(byID, d, use)
	}
	return func(raw rawRow, at place) error {
		r.counts[d].matched++ // everybody whom the MIS gives
		return use(raw, at, nil)
	}
}

// none is called where there was not one row. What every school has is then not
// taken for gone; of the rest it may be true.
func (r *reading) none(d record.Dataset) {
	if descriptions[d].usual {
		r.incomplete[d] = true
		r.warn(d, "", WarnNoRows)
	}
}

// owned passes on the rows of admitted pupils, whoever made them: a file or a
// database. Rows of one pupil usually follow each other, so the last answer is
// kept.
func (r *reading) owned(byID map[string]*child, d record.Dataset, use func(raw rawRow, at place, who *child) error) func(rawRow, place) error {
	var last string
	var who *child
	known := true
	return func(raw rawRow, at place) error {
		id := raw[ofPupilID]
		if !r.ids[idOfPupil].has(id, at) {
			return nil
		}
		if id != last {
			last, who = strings.Clone(id), byID[id]
			known = who != nil || r.pupils.has(id)
		}
		if !known {
			r.warn(d, "pupil", WarnNoPupil)
		}
		if who == nil {
			return nil
		}
		r.counts[d].matched++
		return use(raw, at, who)
	}
}

// sessionRow takes one row a session. Dates are read in every row, since they
// say which days are covered.
func (r *reading) sessionRow(byID map[string]*child) func(raw rawRow, at place) error {
	const d = record.DatasetAttendance
	var on day
	latest := r.ask.Today.AddDays(366)
	own := r.owned(byID, d, func(raw rawRow, at place, who *child) error { return r.markRow(raw, at, who, on) })
	return func(raw rawRow, at place) error {
		found, ok := r.dayOf(raw[aDate])
		if !ok {
			return r.fieldFault(d, at, aDate, r.badDate())
		}
		if found.date > latest {
			return r.fieldFault(d, at, aDate, "it is more than a year ahead: check the year, the form of dates in the settings and this machine's clock")
		}
		on = found
		r.window(on.date)
		return own(raw, at)
	}
}

// window widens the dates read; earlier academic years are not part of it.
func (r *reading) window(day record.Date) {
	c := r.counts[record.DatasetAttendance]
	if day < r.year {
		return
	}
	if c.from == "" || day < c.from {
		c.from = day
	}
	c.to = max(c.to, day)
}

func (r *reading) markRow(raw rawRow, at place, who *child, on day) error {
	const d = record.DatasetAttendance
	c := r.cells(d, raw, at)
	var session int
	switch strings.ToUpper(r.plan.datasets[d].code(aSession, raw[aSession])) {
	case "AM":
		session = morning
	case "PM":
		session = afternoon
	default:
		return r.fieldFault(d, at, aSession, "it is neither AM nor PM: correct "+r.plan.words.maker+", or have the profile say what it means under values")
	}
	if len(raw[aMark]) > longestMark {
		return r.fieldFault(d, at, aMark, "it is too long to be a mark: check that the column of marks is read, not one of comments")
	}
	m := mark{code: taken(c.printable(aMark, raw[aMark])), late: c.number(aLate, 0, maxLate), line: at.line}
	if c.err != nil {
		return c.err
	}
	clash, err := r.mark(who, on, session, m)
	if err != nil {
		return err
	}
	if clash != 0 {
		return fault(d, "%s and %s: two different marks of one pupil in one session: %s must have one row for each session; remove %s that repeat it",
			at, at.other(clash), r.plan.words.maker, r.plan.words.repeaters)
	}
	return nil
}
