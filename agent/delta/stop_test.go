package delta

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

var noRight = map[record.Dataset]protocol.Why{record.DatasetContact: protocol.WhyPermission}

// held1 takes the only hold of a result.
func held1(t *testing.T, r Result, why protocol.Why, d record.Dataset) protocol.Hold {
	t.Helper()
	if len(r.Manifest.Holds) != 1 || r.Manifest.Holds[0].Why != why || r.Manifest.Holds[0].Dataset != d || r.Manifest.Holds[0].Code == "" {
		t.Fatalf("holds %+v, want one of %s for %s", r.Manifest.Holds, d, why)
	}
	return r.Manifest.Holds[0]
}

// Of a dataset that is stopped nothing is sent and nothing removed, whatever rows
// came before the fault; the rest of the read goes, and what leaves with its
// pupil leaves.
func TestStoppedDatasetStaysAsItIs(t *testing.T) {
	for _, full := range []bool{false, true} {
		w := classOf(t, 10)
		w.school.pupils[0].contacts[0]++
		delete(w.school.pupils[1].contacts, 0)
		w.school.pupils[2].weeks["2026-03-02"]++
		delete(w.school.pupils, 9)
		r := mustSync(t, w, reading{stops: noRight, full: full})
		held1(t, r, protocol.WhyPermission, record.DatasetContact)
		want := map[string]int{"attendance ": 1, "pupil left": 1, "contact left": 1, "attendance left": 2}
		if full {
			want = map[string]int{"pupil ": 9, "attendance ": 18}
		}
		if diff := cmp.Diff(want, ops(t, r)); diff != "" {
			t.Errorf("full %v: %s", full, diff)
		}
		for _, d := range r.Manifest.Datasets {
			if d.Dataset == record.DatasetContact && (d.Complete || !d.AsAt.IsZero()) {
				t.Errorf("the manifest says of what was not read: %+v", d)
			}
		}
		// A yes is no answer to a missing right; it ends by itself.
		again := mustSync(t, w, reading{stops: noRight, released: []string{r.Manifest.Holds[0].Code}})
		held1(t, again, protocol.WhyPermission, record.DatasetContact)
		after := mustSync(t, w, reading{})
		want = map[string]int{"contact ": 1, "contact left": 1}
		if full {
			want = map[string]int{"contact ": 8}
		}
		if diff := cmp.Diff(want, ops(t, after)); diff != "" || len(after.Manifest.Holds) != 0 {
			t.Errorf("full %v, mended: %s, holds %v", full, diff, after.Manifest.Holds)
		}
	}
}

// A pupil who gets another id while contacts are stopped keeps those that were
// sent until they can be sent anew.
func TestRenameWhileStopped(t *testing.T) {
	w := classOf(t, 10)
	w.school.pupils[0].upn = "permanent"
	r := mustSync(t, w, reading{stops: noRight})
	if got := ops(t, r); got["contact "]+got["contact renamed"] != 0 || got["pupil renamed"] != 1 {
		t.Errorf("stopped: %v", got)
	}
	if diff := cmp.Diff(map[string]int{"contact ": 1, "contact renamed": 1}, ops(t, mustSync(t, w, reading{}))); diff != "" {
		t.Error("mended:", diff)
	}
}

// What was kept of such a pupil stays or goes with the pupil, whatever the id.
func TestRenamedWhileStoppedAndGone(t *testing.T) {
	w := classOf(t, 4)
	w.school.pupils[0].upn = "permanent"
	mustSync(t, w, reading{stops: noRight})
	clear(w.school.pupils)
	r := mustSync(t, w, reading{})
	h := held1(t, r, protocol.WhyDisappearance, record.DatasetPupil)
	if len(r.Lines) != 0 {
		t.Errorf("of pupils who are held %v are removed", ops(t, r))
	}
	got := ops(t, mustSync(t, w, reading{released: []string{h.Code}}))
	if want := map[string]int{"pupil left": 4, "contact left": 4, "attendance left": 8}; cmp.Diff(want, got) != "" {
		t.Errorf("released: %v", got)
	}
}

func TestOtherColumnsWaitForAPerson(t *testing.T) {
	w := classOf(t, 4)
	w.columns[record.DatasetContact]++
	w.school.pupils[0].contacts[0]++
	w.school.pupils[0].version++
	r := mustSync(t, w, reading{})
	h := held1(t, r, protocol.WhySchema, record.DatasetContact)
	if diff := cmp.Diff(map[string]int{"pupil ": 1}, ops(t, r)); diff != "" {
		t.Error(diff)
	}
	// Another form needs another yes.
	w.columns[record.DatasetContact]++
	other := held1(t, mustSync(t, w, reading{released: []string{h.Code}}), protocol.WhySchema, record.DatasetContact)
	if other.Code == h.Code {
		t.Error("two forms have one code")
	}
	if diff := cmp.Diff(map[string]int{"contact ": 1}, ops(t, mustSync(t, w, reading{released: []string{other.Code}}))); diff != "" {
		t.Error("released:", diff)
	}
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 0 {
		t.Errorf("a yes is forgotten: %+v", r.Manifest.Holds)
	}
	// As it was before ends the hold by itself, as does a setting of the school.
	w.columns[record.DatasetContact]--
	mustSync(t, w, reading{})
	w.columns[record.DatasetContact]++
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 0 {
		t.Errorf("as before: %+v", r.Manifest.Holds)
	}
	w.columns[record.DatasetContact]++
	if r := mustSync(t, w, reading{profile: "the school has set something"}); len(r.Manifest.Holds) != 0 {
		t.Errorf("the school's own doing: %+v", r.Manifest.Holds)
	}
}

