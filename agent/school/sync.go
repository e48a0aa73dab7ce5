package school

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/evidence"
	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// SyncRequest says what is special about one sync.
type SyncRequest struct {
	// Full sends everything again.
	Full bool `json:"full,omitempty"`
	// Release holds the codes of what is held that a person says yes to.
	Release []string `json:"release,omitempty"`
}

// A SyncReport says what a sync did. Its JSON is a contract with scripts.
type SyncReport struct {
	Read *outbox.ReadResult `json:"read,omitempty"`
	// Sealed are the batches made, Delivered how many got a receipt now (older
	// ones among them), Waiting how many still have none.
	Sealed    []envelope.Link `json:"sealed,omitempty"`
	Delivered int             `json:"delivered"`
	Waiting   int             `json:"waiting"`
	Holds     []protocol.Hold `json:"holds,omitempty"`
	// NotGiven is what authorities ask for and the school has not allowed.
	NotGiven []scope.Gap `json:"not_given,omitempty"`
}

// Sync reads the MIS, seals what changed and delivers what can be delivered
// now. A batch that is sealed is safe: an error of kind Unreachable means that
// it waits in the queue, and the report is still filled. One read at a time: a
// second call waits for the first.
//
// It checks in first, so that what the collector has decided (a confirmation, a
// narrower request, a refusal) counts for this read already.
func (s *School) Sync(ctx context.Context, q SyncRequest) (SyncReport, error) {
	if err := s.revokedNow(); err != nil {
		return SyncReport{}, err
	}
	way := s.checkIn(ctx)
	if err := s.endIfTold(); err != nil {
		return SyncReport{}, err
	}
	report, err := s.sync(ctx, q, way)
	return report, errors.Join(s.endIfTold(), err)
}

func (s *School) sync(ctx context.Context, q SyncRequest, way error) (SyncReport, error) {
	report, err := s.seal(ctx, q)
	if err != nil {
		return report, err
	}
	n := 0
	var silent *uplink.Fault
	if errors.As(way, &silent) && silent.Kind == uplink.NoAnswer {
		err = way // it would only be waited for once more
	} else {
		n, err = s.Deliver(ctx)
	}
	report.Delivered = n
	if errors.Is(err, errNeedsFull) {
		// What is queued is of no use to the collector: one full batch replaces it.
		var again SyncReport
		if again, err = s.seal(ctx, SyncRequest{}); err == nil {
			again.Delivered, report = report.Delivered, again
			n, err = s.Deliver(ctx)
			report.Delivered += n
		}
	}
	if waiting, countErr := s.box.Waiting(); countErr == nil {
		report.Waiting = waiting
	}
	return report, err
}

// alone waits until nothing else is read; free ends it. Delivering is no part
// of it: a preview, which needs no network, must not wait for one.
//
// Where one process reads for many schools, it is also this school's turn then.
// A school that ends waits for none, so that a revoke has not to wait for the
// other schools.
func (s *School) alone(ctx context.Context) (free func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	last, err := s.onlyReader(ctx)
	if err != nil {
		return nil, err
	}
	done, err := s.turns.take(ctx)
	if err != nil {
		last()
		return nil, err
	}
	return func() {
		done()
		last()
	}, nil
}

