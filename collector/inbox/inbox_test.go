package inbox_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

const school = "hilltop"

var at = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// chain makes batches of one agent whose bytes are only ever compared.
type chain struct {
	agent   envelope.AgentID
	counter uint64
	last    envelope.Link
	copied  string // tells the batches of a copy of the agent apart
}

func newChain(t *testing.T, db *database.DB, name string) *chain {
	t.Helper()
	sum := sha256.Sum256([]byte(name))
	c := &chain{agent: envelope.AgentID(sum[:16])}
	if err := db.Write(t.Context(), func(tx *database.Tx) error { return inbox.AddAgent(t.Context(), tx, school, c.agent) }); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chain) batch(h envelope.Header) inbox.Batch {
	c.counter++
	h.Agent, h.Generation, h.Time = c.agent, 1, at
	if h.Type == 0 {
		h.Type = envelope.TypeDelta
	}
	body := fmt.Appendf(nil, "%s/%d/%v%s", c.agent, h.Sequence, h.Withdrawn, c.copied)
	digest := envelope.Digest(sha256.Sum256(body))
	return inbox.Batch{
		School: school, Header: h, Digest: digest, Envelope: body, Frame: append([]byte("frame "), body...),
		Counter: c.counter, Received: at, Receipt: fmt.Appendf(nil, "receipt %d by counter %d", h.Sequence, c.counter),
	}
}

// next is the batch after the last one made.
func (c *chain) next() inbox.Batch {
	b := c.batch(envelope.Header{Sequence: c.last.Sequence + 1, Previous: c.last.Digest})
	c.last = envelope.Link{Sequence: b.Header.Sequence, Digest: b.Digest}
	return b
}

// full withdraws links and comes after the last of them.
func (c *chain) full(withdrawn ...envelope.Link) inbox.Batch {
	h := envelope.Header{Type: envelope.TypeFull, Sequence: c.last.Sequence + 1, Previous: c.last.Digest, Withdrawn: withdrawn}
	b := c.batch(h)
	c.last = envelope.Link{Sequence: b.Header.Sequence, Digest: b.Digest}
	return b
}

func each(t *testing.T, f func(t *testing.T, db *database.DB, in *inbox.Inbox)) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		in := inbox.New(db, nil)
		t.Cleanup(in.Close)
		f(t, db, in)
	})
}

func keep(t *testing.T, in *inbox.Inbox, b inbox.Batch, want inbox.Verdict) inbox.Result {
	t.Helper()
	r, err := in.Keep(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != want {
		t.Fatalf("batch %d: verdict %d, want %d (head %d)", b.Header.Sequence, r.Verdict, want, r.Head.Sequence)
	}
	return r
}

func link(b inbox.Batch) envelope.Link {
	return envelope.Link{Sequence: b.Header.Sequence, Digest: b.Digest}
}

func read(t *testing.T, db *database.DB, f func(tx *database.Tx) error) {
	t.Helper()
	if err := db.Read(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func sequences(t *testing.T, db *database.DB, c *chain) (found []uint64) {
	read(t, db, func(tx *database.Tx) error {
		rows, err := inbox.Rows(t.Context(), tx, inbox.ID{School: school, Agent: c.agent, Generation: 1}, 1000)
		found = nil
		for _, r := range rows {
			found = append(found, r.Sequence)
		}
		return err
	})
	return found
}

func TestRepeatGetsTheSameReceipt(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		c := newChain(t, db, "a")
		first := c.next()
		keep(t, in, first, inbox.Stored)
		keep(t, in, c.next(), inbox.Stored)
		for name, counter := range map[string]uint64{"a new attempt": 100, "a replayed attempt": 1} {
			again := first
			again.Counter, again.Receipt = counter, []byte("another receipt")
			if r := keep(t, in, again, inbox.Repeated); !bytes.Equal(r.Receipt, first.Receipt) {
				t.Errorf("%s: receipt %q, want the stored %q", name, r.Receipt, first.Receipt)
			}
		}
		if err := db.Write(t.Context(), func(tx *database.Tx) error {
			return inbox.MarkApplied(t.Context(), tx, inbox.ID{School: school, Agent: c.agent, Generation: 1, Sequence: 1})
		}); err != nil {
			t.Fatal(err)
		}
		again := first
		again.Counter = 200
		if r := keep(t, in, again, inbox.Repeated); !bytes.Equal(r.Receipt, first.Receipt) {
			t.Errorf("after it was applied: receipt %q, want the stored %q", r.Receipt, first.Receipt)
		}
	})
}

func TestChain(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		c := newChain(t, db, "a")
		b1, b2, b3 := c.next(), c.next(), c.next()
		if r := keep(t, in, b2, inbox.Behind); r.Head != (envelope.Link{}) {
			t.Errorf("head is %v before the first batch", r.Head)
		}
		b1.Counter = 10
		keep(t, in, b1, inbox.Stored)
		b3.Counter = 11
		if r := keep(t, in, b3, inbox.Behind); r.Head != link(b1) {
			t.Errorf("head is %v, want %v", r.Head, link(b1))
		}
		keep(t, in, b2, inbox.Replayed) // its counter is below the newest
		b2.Counter = 12
		if r := keep(t, in, b2, inbox.Stored); r.Head != link(b2) {
			t.Errorf("head is %v, want %v", r.Head, link(b2))
		}
		b3.Counter = 13
		keep(t, in, b3, inbox.Stored)
		if got := fmt.Sprint(sequences(t, db, c)); got != "[1 2 3]" {
			t.Errorf("stored %s", got)
		}
		for name, b := range map[string]inbox.Batch{"sequence": {Header: envelope.Header{Sequence: 1 << 63}}, "counter": {Counter: 1 << 63}} {
			if _, err := in.Keep(t.Context(), b); !errors.Is(err, inbox.ErrRange) {
				t.Errorf("%s out of range: got %v", name, err)
			}
		}
	})
}