// Without the pupils nothing can be decided: the whole read is held, and what
// leaves is an empty batch.
func TestOtherColumnsOfThePupilsHoldTheRead(t *testing.T) {
	for _, full := range []bool{false, true} {
		w := classOf(t, 4)
		w.columns[record.DatasetPupil]++
		w.school.pupils[0].version++
		delete(w.school.pupils, 1)
		w.school.pupils[2].weeks["2026-03-02"]++
		r := mustSync(t, w, reading{full: full})
		h := held1(t, r, protocol.WhySchema, record.DatasetPupil)
		if len(r.Lines) != 0 {
			t.Errorf("full %v: %d lines left", full, len(r.Lines))
		}
		for _, d := range r.Manifest.Datasets {
			if d.Complete || !d.AsAt.IsZero() || d.Rows != 0 {
				t.Errorf("%+v", d)
			}
		}
		got := ops(t, mustSync(t, w, reading{released: []string{h.Code}}))
		if want := map[string]int{"pupil ": 1, "attendance ": 1, "pupil left": 1, "contact left": 1, "attendance left": 2}; !full && cmp.Diff(want, got) != "" {
			t.Errorf("released: %v", got)
		}
		// A narrower scope does not wait for anybody.
		w.columns[record.DatasetPupil]++
		delete(w.allowed["330"], record.DatasetContact)
		if got := ops(t, mustSync(t, w, reading{})); got["contact scope"] != 3 || len(got) != 1 {
			t.Errorf("full %v, narrowed: %v", full, got)
		}
	}
}

// A pupil who has another authority since is still the old one's while the read
// that says so is held, and leaves the scope with it; the read that is used then
// brings everything back under the new one.
func TestNarrowedWhileThePupilsAreHeld(t *testing.T) {
	w := classOf(t, 3)
	w.columns[record.DatasetPupil]++
	w.school.pupils[0].authority = "801"
	delete(w.allowed, "330")
	r := mustSync(t, w, reading{})
	h := held1(t, r, protocol.WhySchema, record.DatasetPupil)
	if got := ops(t, r); got["pupil scope"] != 3 || got["contact scope"] != 3 {
		t.Errorf("narrowed: %v", got)
	}
	got := ops(t, mustSync(t, w, reading{released: []string{h.Code}}))
	if want := map[string]int{"pupil ": 1, "contact ": 1, "attendance ": 2}; cmp.Diff(want, got) != "" {
		t.Errorf("released: %v", got)
	}
}

func TestRemovedContactThatComesBack(t *testing.T) {
	w := classOf(t, 10)
	away := func(who ...int) {
		for _, n := range who {
			delete(w.school.pupils[n].contacts, 0)
		}
	}
	away(0, 1)
	mustSync(t, w, reading{})
	w.today = w.today.AddDays(30)
	w.school.pupils[0].contacts[0] = 7
	r := mustSync(t, w, reading{})
	h := held1(t, r, protocol.WhyReturned, record.DatasetContact)
	if h.Gone != 1 || h.Of != 0 || h.Authority != "330" || len(r.Lines) != 0 {
		t.Errorf("%+v, %d lines", h, len(r.Lines))
	}
	if full := ops(t, mustSync(t, w, reading{full: true})); full["contact "] != 8 {
		t.Errorf("a full batch sends %d contacts, want the 8 that never left", full["contact "])
	}
	// Another one needs another yes.
	w.school.pupils[1].contacts[0] = 7
	both := held1(t, mustSync(t, w, reading{released: []string{h.Code}}), protocol.WhyReturned, record.DatasetContact)
	if both.Gone != 2 || both.Code == h.Code {
		t.Errorf("%+v", both)
	}
	if diff := cmp.Diff(map[string]int{"contact ": 2}, ops(t, mustSync(t, w, reading{released: []string{both.Code}}))); diff != "" {
		t.Error("released:", diff)
	}
	w.school.pupils[0].contacts[0]++
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 0 || ops(t, r)["contact "] != 1 {
		t.Error("a yes does not last")
	}
	away(0)
	mustSync(t, w, reading{})
	w.today = w.today.AddDays(protocol.ReturnedFor + 1)
	w.school.pupils[0].contacts[0] = 1
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 0 {
		t.Errorf("after %d days: %+v", protocol.ReturnedFor+1, r.Manifest.Holds)
	}
}

