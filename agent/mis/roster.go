package mis

import (
	"cmp"
	"slices"
	"strings"

	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Roster is what authorities say of their children at this school, with the
// school's own word on each. It is made once for a read and not changed after.
type Roster struct {
	entries  []protocol.RosterEntry
	accepted []bool // by entry
	byUPN    map[string][]int
	// born and acceptedBorn are days on which a child, or one who was accepted, was
	// born: a pupil of that day whose UPN is misspelt may be that child.
	born, acceptedBorn map[record.Date]bool
}

// NewRoster takes the entries that may count: authorities in force, each of
// whom the school's scope gives something. accepted says of which a person at
// the school has accepted that they are sent although the MIS does not mark them.
func NewRoster(entries []protocol.RosterEntry, accepted func(protocol.RosterEntry) bool) *Roster {
	r := &Roster{byUPN: map[string][]int{}, born: map[record.Date]bool{}, acceptedBorn: map[record.Date]bool{}}
	for _, e := range entries {
		upn, yes := rosterUPN(e.UPN), accepted(e)
		r.entries, r.accepted = append(r.entries, e), append(r.accepted, yes)
		if upn == "" || e.DOB == "" {
			continue // it would match a pupil of whom nothing is known
		}
		r.byUPN[upn] = append(r.byUPN[upn], len(r.entries)-1)
		r.born[e.DOB] = true
		if yes {
			r.acceptedBorn[e.DOB] = true
		}
	}
	return r
}

// rosterUPN is a UPN in the one form in which they are compared, "" for none.
func rosterUPN(text string) string {
	u, _ := codes.ParseUPN(text) // with an unknown authority it is one all the same
	return u.Reveal()
}

// Match are the entries of that UPN, however it is padded or written, and that
// date of birth: several where several authorities have the child. A nil Roster
// has none.
func (r *Roster) Match(upn string, dob record.Date) []protocol.RosterEntry {
	var found []protocol.RosterEntry
	for _, i := range r.match(upn, dob) {
		found = append(found, r.entries[i])
	}
	return found
}

func (r *Roster) match(upn string, dob record.Date) []int {
	if r == nil {
		return nil
	}
	var found []int
	for _, i := range r.byUPN[rosterUPN(upn)] {
		if r.entries[i].DOB == dob {
			found = append(found, i)
		}
	}
	return found
}

// upns are all UPNs, sorted: the values of @upns.
func (r *Roster) upns() []string {
	var all []string
	for upn := range r.byUPN {
		all = append(all, upn)
	}
	slices.Sort(all)
	return all
}

// A rosterFate is what became of one entry in one read.
type rosterFate struct {
	at                                 place
	found, waiting, sent, sentUnmarked bool
}

// A Waiting is a pupil whom the MIS does not mark and who is on an authority's
// roster, for the eyes of a person at the school.
type Waiting struct {
	Authority string      `json:"authority"`
	UPN       string      `json:"upn"`
	DOB       record.Date `json:"dob"`
	Surname   string      `json:"surname,omitempty"`
	Forename  string      `json:"forename,omitempty"`
	// Accepted says that a person has accepted the pupil already.
	Accepted bool `json:"accepted"`

	id string // of the MIS, where names are asked for afterwards
}

// onRoster finds a pupil's entries and notes that they were found. An entry
// that is two pupils' is nobody's: which of them the authority means is not
// known, and twins have one date of birth.
func (r *reading) onRoster(raw rawRow, at place) ([]int, error) {
	found := r.ask.Roster.match(raw[pUPN], r.date(raw[pDOB]))
	for _, i := range found {
		f := &r.fates[i]
		if f.found {
			return nil, fault(record.DatasetPupil, "%s and %s: two pupils have the UPN and the date of birth of one child on an authority's roster, so it is not known which of them is meant: correct the UPN of one in the MIS", f.at, at)
		}
		f.found, f.at = true, at
	}
	return found, nil
}

// date is a day that the gate looks at; "" if it is none.
func (r *reading) date(text string) record.Date {
	d, _ := readDate(strings.TrimSpace(text), r.plan.layout)
	return d
}

// misspelt says whether the pupil may be a child born on one of those days,
// whose UPN is there and cannot be one: a slip of a finger must make nobody
// leave the list (docs/decisions/0006).
func (r *reading) misspelt(raw rawRow, days map[record.Date]bool) bool {
	return misspeltUPN(raw[pUPN]) && days[r.date(raw[pDOB])]
}

// ageless says whether a pupil has the UPN of a child on a roster, or of one who
// was accepted, and no date of birth that can be read: whether it is that child
// is not known, and one who was sent before must not leave the list for it.
func (r *reading) ageless(raw rawRow, accepted bool) bool {
	return r.ask.Roster != nil && r.date(raw[pDOB]) == "" && slices.ContainsFunc(r.ask.Roster.byUPN[rosterUPN(raw[pUPN])],
		func(i int) bool { return !accepted || r.ask.Roster.accepted[i] })
}

// unmarked decides about a pupil whom the MIS does not mark: one on a roster
// waits until a person at the school accepts the pupil.
func (r *reading) unmarked(raw rawRow, at place, marker Marker) (admission, error) {
	found, err := r.onRoster(raw, at)
	if err != nil {
		return admission{}, err
	}
	var yes []int
	for _, i := range found {
		accepted := r.ask.Roster.accepted[i]
		if accepted {
			yes = append(yes, i)
		}
		r.fates[i].waiting = !accepted
		r.showWaiting(raw, r.ask.Roster.entries[i], accepted)
	}
	switch {
	case len(yes) == 1:
		entry := r.ask.Roster.entries[yes[0]]
		a, err := r.offer(Candidate{Care: marker, Roster: true, Authority: entry.Authority, Place: at.String()}, admission{authority: entry.Authority, byRoster: true})
		r.fates[yes[0]].sent, r.fates[yes[0]].sentUnmarked = a.ok(), a.ok()
		return a, err
	case len(yes) > 1:
		r.unclear(pAuthority)
	case marker == MarkerUnknown:
		r.unclear(pInCare)
	case r.ask.Roster != nil && r.misspelt(raw, r.ask.Roster.acceptedBorn):
		r.unclear(pUPN)
	case r.ageless(raw, true):
		r.unclear(pDOB)
	}
	return admission{}, nil
}

// unclaimed decides about a pupil whom the MIS marks without saying whose the
// child is: the roster of one authority says it. Where the MIS can say it and
// does not, anybody else is unclear; where this route cannot say it at all, who
// is on no roster is nobody's of those who ask.
func (r *reading) unclaimed(raw rawRow, at place) (admission, error) {
	found, err := r.onRoster(raw, at)
	switch {
	case err != nil:
		return admission{}, err
	case len(found) == 1:
		entry := r.ask.Roster.entries[found[0]]
		a, err := r.offer(Candidate{Care: MarkerInCare, Roster: true, Authority: entry.Authority, Place: at.String()}, admission{authority: entry.Authority, inCare: true, byRoster: true})
		r.fates[found[0]].sent = a.ok()
		return a, err
	case len(found) > 1, r.ask.Roster == nil, r.plan.saysAuthority, r.blind:
		r.unclear(pAuthority)
	case r.misspelt(raw, r.ask.Roster.born):
		r.unclear(pUPN)
	case r.ageless(raw, false):
		r.unclear(pDOB)
	default:
		r.warn(record.DatasetPupil, pupilFields.names[pAuthority], WarnNotOnRoster)
	}
	return admission{}, nil
}

// accepts says whether a pupil whom the MIS does not mark is one to be read on.
func (r *reading) accepts(raw rawRow) bool {
	return slices.ContainsFunc(r.ask.Roster.match(raw[pUPN], r.date(raw[pDOB])), func(i int) bool { return r.ask.Roster.accepted[i] })
}

func (r *reading) showWaiting(raw rawRow, e protocol.RosterEntry, accepted bool) {
	if !r.listing {
		return
	}
	r.waiting = append(r.waiting, Waiting{Authority: e.Authority, UPN: e.UPN, DOB: e.DOB, Accepted: accepted, id: strings.Clone(raw[pID]),
		Surname: strings.Clone(raw[pSurname]), Forename: strings.Clone(raw[pForename])})
}

// rosterUse sums up what became of the entries, by authority; nil where there
// is no roster, or this route cannot look pupils up in it.
func (r *reading) rosterUse() []protocol.RosterUse {
	if r.ask.Roster == nil || r.blind {
		return nil
	}
	uses := map[string]*protocol.RosterUse{}
	for i, e := range r.ask.Roster.entries {
		u := uses[e.Authority]
		if u == nil {
			u = &protocol.RosterUse{Authority: e.Authority}
			uses[e.Authority] = u
		}
		f := r.fates[i]
		u.NotFound += oneIf(!f.found)
		u.Waiting += oneIf(f.waiting)
		u.Sent += oneIf(f.sent)
		u.Accepted += oneIf(f.sentUnmarked)
	}
	list := make([]protocol.RosterUse, 0, len(uses))
	for _, u := range uses {
		list = append(list, *u)
	}
	slices.SortFunc(list, func(a, b protocol.RosterUse) int { return cmp.Compare(a.Authority, b.Authority) })
	return list
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
