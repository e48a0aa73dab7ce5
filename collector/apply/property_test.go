package apply

import (
	"errors"
	"flag"
	"maps"
	"os"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

func TestMain(m *testing.M) {
	// Each history is some dozens of durable transactions: fewer histories than
	// rapid's default, unless asked for.
	for name, value := range map[string]string{"rapid.checks": "12", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}

var errCrash = errors.New("crash")

// Whatever a school's MIS does and whatever the way does to the batches, the
// store ends up as the MIS: repeated, late, out of order, withdrawn, in parts,
// and with apply dying between any two steps.
func TestStoreBecomesTheMIS(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		rapid.Check(t, func(t *rapid.T) {
			a := r.confirmed(t, r.newSchool(t))
			h := &history{rig: r, a: a, mis: newMIS(a, 12), good: map[store.Ref]string{}}
			for who := range 15 {
				h.mis.thing(record.DatasetStaff, "", who, 0)
			}
			a.sync(t, h.mis.rows, true, 1, nil)
			h.remember()
			for range rapid.IntRange(5, 25).Draw(t, "steps") {
				h.step(t)
			}
			h.finish(t)
		})
		r.fsck(t)
	})
}

type history struct {
	*rig
	a   *fakeAgent
	mis *fakeMIS
	// gone bounds what disappears: a mass disappearance is another test's.
	gone int
	// good is the last acceptable version of every record.
	good map[store.Ref]string
}

func (h *history) step(t *rapid.T) {
	ids := h.mis.ids()
	pick := func() record.PupilID { return rapid.SampledFrom(ids).Draw(t, "pupil") }
	switch rapid.IntRange(0, 11).Draw(t, "action") {
	case 10:
		d := rapid.SampledFrom(things).Draw(t, "dataset")
		h.mis.thing(d, pick(), rapid.IntRange(0, 3).Draw(t, "thing"), rapid.IntRange(0, 5).Draw(t, "version"))
	case 11:
		who := rapid.IntRange(0, 14).Draw(t, "who")
		if ref := h.mis.thing(record.DatasetStaff, "", who, rapid.IntRange(0, 5).Draw(t, "version")); who >= 13 {
			delete(h.mis.rows, ref) // at most two of them leave
		}
	case 0:
		h.mis.add()
	case 1, 2:
		h.mis.week(pick(), rapid.IntRange(0, 4).Draw(t, "week"), rapid.SampledFrom([]string{"/", "L", "N", "I"}).Draw(t, "mark"))
	case 3:
		h.mis.pupil(pick(), 1+rapid.IntRange(0, 11).Draw(t, "n"), rapid.IntRange(0, 3).Draw(t, "change"))
	case 4:
		if h.gone < 2 {
			h.gone++
			if rapid.Bool().Draw(t, "leaves") {
				h.mis.drop(pick())
			} else {
				h.mis.rename(pick())
			}
		}
	case 5:
		// A date of birth in the future: refused, the last good version stays.
		id := pick()
		h.mis.put(&record.Pupil{ID: id, DOB: "2999-01-01", InCare: true, CareAuthority: "301"})
	case 6, 7:
		full := rapid.IntRange(0, 3).Draw(t, "full") == 0
		h.a.sync(t, h.mis.rows, full, rapid.IntRange(1, 3).Draw(t, "parts"), h.mis.taken())
		h.remember()
	case 8:
		h.send(t)
	case 9:
		h.crash(t)
	}
}

// remember keeps the last good version of what a sync sent; what is refused
// keeps the version before, if the collector ever had it.
func (h *history) remember() {
	next := map[store.Ref]string{}
	for ref, text := range h.mis.rows {
		if rec, err := record.Decode(ref.Dataset, []byte(text)); err == nil && !record.Refused(record.Check(rec, "2026-11-21")) {
			next[ref] = text
		} else if old, ok := h.good[ref]; ok {
			next[ref] = old
		}
	}
	h.good = next
}

// send posts some of the outbox, perhaps twice, perhaps from the middle.
func (h *history) send(t *rapid.T) {
	if len(h.a.outbox) == 0 {
		return
	}
	from := rapid.IntRange(0, len(h.a.outbox)-1).Draw(t, "from")
	if len(h.states(t, h.a.school)) == 0 {
		from = 0 // an agent posts the oldest first, and an empty inbox takes any full part
	}
	to := rapid.IntRange(from, len(h.a.outbox)-1).Draw(t, "to")
	for _, s := range h.a.outbox[from : to+1] {
		for range rapid.IntRange(1, 2).Draw(t, "times") {
			if v := h.a.post(t, s).Verdict; v == inbox.Contradicts || v == inbox.Replayed {
				t.Fatalf("batch %d: verdict %d", s.link.Sequence, v)
			}
		}
	}
}

// crash lets apply die before one of its steps, perhaps after the commit.
func (h *history) crash(t *rapid.T) {
	left := rapid.IntRange(0, 14).Draw(t, "crash before step")
	h.applier.fault = func(string) error {
		if left--; left < 0 {
			return errCrash
		}
		return nil
	}
	_, err := h.applier.Once(h.Context())
	h.applier.fault = nil
	if err != nil && !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	h.a.settle(t)
}

func (h *history) finish(t *rapid.T) {
	h.a.sync(t, h.mis.rows, false, 1, h.mis.taken())
	h.remember()
	h.a.deliver(t)
	if got := h.position(t, h.a.school); got.State != h.a.digest() || got.Link.Sequence != h.a.seq {
		t.Fatalf("the position is %d of %d, digest equal: %v", got.Link.Sequence, h.a.seq, got.State == h.a.digest())
	}
	got := h.records(t, h.a.school)
	for ref, text := range h.good {
		// A version that only a withdrawn batch carried may be missing where a
		// refused one follows it.
		if refused := h.mis.rows[ref] != text; !refused && got[ref] != text {
			t.Fatalf("a %s record differs", ref.Dataset)
		}
	}
	for ref := range got {
		if _, ok := h.mis.rows[ref]; !ok {
			t.Fatalf("a %s record is there that the MIS does not have", ref.Dataset)
		}
	}
	for n, state := range maps.All(h.states(t, h.a.school)) {
		if state != inbox.StateApplied && state != inbox.StateWithdrawn {
			t.Fatalf("batch %d is %s", n, state)
		}
	}
	if f := h.a.refusal(t); f.Reason != "" {
		t.Fatalf("refused: %+v", f)
	}
}
