package scope

import (
	"maps"
	"slices"

	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Decision is everything that people at the school have said about what may
// leave. Its JSON is what is stored.
type Decision struct {
	Allowed Allowed `json:"allowed,omitempty"`
	// Denied is what a person took away or kept back by name, so that a yes to the
	// rest does not bring it along.
	Denied Denied `json:"denied,omitempty"`
	// Known are the fields that the MIS's profile was seen to give; nil before the
	// first look. What it gives later is Gained: it waits for a yes, even if it was
	// asked for and allowed at a time when there was nothing to give.
	Known  Fields `json:"known,omitempty"`
	Gained Fields `json:"gained,omitempty"`
}

// Fields are names of fields by dataset, beside those marked Always.
type Fields map[record.Dataset][]string

// Denied names authorities as asked; an authority without datasets, and a
// dataset without fields, is denied as a whole.
type Denied map[string]map[record.Dataset][]string

// has says whether one field, or with "" the whole dataset, is denied.
func (d Denied) has(authority string, ds record.Dataset, field string) bool {
	datasets, there := d[authority]
	if !there {
		return false
	}
	fields, there := datasets[ds]
	return len(datasets) == 0 || there && len(fields) == 0 || field != "" && slices.Contains(fields, field)
}

// clone makes a copy that can be changed.
func (d Decision) clone() Decision {
	return Decision{Allowed: d.Allowed.clone(), Denied: Denied(Allowed(d.Denied).clone()), Known: d.Known.clone(), Gained: d.Gained.clone()}
}

func (a Allowed) clone() Allowed {
	made := Allowed{}
	for code, datasets := range a {
		made[code] = Fields(datasets).clone()
	}
	return made
}

func (f Fields) clone() Fields {
	if f == nil {
		return nil
	}
	made := Fields{}
	for d, names := range f {
		made[d] = slices.Clone(names)
	}
	return made
}

func (f Fields) add(d record.Dataset, names ...string) {
	f[d] = slices.Compact(slices.Sorted(slices.Values(slices.Concat(f[d], names))))
}

func (f Fields) remove(d record.Dataset, names ...string) {
	f[d] = slices.DeleteFunc(slices.Clone(f[d]), func(n string) bool { return slices.Contains(names, n) })
}

// Seen takes in what the MIS's profile gives now. What it did not give before
// is not allowed any more, and is Gained. changed says whether anything is
// to be stored.
func (d Decision) Seen(gives Fields) (after Decision, changed bool) {
	if d.Known == nil {
		d = d.clone()
		d.Known = gives.clone()
		if d.Known == nil {
			d.Known = Fields{}
		}
		return d, true
	}
	after = d
	for _, ds := range slices.Sorted(maps.Keys(gives)) {
		before, known := d.Known[ds]
		var more []string
		for _, name := range gives[ds] {
			if !slices.Contains(before, name) {
				more = append(more, name)
			}
		}
		if known && len(more) == 0 {
			continue
		}
		if !changed {
			after, changed = d.clone(), true
		}
		after.gain(ds, more, !known)
	}
	return after, changed
}

// gain notes what the profile gives since now, and takes it from what is allowed.
func (d *Decision) gain(ds record.Dataset, more []string, whole bool) {
	if d.Gained == nil {
		d.Gained = Fields{}
	}
	d.Known.add(ds, more...)
	d.Gained.add(ds, more...)
	for _, datasets := range d.Allowed {
		if _, there := datasets[ds]; !there {
			continue
		}
		if whole {
			delete(datasets, ds)
			continue
		}
		Fields(datasets).remove(ds, more...)
	}
}

// Accept is a yes to everything that waits: all that is asked but for what was
// denied by name.
func (d Decision) Accept(ask protocol.Ask) Decision {
	after := d.clone()
	for _, g := range Gaps(ask, d) {
		if !g.Denied {
			after.give(ask, g.Authority, g.Dataset, g.Fields)
		}
	}
	after.Gained = nil
	return after
}

// give allows fields of a dataset to an authority as it is named in the ask.
func (d *Decision) give(ask protocol.Ask, authority string, ds record.Dataset, fields []string) {
	code := d.codeOf(authority)
	if d.Allowed[code] == nil {
		d.Allowed[code] = map[record.Dataset][]string{}
	}
	Fields(d.Allowed[code]).add(ds, fields...)
	if d.Gained != nil {
		d.Gained.remove(ds, fields...)
	}
	d.Denied.lift(ask, authority, ds, fields)
}

// codeOf is the code under which an authority is allowed: one that was divided
// or renamed may be asked for under another than was allowed.
func (d Decision) codeOf(authority string) string {
	if _, there := d.Allowed[authority]; there {
		return authority
	}
	now := current(authority)
	for code := range d.Allowed {
		if current(code) == now {
			return code
		}
	}
	return authority
}

// current is the code in force of an authority, or the code itself.
func current(code string) string {
	if a, err := codes.ResolveAuthority(code, clock.Now()); err == nil {
		return a.Code
	}
	return code
}

// lift takes fields out of what is denied. Where more was denied than them, the
// rest stays denied by name.
func (d Denied) lift(ask protocol.Ask, authority string, ds record.Dataset, fields []string) {
	datasets, there := d[authority]
	if !there {
		return
	}
	wanted := askedOf(ask, authority)
	if len(datasets) == 0 {
		datasets = map[record.Dataset][]string{}
		for other := range wanted {
			datasets[other] = nil
		}
	}
	denied, there := datasets[ds]
	if there {
		if len(denied) == 0 {
			denied = wanted[ds]
		}
		rest := Fields{ds: denied}
		rest.remove(ds, fields...)
		delete(datasets, ds)
		if len(rest[ds]) > 0 {
			datasets[ds] = rest[ds]
		}
	}
	delete(d, authority)
	if len(datasets) > 0 {
		d[authority] = datasets
	}
}

// askedOf is what an authority asks for: known datasets and their known fields,
// beside those marked Always, sorted.
func askedOf(ask protocol.Ask, authority string) Fields {
	wanted := Fields{}
	for _, r := range ask.Requests {
		if r.Code != authority {
			continue
		}
		for ds, names := range r.Datasets {
			known := record.Fields(ds)
			if known == nil {
				continue
			}
			wanted.add(ds)
			for _, f := range known {
				if !f.Always && slices.Contains(names, f.Name) {
					wanted.add(ds, f.Name)
				}
			}
		}
	}
	return wanted
}
