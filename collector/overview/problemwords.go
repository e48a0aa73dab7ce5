package overview

import (
	"maps"
	"strings"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// A ProblemText says of something that an agent reports what it is, who acts, and
// what to do.
type ProblemText struct {
	What        []status.Part
	Owner, Next status.Part
}

type problemText struct{ what, owner, next string }

// problemWords is the one place where what agents report is explained.
var problemWords = map[protocol.ProblemCode]problemText{
	protocol.ProblemMISDown: {"The school's management information system does not answer.", schoolIT,
		"School IT looks whether it runs. Registers follow by themselves when it does."},
	protocol.ProblemMISData: {"The data at the school cannot be read as they should be.", schoolOrOperator,
		"The operator looks at what the agent says there, and School IT at what was changed."},
	protocol.ProblemRightMissing: {"The agent lacks a right or a column that it needs at the school, so nothing could be read.", schoolIT,
		"School IT gives the right or the column back. Phone for the register until then."},
	protocol.ProblemIdentifier: {"The ids of the pupils are empty at the school, so nothing could be read.", schoolIT,
		"School IT checks the account's rights and the export. Phone for the register until then."},
	protocol.ProblemHeld: {"A safety stop keeps something back at the school until a person has looked.", schoolOrOperator,
		"School IT looks at what is held, then releases it or corrects it."},
	protocol.ProblemScopeNotGiven: {"The school has not yet allowed everything that is asked for.", decides,
		"Nothing needs to be done for what is allowed. Ask the school if something is missing that you need."},
	protocol.ProblemIntercepted: {"A filter at the school opens the connection. What is sent stays sealed.", schoolIT,
		"School IT adds the collector to the addresses that the filter does not inspect."},
	protocol.ProblemKeyringExpired: {"The agent holds an expired keyring. The operator must renew it.", operator,
		"The operator renews the keyring. What the school has waits there and follows."},
	protocol.ProblemDiskFull: {"The disk is full at the school.", schoolIT, "School IT makes room on the disk. What waits there follows by itself."},
	protocol.ProblemClock:    {"The clock at the school is wrong.", schoolIT, "School IT sets the clock of the computer, or its time server."},
	protocol.ProblemWarnings: {"Some optional values were not understood.", office,
		"No mark is missing because of it. The school office corrects the values when it can."},
	protocol.ProblemNoAccess: {"The school's system refuses the access that it had given.", decides,
		"Phone the school: if this was not meant, the school gives the access again in its system. Phone for the register until then."},
	protocol.ProblemSilent: {"Nothing could be sent from the school for a day.", schoolOrOperator,
		"Phone for the register. The operator and School IT look at the connection."},
	protocol.ProblemUnreachable: {"What the school sends does not arrive.", schoolOrOperator,
		"Phone for the register. School IT looks at the network and the filter, the operator at the collector."},
}

// otherProblem is for one that this version does not know.
var otherProblem = problemText{"The agent reports a problem that this version does not know.", operator,
	"The operator updates the collector to see what it is."}

// silentSince is said instead of a day where an agent says since when.
const silentSince = "Nothing could be sent from the school since {{.Since}}."

func problemKey(p protocol.ProblemCode) (string, problemText) {
	text, known := problemWords[p]
	if !known {
		text, p = otherProblem, "other"
	}
	return "status.problem." + string(p), text
}

// ProblemWords explains what an agent reports, with since when and why where it has
// said so.
func ProblemWords(p protocol.Problem) ProblemText {
	key, text := problemKey(p.Code)
	what := status.Part{Key: key + ".what", English: text.what}
	w := ProblemText{Owner: who(text.owner), Next: status.Part{Key: key + ".next", English: text.next}}
	if p.Code != protocol.ProblemSilent {
		w.What = []status.Part{what}
		return w
	}
	if !p.Since.IsZero() {
		what = status.Part{Key: "status.problem.silent-since", English: silentSince, Values: map[string]status.Value{"Since": {Time: p.Since}}}
	}
	w.What = []status.Part{what}
	if p.Cause != "" {
		cause, text := problemKey(p.Cause)
		w.What = append(w.What, status.Part{Key: cause + ".what", English: text.what})
	}
	return w
}

// ProblemNote is what an agent reports in English, seen from now.
func ProblemNote(p protocol.Problem, now time.Time) string {
	what := ProblemWords(p).What
	texts := make([]string, len(what))
	for i, part := range what {
		texts[i] = part.Words(now, nil)
	}
	return strings.Join(texts, " ")
}

func problemTexts() map[string]string {
	texts := map[string]string{"status.problem.silent-since": silentSince}
	all := maps.Clone(problemWords)
	all["other"] = otherProblem
	for code, t := range all {
		key := "status.problem." + string(code)
		texts[key+".what"], texts[key+".next"] = t.what, t.next
	}
	return texts
}
