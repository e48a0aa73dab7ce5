package combine

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/logbook"
	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// An agent is the real outbox of one enrolment, and its keys.
type agent struct {
	box        *outbox.Outbox
	book       *logbook.Book
	dir        string
	sign       ed25519.PrivateKey
	receive    hpke.PrivateKey
	id         envelope.AgentID
	generation uint32
	keys       delta.Keys
	counter    uint64
}

// newAgent enrols an agent; idKey is the school's old one, or nil.
func newAgent(t tester, c *collector, of string, idKey []byte) *agent {
	t.Helper()
	a := &agent{keys: delta.Keys{Local: random(t), ID: idKey}}
	if idKey == nil {
		a.keys.ID = random(t)
	}
	var err error
	a.dir, err = os.MkdirTemp(c.dir, "agent")
	must(t, err)
	_, a.sign, err = ed25519.GenerateKey(rand.Reader)
	must(t, err)
	a.receive, err = envelope.GenerateKey()
	must(t, err)
	a.id = envelope.AgentOf(a.sign.Public().(ed25519.PublicKey))
	c.enrol(t, of, a)
	seed := ed25519.NewKeyFromSeed(random(t))
	a.book, err = logbook.Create(a.dir, seed, a.id, c.made.Root)
	must(t, err)
	a.box, err = outbox.Open(a.dir, a.book, outbox.Options{})
	must(t, err)
	must(t, a.box.Update(func(f *outbox.Facts) error {
		f.Collector.Root, f.Generation, f.Keyring, f.Enrolled, f.Confirmed = c.made.Root, a.generation, c.made.Signed, true, true
		f.SealingKey = protocol.SealingKey{ID: c.made.Sealing.ID, Public: c.made.Sealing.Private.PublicKey().Bytes()}
		for _, code := range authorities {
			f.Ask.Requests = append(f.Ask.Requests, protocol.AuthorityAsk{Code: code, Datasets: asked()[code]})
		}
		f.Allowed = scope.FromAsk(f.Ask)
		return nil
	}))
	return a
}

func (a *agent) end(t tester) {
	t.Helper()
	must(t, errors.Join(a.box.Close(), a.book.Close(), os.RemoveAll(a.dir)))
}

// A reading is how one read goes.
type reading struct {
	full       bool
	incomplete map[record.Dataset]bool
	stops      map[record.Dataset]protocol.Why
	feed       bool
	release    []string
}

// held are what both sides hold, as a person at the school sees it.
func (a *agent) held(t tester) []protocol.Hold {
	t.Helper()
	f, err := a.box.Facts()
	must(t, err)
	return slices.Concat(f.Holds, f.CollectorHolds)
}

// sync reads and seals, as agent/school does.
func (h *history) sync(t tester, r reading) delta.Result {
	t.Helper()
	facts, err := h.a.box.Facts()
	must(t, err)
	why, err := h.a.box.FullReason()
	must(t, err)
	r.full = r.full || why != ""
	state, err := h.a.box.Snapshot()
	must(t, err)
	sc := scope.New(facts.Ask, h.allowed)
	in := delta.Input{State: state, Keys: h.a.keys, Scope: sc, Today: h.today, Full: r.full, Released: r.release, Form: facts.Form, Profile: "test"}
	var since []byte
	if !r.full && r.feed {
		since, err = h.a.box.Feed(sc.Hash())
		must(t, err)
	}
	result, err := h.compare(in, r, since)
	if errors.Is(err, delta.ErrCarried) && since != nil {
		result, err = h.compare(in, r, nil)
	}
	must(t, err)
	h.leaves(t, result)
	_, err = h.a.box.Seal(result, h.a.sign)
	must(t, err)
	h.sealed(result, sc)
	return result
}

// compare is one read of the MIS.
func (h *history) compare(in delta.Input, r reading, since []byte) (delta.Result, error) {
	c := delta.New(in)
	now := time.Now().UTC().Truncate(time.Second)
	rows := h.mis.rows(h.a.keys, false)
	report := mis.Report{Started: now, Ended: now, ProfileHash: "p", Schemas: map[record.Dataset]string{}}
	for _, p := range h.mis.pupils {
		if p.unclear {
			report.Unknown++
		}
	}
	whole := report.Unknown == 0
	for _, d := range in.Scope.Datasets() {
		read := protocol.DatasetRead{Dataset: d, AsAt: now, Complete: report.Unknown == 0 && !r.incomplete[d]}
		why, stopped := r.stops[d]
		switch {
		case stopped:
			report.Stops = append(report.Stops, mis.Stop{Dataset: d, Why: why})
			read = protocol.DatasetRead{Dataset: d}
		case since != nil && d != record.DatasetPupil && h.unchanged(d, rows, since):
			read.Carried, read.Complete = true, false
			rows = slices.DeleteFunc(rows, func(row mis.Row) bool { return row.Record.Dataset() == d })
		default:
			report.Schemas[d] = fmt.Sprint(h.columns[d])
		}
		if d == record.DatasetAttendance && !stopped {
			read.From, read.To = h.today.AcademicYearStart(), h.today
		}
		whole = whole && (read.Complete || read.Carried)
		report.Datasets = append(report.Datasets, read)
	}
	if whole {
		h.feeds = append(h.feeds, canonical(rows, h.fed(since)))
		report.Feed = fmt.Append(nil, len(h.feeds)-1)
	}
	short := map[record.Dataset]bool{} // an incomplete read loses its first row
	lost := map[record.PupilID]bool{}
	for _, row := range rows {
		d, id := row.Record.Dataset(), row.Record.Pupil()
		if r.incomplete[d] && !short[d] || d.OfPupils() && lost[id] {
			short[d] = true
			if d == record.DatasetPupil {
				lost[id] = true
			}
			continue
		}
		if trimmed, ok := in.Scope.Trim(row); ok {
			if err := c.Add(trimmed); err != nil {
				return delta.Result{}, err
			}
		}
	}
	return c.Finish(report)
}

