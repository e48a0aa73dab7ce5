package delta

import (
	"cmp"
	"maps"
	"slices"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A removal decides about everything that the state has and this read has not.
type removal struct {
	c     *Comparison
	read  map[record.Dataset]protocol.DatasetRead
	sets  map[setKey]*set
	held  map[record.PupilID]bool // pupils kept back: their records stay with them
	left  map[record.PupilID]bool // pupils who go: their records go with them
	holds []protocol.Hold
}

// A set is what disappears, or stays, together: the pupils of one authority,
// the records of one other dataset of the pupils who are still there, or all
// of a dataset that belongs to the school.
type set struct {
	gone []record.Key
	of   int
	come int // new in this read
	held bool
}

type setKey struct {
	dataset record.Dataset
	group   Group // of pupils; zero for other datasets
}

// A fate is what becomes of one entry of the state that was not read.
type fate int

const (
	stays     fate = iota
	forgotten      // of an earlier academic year: no removal, but no longer counted
	renamed
	narrowed
	gone        // it is no longer in the MIS: subject to the rule of mass disappearance
	withPupil   // its pupil was not read either: it goes or stays with the pupil
	leavesAlone // a remainder without a pupil
)

func newRemoval(c *Comparison, datasets []protocol.DatasetRead) *removal {
	r := &removal{c: c, read: map[record.Dataset]protocol.DatasetRead{}, sets: map[setKey]*set{},
		held: map[record.PupilID]bool{}, left: map[record.PupilID]bool{}}
	for _, d := range datasets {
		r.read[d.Dataset] = d
	}
	return r
}

// run appends the removals to the comparison. In a full batch what is not
// there says by itself that it is gone; only removals that the collector must
// not count or hold (renamed, narrowed scope) are named.
func (r *removal) run() error {
	fates := r.judge()
	r.weigh()
	for _, name := range slices.Sorted(maps.Keys(fates)) {
		if err := r.carryOut(name, fates[name]); err != nil {
			return err
		}
	}
	return nil
}

// judge gives every entry that was not read its fate, and counts the sets.
func (r *removal) judge() map[string]fate {
	fates := map[string]fate{}
	for name, e := range r.c.in.State.Entries {
		d, key, ok := SplitKey(name)
		if !ok {
			continue
		}
		_, read := r.c.seen[name]
		f := r.fate(d, key, e)
		if counts := f == gone || f == stays || f == renamed && d == record.DatasetPupil; counts && r.counted(d, key) {
			s := r.set(d, e.Group)
			s.of++
			if f == gone && !read {
				s.gone = append(s.gone, key)
			}
		}
		if !read {
			fates[name] = f
		}
	}
	r.comings()
	return fates
}

// comings counts what is new, in the sets of which something is gone.
func (r *removal) comings() {
	held := map[string]bool{}
	for _, b := range r.c.returned {
		held[b.row.name] = true
	}
	for name := range r.c.seen {
		d, _, ok := SplitKey(name)
		if _, known := r.c.in.State.Entries[name]; known || !ok || d == record.DatasetPupil || held[name] {
			continue // new pupils do not weigh against those who are gone
		}
		if s := r.sets[setKey{dataset: d}]; s != nil {
			s.come++
		}
	}
}

// counted says whether a record of the state is one that the rule of mass
// disappearance looks at: every pupil, and of the other datasets what this
// read should have shown.
func (r *removal) counted(d record.Dataset, key record.Key) bool {
	return d == record.DatasetPupil || r.covered(d, key)
}

func (r *removal) set(d record.Dataset, g Group) *set {
	k := setKey{dataset: d}
	if d == record.DatasetPupil {
		k.group = g
	}
	if r.sets[k] == nil {
		r.sets[k] = &set{}
	}
	return r.sets[k]
}

// fate is what becomes of an entry if it was not read.
func (r *removal) fate(d record.Dataset, key record.Key, e Entry) fate {
	if !d.OfPupils() {
		return r.fateOfSchool(d, key) // its key looks like a pupil's id
	}
	id := key.Pupil()
	owner := r.owner(id)
	_, present := r.c.pupils[id]
	_, there := r.c.pupils[owner]
	switch {
	case r.c.ofAnEarlierYear(key):
		return forgotten
	case r.c.renamed[id] && r.c.stopped[d]:
		return stays // until the new id's are sent in its place
	case r.c.renamed[id]:
		return renamed
	case !r.inScope(d, owner, e):
		return narrowed
	case d == record.DatasetPupil:
		if !present && r.covered(d, key) {
			return gone
		}
		return stays
	case !there && r.hasPupil(owner):
		return withPupil
	case !r.covered(d, key):
		return stays
	case owner != id:
		return renamed // the pupil was, while this dataset was stopped
	case !present:
		return leavesAlone
	}
	return gone
}

// fateOfSchool is the fate of what belongs to the school: no pupil's coming or
// going touches it, and it leaves the scope when the last authority does.
func (r *removal) fateOfSchool(d record.Dataset, key record.Key) fate {
	switch {
	case len(r.c.in.Scope.Given(d)) == 0:
		return narrowed
	case !r.covered(d, key):
		return stays
	}
	return gone
}

// owner is the id that a pupil has in the state: another one than a record's, if
// the pupil got a permanent UPN while the record's dataset was stopped.
func (r *removal) owner(id record.PupilID) record.PupilID {
	if now := r.c.known[id]; now != "" && !r.hasPupil(id) {
		return now
	}
	return id
}

func (r *removal) hasPupil(id record.PupilID) bool {
	_, known := r.c.in.State.Entries[StateKey(record.DatasetPupil, record.Key(id))]
	return known
}

// inScope goes by the pupil's authority of today, or the last one known: a
// record's own group may be older than its pupil's.
func (r *removal) inScope(d record.Dataset, id record.PupilID, e Entry) bool {
	group := e.Group
	if now, present := r.c.pupils[id]; present {
		group = now
	} else if p, known := r.c.in.State.Entries[StateKey(record.DatasetPupil, record.Key(id))]; known {
		group = p.Group
	}
	code, known := r.c.codes[group]
	return known && r.c.in.Scope.Covers(code, d)
}

// covered says whether this read would have shown the record if it existed:
// only then may it be removed (design.md §4).
func (r *removal) covered(d record.Dataset, key record.Key) bool {
	read, ok := r.read[d]
	if !ok || !read.Complete {
		return false
	}
	week := key.Week()
	if week == "" {
		return true
	}
	return (read.From == "" || week >= read.From.Monday()) && (read.To == "" || week <= read.To)
}

// weigh applies the rule of mass disappearance to every set.
func (r *removal) weigh() {
	keys := slices.SortedFunc(maps.Keys(r.sets), func(a, b setKey) int {
		return cmp.Or(cmp.Compare(a.dataset, b.dataset), cmp.Compare(r.c.codes[a.group], r.c.codes[b.group]))
	})
	for _, k := range keys {
		s := r.sets[k]
		hold := protocol.MassDisappearance(k.dataset, len(s.gone), s.of, s.come)
		if hold {
			h := protocol.Hold{Why: protocol.WhyDisappearance, Dataset: k.dataset, Authority: r.c.codes[k.group], Gone: len(s.gone), Of: s.of}
			h.Code = protocol.HoldCode(h.Dataset, h.Authority, s.gone)
			hold = !slices.Contains(r.c.in.Released, h.Code)
			if hold {
				r.holds = append(r.holds, h)
			}
		}
		if k.dataset == record.DatasetPupil {
			to := r.left
			if hold {
				to = r.held
			}
			for _, key := range s.gone {
				to[key.Pupil()] = true
			}
			continue
		}
		s.held = hold
	}
}

func (r *removal) carryOut(name string, f fate) error {
	e := r.c.in.State.Entries[name]
	d, key, _ := SplitKey(name)
	switch f {
	case stays:
		return nil
	case forgotten:
		r.drop(name, e)
		return nil
	case renamed:
		return r.take(name, e, protocol.RemovedRenamed)
	case narrowed:
		return r.take(name, e, protocol.RemovedScope)
	}
	owner := r.owner(key.Pupil())
	held, left := r.held[owner], r.left[owner]
	if f == gone && d != record.DatasetPupil {
		held = r.set(d, e.Group).held
		left = !held
	}
	switch {
	case held:
		r.c.counts.of(r.c.codes[e.Group], d).Held++
		return nil
	case !left && f != leavesAlone:
		return nil
	}
	if f == gone {
		r.c.bury(d, name)
	}
	if r.c.in.Full {
		r.c.noteAbsence(owner, r.c.codes[e.Group], d)
		return nil // what is not there says so by itself
	}
	return r.take(name, e, protocol.RemovedLeft)
}

// take removes an entry with a line that says why.
func (r *removal) take(name string, e Entry, why string) error {
	d, key, _ := SplitKey(name)
	r.drop(name, e)
	r.c.counts.of(r.c.codes[e.Group], d).Removals++
	r.c.noteRemoval(r.owner(key.Pupil()), r.c.codes[e.Group], d, why)
	text, err := line(protocol.Op{Dataset: d, Key: key, Remove: why})
	r.c.lines = append(r.c.lines, text)
	return err
}

// drop removes an entry from the new state. The new state of a full batch is
// only what was read, so there is nothing to take out of it.
func (r *removal) drop(name string, e Entry) {
	if r.c.in.Full {
		return
	}
	r.c.digest.Remove(e.Tag)
	r.c.changes = append(r.c.changes, Change{Key: name})
}
