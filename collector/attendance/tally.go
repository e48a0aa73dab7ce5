package attendance

import "rollbridge/shared/record"

// A Tally counts sessions by what they were. The zero Tally has counted nothing.
type Tally struct {
	Count map[Kind]int
	// First and Last are the days that were counted, of any kind but NoMark.
	First, Last record.Date
}

// Add counts a session. One that is not owed is none.
func (t *Tally) Add(s Session) {
	if s.Kind == NotOwed {
		return
	}
	if t.Count == nil {
		t.Count = map[Kind]int{}
	}
	t.Count[s.Kind]++
	if s.Kind == NoMark {
		return
	}
	if t.First == "" || s.Day < t.First {
		t.First = s.Day
	}
	if s.Day > t.Last {
		t.Last = s.Day
	}
}

// Join counts what another tally has counted.
func (t *Tally) Join(o Tally) {
	if t.Count == nil {
		t.Count = map[Kind]int{}
	}
	for kind, n := range o.Count {
		t.Count[kind] += n
	}
	if t.First == "" || o.First != "" && o.First < t.First {
		t.First = o.First
	}
	t.Last = max(t.Last, o.Last)
}

// Sessions is how many were counted, of any kind.
func (t Tally) Sessions() (n int) {
	for _, count := range t.Count {
		n += count
	}
	return n
}

// Possible is the base: the sessions at which the child could have been.
func (t Tally) Possible() int {
	return t.Count[Attended] + t.Count[Authorised] + t.Count[Unauthorised]
}

// PerMille is how many of a thousand possible sessions were attended, rounded down
// so that nothing but all is 1000; ok is false where none was possible.
func (t Tally) PerMille() (n int, ok bool) { return share(t.Count[Attended], t.Possible()) }

func share(part, of int) (int, bool) {
	if of == 0 {
		return 0, false
	}
	return part * 1000 / of, true
}

// Persistent says that a tenth or more of the possible sessions were missed, Severe
// that half or more were (DfE). Neither is said of a base too small to say it.
func (t Tally) Persistent() bool {
	return t.enough() && 10*(t.Possible()-t.Count[Attended]) >= t.Possible()
}

// Severe is of Persistent.
func (t Tally) Severe() bool { return t.enough() && 2*(t.Possible()-t.Count[Attended]) >= t.Possible() }

// minBase is two school weeks: before that a single day would name a child as
// persistently absent.
const minBase = 20

func (t Tally) enough() bool { return t.Possible() >= minBase }
