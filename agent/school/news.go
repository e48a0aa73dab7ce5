package school

import (
	"fmt"
	"strings"

	"rollbridge/agent/outbox"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// News is one thing that the collector's operator says otherwise than when the
// school last said yes. Its JSON is a contract with scripts.
type News struct {
	What   string `json:"what"`
	Before string `json:"before"`
	Now    string `json:"now"`
}

// newsOf compares what is said now with what the school read. More datasets or
// fields are no news: they wait for a yes.
func newsOf(f outbox.Facts) []News {
	if f.Agreed == nil {
		return nil
	}
	var news []News
	add := func(what, before, now string) {
		if before != now {
			news = append(news, News{what, before, now})
		}
	}
	add("who runs the collector", f.Agreed.Operator, f.Ask.Operator)
	for _, r := range f.Ask.Requests {
		for _, old := range f.Agreed.Requests {
			if old.Code == r.Code {
				add("the name of authority "+r.Code, old.Name, r.Name)
				add("why authority "+r.Code+" asks", old.Why, r.Why)
			}
		}
	}
	before, now := HandlingWords(f.Agreed.Handling), HandlingWords(f.Ask.Handling)
	for i := range now {
		add(now[i].What, before[i].Text, now[i].Text)
	}
	return news
}

// A HandlingLine is one thing that an operator says of the data, in words.
type HandlingLine struct{ What, Text string }

// HandlingWords says how a collector handles data, always the same lines; what
// the operator has not said is said so.
func HandlingWords(h *protocol.Handling) []HandlingLine {
	const unsaid = "the operator has not said"
	said := func(text string) string {
		if strings.TrimSpace(text) == "" {
			return unsaid
		}
		return text
	}
	if h == nil {
		h = &protocol.Handling{}
	}
	return []HandlingLine{
		{"how long it is kept", said(keptWords(h.Keeps))},
		{"where it is stored", said(h.StoredIn)},
		{"who else handles it", said(h.SubProcessors)},
		{"whom to ask about data protection", said(h.Contact)},
	}
}

// keptWords says for how long, rule by rule.
func keptWords(keeps map[record.Rule]int) string {
	var parts []string
	for _, r := range []struct {
		rule  record.Rule
		words string
	}{
		{record.RuleLeft, "a child who leaves the list is forgotten after %d days"},
		{record.RuleMarks, "marks are kept for %d academic years, this one among them"},
		{record.RuleHistory, "what was replaced or removed is kept for %d days"},
		{record.RuleRefused, "the content of refused records is kept for %d days"},
	} {
		if n, there := keeps[r.rule]; there {
			parts = append(parts, fmt.Sprintf(r.words, n))
		}
	}
	if len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("after a revoke everything is hidden at once and destroyed on day %d", int(protocol.DestroyAfter.Hours())/24))
	}
	return strings.Join(parts, "; ")
}