func TestFullBatch(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		c := newChain(t, db, "a")
		b1, b2, b3 := c.next(), c.next(), c.next()
		keep(t, in, b1, inbox.Stored)

		far := *c
		b4 := far.full(link(b3)) // neither 1 nor 2 is in its list
		keep(t, in, b4, inbox.Behind)
		wrong := *c
		wrong.last.Digest[0] ^= 1
		b5 := wrong.full(link(b2), link(b3)) // does not chain to the last it withdraws
		b5.Counter = 50
		keep(t, in, b5, inbox.Behind)

		after := *c
		f4 := after.full(link(b2), link(b3)) // head is directly before the list
		f4.Counter = 51
		keep(t, in, f4, inbox.Stored)
		g5 := after.full(link(f4)) // head is in the list
		g5.Counter = 52
		keep(t, in, g5, inbox.Stored)
		h6 := after.full() // no list, head is the previous: a second part
		h6.Counter = 53
		keep(t, in, h6, inbox.Stored)
		late := b2 // withdrawn on the way and arriving after all
		late.Counter = 54
		if r := keep(t, in, late, inbox.Behind); r.Head != link(h6) {
			t.Errorf("head is %v, want %v", r.Head, link(h6))
		}
		if got := fmt.Sprint(sequences(t, db, c)); got != "[1 4 5 6]" {
			t.Errorf("stored %s", got)
		}

		// A collector restored from before this agent's first batch.
		n := newChain(t, db, "b")
		n.next() // has its outcome, so that the agent withdraws only what comes after
		m2 := n.next()
		d3 := n.next()
		d3.Counter = 60
		keep(t, in, d3, inbox.Behind)
		m3 := n.full(link(m2), link(d3))
		m3.Counter = 61
		keep(t, in, m3, inbox.Stored)
	})
}

// Who is not confirmed cannot fill the disk.
func TestPendingAgentHasABound(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		c := newChain(t, db, "pending")
		next := func() inbox.Batch {
			b := c.next()
			b.Pending = true
			return b
		}
		first := next()
		keep(t, in, first, inbox.Stored)
		if err := db.Write(t.Context(), func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE inbox SET bytes = ? WHERE school = ?", 128<<20, school)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		second := next()
		keep(t, in, second, inbox.Enough)
		first.Counter = second.Counter + 1
		keep(t, in, first, inbox.Repeated)
		second.Pending, second.Counter = false, first.Counter+1
		keep(t, in, second, inbox.Stored)
	})
}

