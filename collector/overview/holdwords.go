package overview

import (
	"fmt"
	"strings"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A HoldText says of a hold, to whoever looks after the children, what
// happened, what that means for them, who acts, and what to do.
type HoldText struct {
	Why   string // without its full stop
	Means string
	Next  string
	Owner string
}

// holdWords is the one place where safety stops are explained to authorities and
// operators. {n}, {of} and {what} stand for the records; {phone} for what a hold
// of the register, or of the whole read, means for this morning.
var holdWords = map[protocol.Why]HoldText{
	protocol.WhyDisappearance: {
		"{n} of {of} {what} records are missing from what was read",
		"Nothing is removed: what was known before still stands, each with its own time.",
		"The school checks its system, then releases the removal or corrects it. Phone about a child whom you expect there today.",
		"School IT or the operator",
	},
	protocol.WhyReturned: {
		"{n} {what} records that were removed from a child are in the school's system again",
		"These people are not shown, and must not be told anything, until the school has confirmed them. Registers go on as before.",
		"The school office confirms them or removes them again. Tell the school if you know why somebody must not be in touch with a child.",
		"The school office",
	},
	protocol.WhySchema: {
		"The school's system gives its {what} records in another form than before",
		"Nothing of them is taken over until somebody has looked: what is shown is as old as the time beside it. {phone}",
		"School IT looks at what was changed, then releases the new form or has it put back.",
		"School IT or the operator",
	},
	protocol.WhyPermission: {
		"The school's system does not let the agent read its {what} records any more",
		"Nothing of them is taken over: what is shown is as old as the time beside it. {phone}",
		"School IT gives the right or the column back; it then ends by itself.",
		"School IT or the operator",
	},
	protocol.WhyIdentifier: {
		"The school's {what} records come without the ids that say whose they are",
		"Nothing of them is taken over: what is shown is as old as the time beside it. {phone}",
		"School IT checks the account's rights and the export; it then ends by itself.",
		"School IT or the operator",
	},
}

// otherHold is for a hold of a kind that this version does not know.
var otherHold = HoldText{
	"Something of the school's {what} records is held by a rule that this version does not know",
	"What is shown may be older than today. {phone}",
	"The operator updates the collector to see why.",
	"The operator",
}

// HoldWords explains a hold. It names no child and no value.
func HoldWords(h protocol.Hold) HoldText {
	w, known := holdWords[h.Reason()]
	if !known {
		w = otherHold
	}
	if h.Disappeared() && h.Of == 0 { // counted over children of other authorities
		w.Why = "Many {what} records are missing from what was read"
	}
	phone := "Registers go on as before."
	switch h.Dataset {
	case record.DatasetPupil:
		phone = "Nothing else is taken over either: phone the school for today's register."
	case record.DatasetAttendance:
		phone = "No register is taken over: phone the school for it."
	}
	fill := strings.NewReplacer("{n}", fmt.Sprint(h.Gone), "{of}", fmt.Sprint(h.Of),
		"{what}", strings.ReplaceAll(string(h.Dataset), "_", " "), "{phone}", phone)
	return HoldText{fill.Replace(w.Why), fill.Replace(w.Means), fill.Replace(w.Next), w.Owner}
}

// HoldNote is a hold for an operator: what happened, and how the school ends it.
func HoldNote(h protocol.Hold) string {
	w := HoldWords(h)
	if h.Reason().Releasable() {
		return fmt.Sprintf("%s; the school looks, and releases it with `rollbridge-agent sync --release %s`.", w.Why, h.Code)
	}
	return w.Why + ". " + w.Next
}
