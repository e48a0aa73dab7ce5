package register

import (
	"time"

	"rollbridge/shared/codes"
)

// A Meaning is what one code means for whoever looks after the child.
type Meaning struct {
	State State
	// Known is false where no list explains the code; State is then NoMark.
	Known bool
	// Mark is the code as the list has it; zero where Known is false.
	Mark codes.Mark
}

// What a code means is decided by its statistical category in the lists of
// shared/codes (England: SI 2024/208 and the DfE's code list in force from 19
// August 2024, "Working together to improve school attendance"; Wales: the list
// of 2010), with these exceptions, which ask where the child is and not what is
// counted:
//
//	category of the DfE              code        state
//	present                          / \ L       Present
//	approved educational activity    B K P V W   Present: at an activity that the school or the authority arranged
//	authorised absence               C C1 C2 E I J1 M R S T   AbsentReason
//	unauthorised absence             N           AbsentNoReason: "reason not yet established"
//	                                 O           AbsentNoReason: "absent in other or unknown circumstances"
//	                                 U           AbsentReason: arrived, after the register closed
//	                                 G           AbsentReason: a holiday that was not granted
//	not a possible attendance        D X         NotInSession: expected elsewhere (so in Wales, where D counts), or not required
//	                                 Q Y Y1-Y7   AbsentReason: unable to attend, also in custody (Y5)
//	administrative                   Z #         NotInSession: not on roll yet, school closed as planned
//	in no list                                   NoMark: nobody knows what it says
//
// U and G stay marked as unauthorised. A code that was withdrawn (H, J, Y in
// England) means what all the codes mean that took its place.
var (
	withoutReason = map[string]bool{"N": true, "O": true}
	notExpected   = map[string]bool{"D": true, "X": true, "Z": true, "#": true}
)

// MeaningOf finds what a code means at a session of day at a school of nation
// (codes.NationEngland where it is empty). A code that the nation's own list
// does not have is looked for among the withdrawn ones, then in the other
// nation's list: a child may be at a school over the border.
func MeaningOf(nation string, day time.Time, code string) Meaning {
	if nation == codes.NationWales {
		return firstKnown(inList(codes.RegimeWales2010, code, day), inList(codes.RegimeEngland2024, code, day), withdrawn(code, day))
	}
	return firstKnown(inList(codes.RegimeFor(codes.NationEngland, day), code, day), withdrawn(code, day), inList(codes.RegimeWales2010, code, day))
}

func firstKnown(list ...Meaning) Meaning {
	for _, m := range list {
		if m.Known {
			return m
		}
	}
	return Meaning{State: NoMark}
}

func inList(r codes.Regime, code string, day time.Time) Meaning {
	m, known := codes.LookupMark(r, code, day)
	if !known {
		return Meaning{State: NoMark}
	}
	return Meaning{State: stateOf(m), Known: true, Mark: m}
}

func stateOf(m codes.Mark) State {
	switch {
	case notExpected[m.Code]:
		return NotInSession
	case m.Attended:
		return Present
	case withoutReason[m.Code]:
		return AbsentNoReason
	}
	return AbsentReason
}

// lastOf2006 is the last day of the list of 2006.
var lastOf2006 = time.Date(2024, time.August, 18, 0, 0, 0, 0, time.UTC)

// withdrawn reads a code of the list before, if the codes that took its place
// all mean one thing.
func withdrawn(code string, day time.Time) (found Meaning) {
	old := inList(codes.RegimeEngland2006, code, lastOf2006)
	for _, by := range old.Mark.ReplacedBy {
		now := inList(codes.RegimeEngland2024, by, day)
		if !now.Known || found.Known && now.State != found.State {
			return Meaning{State: NoMark}
		}
		found = Meaning{State: now.State, Known: true, Mark: old.Mark}
	}
	if !found.Known {
		return Meaning{State: NoMark}
	}
	return found
}
