package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// apply applies one read in one transaction. An *unreadable error says that a
// later part cannot be read; nothing is kept then.
func (a *Applier) apply(ctx context.Context, r *read) error {
	var done *work
	err := a.Store.Write(ctx, func(tx *store.Tx) error {
		var err error
		done, err = a.begin(ctx, tx, r)
		if err != nil {
			return err
		}
		for _, step := range []struct {
			name string
			run  func(context.Context) error
		}{
			{"parts", done.readParts}, {"removals", done.remove}, {"holds", done.settleHolds},
			{"inbox", done.markInbox}, {"outcome", done.finish},
		} {
			if err := a.failing(step.name); err != nil {
				return err
			}
			if err := step.run(ctx); err != nil {
				return err
			}
		}
		return a.failing("commit")
	})
	if err != nil {
		return err
	}
	if err := a.failing("after"); err != nil {
		return err
	}
	a.Log.Info("a read is applied", logkey.School, r.school, logkey.Sequence, r.last().Sequence, logkey.Generation, r.agent.Generation,
		logkey.Count, done.upserts+done.removals)
	if done.refused > 0 {
		a.Log.Warn("records are quarantined", logkey.School, r.school, logkey.Sequence, r.last().Sequence, logkey.Count, done.refused)
	}
	return nil
}

func (a *Applier) failing(step string) error {
	if a.fault == nil {
		return nil
	}
	return a.fault(step)
}

// work is one read being applied in one transaction.
type work struct {
	*Applier
	*read
	tx    *store.Tx
	w     *store.Writer
	idKey []byte
	now   time.Time
	// day is the day on which the read arrived, at the school.
	day      record.Date
	datasets map[record.Dataset]protocol.DatasetRead
	// begins are the Mondays of the first weeks that the read covers of each
	// dataset, year that of its academic year; empty where there is no bound.
	begins map[record.Dataset]record.Date
	year   record.Date

	// authorities is who looked after each pupil before this read.
	authorities map[record.PupilID]string
	seen        map[store.Ref]bool      // upserted
	fresh       map[store.Ref]bool      // upserted, and not there before (a delta: not counted)
	present     map[record.PupilID]bool // pupil records upserted
	named       map[store.Ref]string    // removals that the batch names, with why
	lines       []protocol.Op           // upserts to decide about together
	held        []protocol.Hold         // what the collector holds after this read

	upserts, removals, refused, unchanged int
	quarantined                           []protocol.RefusedRecord
}

func (a *Applier) begin(ctx context.Context, tx *store.Tx, r *read) (*work, error) {
	if err := tx.Claim(ctx, r.position); err != nil {
		return nil, err
	}
	idKey, err := tx.IDKey(ctx, a.Vault, r.school)
	if err == nil && idKey == nil {
		err = fmt.Errorf("%s has a confirmed agent but no id key: run fsck", r.school)
	}
	if err != nil {
		return nil, err
	}
	k := &work{
		Applier: a, read: r, tx: tx, idKey: idKey, now: clock.Now(),
		day:      record.DateOf(r.last().Received.In(status.London())),
		datasets: map[record.Dataset]protocol.DatasetRead{}, begins: map[record.Dataset]record.Date{}, year: r.manifest.Year.Monday(),
		seen: map[store.Ref]bool{}, fresh: map[store.Ref]bool{}, present: map[record.PupilID]bool{}, named: map[store.Ref]string{},
	}
	k.w = tx.Writer(a.Vault, store.Arrival{School: r.school, Generation: r.agent.Generation, Sequence: r.last().Sequence,
		Received: r.last().Received, Now: k.now}, r.position.State)
	for _, d := range r.manifest.Datasets {
		k.datasets[d.Dataset], k.begins[d.Dataset] = d, d.From.Monday()
	}
	if k.authorities, err = k.w.PupilAuthorities(ctx); err != nil {
		return nil, err
	}
	if r.manifest.Full {
		_, err = k.w.All(ctx)
	}
	return k, err
}

// readParts takes in every line of every part.
func (k *work) readParts(ctx context.Context) error {
	for i, row := range k.parts {
		plain := k.first
		if i > 0 {
			var err error
			if plain, err = k.openPart(ctx, i); err != nil {
				return err
			}
		}
		var m protocol.Manifest
		var failed error
		err := protocol.ReadBody(plain, &m, func(o protocol.Op) error {
			failed = k.line(ctx, o)
			return failed
		})
		if err == nil {
			failed = k.takeLines(ctx)
		}
		switch {
		case errors.Is(failed, protocol.ErrBody) || failed == nil && err != nil:
			return &unreadable{row, whyCannotOpen, err.Error()}
		case failed != nil:
			return failed
		}
	}
	return nil
}

