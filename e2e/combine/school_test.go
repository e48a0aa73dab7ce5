package combine

import (
	"fmt"
	"maps"
	"slices"

	"rollbridge/agent/delta"
	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// A school is a MIS in memory.
type school struct {
	pupils map[int]*pupil
	next   int
	staff  map[int]int // number to version
}

type pupil struct {
	authority string // "" is not in care
	unclear   bool   // the marker says neither yes nor no
	upn       int    // number of the permanent one, 0 for none
	version   int
	weeks     map[record.Date]int
	// things are the records of the other datasets: number to version.
	things map[record.Dataset]map[int]int
}

// others are the datasets of pupils that are chosen from at random: the two with
// the rule of comebacks, one of which a pupil has one record, and one more.
var others = []record.Dataset{record.DatasetContact, record.DatasetAgencyContact, record.DatasetWelfare, record.DatasetSEN}

func (p *pupil) put(d record.Dataset, number int) {
	if d == record.DatasetWelfare {
		number = 0
	}
	if p.things[d] == nil {
		p.things[d] = map[int]int{}
	}
	p.things[d][number]++
}

func (p *pupil) ids(keys delta.Keys, number int) (id, was record.PupilID) {
	plain := record.NewPupilID(keys.ID, fmt.Sprint(number))
	if p.upn == 0 {
		return plain, ""
	}
	return record.NewPupilID(keys.ID, fmt.Sprint(number), permanent(p.upn)), plain
}

func permanent(n int) string {
	u, err := codes.MakeUPN(fmt.Sprintf("301%08d0", n))
	if err != nil {
		panic(err)
	}
	return u.Reveal()
}

// rows are what the MIS holds of the pupils in care. Those who are unclear are
// there only for truth.
func (s *school) rows(keys delta.Keys, unclear bool) (rows []mis.Row) {
	var rest []mis.Row
	for _, n := range slices.Sorted(maps.Keys(s.pupils)) {
		p := s.pupils[n]
		if p.authority == "" || p.unclear && !unclear {
			continue
		}
		id, was := p.ids(keys, n)
		of := &record.Pupil{ID: id, Forename: fmt.Sprintf("Forename%d", p.version), Surname: fmt.Sprintf("Fictional%d", n),
			DOB: "2014-05-06", Sex: "F", InCare: true, CareAuthority: p.authority}
		if p.upn > 0 {
			of.UPN = permanent(p.upn)
		}
		rows = append(rows, mis.Row{Authority: p.authority, Was: was, Record: of})
		for _, d := range others {
			for _, thing := range slices.Sorted(maps.Keys(p.things[d])) {
				rest = append(rest, mis.Row{Authority: p.authority, Record: recordtest.Make(d, id, thing, p.things[d][thing])})
			}
		}
		for _, w := range slices.Sorted(maps.Keys(p.weeks)) {
			mark := []string{"/", "L", "N", "I"}[p.weeks[w]%4]
			rest = append(rest, mis.Row{Authority: p.authority, Record: &record.Attendance{PupilID: id, Week: w,
				AM: []string{mark, "/", "/", "", ""}, PM: []string{"\\", "\\", "\\", "", ""}}})
		}
	}
	for _, n := range slices.Sorted(maps.Keys(s.staff)) {
		rest = append(rest, mis.Row{Record: recordtest.Make(record.DatasetStaff, "", n, s.staff[n])})
	}
	return slices.Concat(rows, rest)
}

// truth is what may leave of what the MIS holds of an academic year.
func (s *school) truth(keys delta.Keys, sc *scope.Scope, year record.Date) map[store.Ref]string {
	all := map[store.Ref]string{}
	for _, row := range s.rows(keys, true) {
		kept, ok := sc.Trim(row)
		if week := row.Record.Key().Week(); !ok || week != "" && week < year {
			continue
		}
		text, err := record.Encode(kept.Record)
		if err != nil {
			panic(err)
		}
		all[store.Ref{Dataset: kept.Record.Dataset(), Key: kept.Record.Key()}] = string(text)
	}
	return all
}
