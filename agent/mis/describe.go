package mis

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// A raw row is one row as the MIS has it: the trimmed text of every field that
// the route carries, by the numbers of the dataset's description, empty where
// it carries none.
type rawRow []string

// A description is all that reading must know of one dataset: what its rows
// have and how a record is made of them. descriptions has one for each.
type description struct {
	// thing is what messages call one of them.
	thing string
	// fields by number. The first is the id of the pupil in every dataset of
	// pupils.
	fields []field
	// needed are the fields without which rows mean nothing.
	needed []string
	// identity are the fields that together tell one thing from the others of
	// its pupil where the route has no id of it; a profile may name others.
	// What has neither is one of its kind: a pupil, a welfare page.
	identity []string
	// said are those of the identity of which one at least must be there; empty
	// means any of them.
	said []string
	// rows is the most that one read takes: far above the largest school.
	rows int
	// tooMany says what to do about more; empty where nothing special is to be said.
	tooMany string
	// usual is set where every school has rows, so that none at all is a failed
	// export or a missing right. Elsewhere it may be the truth; should there have
	// been rows before, the rule of mass disappearance holds their removal.
	usual bool

	dataset record.Dataset
	names   []string // of fields
	id      int      // number of the field that has the thing's own id, -1 for none
}

// A field is one column of a dataset, under the name that profiles use: that of
// the record's encoding, with a dot for a part of a list.
type field struct {
	name string
	kind kind
	// low and high bound a whole number.
	low, high int

	at      int    // of the record's type; -1 where the field is not put into it as it is
	codeset string // of shared/codes
}

// a makes a field of a kind without bounds.
func a(k kind, names ...string) []field {
	var made []field
	for _, name := range names {
		made = append(made, field{name: name, kind: k})
	}
	return made
}

// between makes a field that is a whole number within bounds.
func between(low, high int, name string) []field {
	return []field{{name: name, kind: whole, low: low, high: high}}
}

// describe finds out what the record's type says of each field. A description
// that does not fit it is a mistake in this package, found when a program starts.
func describe(d record.Dataset, made description) *description {
	made.dataset, made.id = d, -1
	empty, err := record.New(d)
	if err != nil {
		panic("mis: " + err.Error())
	}
	known, typ := record.Fields(d), reflect.TypeOf(empty).Elem()
	for i := range made.fields {
		f := &made.fields[i]
		made.names = append(made.names, f.name)
		if f.kind.id {
			made.id = i
		}
		part := f.kind.part
		if part == "" {
			part, _, _ = strings.Cut(f.name, ".")
		}
		f.at = slices.IndexFunc(known, func(k record.Field) bool { return k.Name == part })
		if f.kind.set == nil && !f.kind.id {
			continue
		}
		if f.at < 0 || typ.Field(f.at).Type != f.kind.holds {
			panic(fmt.Sprintf("mis: field %s of %s cannot be set as its description says", f.name, d))
		}
		f.codeset = known[f.at].Codeset
	}
	return &made
}

// must are the fields that a route has to carry: the caring authority only where
// it can say it at all, since the rosters say it otherwise.
func (d *description) must(saysAuthority bool) []string {
	return slices.DeleteFunc(slices.Clone(d.needed), func(name string) bool { return name == "CareAuthority" && !saysAuthority })
}

// number is where the field of that name stands in a raw row; the name must be
// one of the description's.
func (d *description) number(name string) int {
	i := slices.Index(d.names, name)
	if i < 0 {
		panic(fmt.Sprintf("mis: %s has no field %s", d.dataset, name))
	}
	return i
}

// coded are the fields that may have value rules: what the MIS writes to the
// code it means.
func (d *description) coded() []string {
	var names []string
	for _, f := range d.fields {
		if f.kind.coded {
			names = append(names, f.name)
		}
	}
	return names
}

// single are the fields that may be part of an identity: one value each.
func (d *description) single() []string {
	var names []string
	for _, f := range d.fields {
		if f.kind.single {
			names = append(names, f.name)
		}
	}
	return names
}

// yesOrNo are the fields that are yes, no or neither.
func (d *description) yesOrNo() []string {
	var names []string
	for _, f := range d.fields {
		if f.kind.holds == yesNo.holds || f.name == withholdName {
			names = append(names, f.name)
		}
	}
	return names
}

// newRow is an empty row of a dataset.
func newRow(d record.Dataset) rawRow { return make(rawRow, len(descriptions[d].fields)) }
