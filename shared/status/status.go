// Package status holds the words by which school IT, collector operators and local-authority staff speak of a school: each
// with its colour, meaning, owner and next step, once. Agent, collector and portal print these and no others.
//
// It guarantees:
//   - [Decide] is pure: the same [Facts] give the same [Verdict], and it reads no clock.
//   - Silence is never success. Without data as at the register time no session is Received, and anything unclear ends in
//     a word that makes somebody look.
//   - Times are wall-clock times of the school's zone, right on the days on which the clocks change too.
//
// It never holds a pupil's data: what a caller puts into [Facts] is printed, so it must be free of it.
//
// Start reading at [Words], then [Decide].
package status

// Word is a status word exactly as it stands on a screen.
type Word string

// The status words. NotSetUp stands for a school before its first agent.
const (
	Stopped      Word = "Stopped by school"
	Paused       Word = "Paused by school"
	ByPhone      Word = "By phone"
	NotSetUp     Word = "Not set up yet"
	NotInSession Word = "Not in session"
	Held         Word = "Held for checking"
	Received     Word = "Received"
	NotReceived  Word = "Not received"
	Late         Word = "Late"
	Due          Word = "Due"
)

// Info explains a word, for a legend or a tag.
type Info struct {
	Word    Word
	Colour  string // a tag colour of the GOV.UK Design System; it only supports the word
	Meaning string
	Owner   string // who acts; "Nobody" where nobody needs to
	// NextStep is what to do in general, empty where there is nothing to do. [Decide] says it with times filled in.
	NextStep string
}

// words is the one place where the words are explained, in the order of precedence: the first that applies is shown. By phone
// comes before Not set up yet, because a school that reports by phone never gets an agent.
var words = []Info{
	{Stopped, "purple", "The school has revoked the agent, or taken back the access to its system.", "The authority phones each day",
		"Phone the school each day."},
	{Paused, "blue", "A planned pause, set at the school.", "Nobody until the end date",
		"Wait for the end date. Phone if needed."},
	{ByPhone, "teal", "The school reports by phone, never through an agent.", "The authority phones",
		"Phone the school."},
	{NotSetUp, "grey", "No agent has been enrolled yet.", "School IT and the operator",
		"Enrol an agent with a code from the operator. Phone until then."},
	{NotInSession, "grey", "Holiday, INSET day or closure.", "Nobody", ""},
	{Held, "orange", "Arrived, but a safety rule stopped it until a person has looked.", "School IT or the operator",
		"Check what was held, then release it or correct the data in the MIS."},
	{Received, "green", "Arrived and checked, for this session.", "Nobody", ""},
	{NotReceived, "red", "Nothing has arrived for this session and the grace period is over.",
		"The authority phones; the operator finds the cause", "Phone the school."},
	{Late, "yellow", "Past the expected time, inside the grace period.", "The operator",
		"We are checking. Phone when the grace period is over."},
	{Due, "grey", "Before the expected time.", "Nobody", "Wait until the expected time."},
}

// Words lists the words in the order of precedence: the first that applies to a school is the one that is shown.
func Words() []Word {
	list := make([]Word, len(words))
	for i, w := range words {
		list[i] = w.Word
	}
	return list
}

// Info explains the word. For a word that is not one of the constants only Word is filled.
func (w Word) Info() Info {
	for _, i := range words {
		if i.Word == w {
			return i
		}
	}
	return Info{Word: w}
}