// A full batch names nobody who is gone, and remembers them all the same.
func TestContactRemovedByAFullBatchThatComesBack(t *testing.T) {
	w := classOf(t, 10)
	delete(w.school.pupils[0].contacts, 0)
	mustSync(t, w, reading{full: true})
	w.school.pupils[0].contacts[0] = 7
	held1(t, mustSync(t, w, reading{}), protocol.WhyReturned, record.DatasetContact)
}

// What leaves with its pupil, by a narrower scope or under another id was not
// removed: it comes back without a question. A pupil's new id hides no removal.
func TestWhatIsNoReturn(t *testing.T) {
	w := classOf(t, 10)
	gone := w.school.pupils[9]
	delete(w.school.pupils, 9)
	mustSync(t, w, reading{})
	w.school.pupils[9] = gone
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 0 || ops(t, r)["contact "] != 1 {
		t.Errorf("a pupil who returns: %+v", r.Manifest.Holds)
	}
	delete(w.allowed["330"], record.DatasetContact)
	mustSync(t, w, reading{})
	w.allowed = scope.FromAsk(w.ask)
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 0 || ops(t, r)["contact "] != 10 {
		t.Errorf("a wider scope: %+v", r.Manifest.Holds)
	}
	w.school.pupils[0].upn = "permanent"
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 0 {
		t.Errorf("a new id: %+v", r.Manifest.Holds)
	}
	delete(w.school.pupils[1].contacts, 0)
	mustSync(t, w, reading{})
	w.school.pupils[1].upn = "permanent"
	mustSync(t, w, reading{})
	w.school.pupils[1].contacts[0] = 1
	held1(t, mustSync(t, w, reading{}), protocol.WhyReturned, record.DatasetContact)
}

func TestCarriedDatasetStays(t *testing.T) {
	w := classOf(t, 10)
	w.school.pupils[0].version++
	delete(w.school.pupils, 9)
	r := mustSync(t, w, reading{feed: true})
	if diff := cmp.Diff(map[string]int{"pupil ": 1, "pupil left": 1, "contact left": 1, "attendance left": 2}, ops(t, r)); diff != "" || len(r.Manifest.Holds) > 0 {
		t.Error(diff, r.Manifest.Holds)
	}
	n := 0
	for _, d := range r.Manifest.Datasets {
		if d.Carried {
			n++
		}
	}
	if n != len(r.Manifest.Datasets)-1 {
		t.Errorf("%d of %d datasets were carried: the test shows nothing", n, len(r.Manifest.Datasets))
	}
}

func TestCarriedIsNotEnough(t *testing.T) {
	for name, c := range map[string]struct {
		full   bool
		change func(*world)
		d      record.Dataset
	}{
		"a full batch":      {full: true, change: func(*world) {}},
		"nothing sealed":    {change: func(w *world) { w.state = State{Entries: map[string]Entry{}} }},
		"a new pupil":       {change: func(w *world) { w.add1("330") }},
		"a new id":          {change: func(w *world) { w.school.pupils[0].upn = "permanent" }},
		"another authority": {change: func(w *world) { w.school.pupils[0].authority = "383" }},
		"the pupils":        {change: func(*world) {}, d: record.DatasetPupil},
	} {
		w := classOf(t, 3)
		c.change(w)
		d := c.d
		if d == "" {
			d = record.DatasetContact
		}
		compare := New(Input{State: w.state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today, Full: c.full})
		for _, row := range w.school.rows(w.today, w.today) {
			if own := row.Record.Dataset(); own == record.DatasetPupil {
				if err := compare.Add(row); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err := compare.Finish(mis.Report{Datasets: []protocol.DatasetRead{{Dataset: d, Carried: true}}})
		if !errors.Is(err, ErrCarried) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (w *world) add1(authority string) {
	w.school.pupils[w.school.next] = &pupil{authority: authority, contacts: map[int]int{0: 1}, weeks: map[record.Date]int{}}
	w.school.next++
}

// A feed speaks of what follows a read. What changed before it of a pupil whom the
// read did not look for, as one on a roster that is away, it would never name.
func TestFeedNeedsThePupils(t *testing.T) {
	for complete, want := range map[bool]string{true: "after this", false: ""} {
		w := classOf(t, 1)
		report := mis.Report{Feed: []byte("after this"), Datasets: []protocol.DatasetRead{
			{Dataset: record.DatasetPupil, Complete: complete}, {Dataset: record.DatasetContact, Carried: true}}}
		c := New(Input{State: w.state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today})
		for _, row := range w.school.rows(w.today, w.today) {
			if row.Record.Dataset() == record.DatasetPupil {
				if err := c.Add(row); err != nil {
					t.Fatal(err)
				}
			}
		}
		r, err := c.Finish(report)
		if err != nil || string(r.Feed) != want {
			t.Errorf("pupils complete %v: the feed is %q, %v", complete, r.Feed, err)
		}
	}
}