// onlyReader is alone for who reads no MIS.
func (s *School) onlyReader(ctx context.Context) (free func(), err error) {
	select {
	case s.reading <- struct{}{}:
		return func() { <-s.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// seal is the part of a sync that needs no network.
func (s *School) seal(ctx context.Context, q SyncRequest) (SyncReport, error) {
	free, err := s.alone(ctx)
	if err != nil {
		return SyncReport{}, err
	}
	defer free()
	if source, _, err := s.source(); err == nil {
		if err := s.seeFields(source.Fields()); err != nil {
			return SyncReport{}, err
		}
	}
	if s.turns == nil {
		s.release()
	}
	result, report, err := s.read(ctx, q, func(mis.Row) {})
	if err != nil {
		return SyncReport{}, s.noteRead(err)
	}
	items, sealErr := s.commit(result)
	s.diskFull.Store(errors.Is(sealErr, outbox.ErrDiskFull))
	if len(items) == 0 {
		return SyncReport{}, sealErr
	}
	done := SyncReport{Holds: result.Manifest.Holds}
	for _, i := range items {
		done.Sealed = append(done.Sealed, i.Link)
	}
	done.Read = readResult(result, report, items)
	done.Read.RosterAway = s.used.away
	var facts outbox.Facts
	err = s.box.Update(func(f *outbox.Facts) error {
		f.LastRead, f.Holds = done.Read, result.Manifest.Holds
		noteGood(f, result.Manifest, report)
		facts = *f
		return nil
	})
	if err = errors.Join(sealErr, err); err != nil {
		return done, fmt.Errorf("record the read: %w", err)
	}
	done.NotGiven = scope.Gaps(facts.Ask, facts.Decision)
	head := done.Sealed[len(done.Sealed)-1]
	s.log.Info("sealed what was read", logkey.Sequence, head.Sequence, logkey.Count, len(result.Lines),
		logkey.Duration, report.Ended.Sub(report.Started).Milliseconds())
	if c := report.Cost; c != nil {
		s.log.Info("the MIS's database was asked", logkey.Queries, c.Queries, logkey.Count, c.Rows, logkey.Bytes, c.Bytes, logkey.Duration, c.Total.Milliseconds())
	}
	if c := report.Requests; c != nil {
		s.log.Info("the MIS's web interface was asked", logkey.Requests, c.Requests, logkey.Count, c.Rows, logkey.Bytes, c.Bytes, logkey.Duration, c.Time.Milliseconds())
	}
	return done, nil
}

// commit seals a result if it may still leave: what control or the school said
// while the MIS was read counts for this read already.
func (s *School) commit(r delta.Result) ([]outbox.Item, error) {
	s.rule.Lock()
	defer s.rule.Unlock()
	facts, err := s.box.Facts()
	if err = errors.Join(err, s.standing(facts), s.pausedNow()); err != nil {
		return nil, err
	}
	if scope.New(facts.Ask, facts.Allowed).Hash() != r.Manifest.Scope || !s.used.holds(s.rosterInUse(facts)) {
		return nil, errors.New("what may leave was changed while the MIS was read: nothing was sealed; the next sync goes by what holds now")
	}
	return s.box.Seal(r, s.identity().Sign)
}

func readResult(r delta.Result, report mis.Report, items []outbox.Item) *outbox.ReadResult {
	upserts, removals := r.Totals()
	return &outbox.ReadResult{
		Started: report.Started, Ended: report.Ended, Datasets: r.Manifest.Datasets, Unknown: report.Unknown, Stops: report.Stops,
		Sealed: items[len(items)-1].Link, Full: r.Manifest.Full, Upserts: upserts, Removals: removals, Cost: report.Cost, Requests: report.Requests,
		Roster: report.Roster,
	}
}

// Preview shows, byte for byte, the JSON lines that the next sync would seal, as
// the MIS stands now, and who the pupils are. It changes nothing and needs no
// network; where a roster should be held and is not, the collector is asked for
// it first, as a sync does.
func (s *School) Preview(ctx context.Context, q SyncRequest) (evidence.Preview, error) {
	p := evidence.Preview{People: map[record.PupilID]evidence.Person{}}
	if err := s.fetchRoster(ctx); err != nil {
		return p, err
	}
	free, err := s.alone(ctx)
	if err != nil {
		return p, err
	}
	defer free()
	result, _, err := s.read(ctx, q, func(row mis.Row) {
		if x, ok := row.Record.(*record.Pupil); ok {
			p.People[x.ID] = evidence.Person{Forename: x.Forename, Surname: x.Surname, UPN: x.UPN}
		}
	})
	if err != nil {
		return p, err
	}
	p.Bodies, err = result.Bodies()
	p.Notes = result.Notes
	return p, err
}

// read goes from the MIS to what would be sealed, and keeps nothing. see gets
// every row as the MIS gives it.
func (s *School) read(ctx context.Context, q SyncRequest, see func(mis.Row)) (delta.Result, mis.Report, error) {
	var none delta.Result
	facts, err := s.box.Facts()
	if err != nil {
		return none, mis.Report{}, err
	}
	if err := errors.Join(s.standing(facts), s.pausedNow()); err != nil {
		return none, mis.Report{}, err
	}
	if err := s.clockMayBeRead(facts); err != nil {
		return none, mis.Report{}, err
	}
	if why := notReleased(q.Release, facts); why != "" {
		return none, mis.Report{}, refused(why)
	}
	source, profile, sourceErr := s.source()
	if sourceErr == nil {
		facts.Decision, _ = facts.Seen(source.Fields())
	}
	in, err := s.input(facts, q)
	if err != nil {
		return none, mis.Report{}, err
	}
	gate := in.Scope
	if len(gate.Datasets()) == 0 {
		s.used = s.rosterInUse(facts)
		return takeBack(in)
	}
	if sourceErr != nil {
		return none, mis.Report{}, sourceErr
	}
	in.Profile = profile
	keys, today := s.identity(), in.Today
	ctx, cancel := s.untilStopped(ctx)
	defer cancel()
	s.used = s.rosterInUse(facts)
	ask := mis.Ask{Datasets: gate.Datasets(), Today: today, IDKey: keys.IDKey, Roster: s.used.of(gate, today, keys.LocalKey)}
	if !in.Full {
		if ask.Feed, err = s.box.Feed(gate.Hash()); err != nil {
			return none, mis.Report{}, err
		}
	}
	result, report, err := s.compare(ctx, source, ask, in, see)
	if errors.Is(err, delta.ErrCarried) && ask.Feed != nil {
		ask.Feed = nil
		result, report, err = s.compare(ctx, source, ask, in, see)
	}
	return result, report, err
}

// input is what a comparison goes by.
func (s *School) input(f outbox.Facts, q SyncRequest) (delta.Input, error) {
	why, err := s.box.FullReason()
	if err != nil {
		return delta.Input{}, err
	}
	state, err := s.box.Snapshot()
	if err != nil {
		return delta.Input{}, err
	}
	keys := s.identity()
	return delta.Input{
		State: state, Keys: delta.Keys{Local: keys.LocalKey, ID: keys.IDKey}, Scope: scope.New(f.Ask, f.Allowed), Profile: s.set.MIS.Profile,
		Today: s.today(), Full: q.Full || why != "", Released: q.Release, Form: f.Form,
	}, nil
}

// takeBack is the read where nothing may leave any more: no MIS is asked, and
// what was sent before is removed at the collector.
func takeBack(in delta.Input) (delta.Result, mis.Report, error) {
	if len(in.State.Entries) == 0 {
		return delta.Result{}, mis.Report{}, refused("nothing may leave: no authority's request and the school's yes have anything in common (see `rollbridge-agent scope show`)")
	}
	now := clock.Now()
	report := mis.Report{Started: now, Ended: now}
	result, err := delta.New(in).Finish(report)
	return result, report, err
}

// compare reads once.
func (s *School) compare(ctx context.Context, source *mis.Source, ask mis.Ask, in delta.Input, see func(mis.Row)) (delta.Result, mis.Report, error) {
	comparison := delta.New(in)
	report, err := source.Read(ctx, ask, in.Scope.Admit,
		func(row mis.Row) error {
			see(row)
			comparison.Note(row)
			kept, ok := in.Scope.Trim(row)
			if !ok {
				return nil
			}
			return comparison.Add(kept)
		})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return delta.Result{}, mis.Report{}, err
	}
	s.used.keep(report.Datasets)
	result, err := comparison.Finish(report)
	return result, report, err
}

// clockMayBeRead refuses a clock that stands long before the collector's root
// key signed its keyring, as after a flat battery: by it an authority may not
// yet exist, and all its pupils would be removed as out of scope.
func (s *School) clockMayBeRead(f outbox.Facts) error {
	issued := s.trust(f).Keyring.Issued
	if issued.IsZero() || !clock.Now().Before(issued.AddDate(0, -1, 0)) {
		return nil
	}
	return refused("this computer's clock stands at " + clock.Now().Local().Format("2 January 2006") +
		", long before this school was enrolled: set it right; nothing is read until then, because the school year and the authorities in force go by it")
}

// today is the calendar day in England.
func (s *School) today() record.Date { return record.DateOf(clock.Now().In(london)) }

func (s *School) source() (*mis.Source, string, error) {
	site, err := s.set.Site()
	if err != nil {
		return nil, "", &Fault{Kind: MIS, Text: err.Error()}
	}
	site.Log = s.log
	profile, err := mis.LoadProfile(s.set.MIS.Profile)
	if err != nil {
		return nil, "", &Fault{Kind: MIS, Text: err.Error()}
	}
	source, err := mis.Open(profile, site)
	return source, profile.Name, err
}

func (s *School) revokedNow() error {
	if stop, yes := Revoked(s.dir); yes {
		return refused(stoppedText(protocol.RefusalReason(stop.Reason)))
	}
	return nil
}

// markerLook is how often the markers are looked at while something is read
// and while the service waits.
const markerLook = 500 * time.Millisecond

// UntilStopped ends a read as soon as the marker of a pause or a revoke appears
// in a data directory: for who reads the MIS and has no School, to try it. The
// cause of the end says which.
func UntilStopped(ctx context.Context, dir string) (context.Context, context.CancelFunc) {
	return (&School{dir: dir}).untilStopped(ctx)
}

// untilStopped ends a read as soon as a marker appears.
func (s *School) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	return s.until(ctx, func() error { return errors.Join(s.pausedNow(), s.revokedNow()) })
}

// until ends ctx as soon as stop returns an error, which is then the cause.
func (s *School) until(ctx context.Context, stop func() error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(markerLook)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := stop(); err != nil {
					cancel(err)
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
