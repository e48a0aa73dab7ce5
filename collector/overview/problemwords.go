package overview

import (
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// problemWords says what an agent reports in words for whoever looks at a page.
var problemWords = map[protocol.ProblemCode]string{
	protocol.ProblemMISDown:        "The school's management information system does not answer.",
	protocol.ProblemMISData:        "The data at the school cannot be read as they should be.",
	protocol.ProblemRightMissing:   "The agent lacks a right or a column that it needs at the school, so nothing could be read.",
	protocol.ProblemIdentifier:     "The ids of the pupils are empty at the school, so nothing could be read.",
	protocol.ProblemHeld:           "A safety stop keeps something back at the school until a person has looked.",
	protocol.ProblemScopeNotGiven:  "The school has not yet allowed everything that is asked for.",
	protocol.ProblemIntercepted:    "A filter at the school opens the connection. What is sent stays sealed.",
	protocol.ProblemKeyringExpired: "The agent holds an expired keyring. The operator must renew it.",
	protocol.ProblemDiskFull:       "The disk is full at the school.",
	protocol.ProblemClock:          "The clock at the school is wrong.",
	protocol.ProblemWarnings:       "Some optional values were not understood.",
	protocol.ProblemSilent:         "Nothing could be sent from the school for a day.",
	protocol.ProblemUnreachable:    "What the school sends does not arrive.",
}

// ProblemWords says in a sentence what an agent reports.
func ProblemWords(p protocol.ProblemCode) string {
	if words, ok := problemWords[p]; ok {
		return words
	}
	return "The agent reports a problem that this version does not know."
}

// ProblemNote is ProblemWords with since when and why, where an agent has said so.
func ProblemNote(p protocol.Problem) string {
	words := ProblemWords(p.Code)
	if p.Code != protocol.ProblemSilent {
		return words
	}
	if !p.Since.IsZero() {
		words = "Nothing could be sent from the school since " + p.Since.In(status.London()).Format("3:04pm Monday 2 January 2006") + "."
	}
	if p.Cause != "" {
		words += " " + ProblemWords(p.Cause)
	}
	return words
}
