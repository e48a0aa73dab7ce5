package e2e

import (
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// wishes are what somebody with every key but the school's could try.
func (h *hostile) wishes() []wish {
	return append(append(h.wider(), h.elsewhere()...), append(h.storms(), h.ends()...)...)
}

func (h *hostile) all() []string { return append(h.school.Authorities(), h.school.OtherAuthority()) }

// wider asks for more than the school's yes.
func (h *hostile) wider() []wish {
	return []wish{
		{name: "everything of everybody", say: func(h *hostile) { h.say(protocol.KindProvision, askForEverything(h.all()...)) }},
		{name: "everything of every authority there is", say: func(h *hostile) {
			all := h.school.Authorities()
			for n := 301; n < 340; n++ {
				all = append(all, fmt.Sprint(n))
			}
			h.say(protocol.KindProvision, askForEverything(all...))
		}},
		{name: "a little more each time", say: func(h *hostile) {
			ask := askForEverything(h.all()...)
			for _, d := range record.Datasets() {
				h.say(protocol.KindProvision, protocol.Ask{School: schoolID, Requests: []protocol.AuthorityAsk{{
					Code: h.school.Authorities()[0], Datasets: map[record.Dataset][]string{record.DatasetPupil: ask.Requests[0].Datasets[record.DatasetPupil], d: ask.Requests[0].Datasets[d]},
				}}})
			}
			h.say(protocol.KindProvision, ask)
		}},
		{name: "nothing and then everything", say: func(h *hostile) {
			h.say(protocol.KindProvision, protocol.Ask{School: schoolID})
			h.say(protocol.KindProvision, askForEverything(h.all()...))
		}},
		{name: "an offer to an enrolled agent", say: func(h *hostile) { h.say(protocol.KindOffer, askForEverything(h.all()...)) }},
		{name: "a second enrolment", say: func(h *hostile) {
			h.say(protocol.KindEnrolled, protocol.Enrolled{School: "../../" + h.tree})
			h.say(protocol.KindProvision, askForEverything(h.all()...))
		}},
		{name: "children of whom only the roster knows", say: h.rosterOfEverybody},
		{name: "the id key of another school", say: func(h *hostile) {
			agent := h.id.Agent()
			sealed, err := envelope.SealTo(h.id.Receive.PublicKey(), protocol.PurposeIDKey, agent[:], make([]byte, 32))
			h.must(err)
			h.say(protocol.KindConfirmed, protocol.Confirmed{IDKey: sealed})
		}},
		{name: "a release of what is held", say: func(h *hostile) {
			h.say("release", map[string]any{"codes": []string{"a", "b"}})
			h.say(protocol.KindOutcome, protocol.Outcome{First: 1, Last: 1, Holds: []protocol.Hold{{Code: "abcd", Dataset: record.DatasetPupil, Gone: 1, Of: 1}}})
		}},
		{name: "keys that an outsider can open", say: func(h *hostile) {
			k, err := envelope.GenerateKey()
			h.must(err)
			raw := k.PublicKey().Bytes()
			h.open[envelope.KeyIDOf(raw)] = k
			h.say(protocol.KindSealingKey, protocol.SealingKey{ID: envelope.KeyIDOf(raw), Public: raw, Created: time.Now()})
			h.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalResync, After: 1 << 40})
			h.say(protocol.KindProvision, askForEverything(h.all()...))
		}},
		{name: "keys that nobody can seal to", say: func(h *hostile) {
			for _, raw := range [][]byte{nil, make([]byte, 32), make([]byte, 1216), []byte(strings.Repeat("k", 5000))} {
				h.say(protocol.KindSealingKey, protocol.SealingKey{ID: envelope.KeyIDOf(raw), Public: raw})
			}
		}},
	}
}

// rosterOfEverybody asks, child by child, who is in the school.
func (h *hostile) rosterOfEverybody(*hostile) {
	var r protocol.Roster
	for _, p := range h.school.NotLookedAfter() {
		r.Entries = append(r.Entries, protocol.RosterEntry{Authority: h.school.Authorities()[0], UPN: p.UPN, DOB: record.DateOf(p.DOB)})
	}
	st, err := protocol.SealRoster(h.id.Receive.PublicKey(), h.id.Agent(), r)
	h.must(err)
	h.say(protocol.KindRoster, st)
}

