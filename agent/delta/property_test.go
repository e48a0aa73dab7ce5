package delta

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// TestConverges is promise 4 for this step: whatever happens to a school and
// to its reads, the collector counts what the agent's state says after every
// sync, and exactly what the MIS holds (and what is held) after a good one.
func TestConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for range rapid.IntRange(0, 12).Draw(t, "pupils at first") {
			w.add(t)
		}
		t.Repeat(w.actions())
		for _, p := range w.school.pupils {
			p.unclear = false
		}
		// A person releases what is held until nothing is.
		var released []string
		for range 20 {
			result, err := w.sync(reading{released: released})
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Manifest.Holds) == 0 {
				break
			}
			released = nil
			for _, h := range result.Manifest.Holds {
				released = append(released, h.Code)
			}
		}
		if err := w.exact(0, 0); err != nil {
			t.Fatal(err)
		}
		// An unchanged sync changes nothing and sends nothing but its manifest.
		result, err := w.sync(reading{})
		if err != nil || len(result.Lines) != 0 || len(result.Changes) != 0 || len(result.Manifest.Holds) != 0 {
			t.Fatalf("an unchanged sync has %d lines and %d changes, %v", len(result.Lines), len(result.Changes), err)
		}
	})
}

func (w *world) add(t *rapid.T) {
	p := &pupil{authority: rapid.SampledFrom(append([]string{""}, authorities...)).Draw(t, "authority"),
		contacts: map[int]int{}, weeks: map[record.Date]int{}}
	for c := range rapid.IntRange(0, 3).Draw(t, "contacts") {
		p.contacts[c] = 1
	}
	for range rapid.IntRange(0, 4).Draw(t, "things") {
		p.put(rapid.SampledFrom(others).Draw(t, "dataset"), rapid.IntRange(0, 2).Draw(t, "thing"))
	}
	monday := w.today.Monday()
	for i := range rapid.IntRange(0, 5).Draw(t, "weeks") {
		p.weeks[monday.AddDays(-7*i)] = 1
	}
	w.school.pupils[w.school.next] = p
	w.school.next++
}