func TestCopiesOfAnAgentLeaveEvidence(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		original := newChain(t, db, "a")
		keep(t, in, original.next(), inbox.Stored)
		copied := *original
		copied.copied = " by the copy"
		second := original.next()
		keep(t, in, second, inbox.Stored)
		conflicting := copied.next() // the counter is the copy's own and has not risen
		if r := keep(t, in, conflicting, inbox.Contradicts); r.Head != link(second) {
			t.Errorf("head is %v, want %v", r.Head, link(second))
		}
		third := copied.next() // next in number, but after a batch that is not stored
		third.Counter = 90
		keep(t, in, third, inbox.Contradicts)

		var found []inbox.Conflict
		read(t, db, func(tx *database.Tx) (err error) {
			found, err = inbox.Conflicts(t.Context(), tx, 10)
			if err != nil {
				return err
			}
			behind, _, err := inbox.Contradiction(t.Context(), tx, school, third.Header, third.Digest)
			if err != nil {
				return err
			}
			if behind == nil || *behind != link(conflicting) {
				t.Errorf("the copy is known by %v, want %v", behind, link(conflicting))
			}
			return nil
		})
		if len(found) != 1 || found[0].Agent != original.agent || !bytes.Equal(found[0].Frame, conflicting.Frame) {
			t.Fatalf("evidence is %v, want the first frame of the copy", found)
		}
		if err := db.Write(t.Context(), func(tx *database.Tx) error {
			return inbox.ClearConflict(t.Context(), tx, school, original.agent)
		}); err != nil {
			t.Fatal(err)
		}
		original.counter = 100
		keep(t, in, original.next(), inbox.Stored)
		read(t, db, func(tx *database.Tx) (err error) {
			found, err = inbox.Conflicts(t.Context(), tx, 10)
			return err
		})
		if len(found) != 0 {
			t.Errorf("%d conflicts after they were decided", len(found))
		}
	})
}

// Many agents at once, on two inboxes of one database as two processes have
// them: every batch is stored once, and commits are shared.
func TestGroupCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		reg := prometheus.NewRegistry()
		first, second := inbox.New(db, reg), inbox.New(db, nil)
		t.Cleanup(first.Close)
		t.Cleanup(second.Close)
		const agents, batches = 64, 5
		var wg sync.WaitGroup
		for i := range agents {
			c := newChain(t, db, fmt.Sprint("agent ", i))
			wg.Go(func() {
				for range batches {
					b := c.next()
					verdicts := map[inbox.Verdict]int{}
					var mu sync.Mutex
					var both sync.WaitGroup
					for _, in := range []*inbox.Inbox{first, second} {
						c.counter++
						attempt := b
						attempt.Counter = c.counter
						both.Go(func() {
							r, err := in.Keep(t.Context(), attempt)
							if err != nil {
								t.Error(err)
							}
							mu.Lock()
							defer mu.Unlock()
							verdicts[r.Verdict]++
						})
					}
					both.Wait()
					// Replayed is the lower counter that came second and found nothing
					// stored yet, which no agent ever does to itself.
					if verdicts[inbox.Stored] != 1 || verdicts[inbox.Repeated]+verdicts[inbox.Replayed] != 1 {
						t.Errorf("batch %d: verdicts %v, want it stored once", b.Header.Sequence, verdicts)
					}
				}
			})
		}
		wg.Wait()
		read(t, db, func(tx *database.Tx) error {
			var rows, distinct int
			if err := tx.QueryRow(t.Context(), "SELECT COUNT(*), COUNT(DISTINCT agent) FROM inbox WHERE state = 'waiting'").Scan(&rows, &distinct); err != nil {
				return err
			}
			if rows != agents*batches || distinct != agents {
				t.Errorf("%d rows of %d agents, want %d of %d", rows, distinct, agents*batches, agents)
			}
			return nil
		})
		if n := groups(t, reg); n >= agents*batches {
			t.Errorf("%d commits for %d batches: nothing was grouped", n, agents*batches)
		}
	})
}

func groups(t *testing.T, reg *prometheus.Registry) uint64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "rollbridge_inbox_group_size" {
			return f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	t.Fatal("no metric of group sizes")
	return 0
}