// fed is what the MIS gave up to a feed.
func (h *history) fed(since []byte) map[store.Ref]string {
	var n int
	if since == nil || json.Unmarshal(since, &n) != nil {
		return nil
	}
	return h.feeds[n]
}

// canonical is what a MIS gave: these rows, and what was carried before.
func canonical(rows []mis.Row, before map[store.Ref]string) map[store.Ref]string {
	all, given := map[store.Ref]string{}, map[record.Dataset]bool{}
	for _, row := range rows {
		text, err := record.Encode(row.Record)
		if err != nil {
			panic(err)
		}
		given[row.Record.Dataset()] = true
		all[store.Ref{Dataset: row.Record.Dataset(), Key: row.Record.Key()}] = string(text)
	}
	for ref, text := range before {
		if !given[ref.Dataset] {
			all[ref] = text
		}
	}
	return all
}

// unchanged is what a feed says: nothing of a dataset of the pupils who are
// there has come, gone or changed.
func (h *history) unchanged(d record.Dataset, rows []mis.Row, since []byte) bool {
	now, there := canonical(rows, nil), map[record.PupilID]bool{}
	for _, row := range rows {
		there[row.Record.Pupil()] = true
	}
	of := func(all map[store.Ref]string) map[store.Ref]string {
		all = maps.Clone(all)
		maps.DeleteFunc(all, func(ref store.Ref, _ string) bool {
			return ref.Dataset != d || d.OfPupils() && !there[ref.Key.Pupil()]
		})
		return all
	}
	return maps.Equal(of(now), of(h.fed(since)))
}

// deliver posts what waits, applies it, and obeys what comes back.
func (h *history) deliver(t tester) {
	t.Helper()
	for rounds := 0; ; rounds++ {
		if rounds > 500 {
			t.Fatal("delivering does not end")
		}
		item, found, err := h.a.box.Next()
		must(t, err)
		if !found {
			break
		}
		must(t, h.a.box.Attempted(item.Link))
		switch result := h.post(t, item); result.Verdict {
		case inbox.Stored, inbox.Repeated:
			must(t, h.a.box.Receipted(item.Link, protocol.Signed{}))
		case inbox.Behind:
			kept, err := h.a.box.Rewind(result.Head)
			must(t, err)
			if !kept {
				must(t, h.a.box.NeedFull(outbox.FullRestored, &result.Head))
				h.sync(t, reading{})
			}
		default:
			t.Fatalf("batch %d: verdict %d", item.Sequence, result.Verdict)
		}
	}
	h.obey(t)
}

func (h *history) post(t tester, item outbox.Item) inbox.Result {
	t.Helper()
	e, err := envelope.Parse(item.Envelope)
	must(t, err)
	h.a.counter++
	frame := protocol.Attempt{Message: protocol.MessageBatch, Sender: protocol.Sender(h.a.id), Counter: h.a.counter, Time: time.Now()}.Encode(item.Envelope, h.a.sign)
	result, err := h.c.inbox.Keep(h.c.Context(), inbox.Batch{School: h.school, Header: e.Header, Digest: e.Digest(), Envelope: item.Envelope,
		Frame: frame, Counter: h.a.counter, Received: time.Now(), Receipt: []byte("{}")})
	must(t, err)
	return result
}

// obey applies, and does what the collector's newest statements say.
func (h *history) obey(t tester) {
	t.Helper()
	before := h.c.records(t, h.school)
	_, err := h.c.applier.Once(h.c.Context())
	must(t, err)
	h.stays(t, before, h.c.records(t, h.school))
	if st, ok := h.c.statement(t, h.a.id, protocol.KindOutcome); ok {
		var o protocol.Outcome
		must(t, st.Decode(&o))
		if o.Refused > 0 {
			t.Fatal("a record was refused")
		}
		err := h.a.box.ApplyOutcome(protocol.Signed{}, st, o, nil)
		must(t, err)
	}
	st, ok := h.c.statement(t, h.a.id, protocol.KindRefusal)
	if !ok || st.Serial <= h.obeyed {
		return
	}
	h.obeyed = st.Serial
	var r protocol.Refusal
	must(t, st.Decode(&r))
	if r.Reason != protocol.RefusalResync {
		t.Fatalf("refused: %s", r.Reason)
	}
	if h.calm {
		t.Fatal("the digests differ and a full batch is asked for")
	}
	kept, err := h.a.box.Kept()
	must(t, err)
	if !slices.ContainsFunc(kept, func(i outbox.Item) bool { return i.Full && i.Sequence > r.After }) {
		must(t, h.a.box.NeedFull(outbox.FullResync, nil))
	}
}
