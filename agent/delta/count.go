package delta

import (
	"cmp"
	"maps"
	"slices"

	"rollbridge/shared/record"
)

// A Count says how much of one dataset of one authority a result carries.
type Count struct {
	// Authority is a current code; empty where it is out of scope by now, and of
	// what belongs to the school.
	Authority string         `json:"authority,omitempty"`
	Dataset   record.Dataset `json:"dataset"`
	Upserts   int            `json:"upserts,omitempty"`
	Removals  int            `json:"removals,omitempty"`
	// Pupils are those whom the upserts and removals are about; 0 of staff, who
	// are nobody's.
	Pupils int `json:"pupils,omitempty"`
	// Held are records kept back: gone in a mass disappearance, or contacts that
	// came back.
	Held int `json:"held,omitempty"`
}

type countKey struct {
	authority string
	dataset   record.Dataset
}

type counts map[countKey]*Count

func (c counts) of(authority string, d record.Dataset) *Count {
	k := countKey{authority, d}
	if c[k] == nil {
		c[k] = &Count{Authority: authority, Dataset: d}
	}
	return c[k]
}

func (c counts) sorted() []Count {
	order := record.Datasets()
	keys := slices.SortedFunc(maps.Keys(c), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.authority, b.authority),
			cmp.Compare(slices.Index(order, a.dataset), slices.Index(order, b.dataset)))
	})
	list := make([]Count, 0, len(keys))
	for _, k := range keys {
		list = append(list, *c[k])
	}
	return list
}
