package apply

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A group is what disappears, or stays, together: the pupils of one authority,
// the records of one other dataset of the pupils who are still there, or all of
// a dataset that belongs to the school: no pupil takes those along.
type group struct {
	dataset   record.Dataset
	authority string
}

// fates is what becomes of the rows that this read does not have any more.
type fates struct {
	gone map[group][]store.Row // subject to the rule of mass disappearance
	of   map[group]int         // how many there were
	come map[group]int         // how many are new, and not refused
	// with are records that go, or stay, with their pupil.
	with []store.Row
	// out leave the digest without being removed: older years, and what a full
	// read did not look for.
	out []store.Row
	// named are removals that the rule does not count.
	named []store.Row
	// narrowed are of datasets that the school does not give any more; an agent
	// on a new machine, which has no memory of them, cannot name them.
	narrowed []store.Row
}

// pupils is how many pupils there were.
func (f fates) pupils() (n int) {
	for g, of := range f.of {
		if g.dataset == record.DatasetPupil {
			n += of
		}
	}
	return n
}

// remove carries out what has disappeared, but holds a mass disappearance
// back: its records stay, are not counted, and wait for a person.
func (k *work) remove(ctx context.Context) error {
	if err := k.release(ctx); err != nil {
		return err
	}
	newYear := k.manifest.Year > k.position.Year
	if len(k.named) == 0 && !k.manifest.Full && !newYear {
		return nil
	}
	rows, err := k.w.All(ctx)
	if err != nil {
		return err
	}
	f := k.judge(slices.Collect(maps.Values(rows)))
	for _, row := range f.out {
		if err := k.w.Mark(ctx, row, false, row.Held); err != nil {
			return err
		}
	}
	for _, row := range f.named {
		if err := k.drop(ctx, row, k.named[row.Ref]); err != nil {
			return err
		}
	}
	for _, row := range f.narrowed {
		if err := k.drop(ctx, row, protocol.RemovedScope); err != nil {
			return err
		}
	}
	return k.carryOut(ctx, f)
}

// narrowed says whether a dataset is out of the scope of the read: a manifest
// lists all that is asked and allowed, also what could not be read.
func (k *work) narrowed(d record.Dataset) bool {
	_, pupils := k.datasets[record.DatasetPupil]
	_, listed := k.datasets[d]
	return pupils && !listed
}

// judge gives every row its fate. A delta names its removals; in a full batch
// what is not there is gone, if the read would have shown it.
func (k *work) judge(rows []store.Row) fates {
	f := fates{gone: map[group][]store.Row{}, of: map[group]int{}, come: map[group]int{}}
	left, waiting := k.pupilsGone(rows)
	for _, row := range rows {
		g := k.group(row)
		why, named := k.named[row.Ref]
		missing := !k.seen[row.Ref] && (named || k.manifest.Full)
		switch {
		case k.before(row.Key):
			if row.Counted {
				f.out = append(f.out, row)
			}
		case named && why == protocol.RemovedRenamed:
			if row.Dataset == record.DatasetPupil {
				f.of[g]++
			}
			f.named = append(f.named, row)
		case named && why == protocol.RemovedScope:
			f.named = append(f.named, row)
		case missing && !named && k.narrowed(row.Dataset):
			f.narrowed = append(f.narrowed, row)
		case row.Held != "" && !named:
			// It waits already; the digest does not have it.
		case row.Dataset != record.DatasetPupil && waiting[row.Pupil()] && missing && !named:
			f.out = append(f.out, row)
		case row.Dataset != record.DatasetPupil && left[row.Pupil()]:
			if missing {
				f.with = append(f.with, row)
			}
		case missing && !named && !k.covered(row):
			f.out = append(f.out, row)
		default:
			if k.counts(row) {
				f.of[g]++
			}
			if k.fresh[row.Ref] && !row.Refused {
				f.come[g]++
			}
			if missing {
				f.gone[g] = append(f.gone[g], row)
			}
		}
	}
	return f
}

// pupilsGone are the pupils whose own record this read takes away, and those
// whose record waits in a hold already.
func (k *work) pupilsGone(rows []store.Row) (left, waiting map[record.PupilID]bool) {
	left, waiting = map[record.PupilID]bool{}, map[record.PupilID]bool{}
	for _, row := range rows {
		if row.Dataset != record.DatasetPupil || k.seen[row.Ref] {
			continue
		}
		_, named := k.named[row.Ref]
		switch {
		case named, k.manifest.Full && row.Held == "" && k.covered(row):
			left[row.Pupil()] = true
		case row.Held != "":
			waiting[row.Pupil()] = true
		}
	}
	return left, waiting
}

// counts says whether a row was there before this read, for the rule.
func (k *work) counts(row store.Row) bool {
	if row.Dataset != record.DatasetPupil && !k.covered(row) {
		return false
	}
	return !k.fresh[row.Ref] && (k.manifest.Full || row.Counted)
}

func (k *work) group(row store.Row) group {
	if row.Dataset == record.DatasetPupil {
		return group{row.Dataset, k.authorities[row.Pupil()]}
	}
	return group{dataset: row.Dataset}
}

