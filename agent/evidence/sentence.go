package evidence

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollbridge/agent/delta"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Text says an event in one sentence; one of a newer version is named only.
func (e Event) Text() string {
	if e.Batch != nil {
		return capital(e.Batch.What()) + ": " + e.Batch.State() + "."
	}
	if plain, known := plainWords[e.Kind]; known {
		return plain
	}
	switch e.Kind {
	case outbox.EventScope:
		return scopeText(e.data)
	case outbox.EventReleased:
		var r outbox.Released
		_ = json.Unmarshal(e.data, &r) // the words hold without it
		return fmt.Sprintf("A person at the school said yes to what was held back (%s).", strings.Join(r.Codes, ", "))
	case outbox.EventRoster:
		return rosterText(e.data)
	case outbox.EventCertificate:
		return certificateText(e.data)
	}
	return fmt.Sprintf("An event that this version does not know: %s.", e.Kind)
}

var plainWords = map[outbox.Event]string{
	outbox.EventEnrolled:       "The collector accepted this school's enrolment.",
	outbox.EventKeyring:        "The collector's list of keys was taken.",
	outbox.EventPaused:         "Paused by the school: nothing is read or sent.",
	outbox.EventResumed:        "Resumed by the school.",
	outbox.EventRevoked:        "Revoked: nothing is read or sent any more; a message for the collector was signed.",
	outbox.EventDestroyed:      "Keys and queue were destroyed.",
	outbox.EventRevokeReceived: "The collector has the revoke: its signed receipt is held.",
	outbox.EventMoved:          "Moved: the agent goes on on another machine; keys and queue here were destroyed.",
}

// What says what a batch carries and to whom.
func (b *Batch) What() string {
	byAuthority := map[string][]phrase{}
	var order []string
	for _, c := range b.Counts {
		words, some := phraseOf(c)
		if !some {
			continue
		}
		to := AuthorityName(c.Authority, c.Dataset)
		if byAuthority[to] == nil {
			order = append(order, to)
		}
		byAuthority[to] = joined(byAuthority[to], words)
	}
	var parts []string
	for _, to := range order {
		var said []string
		for _, p := range byAuthority[to] {
			said = append(said, p.lead+and(p.what)+p.tail)
		}
		parts = append(parts, and(said)+" to "+to)
	}
	text := strings.Join(parts, "; ")
	switch {
	case text == "" && b.Full:
		text = "everything, which was nothing"
	case text == "":
		text = "nothing had changed, and a signed report says so"
	case b.Full:
		text = "everything that may leave: " + text
	}
	for _, c := range b.Counts {
		if c.Held > 0 {
			text += fmt.Sprintf("; %s of %s kept back at the school", count(c.Held, "record"), DatasetName(c.Dataset))
		}
	}
	for _, u := range b.Roster {
		if u.Sent > 0 {
			text += fmt.Sprintf("; pupils by its roster, %s: %d", AuthorityName(u.Authority, record.DatasetPupil), u.Sent)
		}
	}
	return text
}

// A phrase is "3 pupils' marks": how many of what, which may be several things
// of equally many pupils.
type phrase struct {
	lead string
	what []string
	tail string
}

// joined adds a phrase, to one that begins alike if there is one.
func joined(list []phrase, p phrase) []phrase {
	at := slices.IndexFunc(list, func(q phrase) bool { return q.lead == p.lead && q.tail == "" && p.tail == "" })
	if at < 0 || !strings.HasSuffix(p.lead, "' ") && !strings.HasSuffix(p.lead, "'s ") {
		return append(list, p)
	}
	list[at].what = append(list[at].what, p.what...)
	return list
}

// phraseOf says a count, false where there is nothing to say. Entries of earlier
// versions, and those of staff, count no pupils.
func phraseOf(c delta.Count) (phrase, bool) {
	p := phrase{lead: fmt.Sprintf("%d pupils' ", c.Pupils), what: []string{DatasetName(c.Dataset)}}
	switch c.Pupils {
	case 0:
		records := c.Upserts
		if records == 0 {
			records = c.Removals
		}
		p.lead = count(records, "record") + " of "
	case 1:
		p.lead = "1 pupil's "
	}
	if c.Removals > 0 && c.Upserts > 0 {
		p.tail = fmt.Sprintf(" (%s removed)", count(c.Removals, "record"))
	}
	if c.Upserts == 0 {
		p.lead = "the removal of " + p.lead
	}
	return p, c.Upserts+c.Removals > 0
}

