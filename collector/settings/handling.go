package settings

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Handling is what the operator says of the data: schools read it before they
// say yes, and hear of a change.
type Handling struct {
	// StoredIn is the place and the hosting, SubProcessors who else handles the
	// data and as what ("none" where nobody does), Contact whom to ask about data
	// protection.
	StoredIn      string `config:"stored_in"`
	SubProcessors string `config:"sub_processors"`
	Contact       string `config:"contact"`
}

// Unsaid are the keys of what the operator has not said.
func (h Handling) Unsaid() []string {
	var keys []string
	for _, l := range h.lines() {
		if strings.TrimSpace(l.text) == "" {
			keys = append(keys, l.key)
		}
	}
	return keys
}

type line struct{ key, text string }

func (h Handling) lines() []line {
	return []line{{"handling.stored_in", h.StoredIn}, {"handling.sub_processors", h.SubProcessors}, {"handling.contact", h.Contact}}
}

func (h Handling) validate() error {
	for _, l := range h.lines() {
		if len(l.text) > protocol.MaxHandlingText || !utf8.ValidString(l.text) || strings.ContainsFunc(l.text, unicode.IsControl) {
			return fmt.Errorf("%s must be one line of at most %d bytes: correct it", l.key, protocol.MaxHandlingText)
		}
	}
	return nil
}

// HandlingOf is what schools are told: the periods are those that retention goes
// by.
func (s Settings) HandlingOf() protocol.Handling {
	return protocol.Handling{
		Keeps: map[record.Rule]int{
			record.RuleLeft: s.Retention.LeftDays, record.RuleMarks: s.Retention.AttendanceYears,
			record.RuleHistory: s.Retention.HistoryDays, record.RuleRefused: s.Retention.HistoryDays,
		},
		StoredIn: strings.TrimSpace(s.Handling.StoredIn), SubProcessors: strings.TrimSpace(s.Handling.SubProcessors),
		Contact: strings.TrimSpace(s.Handling.Contact),
	}
}
