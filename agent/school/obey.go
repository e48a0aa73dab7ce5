package school

import (
	"encoding/json"
	"errors"
	"fmt"

	"rollbridge/agent/event"
	"rollbridge/agent/identity"
	"rollbridge/agent/outbox"
	"rollbridge/agent/uplink"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// A puzzle is a statement that was proved and is not understood, as from a
// collector that is newer than this program.
type puzzle struct{ err error }

func (p *puzzle) Error() string { return p.err.Error() }
func (p *puzzle) Unwrap() error { return p.err }

func puzzling(text string) error { return &puzzle{errors.New(text)} }

func decode(st uplink.Statement, v any) error {
	if err := st.Decode(v); err != nil {
		return &puzzle{err}
	}
	return nil
}

// obey does what the proved parts of an answer say, in their order. A
// statement that cannot be carried out is not counted as obeyed, so it comes
// again; one that is not understood must not hide what comes after it, above
// all no word to stop, nor the receipt beside it.
func (s *School) obey(h uplink.Heard) error {
	s.rule.Lock()
	defer s.rule.Unlock()
	if h.Keyring != nil {
		err := s.box.Update(func(f *outbox.Facts) error {
			f.Keyring = h.KeyringSigned
			return nil
		}, outbox.Entry{Event: outbox.EventKeyring, Data: h.KeyringSigned})
		if err != nil {
			return fmt.Errorf("keep the keyring: %w", err)
		}
	}
	for _, st := range h.Statements {
		err := s.obeyOne(st)
		var odd *puzzle
		if errors.As(err, &odd) {
			s.log.Warn("a statement of the collector is not understood: a newer version of this program may be needed",
				logkey.Kind, string(st.Kind), logkey.Serial, st.Serial, logkey.Error, err.Error())
			continue
		}
		if err != nil {
			return fmt.Errorf("obey %s statement %d: %w", st.Kind, st.Serial, err)
		}
		s.log.Debug("obeyed a statement", logkey.Kind, string(st.Kind), logkey.Serial, st.Serial)
	}
	return nil
}

func (s *School) obeyOne(st uplink.Statement) error {
	switch st.Kind {
	case protocol.KindEnrolled:
		var body protocol.Enrolled
		err := s.change(st, &body, func(f *outbox.Facts) {
			f.School, f.Wait, f.Enrolled = body.School, body.Wait, true
		}, outbox.Entry{Event: outbox.EventEnrolled, Data: st.Signed})
		if err == nil {
			s.log.Info("the collector has taken the enrolment", logkey.Event, event.Enrolled)
		}
		return errors.Join(err, eraseFiles(s.dir, enrolName))
	case protocol.KindConfirmed:
		return s.confirmed(st)
	case protocol.KindSealingKey:
		var key protocol.SealingKey
		if err := decode(st, &key); err != nil {
			return err
		}
		if !sealable(key) {
			return puzzling("its key is not one that can be sealed to")
		}
		return s.change(st, nil, func(f *outbox.Facts) { f.SealingKey = key })
	case protocol.KindProvision:
		return s.provision(st)
	case protocol.KindRoster:
		return s.takeRoster(st)
	case protocol.KindOutcome:
		return s.outcome(st)
	case protocol.KindRefusal:
		return s.refusal(st)
	}
	return nil
}

// change records a statement's consequences and its serial in one transaction.
// body, if not nil, is what the statement is decoded into first.
func (s *School) change(st uplink.Statement, body any, apply func(*outbox.Facts), entries ...outbox.Entry) error {
	if body != nil {
		if err := decode(st, body); err != nil {
			return err
		}
	}
	return s.box.Update(func(f *outbox.Facts) error {
		if f.Serials == nil {
			f.Serials = map[protocol.StatementKind]uint64{}
		}
		f.Serials[st.Kind] = st.Serial
		if f.Generation == 0 {
			f.Generation = st.Generation
		}
		apply(f)
		return nil
	}, entries...)
}

// sealable tries a key: one that has the right form may still be none.
func sealable(key protocol.SealingKey) bool {
	to, err := envelope.ParsePublicKey(key.Public)
	if err != nil || envelope.KeyIDOf(key.Public) != key.ID {
		return false
	}
	_, err = envelope.SealTo(to, protocol.PurposeIDKey, nil, nil)
	return err == nil
}

// provision takes what is asked from now on. It never widens what may leave;
// where it narrows it, the logbook says so.
func (s *School) provision(st uplink.Statement) error {
	var ask protocol.Ask
	if err := decode(st, &ask); err != nil {
		return err
	}
	before, err := s.box.Facts()
	if err != nil {
		return err
	}
	ask = ask.Plain()
	after := before
	after.Ask = ask
	var entries []outbox.Entry
	if hashOf(after) != hashOf(before) {
		entries = append(entries, changeEntry(outbox.ScopeAsked, before, after))
	}
	return s.change(st, nil, func(f *outbox.Facts) {
		f.Ask = ask
		noteStanding(f)
	}, entries...)
}

// confirmed gives a re-enrolled agent its school's old id key back before
// anything is sealed, so that no pupil is renamed. The key is stored before
// the statement counts as obeyed: a crash between the two repeats both.
func (s *School) confirmed(st uplink.Statement) error {
	var body protocol.Confirmed
	if err := decode(st, &body); err != nil {
		return err
	}
	head, err := s.box.Head()
	if err != nil {
		return err
	}
	if len(body.IDKey) > 0 && head.Sequence == 0 {
		id := s.identity()
		agent := id.Agent()
		key, err := envelope.OpenFrom(id.Receive, protocol.PurposeIDKey, agent[:], body.IDKey)
		if err != nil {
			return &puzzle{err}
		}
		if err := identity.ReplaceIDKey(s.dir, key); err != nil {
			return err
		}
		renewed, err := identity.Load(s.dir)
		if err != nil {
			return err
		}
		s.keys.Lock()
		s.id = renewed
		s.keys.Unlock()
	}
	return s.change(st, nil, func(f *outbox.Facts) { f.Confirmed = true })
}

func (s *School) outcome(st uplink.Statement) error {
	var o protocol.Outcome
	if err := decode(st, &o); err != nil {
		return err
	}
	var refusedRecords []protocol.RefusedRecord
	if len(o.Details) > 0 {
		opened, err := envelope.OpenFrom(s.identity().Receive, protocol.PurposeRefused, o.Digest[:], o.Details)
		if err != nil {
			return &puzzle{err}
		}
		if err := json.Unmarshal(opened, &refusedRecords); err != nil {
			return puzzling("its details are not understood; a newer version may be needed")
		}
	}
	err := s.box.ApplyOutcome(st.Signed, st.Statement, o, refusedRecords)
	if errors.Is(err, outbox.ErrForeign) {
		// A copy of this agent sealed that batch; control decides between the two.
		s.stalled.Store(true)
		return nil
	}
	if err != nil {
		return err
	}
	return s.box.Update(func(f *outbox.Facts) error {
		noteStanding(f)
		return nil
	})
}

func (s *School) refusal(st uplink.Statement) error {
	var r protocol.Refusal
	if err := decode(st, &r); err != nil {
		return err
	}
	stands := true
	switch r.Reason {
	case protocol.RefusalResync:
		stands = false
		done, err := s.fullAfter(r.After)
		if err != nil {
			return err
		}
		if !done {
			if err := s.box.NeedFull(outbox.FullResync, nil); err != nil {
				return err
			}
		}
	case protocol.RefusalSuperseded:
		if r.Behind != nil {
			ours, err := s.box.Knows(*r.Behind)
			if err != nil {
				return err
			}
			stands = ours
		}
	case protocol.RefusalRevoked, protocol.RefusalEnded, protocol.RefusalUpgradeRequired:
	default:
		return puzzling("its reason is not known; a newer version may be needed")
	}
	if stands {
		s.log.Warn("the collector refuses this agent", logkey.Reason, string(r.Reason))
	}
	return s.change(st, nil, func(f *outbox.Facts) {
		if stands {
			f.Refusal, f.RefusedVersion = &r, version.Version
		}
	})
}

// fullAfter says whether a full batch with a sequence above after was sealed.
func (s *School) fullAfter(after uint64) (bool, error) {
	kept, err := s.box.Kept()
	if err != nil {
		return false, err
	}
	for _, i := range kept {
		if i.Full && i.Sequence > after {
			return true, nil
		}
	}
	return false, nil
}
