package school

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/agent/uplink"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A heldRoster is the newest roster that was obeyed. It is never written to
// disk; its serial is, so that no older one is ever taken.
type heldRoster struct{ entries []protocol.RosterEntry }

// takeRoster obeys a roster, in place of the one before. An acceptance of a
// child whom no authority's roster has any more ends by that.
func (s *School) takeRoster(st uplink.Statement) error {
	var body protocol.RosterStatement
	if err := decode(st, &body); err != nil {
		return err
	}
	id := s.identity()
	r, err := protocol.OpenRoster(id.Receive, id.Agent(), body)
	if err != nil {
		return &puzzle{err}
	}
	f, err := s.box.Facts()
	if err != nil {
		return err
	}
	on := map[string]bool{}
	for _, e := range inForce(r.Entries, s.today()) {
		on[string(rosterMark(id.LocalKey, e.Authority, e.UPN))] = true
	}
	var kept [][]byte
	for _, mark := range f.RosterAccepted {
		if on[string(mark)] {
			kept = append(kept, mark)
		}
	}
	var entries []outbox.Entry
	if ended := len(f.RosterAccepted) - len(kept); ended > 0 {
		entries = append(entries, outbox.Entry{Event: outbox.EventRoster, Data: outbox.RosterChange{Ended: ended}})
	}
	if err := s.change(st, nil, func(f *outbox.Facts) { f.RosterAccepted = kept }, entries...); err != nil {
		return err
	}
	s.roster.Store(&heldRoster{entries: r.Entries})
	return nil
}

// inForce gives each entry the code that its authority has on a day, in one
// written form of the UPN; what names no authority and no UPN is left out.
func inForce(all []protocol.RosterEntry, on record.Date) []protocol.RosterEntry {
	var found []protocol.RosterEntry
	for _, e := range all {
		authority, err := codes.ResolveAuthority(e.Authority, on.Time())
		upn, bad := codes.ParseUPN(e.UPN)
		if err != nil || bad != nil && !errors.Is(bad, codes.ErrUnknownAuthority) {
			continue
		}
		e.Authority, e.UPN = authority.Code, upn.Reveal()
		found = append(found, e)
	}
	return found
}

// rosterMark is what is kept of an acceptance: by it the same child on the same
// authority's roster is known again, and nobody can read who that is.
func rosterMark(local []byte, authority, upn string) []byte {
	m := hmac.New(sha256.New, local)
	m.Write([]byte("rollbridge/roster/v1\x00" + authority + "\x00" + upn))
	return m.Sum(nil)
}

func hasMark(marks [][]byte, mark []byte) bool {
	return slices.ContainsFunc(marks, func(m []byte) bool { return hmac.Equal(m, mark) })
}

// rosterUsed is what one read goes by.
type rosterUsed struct {
	held     *heldRoster
	accepted [][]byte
	// away says that a roster was obeyed and is not in memory, as after a restart
	// while the collector is not reached.
	away bool
}

func (s *School) rosterInUse(f outbox.Facts) rosterUsed {
	held := s.roster.Load()
	return rosterUsed{held: held, accepted: f.RosterAccepted, away: held == nil && f.Serials[protocol.KindRoster] > 0}
}

// holds says whether a read went by what is so now.
func (u rosterUsed) holds(now rosterUsed) bool {
	return u.held == now.held && slices.EqualFunc(u.accepted, now.accepted, bytes.Equal)
}

// of is the roster for a read: the children of authorities whom the school's
// scope gives something, nil while none is held.
func (u rosterUsed) of(gate *scope.Scope, today record.Date, local []byte) *mis.Roster {
	if u.held == nil {
		return nil
	}
	entries := slices.DeleteFunc(inForce(u.held.entries, today), func(e protocol.RosterEntry) bool { return !gate.Covers(e.Authority, record.DatasetPupil) })
	return mis.NewRoster(entries, func(e protocol.RosterEntry) bool { return hasMark(u.accepted, rosterMark(local, e.Authority, e.UPN)) })
}

// keep makes a read without the roster remove nothing of pupils: who was sent by
// it was not looked for. What could be removed could not be delivered either.
func (u rosterUsed) keep(read []protocol.DatasetRead) {
	for i := range read {
		if u.away && read[i].Dataset.OfPupils() {
			read[i].Complete = false
		}
	}
}

// fetchWithin is how long a person who waits for a command waits for the roster.
const fetchWithin = 10 * time.Second

// fetchRoster checks in where a roster should be held and is not. That the
// collector is not reached is no error: the read then goes without.
func (s *School) fetchRoster(ctx context.Context) error {
	f, err := s.box.Facts()
	if err != nil || !s.rosterInUse(f).away {
		return err
	}
	brief, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	_ = s.checkIn(brief) // what was in the way is on the status
	return s.endIfTold()
}