// openPart opens part i (from 0), which must belong to the same read.
func (k *work) openPart(ctx context.Context, i int) ([]byte, error) {
	row := k.parts[i]
	e, bad, err := sealedBatch(ctx, k.tx, row, k.agent)
	if err != nil {
		return nil, err
	}
	if bad != nil {
		return nil, bad
	}
	plain, m, bad, err := k.open(e, row)
	if err != nil {
		return nil, err
	}
	if bad != nil {
		return nil, bad
	}
	if m.Part == i+1 {
		m.Part = k.manifest.Part
	}
	if !reflect.DeepEqual(m, k.manifest) {
		return nil, &unreadable{row, whyCannotOpen, fmt.Sprintf("it is not part %d of the read that it follows", i+1)}
	}
	return plain, nil
}

// maxLines bounds how many lines are decided about together.
const maxLines = 64

// line takes in one line. Removals wait until all lines are read, because the
// rule of mass disappearance looks at them together; upserts wait for a few
// more, so that they are looked up and written together.
func (k *work) line(ctx context.Context, o protocol.Op) error {
	if !datasetName.MatchString(string(o.Dataset)) || !keyForm.MatchString(string(o.Key)) {
		return fmt.Errorf("%w: a dataset or key that cannot be stored", protocol.ErrBody)
	}
	ref := refOf(o)
	if o.Remove != "" {
		k.named[ref] = o.Remove
		return nil
	}
	k.seen[ref] = true
	delete(k.named, ref)
	if o.Dataset == record.DatasetPupil {
		k.present[o.Key.Pupil()] = true
	}
	again := slices.ContainsFunc(k.lines, func(l protocol.Op) bool { return refOf(l) == ref })
	if again || len(k.lines) == maxLines {
		if err := k.takeLines(ctx); err != nil {
			return err
		}
	}
	k.lines = append(k.lines, o)
	return nil
}

func refOf(o protocol.Op) store.Ref { return store.Ref{Dataset: o.Dataset, Key: o.Key} }

// takeLines decides about the upserts that wait, each of another record.
func (k *work) takeLines(ctx context.Context) error {
	refs := make([]store.Ref, len(k.lines))
	for i, o := range k.lines {
		refs[i] = refOf(o)
	}
	if err := k.w.Look(ctx, refs); err != nil {
		return err
	}
	var good goods
	for _, o := range k.lines {
		if err := k.take(ctx, o, &good); err != nil {
			return err
		}
	}
	k.lines = k.lines[:0]
	if err := k.w.Store(ctx, good.versions); err != nil {
		return err
	}
	for _, p := range good.pupils {
		if err := k.w.Describe(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// goods are records to store, and the pupils among them.
type goods struct {
	versions []store.Version
	pupils   []*record.Pupil
}

// take decides about one upsert: unchanged, quarantined, or good.
func (k *work) take(ctx context.Context, o protocol.Op, good *goods) error {
	if o.Was != "" && o.Was != o.Key.Pupil() {
		if err := k.w.Follow(ctx, o.Key.Pupil(), o.Was); err != nil {
			return err
		}
	}
	ref := refOf(o)
	tag := record.NewTag(k.idKey, o.Dataset, o.Key, o.Record)
	row, known, err := k.w.Find(ctx, ref)
	if err != nil {
		return err
	}
	if !known || !row.Counted && !k.manifest.Full {
		k.fresh[ref] = true
	}
	if known && row.Tag == tag && !row.Refused {
		k.unchanged++
		return k.w.Mark(ctx, row, true, "")
	}
	rec, reasons := k.check(o)
	if len(reasons) > 0 {
		k.refused++
		k.quarantined = append(k.quarantined, protocol.RefusedRecord{Dataset: o.Dataset, Key: o.Key, Reasons: reasons})
		return k.w.Refuse(ctx, ref, o.Record, tag, reasons)
	}
	k.upserts++
	good.versions = append(good.versions, store.Version{Ref: ref, Canonical: o.Record, Tag: tag, AsAt: k.asAt(o.Dataset)})
	if p, ok := rec.(*record.Pupil); ok {
		good.pupils = append(good.pupils, p)
	}
	return nil
}

// check decodes a record and gives the reasons to refuse it, as codes.
func (k *work) check(o protocol.Op) (record.Record, []string) {
	rec, err := record.Decode(o.Dataset, o.Record)
	if err != nil {
		return nil, []string{string(record.FaultDecode)}
	}
	if rec.Key() != o.Key {
		return nil, []string{string(record.FaultKey)}
	}
	reasons := map[string]bool{}
	for _, f := range record.Check(rec, k.day) {
		if f.Severity == record.SeverityError {
			reasons[f.Reason()] = true
		}
	}
	return rec, slices.Sorted(maps.Keys(reasons))
}

// asAt is for when the data of a dataset are true: what the agent says, but
// never later than it arrived.
func (k *work) asAt(d record.Dataset) time.Time {
	t, received := k.datasets[d].AsAt, k.last().Received
	if t.IsZero() || t.After(received) {
		return received
	}
	return t
}
