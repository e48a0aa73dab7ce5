package mis

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"rollbridge/shared/record"
)

// Fields of the dataset sen that hold one need of a row.
const (
	needRankName = "SENtypeRank"
	needTypeName = "SENtype"
	needsName    = "SENneeds"
)

var needsType = reflect.TypeFor[[]record.SENNeed]()

// Kinds of special educational needs: all in one cell, or one to a row.
var (
	needs = kind{
		set: func(c *cells, i int, to reflect.Value) {
			for _, part := range c.parts(i, c.bounded(i, c.raw[i])) {
				to.Set(reflect.Append(to, reflect.ValueOf(c.need(i, part))))
			}
		},
		holds: needsType, coded: true,
	}
	needType = kind{
		set: func(c *cells, i int, to reflect.Value) {
			rank := c.about.number(needRankName)
			to.Set(reflect.Append(to, reflect.ValueOf(record.SENNeed{Rank: c.number(rank, 1, maxRank), Type: c.listed(i)})))
		},
		holds: needsType, part: needsName, coded: true,
	}
	// A rank is read with its type.
	needRank = kind{
		set: func(c *cells, i int, _ reflect.Value) {
			if c.raw[c.about.number(needTypeName)] == "" {
				c.warn(i, WarnNotUnderstood)
			}
		},
		holds: needsType, part: needsName,
	}
)

// need is one entry of a cell: "1:MLD", or a type without its rank.
func (c *cells) need(field int, s string) record.SENNeed {
	rank, kind, ranked := strings.Cut(s, ":")
	if !ranked {
		return record.SENNeed{Type: c.code(field, c.ruled(field, s))}
	}
	n, err := strconv.Atoi(strings.TrimSpace(rank))
	if err != nil || n < 1 || n > maxRank {
		c.warn(field, WarnNotUnderstood)
		n = 0
	}
	return record.SENNeed{Rank: n, Type: c.code(field, c.ruled(field, strings.TrimSpace(kind)))}
}

// sortNeeds puts needs in an order that does not depend on that of the rows.
func sortNeeds(list []record.SENNeed) {
	slices.SortFunc(list, func(a, b record.SENNeed) int { return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Type, b.Type)) })
}

// A needRow is an entry of special educational needs that further rows may add
// needs to, with where its first row was.
type needRow struct {
	row   Row
	parts []string // of its id, where the MIS has none
	sum   uint64   // of the entry without its needs
	line  int
}

// needRows are the entries of sen that are kept until all rows are read: an MIS
// writes a row for each need. There are a few of each child.
type needRows struct {
	byKey map[[2]uint64]int // of list
	list  []needRow
}

// mergeNeeds keeps a row of sen, or adds its needs to those of the entry. Where
// the MIS has no id of entries, two that differ in more than a need are two.
func (r *reading) mergeNeeds(row Row, at place, parts []string) error {
	out := row.Record.(*record.SEN)
	all := out.SENNeeds
	out.SENNeeds = nil
	_, sum, err := r.sums(out)
	if err != nil {
		return err
	}
	out.SENNeeds = all
	key := r.keySum(out)
	if parts != nil {
		key[0] ^= sum
	}
	i, known := r.needs.byKey[key]
	if !known {
		if r.needs.byKey == nil {
			r.needs.byKey = map[[2]uint64]int{}
		}
		r.needs.byKey[key] = len(r.needs.list)
		r.needs.list = append(r.needs.list, needRow{row: row, parts: parts, sum: sum, line: at.line})
		return nil
	}
	first := &r.needs.list[i]
	if first.sum != sum {
		return r.twice(record.DatasetSEN, at, first.line)
	}
	entry, added := first.row.Record.(*record.SEN), false
	for _, n := range all {
		if !slices.Contains(entry.SENNeeds, n) {
			entry.SENNeeds, added = append(entry.SENNeeds, n), true
		}
	}
	if !added {
		r.repeated(record.DatasetSEN)
	}
	return nil
}

// giveNeeds gives out what mergeNeeds kept, or leaves it to giveUnnamed.
func (r *reading) giveNeeds() error {
	kept := r.needs.list
	r.needs = needRows{}
	for _, n := range kept {
		sortNeeds(n.row.Record.(*record.SEN).SENNeeds)
		if n.parts != nil {
			r.keep(n.row, n.parts)
			continue
		}
		if err := r.give(n.row); err != nil {
			return err
		}
	}
	return nil
}