// elsewhere has the agent run, fetch, write or speak to another.
func (h *hostile) elsewhere() []wish {
	to := func(code int) func(*hostile, http.ResponseWriter, *http.Request) {
		return func(h *hostile, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://"+h.decoy.Addr().String()+"/v1/batch")
			w.Header().Set("Refresh", "0; url=http://"+h.decoy.Addr().String())
			w.WriteHeader(code)
		}
	}
	return []wish{
		{name: "commands", say: func(h *hostile) {
			for _, kind := range []protocol.StatementKind{"run", "exec", "update", "config", "url", "collector", "scope", "allow", "profile", "erase", "log", ""} {
				h.say(kind, map[string]any{"command": "touch " + h.tree + "/owned", "path": h.tree + "/notes.txt", "url": "https://" + h.decoy.Addr().String(),
					"allowed": askForEverything(h.all()...).Requests})
			}
		}},
		{name: "a redirect that repeats the post", page: to(http.StatusPermanentRedirect)},
		{name: "a redirect", page: to(http.StatusFound)},
		{name: "a page with status 200", page: func(_ *hostile, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>update now</html>") }},
		{name: "another root", say: func(h *hostile) {
			_, root, err := ed25519.GenerateKey(nil)
			h.must(err)
			_, control, err := ed25519.GenerateKey(nil)
			h.must(err)
			h.root, h.ring.Root, h.ring.Epoch, h.ring.Control = root, publicKey(root), 99, []protocol.PublicKey{publicKey(control)}
			h.sayAs(control, protocol.KindRefusal, 0, protocol.Refusal{Reason: protocol.RefusalRevoked})
			h.sayAs(control, protocol.KindProvision, 0, askForEverything(h.all()...))
		}},
		{name: "intake decides", say: func(h *hostile) {
			h.sayAs(h.intake, protocol.KindRefusal, 0, protocol.Refusal{Reason: protocol.RefusalRevoked})
			h.sayAs(h.intake, protocol.KindProvision, 0, askForEverything(h.all()...))
		}},
		{name: "paths as names", say: func(h *hostile) {
			ask := askForEverything(h.school.Authorities()...)
			ask.School, ask.SchoolName, ask.Operator = "../../tree/etc/passwd", "../../../"+h.tree, "\x1b]0;owned\x07"
			for i := range ask.Requests {
				ask.Requests[i].Name, ask.Requests[i].Why = h.tree+"/notes.txt", "$(touch "+h.tree+"/owned)"
			}
			ask.Handling = &protocol.Handling{StoredIn: "file://" + h.tree, Contact: "\x1b[2J"}
			h.say(protocol.KindProvision, ask)
		}},
	}
}

// storms are too much, too large, too old or too slow.
func (h *hostile) storms() []wish {
	return []wish{
		{name: "serials replayed and jumped", say: func(h *hostile) {
			h.sayAs(h.control, protocol.KindProvision, 1, askForEverything(h.all()...))
			h.sayAs(h.control, protocol.KindEnrolled, 1, protocol.Enrolled{School: "another"})
			h.sayAs(h.control, protocol.KindProvision, math.MaxUint64-1, askForEverything(h.all()...))
			h.sayAs(h.control, protocol.KindProvision, math.MaxUint64, askForEverything(h.all()...))
		}},
		{name: "of another agent and generation", say: func(h *hostile) {
			for _, st := range []protocol.Statement{
				{Kind: protocol.KindRefusal, Agent: envelope.AgentID{1}, Serial: 1 << 60, Body: []byte(`{"reason":"revoked"}`)},
				{Kind: protocol.KindRefusal, Serial: 1 << 60, Body: []byte(`{"reason":"revoked"}`)},
				{Kind: protocol.KindRefusal, Agent: h.id.Agent(), Generation: 77, Serial: 1 << 60, Body: []byte(`{"reason":"ended"}`)},
			} {
				h.statements = append(h.statements, *h.sign(h.control, protocol.DomainStatement, st))
			}
		}},
		{name: "a thousand resyncs", say: func(h *hostile) {
			for range 1000 {
				h.say(protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalResync, After: math.MaxUint64, Why: strings.Repeat("w", 100)})
			}
		}},
		{name: "bodies that are not understood", say: func(h *hostile) {
			for _, kind := range []protocol.StatementKind{protocol.KindEnrolled, protocol.KindConfirmed, protocol.KindProvision, protocol.KindSealingKey, protocol.KindOutcome, protocol.KindRefusal, protocol.KindRoster} {
				for _, body := range []any{nil, 7, "x", []int{1}, map[string]any{"requests": 1, "reason": "explode", "sealed": "AAAA", "public": 3, "last": -1, "id_key": "AAAA", "school": []int{}}} {
					h.say(kind, body)
				}
			}
		}},
		{name: "an answer of a hundred megabytes", page: func(_ *hostile, w http.ResponseWriter, _ *http.Request) {
			part := []byte(strings.Repeat(" ", 1<<20))
			for range 100 {
				if _, err := w.Write(part); err != nil {
					return
				}
			}
		}},
		{name: "an answer that grows when it is unpacked", page: func(_ *hostile, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			part := []byte(strings.Repeat(" ", 1<<20))
			for range 200 {
				if _, err := z.Write(part); err != nil {
					return
				}
			}
			_ = z.Close()
		}},
		{name: "as many statements as an answer holds", say: func(h *hostile) {
			for range 6000 {
				h.say(protocol.KindProvision, protocol.Ask{School: schoolID, Requests: askForEverything().Requests})
			}
			h.say(protocol.KindProvision, askForEverything(h.all()...))
		}},
		{name: "sealed details that are no list", say: func(h *hostile) {
			digest := envelope.Digest(sha256.Sum256([]byte("x")))
			for _, text := range []string{strings.Repeat("[", 600_000), `[{"dataset":"../../x","key":"` + strings.Repeat("k", 100_000) + `"}]`} {
				sealed, err := envelope.SealTo(h.id.Receive.PublicKey(), protocol.PurposeRefused, digest[:], []byte(text))
				h.must(err)
				h.say(protocol.KindOutcome, protocol.Outcome{First: 1, Last: 1, Digest: digest, Refused: 1, Details: sealed})
			}
		}},
		{name: "the year 2099", reply: func(h *hostile, f *protocol.Frame, r *protocol.Reply) {
			later := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
			receipt := protocol.Receipt{Message: f.Message, Digest: f.Content, Received: later, Agent: envelope.AgentID(f.Sender)}
			if e, err := envelope.Parse(f.Body); err == nil {
				receipt.Generation, receipt.Sequence = e.Header.Generation, e.Header.Sequence
			}
			r.Receipt = h.sign(h.intake, protocol.DomainReceipt, receipt)
		}, say: func(h *hostile) { h.say(protocol.KindProvision, askForEverything(h.all()...)) }},
		{name: "wait for a year", reply: func(h *hostile, f *protocol.Frame, r *protocol.Reply) {
			r.Receipt = nil
			r.Answer = h.sign(h.intake, protocol.DomainAnswer, protocol.Answer{Kind: protocol.AnswerLater, Why: protocol.LaterChain, Attempt: f.Digest(),
				Head: &envelope.Link{Sequence: 1 << 50, Digest: envelope.Digest{9}}, RetryAfter: 31_536_000, Time: time.Now()})
		}},
		{name: "unknown", reply: func(h *hostile, f *protocol.Frame, r *protocol.Reply) {
			r.Receipt = nil
			r.Answer = h.sign(h.intake, protocol.DomainAnswer, protocol.Answer{Kind: protocol.AnswerUnknown, Attempt: f.Digest(), Time: time.Now()})
		}},
	}
}

// ends are the words that may stop an agent; only two of them erase, and only
// its own.
func (h *hostile) ends() []wish {
	say := func(r protocol.Refusal) func(*hostile) {
		return func(h *hostile) {
			h.say(protocol.KindProvision, askForEverything(h.all()...))
			h.say(protocol.KindRefusal, r)
		}
	}
	return []wish{
		{name: "upgrade required", say: say(protocol.Refusal{Reason: protocol.RefusalUpgradeRequired}), stops: true},
		{name: "superseded", say: say(protocol.Refusal{Reason: protocol.RefusalSuperseded}), stops: true},
		{name: "ended", say: say(protocol.Refusal{Reason: protocol.RefusalEnded}), stops: true, erases: true},
		{name: "revoked", say: say(protocol.Refusal{Reason: protocol.RefusalRevoked}), stops: true, erases: true},
	}
}