// One message that cannot be stored does not take its group with it.
func TestFaultOfOneIsNotTheGroups(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		var wg sync.WaitGroup
		for i := range 32 {
			c := newChain(t, db, fmt.Sprint("agent ", i))
			wg.Go(func() {
				b := c.next()
				if i%8 == 0 {
					b.Receipt = nil // NOT NULL in the schema
				}
				if _, err := in.Keep(t.Context(), b); (err != nil) != (i%8 == 0) {
					t.Errorf("agent %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	})
}

func TestRequests(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		ctx := t.Context()
		request := func(n int) inbox.Request {
			return inbox.Request{
				School: school, Digest: sha256.Sum256(fmt.Append(nil, n)), Message: protocol.MessageEnrol, Sender: protocol.Sender{1},
				Frame: fmt.Appendf(nil, "frame %d", n), Received: at.Add(time.Duration(n) * time.Second), Receipt: fmt.Appendf(nil, "receipt %d", n),
			}
		}
		first := request(1)
		if r, err := in.KeepRequest(ctx, first); err != nil || r.Verdict != inbox.Stored || r.State != inbox.StateWaiting {
			t.Fatalf("first: %+v, %v", r, err)
		}
		again := first
		again.Receipt, again.Frame = []byte("another"), []byte("another")
		if r, err := in.KeepRequest(ctx, again); err != nil || r.Verdict != inbox.Repeated || !bytes.Equal(r.Receipt, first.Receipt) {
			t.Fatalf("again: %+v, %v", r, err)
		}
		waiting := func() (all []inbox.Request) {
			read(t, db, func(tx *database.Tx) (err error) {
				all, err = inbox.WaitingRequests(ctx, tx, 1000)
				return err
			})
			return all
		}
		if all := waiting(); len(all) != 1 || !bytes.Equal(all[0].Frame, first.Frame) || all[0].Message != first.Message || all[0].Sender != first.Sender || !all[0].Received.Equal(first.Received) {
			t.Fatalf("waiting: %+v", all)
		}
		decide := func(state string) error {
			return db.Write(ctx, func(tx *database.Tx) error { return inbox.MarkRequest(ctx, tx, school, first.Digest, state) })
		}
		if err := decide("perhaps"); err == nil {
			t.Error("a state that is no decision was accepted")
		}
		if err := decide(inbox.StateRefused); err != nil {
			t.Fatal(err)
		}
		if err := decide(inbox.StateDone); !errors.Is(err, inbox.ErrDecided) {
			t.Errorf("deciding twice: %v, want ErrDecided", err)
		}
		if r, err := in.KeepRequest(ctx, first); err != nil || r.State != inbox.StateRefused {
			t.Errorf("after the decision: %+v, %v", r, err)
		}
		// The decided ones of a sender count too; a school's only while they wait.
		until := func(what string, from, most int, sender func(n int) protocol.Sender) {
			t.Helper()
			for n := from; ; n++ {
				q := request(n)
				q.Sender = sender(n)
				_, err := in.KeepRequest(ctx, q)
				if errors.Is(err, inbox.ErrTooMany) && n <= from+most {
					return
				}
				if err != nil || n > from+most {
					t.Fatalf("request %d of %s: %v, want an end to them", n, what, err)
				}
				if what == "one sender" {
					if err := db.Write(ctx, func(tx *database.Tx) error {
						return inbox.MarkRequest(ctx, tx, school, q.Digest, inbox.StateRefused)
					}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		until("one sender", 2, 20, func(int) protocol.Sender { return protocol.Sender{1} })
		until("one school", 1000, 100, func(n int) protocol.Sender { return protocol.Sender{byte(n), byte(n >> 8), 1} })
	})
}

func TestCheckins(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		c := newChain(t, db, "a")
		heard := func() (time.Time, string) {
			var when time.Time
			var frame []byte
			read(t, db, func(tx *database.Tx) (err error) {
				when, frame, err = inbox.Heard(t.Context(), tx, school, c.agent)
				return err
			})
			return when, string(frame)
		}
		if when, frame := heard(); !when.IsZero() || frame != "" {
			t.Errorf("heard at %v before anything was said", when)
		}
		say := func(counter uint64, text string, when time.Time, want inbox.Verdict) {
			t.Helper()
			f := &protocol.Frame{Attempt: protocol.Attempt{Counter: counter}}
			r, err := in.KeepCheckin(t.Context(), school, c.agent, f, []byte(text), when)
			if err != nil || r.Verdict != want {
				t.Fatalf("check-in %q: %+v, %v", text, r, err)
			}
		}
		say(5, "five", at, inbox.Stored)
		say(5, "five again", at.Add(time.Hour), inbox.Replayed)
		say(4, "four", at.Add(time.Hour), inbox.Replayed)
		if when, frame := heard(); !when.Equal(at) || frame != "five" {
			t.Errorf("heard %q at %v, want the newest counter's only", frame, when)
		}
		say(6, "six", at.Add(time.Minute), inbox.Stored)
		if _, frame := heard(); frame != "six" {
			t.Errorf("newest check-in is %q", frame)
		}
	})
}

func TestDecidingBatches(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		ctx := t.Context()
		c := newChain(t, db, "a")
		var all []inbox.Batch
		for range 5 {
			b := c.next()
			keep(t, in, b, inbox.Stored)
			all = append(all, b)
		}
		id := func(sequence uint64) inbox.ID {
			return inbox.ID{School: school, Agent: c.agent, Generation: 1, Sequence: sequence}
		}
		mark := func(f func(context.Context, *database.Tx, inbox.ID) error, sequence uint64) error {
			return db.Write(ctx, func(tx *database.Tx) error { return f(ctx, tx, id(sequence)) })
		}
		for sequence, f := range []func(context.Context, *database.Tx, inbox.ID) error{1: inbox.MarkApplied, 2: inbox.MarkWithdrawn, 3: inbox.MarkSetAside, 4: inbox.MarkRefused} {
			if sequence == 0 {
				continue
			}
			if err := mark(f, uint64(sequence)); err != nil {
				t.Fatal(err)
			}
			if err := mark(inbox.MarkApplied, uint64(sequence)); !errors.Is(err, inbox.ErrDecided) {
				t.Errorf("batch %d was decided twice: %v", sequence, err)
			}
		}
		kept := map[uint64]bool{3: true, 5: true}
		read(t, db, func(tx *database.Tx) error {
			for _, b := range all {
				body, err := inbox.Envelope(ctx, tx, id(b.Header.Sequence))
				if kept[b.Header.Sequence] && (err != nil || !bytes.Equal(body, b.Envelope)) {
					t.Errorf("batch %d: body %q, %v", b.Header.Sequence, body, err)
				}
				if !kept[b.Header.Sequence] && !errors.Is(err, inbox.ErrNoBody) {
					t.Errorf("batch %d: its body is still kept (%v)", b.Header.Sequence, err)
				}
				receipt, err := inbox.StoredReceipt(ctx, tx, id(b.Header.Sequence), b.Digest)
				if err != nil || !bytes.Equal(receipt, b.Receipt) {
					t.Errorf("batch %d: receipt %q, %v", b.Header.Sequence, receipt, err)
				}
			}
			schools, err := inbox.Waiting(ctx, tx, 10)
			if err != nil || len(schools) != 1 || schools[0] != school {
				t.Errorf("waiting schools %q, %v", schools, err)
			}
			rows, err := inbox.WaitingRows(ctx, tx, school, 10)
			if err != nil || len(rows) != 1 || rows[0].Link() != link(all[4]) || rows[0].Previous != all[4].Header.Previous ||
				!rows[0].Received.Equal(at) || !rows[0].Sealed.Equal(at) || rows[0].Type != envelope.TypeDelta || rows[0].Bytes != len(all[4].Envelope) {
				t.Errorf("waiting rows %+v, %v", rows, err)
			}
			return nil
		})
		if err := mark(inbox.MarkWithdrawn, 3); err != nil {
			t.Errorf("what was set aside could not be withdrawn: %v", err)
		}
	})
}

func TestCloseAnswersEveryone(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, in *inbox.Inbox) {
		var wg sync.WaitGroup
		for i := range 20 {
			c := newChain(t, db, fmt.Sprint("agent ", i))
			wg.Go(func() {
				r, err := in.Keep(t.Context(), c.next())
				if !errors.Is(err, inbox.ErrClosed) && (err != nil || r.Verdict != inbox.Stored) {
					t.Errorf("agent %d: %+v, %v", i, r, err)
				}
			})
		}
		in.Close()
		in.Close()
		wg.Wait()
		if _, err := in.Keep(t.Context(), newChain(t, db, "late").next()); !errors.Is(err, inbox.ErrClosed) {
			t.Errorf("a closed inbox answered %v", err)
		}
	})
}
