package mis

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"

	"rollbridge/shared/record"
)

// An unnamedRow is a record of a route that has no id of the thing, kept until
// all rows of its dataset are read: only then is it known whether another one
// stands in its place.
type unnamedRow struct {
	row   Row
	parts []string // of its id
}

// keep keeps a record without an id of its own. There are a few of each child.
func (r *reading) keep(row Row, parts []string) {
	d := row.Record.Dataset()
	r.unnamed[d] = append(r.unnamed[d], unnamedRow{row, parts})
}

// giveUnnamed gives out what keep kept of a dataset, in the order in which it
// came. Two records in one place, whose names, dates or whatever else stands for
// an id are the same, are told apart by a number. The numbers go by the records'
// content and not by the order of the rows, which is the MIS's whim: the same
// things have the same ids in every read, and the state digest stays. Where
// there can be one record only, it is not known which of two is right: neither
// is used, and nothing of the dataset is removed.
func (r *reading) giveUnnamed(d record.Dataset) error {
	kept := r.unnamed[d]
	delete(r.unnamed, d)
	places := map[record.Key][]int{}
	var order []record.Key
	for i, k := range kept {
		key := k.row.Record.Key()
		if len(places[key]) == 0 {
			order = append(order, key)
		}
		places[key] = append(places[key], i)
	}
	for _, key := range order {
		alike := places[key]
		rows, err := r.apart(d, kept, alike)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := r.give(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// apart are the different records among those of one place, each with an id of
// its own.
func (r *reading) apart(d record.Dataset, kept []unnamedRow, alike []int) ([]Row, error) {
	type written struct {
		text []byte
		at   int
	}
	var all []written
	for _, i := range alike {
		text, err := record.Encode(kept[i].row.Record)
		if err != nil {
			return nil, err
		}
		all = append(all, written{text, i})
	}
	slices.SortStableFunc(all, func(a, b written) int { return bytes.Compare(a.text, b.text) })
	different := slices.CompactFunc(slices.Clone(all), func(a, b written) bool { return bytes.Equal(a.text, b.text) })
	for range len(all) - len(different) {
		r.repeated(d)
	}
	about := r.plan.datasets[d].about
	if len(different) > 1 && about.id < 0 {
		r.warnMany(d, "", WarnConflict, len(different))
		r.incomplete[d] = true
		return nil, nil
	}
	var rows []Row
	for n, one := range different {
		k := kept[one.at]
		if n > 0 {
			parts := append(slices.Clone(k.parts), "again", strconv.Itoa(n))
			id := reflect.ValueOf(k.row.Record).Elem().Field(about.fields[about.id].at)
			id.SetString(record.NewSubID(r.ask.IDKey, d, parts...))
		}
		rows = append(rows, k.row)
	}
	if len(rows) > 1 {
		r.warnMany(d, about.names[about.id], WarnAlike, len(rows))
	}
	return rows, nil
}
