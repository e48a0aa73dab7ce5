package protocol

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollbridge/shared/record"
)

// A Handling is what the operator of a collector says of how it keeps what
// schools send: part of an Ask, so it is signed with every offer and provision.
// A change of it is news to a school, and never widens what leaves.
type Handling struct {
	// Keeps is for how long, by rule: days, of RuleMarks academic years. A
	// collector takes it from what its own retention goes by.
	Keeps map[record.Rule]int `json:"keeps,omitempty"`
	// StoredIn is the place, SubProcessors who else handles the data, Contact whom
	// to ask about data protection: one line each, "" where the operator has not
	// said it.
	StoredIn      string `json:"stored_in,omitempty"`
	SubProcessors string `json:"sub_processors,omitempty"`
	Contact       string `json:"contact,omitempty"`
}

// MaxHandlingText bounds each line of a Handling, in bytes.
const MaxHandlingText = 500

// Plain is the ask with every text as a terminal or a page may show it: one
// line, without control or invisible characters, of bounded length. What is
// asked for is not touched.
func (a Ask) Plain() Ask {
	a.School, a.SchoolName, a.Operator = plain(a.School), plain(a.SchoolName), plain(a.Operator)
	a.Requests = slices.Clone(a.Requests)
	for i, r := range a.Requests {
		a.Requests[i].Code, a.Requests[i].Name, a.Requests[i].Why = plain(r.Code), plain(r.Name), plain(r.Why)
	}
	if a.Handling != nil {
		h := *a.Handling
		h.StoredIn, h.SubProcessors, h.Contact = plain(h.StoredIn), plain(h.SubProcessors), plain(h.Contact)
		a.Handling = &h
	}
	return a
}

func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.Is(unicode.Cf, r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, text)
	if len(text) > MaxHandlingText {
		text = strings.ToValidUTF8(text[:MaxHandlingText], "")
	}
	return strings.TrimSpace(text)
}