// before says whether a week lies before the academic year of the read; the
// year begins with the Monday of its first week.
func (k *work) before(key record.Key) bool {
	week := key.Week()
	return week != "" && week < k.year
}

// covered says whether the read would have shown the record if it existed.
// Only attendance has a window: every other dataset is read whole, or is not
// complete.
func (k *work) covered(row store.Row) bool {
	read, ok := k.datasets[row.Dataset]
	if !ok || !read.Complete {
		return false
	}
	week := row.Key.Week()
	if week == "" {
		return true
	}
	return week >= k.begins[row.Dataset] && (read.To == "" || week <= read.To)
}

// carryOut removes or holds each group, pupils first: other records go or stay
// with their pupil.
func (k *work) carryOut(ctx context.Context, f fates) error {
	order := record.Datasets()
	groups := slices.SortedFunc(maps.Keys(f.gone), func(a, b group) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.dataset), slices.Index(order, b.dataset)), cmp.Compare(a.authority, b.authority))
	})
	// A pupil whose every version was refused is of no known authority: such
	// pupils are weighed against all.
	f.of[group{dataset: record.DatasetPupil}] = f.pupils()
	held := map[record.PupilID]string{}
	for _, g := range groups {
		code, err := k.weigh(ctx, g, f)
		if err != nil {
			return err
		}
		for _, row := range f.gone[g] {
			if code != "" && g.dataset == record.DatasetPupil {
				held[row.Pupil()] = code
			}
			if err := k.dropOrHold(ctx, row, code); err != nil {
				return err
			}
		}
	}
	for _, row := range f.with {
		if err := k.dropOrHold(ctx, row, held[row.Pupil()]); err != nil {
			return err
		}
	}
	return nil
}

// weigh gives the code under which a group is held, empty if it may go.
func (k *work) weigh(ctx context.Context, g group, f fates) (string, error) {
	gone, of := f.gone[g], f.of[g]
	byAgent := slices.ContainsFunc(k.manifest.Holds, func(h protocol.Hold) bool {
		return h.Disappeared() && h.Dataset == g.dataset && h.Authority == g.authority
	})
	if !protocol.MassDisappearance(g.dataset, len(gone), of, f.come[g]) && !(byAgent && k.manifest.Full) {
		return "", nil
	}
	names := make([]record.Key, len(gone))
	for i, row := range gone {
		names[i] = row.Key
	}
	h := protocol.Hold{Code: protocol.HoldCode(g.dataset, g.authority, names), Why: protocol.WhyDisappearance, Dataset: g.dataset, Authority: g.authority, Gone: len(gone), Of: of}
	if slices.Contains(k.manifest.Released, h.Code) {
		return "", nil
	}
	return h.Code, k.w.Hold(ctx, store.Hold{Hold: h, Since: k.now})
}

func (k *work) dropOrHold(ctx context.Context, row store.Row, code string) error {
	if code != "" {
		return k.w.Mark(ctx, row, false, code)
	}
	return k.drop(ctx, row, protocol.RemovedLeft)
}

// drop removes a record. A pupil who is gone has left the list; one with a new
// id, or out of scope, has not.
func (k *work) drop(ctx context.Context, row store.Row, why string) error {
	k.removals++
	if row.Dataset == record.DatasetPupil && why == protocol.RemovedLeft {
		if err := k.w.Leave(ctx, row.Pupil()); err != nil {
			return err
		}
	}
	return k.w.Remove(ctx, row, why)
}

// release carries out what a person at the school has said yes to. A record
// that has come back in this read is not held any more.
func (k *work) release(ctx context.Context) error {
	for _, code := range k.manifest.Released {
		if !holdCode.MatchString(code) {
			continue
		}
		rows, err := k.w.Held(ctx, code)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := k.drop(ctx, row, protocol.RemovedLeft); err != nil {
				return err
			}
		}
		if err := k.w.Release(ctx, code); err != nil {
			return err
		}
	}
	return nil
}

// settleHolds makes the list of holds what it is now: the agent's as its
// manifest says, the collector's as long as records wait in them.
func (k *work) settleHolds(ctx context.Context) error {
	for _, h := range k.manifest.Holds {
		if err := k.w.Hold(ctx, store.Hold{Hold: h, Since: k.now, ByAgent: true}); err != nil {
			return err
		}
	}
	holds, err := k.tx.Holds(ctx, k.school)
	if err != nil {
		return err
	}
	for _, h := range holds {
		over := !slices.ContainsFunc(k.manifest.Holds, func(m protocol.Hold) bool { return m.Code == h.Code })
		if !h.ByAgent {
			rows, err := k.w.Held(ctx, h.Code)
			if err != nil {
				return err
			}
			over = len(rows) == 0
		}
		if over {
			if err := k.w.Release(ctx, h.Code); err != nil {
				return err
			}
		} else if !h.ByAgent {
			k.held = append(k.held, h.Hold)
		}
	}
	return nil
}
