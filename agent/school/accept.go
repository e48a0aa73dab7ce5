package school

import (
	"context"
	"crypto/hmac"
	"errors"
	"slices"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A RosterReport is what `roster` shows: counts only. Its JSON is a contract
// with scripts.
type RosterReport struct {
	// Held says that the authorities' rosters are in memory; Children counts them
	// by authority then. Accepted are the acceptances that stand.
	Held     bool           `json:"held"`
	Children map[string]int `json:"children,omitempty"`
	Accepted int            `json:"accepted"`
	// Read is when the MIS was last read, Use what became of the children then;
	// empty where that was without a roster, or where the profile of this MIS has
	// no way to look pupils up (by_upn).
	Read time.Time            `json:"read,omitzero"`
	Use  []protocol.RosterUse `json:"use,omitempty"`
	// Names are those of the authorities, by code.
	Names map[string]string `json:"names,omitempty"`
}

// Roster counts what is on the rosters and what became of it; it reads no MIS.
func (s *School) Roster(ctx context.Context) (RosterReport, error) {
	if err := s.fetchRoster(ctx); err != nil {
		return RosterReport{}, err
	}
	f, err := s.box.Facts()
	if err != nil {
		return RosterReport{}, err
	}
	r := RosterReport{Accepted: len(f.RosterAccepted), Names: map[string]string{}}
	for _, q := range f.Ask.Requests {
		r.Names[q.Code] = q.Name
	}
	if held := s.roster.Load(); held != nil {
		r.Held, r.Children = true, map[string]int{}
		for _, e := range inForce(held.entries, s.today()) {
			r.Children[e.Authority]++
		}
	}
	if f.LastRead != nil && f.LastRead.Problem == "" {
		r.Read, r.Use = f.LastRead.Started, f.LastRead.Roster
	}
	return r, nil
}

// RosterWaiting reads the MIS now for the pupils whom it does not mark and who
// are on a roster. What it returns is personal data, for a person's eyes; nothing
// of it is kept.
func (s *School) RosterWaiting(ctx context.Context) ([]mis.Waiting, error) {
	if err := s.fetchRoster(ctx); err != nil {
		return nil, err
	}
	free, err := s.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer free()
	f, err := s.box.Facts()
	if err = errors.Join(err, s.standing(f), s.pausedNow(), s.clockMayBeRead(f)); err != nil {
		return nil, err
	}
	used, keys, today := s.rosterInUse(f), s.identity(), s.today()
	roster := used.of(scope.New(f.Ask, f.Allowed), today, keys.LocalKey)
	if roster == nil {
		return nil, noRoster(used.away)
	}
	source, _, err := s.source()
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.untilStopped(ctx)
	defer cancel()
	waiting, report, err := source.Waiting(ctx, mis.Ask{Today: today, IDKey: keys.IDKey, Roster: roster})
	switch {
	case err != nil && context.Cause(ctx) != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case report.Roster == nil:
		return nil, refused("the profile of this MIS has no way to find pupils by UPN, so only pupils whom the MIS marks are seen: docs/profiles.md, by_upn, says how the database's administrator adds one")
	}
	return waiting, nil
}

func noRoster(away bool) error {
	if away {
		return refused("the roster is kept in memory only and the collector was not reached to get it again: try once it is")
	}
	return refused("no authority has told this school of children on its roster: the collector's operator imports it, and the next check-in brings it")
}

// A RosterChoice is the word of a person at the school about one child.
type RosterChoice struct {
	// Authority is empty where only one has the child.
	Authority string `json:"authority,omitempty"`
	UPN       string `json:"upn"`
}

// RosterAccept lets a child on an authority's roster be sent although the MIS
// does not mark the pupil, from the next sync on, as long as the roster has the
// child. It returns whose the child is.
func (s *School) RosterAccept(ctx context.Context, c RosterChoice) (authority string, err error) {
	if err := s.fetchRoster(ctx); err != nil {
		return "", err
	}
	s.rule.Lock()
	defer s.rule.Unlock()
	f, err := s.box.Facts()
	if err = errors.Join(err, s.standing(f)); err != nil {
		return "", err
	}
	used, local := s.rosterInUse(f), s.identity().LocalKey
	if used.held == nil {
		return "", noRoster(used.away)
	}
	gate := scope.New(f.Ask, f.Allowed)
	var on []string
	for _, e := range inForce(used.held.entries, s.today()) {
		if e.UPN != sameUPN(c.UPN) {
			continue
		}
		if hasMark(f.RosterAccepted, rosterMark(local, e.Authority, e.UPN)) {
			return "", refused("this pupil was accepted already, for authority " + e.Authority + ": withdraw that first if it is wrong")
		}
		if gate.Covers(e.Authority, record.DatasetPupil) && (c.Authority == "" || c.Authority == e.Authority) {
			on = append(on, e.Authority)
		}
	}
	switch {
	case len(on) == 0:
		return "", refused("no authority that this school sends to has a child of that UPN on its roster: see `rollbridge-agent roster list`")
	case len(on) > 1:
		return "", refused("several authorities have that child on their rosters: say for which with --authority, once it is clear whose the child is")
	}
	mark := rosterMark(local, on[0], sameUPN(c.UPN))
	return on[0], s.box.Update(func(f *outbox.Facts) error {
		f.RosterAccepted = append(slices.Clone(f.RosterAccepted), mark)
		return nil
	}, outbox.Entry{Event: outbox.EventRoster, Data: outbox.RosterChange{Authority: on[0], Accepted: 1}})
}

// RosterWithdraw takes an acceptance back: the pupil is not sent again, and is
// removed by the next sync as one who has left. It needs neither the network nor
// the MIS, nor the roster. It returns for which authority the pupil was accepted.
func (s *School) RosterWithdraw(c RosterChoice) (authority string, err error) {
	s.rule.Lock()
	defer s.rule.Unlock()
	f, err := s.box.Facts()
	if err != nil {
		return "", err
	}
	local := s.identity().LocalKey
	for _, a := range codes.Authorities() {
		mark := rosterMark(local, a.Code, sameUPN(c.UPN))
		if !hasMark(f.RosterAccepted, mark) || c.Authority != "" && c.Authority != a.Code {
			continue
		}
		return a.Code, s.box.Update(func(f *outbox.Facts) error {
			f.RosterAccepted = slices.DeleteFunc(slices.Clone(f.RosterAccepted), func(m []byte) bool { return hmac.Equal(m, mark) })
			return nil
		}, outbox.Entry{Event: outbox.EventRoster, Data: outbox.RosterChange{Authority: a.Code, Withdrawn: 1}})
	}
	return "", refused("no pupil of that UPN was accepted: an acceptance also ends by itself when no roster has the child any more")
}

func sameUPN(text string) string {
	u, _ := codes.ParseUPN(text) // with an unknown authority it is one all the same
	return u.Reveal()
}
