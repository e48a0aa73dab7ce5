package mis

import (
	"hash/maphash"
	"reflect"
	"strconv"

	"rollbridge/shared/record"
)

// newChild names an admitted pupil (design.md §4): by the MIS's id and the
// permanent UPN if there is one. Where the route has no MIS id, by the
// permanent UPN, or else by legal names, date of birth and sex. was is the
// name without the UPN.
func (r *reading) newChild(raw rawRow, authority string) (c *child, was record.PupilID) {
	parts, withUPN := []string{raw[pID]}, permanentUPN(raw[pUPN])
	if !r.plan.misID {
		parts = []string{"person", raw[pSurname], raw[pForename], raw[pDOB], raw[pSex]}
	}
	plain := record.NewPupilID(r.ask.IDKey, parts...)
	c = &child{id: plain, authority: authority, weeks: map[record.Date]*week{}}
	if withUPN == "" {
		return c, ""
	}
	if r.plan.misID {
		c.id = record.NewPupilID(r.ask.IDKey, raw[pID], withUPN)
	} else {
		c.id = record.NewPupilID(r.ask.IDKey, "upn", withUPN)
	}
	return c, plain
}

// admitted keeps an admitted pupil and gives out the pupil's record.
func (r *reading) admitted(raw rawRow, at place, yes admission) (*child, error) {
	c, was := r.newChild(raw, yes.authority)
	r.children = append(r.children, c)
	r.counts[record.DatasetPupil].matched++
	if !r.wants(record.DatasetPupil) {
		return c, nil
	}
	p, err := r.pupil(raw, at, c, yes)
	if err != nil {
		return nil, err
	}
	return c, r.give(Row{Record: p, Was: was, Misspelt: misspeltUPN(raw[pUPN]), Authority: yes.authority})
}

func (r *reading) pupil(raw rawRow, at place, who *child, yes admission) (*record.Pupil, error) {
	c := r.cells(record.DatasetPupil, raw, at)
	p := &record.Pupil{ID: who.id, InCare: yes.inCare, ByRoster: yes.byRoster, CareAuthority: who.authority}
	c.fill(p)
	// The marker decides, not the dates; but a marker that outlived them is worth a look.
	if today := r.ask.Today; yes.inCare && (p.CareEnd != "" && p.CareEnd < today || p.CareStart > today) {
		c.warn(pInCare, WarnOutside)
	}
	return p, c.err
}

// thing builds the record of one row of any dataset but pupils and attendance,
// keeps it out of duplicates and gives it out, or keeps it where the route has
// no id of it. who is nil for staff.
func (r *reading) thing(d record.Dataset, raw rawRow, at place, who *child) error {
	c := r.cells(d, raw, at)
	out, err := record.New(d)
	if err != nil {
		return err
	}
	row := Row{Record: out}
	if who != nil {
		record.SetPupil(out, who.id)
		row.Authority = who.authority
	}
	c.fill(out)
	parts := c.name(out)
	if c.err != nil {
		return c.err
	}
	if sen, ok := out.(*record.SEN); ok {
		if r.plan.datasets[d].headings[c.about.number(needTypeName)] != "" {
			return r.mergeNeeds(row, at, parts)
		}
		sortNeeds(sen.SENNeeds)
	}
	if parts != nil || c.about.id < 0 {
		r.keep(row, parts)
		return nil
	}
	again, err := r.seenBefore(out, at)
	if err != nil || again {
		return err
	}
	return r.give(row)
}

// fill sets every field of a record that its description knows how to set.
func (c *cells) fill(out record.Record) {
	kept := c.keepBack()
	v := reflect.ValueOf(out).Elem()
	nullNo := c.r.plan.datasets[c.d].nullNo
	for i, f := range c.about.fields {
		switch {
		case f.kind.set != nil && c.raw[i] != "":
			f.kind.set(c, i, v.Field(f.at))
		case nullNo[i] && f.at >= 0 && !kept[i]:
			v.Field(f.at).Set(reflect.ValueOf(new(bool)))
		}
	}
}

// name sets the id of a record that is one of several of its pupil: from the id
// that the MIS has, or else from what tells it apart. The parts are taken from
// the record, so that a form of dates that changes makes no new things; they
// are returned where the MIS has no id, nil otherwise.
func (c *cells) name(out record.Record) (parts []string) {
	about := c.about
	if about.id < 0 || c.err != nil {
		return nil
	}
	v := reflect.ValueOf(out).Elem()
	id := v.Field(about.fields[about.id].at)
	if c.raw[about.id] != "" {
		id.SetString(record.NewSubID(c.r.ask.IDKey, c.d, c.text(about.id)))
		return nil
	}
	if !c.said() {
		c.fail(about.number(about.said[len(about.said)-1]), "a "+about.thing+" without a name cannot be told from others: correct it in the MIS")
		return nil
	}
	parts = append(parts, "person")
	for _, i := range c.r.plan.datasets[c.d].identity {
		parts = append(parts, single(v.Field(about.fields[i].at)))
	}
	id.SetString(record.NewSubID(c.r.ask.IDKey, c.d, parts...))
	return parts
}

// single is a value of a kind that may be part of an identity.
func single(v reflect.Value) string {
	if v.CanInt() {
		return strconv.FormatInt(v.Int(), 10)
	}
	return v.String()
}

// said says whether enough of what tells things apart is there.
func (c *cells) said() bool {
	for _, name := range c.about.said {
		if c.raw[c.about.number(name)] != "" {
			return true
		}
	}
	return len(c.about.said) == 0
}

// A sighting is where a record was found, and a hash of what it was then.
type sighting struct {
	sum  uint64
	line int32
}

// seenBefore notes a record, or says that it was given out already. Only hashes
// are kept: a school has hundreds of thousands of records of some datasets.
func (r *reading) seenBefore(out record.Record, at place) (bool, error) {
	key, sum, err := r.sums(out)
	if err != nil {
		return false, err
	}
	before, again := r.seen[key]
	if !again {
		r.seen[key] = sighting{sum: sum, line: int32(at.line)}
		return false, nil
	}
	d := out.Dataset()
	if before.sum != sum {
		return false, r.twice(d, at, int(before.line))
	}
	r.repeated(d)
	return true, nil
}

// sums are hashes of what a record is of, and of all of it.
func (r *reading) sums(out record.Record) (key [2]uint64, sum uint64, err error) {
	line, err := record.Encode(out)
	if err != nil {
		return key, 0, err
	}
	return r.keySum(out), maphash.Bytes(r.pupils.seeds[0], line), nil
}

func (r *reading) keySum(out record.Record) [2]uint64 {
	return r.pupils.hash(string(out.Dataset()) + " " + string(out.Key()))
}

func (r *reading) twice(d record.Dataset, at place, before int) error {
	about, maker, whose := descriptions[d], r.plan.words.maker, ""
	if d.OfPupils() {
		whose = " of one pupil"
	}
	return fault(d, "%s and %s: one %s%s twice, and not the same: correct it in the MIS, or have %s give each %s its own id", at, at.other(before), about.thing, whose, maker, about.thing)
}

func (r *reading) repeated(d record.Dataset) {
	about := r.plan.datasets[d].about
	r.warn(d, about.names[max(about.id, ofPupilID)], WarnRepeated)
}
