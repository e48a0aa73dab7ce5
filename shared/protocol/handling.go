package protocol

import "rollbridge/shared/record"

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
