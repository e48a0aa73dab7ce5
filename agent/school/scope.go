package school

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// A ScopeReport is what `scope show` shows. Its JSON is a contract with scripts.
type ScopeReport struct {
	Ask     protocol.Ask  `json:"ask"`
	Allowed scope.Allowed `json:"allowed"`
	Denied  scope.Denied  `json:"denied,omitempty"`
	// NotGiven is asked and not allowed: it does not leave.
	NotGiven []scope.Gap `json:"not_given,omitempty"`
	// News are changes of what the collector's operator says, since the school's
	// last yes. They widen nothing.
	News []News `json:"news,omitempty"`
	// Hash is of what may leave now, Shown of what `scope accept` would say yes to:
	// what waits, with the news.
	Hash  string `json:"hash"`
	Shown string `json:"shown"`
}

// A ScopeChoice is what `scope allow`, `deny` and `accept` say.
type ScopeChoice struct {
	Cause outbox.ScopeCause `json:"cause"`
	// Choices are of allow and deny, as scope.ParseChoice reads them.
	Choices []string `json:"choices,omitempty"`
	// Shown, of accept, is ScopeReport.Shown of what the person saw.
	Shown string `json:"shown,omitempty"`
}

// Scope is what is asked and what the school has allowed, as the profile of the
// MIS stands now. It reads no MIS.
func (s *School) Scope() (ScopeReport, error) {
	f, err := s.box.Facts()
	if err != nil {
		return ScopeReport{}, err
	}
	return scopeReport(s.withFields(f)), nil
}

func scopeReport(f outbox.Facts) ScopeReport {
	r := ScopeReport{Ask: f.Ask, Allowed: f.Allowed, Denied: f.Denied, NotGiven: scope.Gaps(f.Ask, f.Decision), News: newsOf(f), Hash: hashOf(f)}
	text, err := json.Marshal([]any{scope.Waiting(r.NotGiven), r.News, r.Hash})
	if err != nil {
		panic("school: what is shown cannot be encoded: " + err.Error()) // strings only
	}
	sum := sha256.Sum256(text)
	r.Shown = hex.EncodeToString(sum[:8])
	return r
}

// hashOf is the hash of what may leave.
func hashOf(f outbox.Facts) string { return scope.New(f.Ask, f.Allowed).Hash() }

// withFields is f with what the profile gives now. Where the settings of the MIS
// cannot work it gives nothing, and f stays as it is.
func (s *School) withFields(f outbox.Facts) outbox.Facts {
	source, _, err := s.source()
	if err != nil {
		return f
	}
	f.Decision, _ = f.Seen(source.Fields())
	return f
}

// seeFields keeps what the profile gives now. What it did not give when the
// school said yes is not allowed from here on, and waits.
func (s *School) seeFields(gives scope.Fields) error {
	s.rule.Lock()
	defer s.rule.Unlock()
	before, err := s.box.Facts()
	if err != nil {
		return err
	}
	now, changed := before, false
	if now.Decision, changed = before.Seen(gives); !changed {
		return nil
	}
	var entries []outbox.Entry
	if hashOf(now) != hashOf(before) {
		entries = append(entries, changeEntry(outbox.ScopeProfile, before, now))
		s.log.Warn("the profile of the MIS gives more than when the school said yes: it waits for `rollbridge-agent scope accept`")
	}
	return s.box.Update(func(f *outbox.Facts) error {
		f.Decision = now.Decision
		noteStanding(f)
		return nil
	}, entries...)
}

func changeEntry(cause outbox.ScopeCause, before, after outbox.Facts) outbox.Entry {
	return outbox.Entry{Event: outbox.EventScope, Data: outbox.ScopeChange{
		Cause: cause, Before: hashOf(before), After: hashOf(after), Allowed: after.Allowed, Denied: after.Denied,
	}}
}

// Decide carries out what a person at the school says about what may leave. Once
// it has returned, nothing is sealed or sent that it took away.
func (s *School) Decide(_ context.Context, c ScopeChoice) (ScopeReport, error) {
	s.rule.Lock()
	defer s.rule.Unlock()
	kept, err := s.box.Facts()
	if err != nil {
		return ScopeReport{}, err
	}
	if f := kept.Refusal; f != nil && f.Reason != protocol.RefusalUpgradeRequired {
		return ScopeReport{}, refused(stoppedText(f.Reason))
	}
	before := s.withFields(kept)
	after := before
	if after.Decision, err = decide(before, c); err != nil {
		return ScopeReport{}, err
	}
	if c.Cause != outbox.ScopeDenied {
		ask := after.Ask
		after.Agreed = &ask
	}
	if c.Cause == outbox.ScopeDenied && hashOf(after) != hashOf(before) {
		// What is sealed and has no outcome may hold what is denied now: the next
		// batch takes it all back.
		queued, err := s.box.Unoutcomed()
		if err == nil && len(queued) > 0 {
			after.KeptBack = true
			err = s.box.NeedFull(outbox.FullScope, nil)
		}
		if err != nil && !errors.Is(err, outbox.ErrJournal) {
			return ScopeReport{}, err
		}
	}
	err = s.box.Update(func(f *outbox.Facts) error {
		f.Decision, f.Agreed, f.KeptBack = after.Decision, after.Agreed, after.KeptBack
		noteStanding(f)
		return nil
	}, changeEntry(c.Cause, kept, after))
	unlogged := errors.Is(err, outbox.ErrJournal)
	if err != nil && !unlogged {
		return ScopeReport{}, fmt.Errorf("keep what the school decided: %w", err)
	}
	s.decided.Add(1)
	s.log.Info("the school decided about what may leave", logkey.Kind, string(c.Cause))
	if unlogged {
		return ScopeReport{}, refused(fmt.Sprintf("what the school decided holds from now on, but the logbook cannot say so yet, and nothing is sent before it can (%v)", err))
	}
	return scopeReport(after), nil
}

func decide(f outbox.Facts, c ScopeChoice) (scope.Decision, error) {
	d := f.Decision
	switch c.Cause {
	case outbox.ScopeAllowed, outbox.ScopeDenied:
	case outbox.ScopeAccepted:
		if c.Shown != scopeReport(f).Shown {
			return d, refused("what waits for a yes is not what was shown, or not any more: nothing was changed; look again with `rollbridge-agent scope accept`")
		}
		return d.Accept(f.Ask), nil
	default:
		return d, errors.New("decide about the scope: neither allow, deny nor accept")
	}
	for _, text := range c.Choices {
		choice, err := scope.ParseChoice(text)
		if err == nil && c.Cause == outbox.ScopeDenied {
			d, err = d.Deny(f.Ask, choice)
		} else if err == nil {
			d, err = d.Allow(f.Ask, choice)
		}
		if err != nil {
			return f.Decision, refused(err.Error() + ": nothing was changed")
		}
	}
	return d, nil
}
