package delta

import (
	"encoding/json"
	"fmt"
	"slices"

	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// A truth is what the MIS holds at the moment of a read, whatever the read
// showed of it.
type truth struct {
	staff   bool                      // some authority is given the staff
	pupils  map[record.PupilID]string // authority of every pupil in care
	plain   map[record.PupilID]bool   // ids without a permanent UPN of pupils in scope
	records map[string]bool
	scope   *scope.Scope
	shown   bool // the read showed every pupil in care
}

func (w *world) truth() truth {
	tr := truth{false, map[record.PupilID]string{}, map[record.PupilID]bool{}, map[string]bool{}, scope.New(w.ask, w.allowed), false}
	tr.staff = slices.Contains(tr.scope.Datasets(), record.DatasetStaff)
	for n, version := range w.school.staff {
		tr.records[StateKey(record.DatasetStaff, recordtest.Make(record.DatasetStaff, "", n, version).Key())] = true
	}
	for n, p := range w.school.pupils {
		if p.authority == "" {
			continue
		}
		id, was := p.ids(n)
		tr.pupils[id] = p.authority
		if was != "" && tr.scope.Covers(p.authority, record.DatasetPupil) {
			tr.plain[was] = true
		}
		clear := *p
		clear.unclear = false
		one := school{pupils: map[int]*pupil{n: &clear}}
		for _, row := range one.rows("2000-01-01", "2099-01-01") {
			tr.records[StateKey(row.Record.Dataset(), row.Record.Key())] = true
		}
	}
	return tr
}

// just says whether every removal of a batch is one that the MIS, the scope or
// a person has caused. before and after are the collector's records.
func (tr truth) just(bodies [][]byte, before, after map[string]held, released bool) error {
	gone, of, come := map[string]int{}, map[string]int{}, 0
	const staff = "the school"
	for name, r := range before {
		if d, _, _ := SplitKey(name); d == record.DatasetStaff && r.counted {
			of[staff]++
		}
		if d, _, _ := SplitKey(name); d == record.DatasetPupil && r.counted {
			if code := careAuthority(r); tr.scope.Covers(code, d) {
				of[code]++
			}
		}
	}
	for _, lines := range bodies {
		plain, err := protocol.Compress(lines)
		if err != nil {
			return err
		}
		var m protocol.Manifest
		err = protocol.ReadBody(plain, &m, func(o protocol.Op) error {
			tr.shown = slices.ContainsFunc(m.Datasets, func(d protocol.DatasetRead) bool { return d.Dataset == record.DatasetPupil && d.Complete })
			if o.Remove == protocol.RemovedLeft && o.Dataset == record.DatasetPupil {
				gone[careAuthority(before[StateKey(o.Dataset, o.Key)])]++
			}
			if o.Remove == protocol.RemovedLeft && o.Dataset == record.DatasetStaff {
				gone[staff]++
			}
			if _, known := before[StateKey(o.Dataset, o.Key)]; o.Remove == "" && o.Dataset == record.DatasetStaff && !known {
				come++
			}
			return tr.one(o, before, after)
		})
		if err != nil {
			return err
		}
	}
	for code, n := range gone {
		d, added := record.DatasetPupil, 0
		if code == staff {
			d, added = record.DatasetStaff, come
		}
		if protocol.MassDisappearance(d, n, of[code], added) && !released {
			return fmt.Errorf("%d of %d pupils or staff of %s were removed without a yes", n, of[code], code)
		}
	}
	return nil
}

func careAuthority(r held) string {
	var p record.Pupil
	if err := json.Unmarshal(r.canonical, &p); err != nil {
		return ""
	}
	return p.CareAuthority
}

func lastAuthority(before map[string]held, id record.PupilID) string {
	return careAuthority(before[StateKey(record.DatasetPupil, record.Key(id))])
}

func (tr truth) one(o protocol.Op, before, after map[string]held) error {
	if o.Remove == "" {
		return nil
	}
	name, id := StateKey(o.Dataset, o.Key), o.Key.Pupil()
	if o.Dataset == record.DatasetStaff {
		return tr.oneOfStaff(o, before)
	}
	authority, inCare := tr.pupils[id]
	inScope := inCare && tr.scope.Covers(authority, o.Dataset)
	_, pupilStays := after[StateKey(record.DatasetPupil, record.Key(id))]
	was, known := before[name]
	switch {
	case !known:
		return fmt.Errorf("a %s record is removed that was never sent", o.Dataset)
	case o.Remove == protocol.RemovedLeft && tr.records[name] && inScope:
		return fmt.Errorf("a %s record is removed that the MIS still has", o.Dataset)
	case o.Remove == protocol.RemovedLeft && tr.plain[id]:
		return fmt.Errorf("a pupil with a new id is said to have left")
	case o.Remove == protocol.RemovedLeft && pupilStays && !inCare:
		return fmt.Errorf("a %s record of a pupil who is held is removed", o.Dataset)
	case o.Remove == protocol.RemovedLeft && o.Dataset == record.DatasetPupil && !tr.scope.Covers(careAuthority(was), o.Dataset):
		return fmt.Errorf("a pupil out of scope is said to have left")
	case o.Remove == protocol.RemovedScope && inScope && (tr.shown || tr.scope.Covers(lastAuthority(before, id), o.Dataset)):
		// A pupil whom the read did not show has the authority of the last one.
		return fmt.Errorf("a %s record in scope is said to be out of it", o.Dataset)
	case o.Remove == protocol.RemovedRenamed && !tr.plain[id]:
		return fmt.Errorf("a pupil is said to be renamed who is not")
	}
	return nil
}

// oneOfStaff: no pupil's coming, going or other id is a reason.
func (tr truth) oneOfStaff(o protocol.Op, before map[string]held) error {
	name := StateKey(o.Dataset, o.Key)
	_, known := before[name]
	switch {
	case !known:
		return fmt.Errorf("a member of staff is removed who was never sent")
	case o.Remove == protocol.RemovedLeft && (tr.records[name] || !tr.staff):
		return fmt.Errorf("a member of staff is said to have left who has not, or is out of scope")
	case o.Remove == protocol.RemovedScope && tr.staff:
		return fmt.Errorf("a member of staff in scope is said to be out of it")
	case o.Remove == protocol.RemovedRenamed:
		return fmt.Errorf("a member of staff is said to be renamed")
	}
	return nil
}