func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"add":    w.add,
		"change": func(t *rapid.T) { w.some(t).version++ },
		"move": func(t *rapid.T) {
			w.some(t).authority = rapid.SampledFrom(append([]string{""}, authorities...)).Draw(t, "to")
		},
		"mark": func(t *rapid.T) {
			w.some(t).weeks[w.today.Monday().AddDays(-7*rapid.IntRange(0, 6).Draw(t, "weeks ago"))]++
		},
		"unmark": func(t *rapid.T) {
			delete(w.some(t).weeks, w.today.Monday().AddDays(-7*rapid.IntRange(0, 6).Draw(t, "weeks ago")))
		},
		"contact": func(t *rapid.T) { w.some(t).contacts[rapid.IntRange(0, 3).Draw(t, "contact")]++ },
		"no contact": func(t *rapid.T) {
			delete(w.some(t).contacts, rapid.IntRange(0, 3).Draw(t, "contact"))
		},
		"all contacts disappear": func(t *rapid.T) {
			for _, p := range w.school.pupils {
				clear(p.contacts)
			}
		},
		"thing": func(t *rapid.T) {
			w.some(t).put(rapid.SampledFrom(others).Draw(t, "dataset"), rapid.IntRange(0, 3).Draw(t, "thing"))
		},
		"no thing": func(t *rapid.T) {
			delete(w.some(t).things[rapid.SampledFrom(others).Draw(t, "dataset")], rapid.IntRange(0, 3).Draw(t, "thing"))
		},
		"all of a dataset disappears": func(t *rapid.T) {
			d := rapid.SampledFrom(others).Draw(t, "dataset")
			for _, p := range w.school.pupils {
				clear(p.things[d])
			}
		},
		"staff": func(t *rapid.T) {
			for range rapid.IntRange(1, 4).Draw(t, "how many") {
				w.school.staff[rapid.IntRange(0, 20).Draw(t, "who")]++
			}
		},
		"staff leave": func(t *rapid.T) {
			for range rapid.IntRange(1, 4).Draw(t, "how many") {
				delete(w.school.staff, rapid.IntRange(0, 20).Draw(t, "who"))
			}
		},
		"leave": func(t *rapid.T) {
			p := w.some(t)
			for n, q := range w.school.pupils {
				if p == q {
					delete(w.school.pupils, n)
				}
			}
		},
		"mass disappearance": func(t *rapid.T) {
			keep := rapid.IntRange(0, 3).Draw(t, "keep")
			for n := range w.school.next - keep {
				delete(w.school.pupils, n)
			}
		},
		"unclear":  func(t *rapid.T) { p := w.some(t); p.unclear = !p.unclear },
		"new UPN":  func(t *rapid.T) { p := w.some(t); p.upn = fmt.Sprint("permanent ", p.version, len(p.upn)) },
		"lost UPN": func(t *rapid.T) { w.some(t).upn = "" },
		"narrow or widen": func(t *rapid.T) {
			code := rapid.SampledFrom(authorities).Draw(t, "authority")
			w.allowed = scope.FromAsk(w.ask)
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 4:
				for _, code := range authorities {
					delete(w.allowed[code], record.DatasetStaff)
				}
			case 0:
				delete(w.allowed, code)
			case 1:
				delete(w.allowed[code], rapid.SampledFrom(record.Datasets()).Draw(t, "dataset"))
			case 2:
				w.allowed[code][record.DatasetPupil] = []string{"Forename"}
			}
		},
		"time": func(t *rapid.T) { w.today = w.today.AddDays(rapid.SampledFrom([]int{1, 7, 60, 200}).Draw(t, "days")) },
		"sync": func(t *rapid.T) { w.good(t, reading{}) },
		"sync and release": func(t *rapid.T) {
			var r reading
			for _, h := range w.holds {
				if rapid.Bool().Draw(t, "release") {
					r.released = append(r.released, h.Code)
				}
			}
			w.good(t, r)
		},
		"sync by the feed": func(t *rapid.T) { w.good(t, reading{feed: true}) },
		"columns": func(t *rapid.T) {
			w.columns[rapid.SampledFrom(record.Datasets()).Draw(t, "dataset")] = rapid.IntRange(0, 1).Draw(t, "version")
		},
		"stopped": func(t *rapid.T) {
			d := rapid.SampledFrom(record.Datasets()[1:]).Draw(t, "dataset")
			w.good(t, reading{stops: map[record.Dataset]protocol.Why{d: protocol.WhyPermission}, full: rapid.Bool().Draw(t, "full")})
		},
		"full":         func(t *rapid.T) { w.good(t, reading{full: true}) },
		"recent weeks": func(t *rapid.T) { w.poor(t, reading{from: w.today.AddDays(-10)}) },
		"incomplete": func(t *rapid.T) {
			d := rapid.SampledFrom(record.Datasets()).Draw(t, "dataset")
			w.poor(t, reading{incomplete: map[record.Dataset]bool{d: true}, full: rapid.Bool().Draw(t, "full")})
		},
	}
}

// good syncs by a complete read: if no marker is unclear, the collector then
// counts what the MIS holds and what is held, no more and no less.
func (w *world) good(t *rapid.T, r reading) {
	result, err := w.sync(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range w.school.pupils {
		if p.unclear {
			return
		}
	}
	extra, back := 0, 0
	for _, c := range result.Counts {
		extra += c.Held
	}
	for _, h := range result.Manifest.Holds {
		switch h.Why {
		case protocol.WhyReturned:
			back += h.Gone
		case protocol.WhySchema, protocol.WhyPermission:
			return // what is there of a dataset may be older
		}
	}
	extra -= back
	if result.Manifest.Full {
		extra = 0
	}
	if err := w.exact(extra, back); err != nil {
		t.Fatal(err)
	}
}

// poor syncs by a read that shows less than there is; nothing is removed for
// what it does not show.
func (w *world) poor(t *rapid.T, r reading) {
	if _, err := w.sync(r); err != nil {
		t.Fatal(err)
	}
}