// State says what became of a batch, and what is still missing.
func (b *Batch) State() string {
	switch {
	case b.WithdrawnBy != nil:
		return b.receipts() + "; taken back by the full batch of " + moment(b.WithdrawnBy.Sealed)
	case b.Receipts < b.Parts:
		return b.receipts()
	case b.Outcome == nil:
		return b.receipts() + "; the collector's outcome is still missing"
	case b.Outcome.Refused > 0:
		return fmt.Sprintf("%s; taken into the records, %s refused", b.receipts(), count(b.Outcome.Refused, "record"))
	}
	return b.receipts() + "; taken into the records"
}

func (b *Batch) receipts() string {
	switch {
	case b.Receipts == b.Parts:
		return "receipt held"
	case b.Receipts > 0:
		return fmt.Sprintf("%d of %d receipts held, the rest is being sent", b.Receipts, b.Parts)
	case !b.Sent.IsZero():
		return "sent, no receipt yet"
	}
	return "sealed, not sent yet"
}

var scopeCauses = map[outbox.ScopeCause]string{
	outbox.ScopeEnrolled: "The school said yes at its enrolment",
	outbox.ScopeAllowed:  "The school allowed more",
	outbox.ScopeDenied:   "The school took something back",
	outbox.ScopeAccepted: "The school accepted what was asked for",
	outbox.ScopeAsked:    "The authorities ask for something else, which widens nothing by itself",
	outbox.ScopeProfile:  "The MIS profile gives more than when the school said yes, and what is new waits",
}

// scopeChange reads an entry; those of earlier versions hold only what is
// allowed.
func scopeChange(data json.RawMessage) (outbox.ScopeChange, bool) {
	var c outbox.ScopeChange
	if json.Unmarshal(data, &c) == nil && c.After != "" {
		return c, true
	}
	c = outbox.ScopeChange{}
	return c, json.Unmarshal(data, &c.Allowed) == nil
}

func scopeText(data json.RawMessage) string {
	c, ok := scopeChange(data)
	cause, known := scopeCauses[c.Cause]
	if !known {
		cause = "The school set what may leave"
	}
	if !ok {
		return cause + "."
	}
	return cause + ". It allows: " + allowedText(c.Allowed, c.Denied) + "."
}

// allowedText says what may leave, of what is asked for.
func allowedText(allowed scope.Allowed, denied scope.Denied) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(allowed)) {
		if text := datasetsText(allowed[code], nil); text != "" {
			parts = append(parts, text+" to "+AuthorityName(code, record.DatasetPupil))
		}
	}
	text := strings.Join(parts, "; ")
	if text == "" {
		text = "nothing"
	}
	for _, code := range slices.Sorted(maps.Keys(denied)) {
		text += "; but not to " + AuthorityName(code, record.DatasetPupil) + ": " + datasetsText(denied[code], denied[code])
	}
	return text
}

// datasetsText names datasets in their order, with the fields where there are
// some to name.
func datasetsText(datasets, fields map[record.Dataset][]string) string {
	var names []string
	for _, d := range record.Datasets() {
		if _, there := datasets[d]; !there {
			continue
		}
		name := DatasetName(d)
		var of []string
		for _, f := range record.Fields(d) {
			if slices.Contains(fields[d], f.Name) {
				of = append(of, f.What)
			}
		}
		if len(of) > 0 {
			name += " (" + strings.Join(of, ", ") + ")"
		}
		names = append(names, name)
	}
	return and(names)
}

// rosterText says what became of acceptances.
func rosterText(data json.RawMessage) string {
	var c outbox.RosterChange
	_ = json.Unmarshal(data, &c)
	whose := AuthorityName(c.Authority, record.DatasetPupil)
	switch {
	case c.Accepted > 0:
		return fmt.Sprintf("%s on the roster of %s accepted by the school.", count(c.Accepted, "pupil"), whose)
	case c.Withdrawn > 0:
		return fmt.Sprintf("%s on the roster of %s withdrawn by the school.", count(c.Withdrawn, "pupil"), whose)
	}
	return fmt.Sprintf("%s ended: no authority's roster has the child any more.", count(c.Ended, "acceptance"))
}

// certificateText reads what `log --verify` proves.
func certificateText(data json.RawMessage) string {
	var f protocol.CertificateFile
	var c protocol.Certificate
	if json.Unmarshal(data, &f) != nil || json.Unmarshal(f.Certificate.Payload, &c) != nil {
		return "The collector's deletion certificate is held."
	}
	return "The collector's deletion certificate is held: everything that the school sent was destroyed by " + Day(c.Destroyed) + "."
}
