package overview

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A HoldText says of a hold, to whoever looks after the children, what
// happened, what that means for them, who acts, and what to do.
type HoldText struct {
	Why, Means, Next, Owner status.Part
}

// holdText is a HoldText in English, with places to fill.
type holdText struct{ why, means, next, owner string }

// holdWords is the one place where safety stops are explained to authorities and
// operators. Gone, Of and What stand for the records; Phone for what a hold of the
// register, or of the whole read, means for this morning.
var holdWords = map[protocol.Why]holdText{
	protocol.WhyDisappearance: {
		"{{.Gone}} of {{.Of}} {{.What}} records are missing from what was read.",
		"Nothing is removed: what was known before still stands, each with its own time.",
		"The school checks its system, then releases the removal or corrects it. Phone about a child whom you expect there today.",
		schoolOrOperator,
	},
	protocol.WhyReturned: {
		"{{.Gone}} {{.What}} records that were removed from a child are in the school's system again.",
		"These people are not shown, and must not be told anything, until the school has confirmed them. Registers go on as before.",
		"The school office confirms them or removes them again. Tell the school if you know why somebody must not be in touch with a child.",
		office,
	},
	protocol.WhySchema: {
		"The school's system gives its {{.What}} records in another form than before.",
		"Nothing of them is taken over until somebody has looked: what is shown is as old as the time beside it. {{.Phone}}",
		"School IT looks at what was changed, then releases the new form or has it put back.",
		schoolOrOperator,
	},
	protocol.WhyPermission: {
		"The school's system does not let the agent read its {{.What}} records any more.",
		"Nothing of them is taken over: what is shown is as old as the time beside it. {{.Phone}}",
		"School IT gives the right or the column back; it then ends by itself.",
		schoolOrOperator,
	},
	protocol.WhyIdentifier: {
		"The school's {{.What}} records come without the ids that say whose they are.",
		"Nothing of them is taken over: what is shown is as old as the time beside it. {{.Phone}}",
		"School IT checks the account's rights and the export; it then ends by itself.",
		schoolOrOperator,
	},
}

// otherHold is for a hold of a kind that this version does not know.
var otherHold = holdText{
	"Something of the school's {{.What}} records is held by a rule that this version does not know.",
	"What is shown may be older than today. {{.Phone}}",
	"The operator updates the collector to see why.",
	operator,
}

// manyMissing is said of a mass disappearance that was counted over children of
// other authorities, whose number is nobody else's affair.
const manyMissing = "Many {{.What}} records are missing from what was read."

// holdPhone says what a hold of a dataset means for this morning's register.
var holdPhone = map[record.Dataset]string{
	record.DatasetPupil:      "Nothing else is taken over either: phone the school for today's register.",
	record.DatasetAttendance: "No register is taken over: phone the school for it.",
	"":                       "Registers go on as before.",
}

// HoldWords explains a hold. It names no child and no value.
func HoldWords(h protocol.Hold) HoldText {
	why := string(h.Reason())
	text, known := holdWords[h.Reason()]
	if !known {
		text, why = otherHold, "other"
	}
	key := "status.hold." + why
	w := HoldText{
		Why: status.Part{Key: key + ".why", English: text.why}, Means: status.Part{Key: key + ".means", English: text.means},
		Next: status.Part{Key: key + ".next", English: text.next}, Owner: who(text.owner),
	}
	if h.Disappeared() && h.Of == 0 {
		w.Why = status.Part{Key: "status.hold.many", English: manyMissing}
	}
	phone := h.Dataset
	if _, own := holdPhone[phone]; !own {
		phone = ""
	}
	values := map[string]status.Value{
		"Gone": {Text: fmt.Sprint(h.Gone)}, "Of": {Text: fmt.Sprint(h.Of)}, "What": DatasetValue(h.Dataset),
		"Phone": {Text: holdPhone[phone], Key: phoneKey(phone)},
	}
	w.Why.Values, w.Means.Values, w.Next.Values = values, values, values
	return w
}

func phoneKey(d record.Dataset) string {
	if d == "" {
		return "status.hold.phone.none"
	}
	return "status.hold.phone." + string(d)
}

// DatasetValue is the name of a dataset in a sentence.
func DatasetValue(d record.Dataset) status.Value {
	return status.Value{Text: strings.ReplaceAll(string(d), "_", " "), Key: "status.dataset." + string(d)}
}

// released is how the school ends a hold that a person's yes ends.
const released = "The school looks, and releases it with `rollbridge-agent sync --release {{.Code}}`."

// HoldNote is HoldParts in English.
func HoldNote(h protocol.Hold) string {
	parts := HoldParts(h)
	return english(parts[0]) + " " + english(parts[1])
}

// HoldParts are a hold for an operator: what happened, and how the school ends it.
func HoldParts(h protocol.Hold) []status.Part {
	w := HoldWords(h)
	if h.Reason().Releasable() {
		w.Next = status.Part{Key: "status.hold.release", English: released, Values: map[string]status.Value{"Code": {Text: h.Code}}}
	}
	return []status.Part{w.Why, w.Next}
}

// Who acts on what is held or reported.
const (
	schoolIT         = "School IT"
	schoolOrOperator = "School IT or the operator"
	operator         = "The operator"
	office           = "The school office"
	decides          = "Whoever decides at the school"
)

var whoKeys = map[string]string{
	schoolIT: "status.who.it", schoolOrOperator: "status.who.it-operator", operator: "status.who.operator", office: "status.who.office",
	decides: "status.who.decides",
}

func who(acts string) status.Part { return status.Part{Key: whoKeys[acts], English: acts} }

// english is a part without a moment in it.
func english(p status.Part) string { return p.Words(time.Time{}, nil) }

// Texts are all English texts of this package and of shared/status by their keys,
// so that a test holds the texts of the pages to them.
func Texts() map[string]string {
	texts := map[string]string{"status.hold.many": manyMissing, "status.hold.release": released}
	all := maps.Clone(holdWords)
	all["other"] = otherHold
	for why, t := range all {
		key := "status.hold." + string(why)
		texts[key+".why"], texts[key+".means"], texts[key+".next"] = t.why, t.means, t.next
	}
	for d, phone := range holdPhone {
		texts[phoneKey(d)] = phone
	}
	for _, d := range record.Datasets() {
		v := DatasetValue(d)
		texts[v.Key] = v.Text
	}
	for who, key := range whoKeys {
		texts[key] = who
	}
	maps.Copy(texts, problemTexts())
	maps.Copy(texts, calendarTexts())
	maps.Copy(texts, status.Texts())
	return texts
}
