package school

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// heldWords is what the school is told of one kind of safety stop. In What and
// Do {code} stands for the code, {what} for the dataset, {n} and {of} for the
// records, {whose} for the authority where there is one.
type heldWords struct {
	// Brief says it in a few words beside a date.
	Brief string
	// What happened and what it means now, without a full stop.
	What string
	// Do says what to look at, and how to release or to mend.
	Do string
}

// held is the one place where the safety stops are explained to the school.
var held = map[protocol.Why]heldWords{
	protocol.WhyDisappearance: {
		"removals wait for a person's yes",
		"{n} of {of} {what} records{whose} disappeared at once, and their removal is kept back",
		"look into the MIS and its export; if they are right, run `rollbridge-agent sync --release {code}`; if not, correct them, and the hold ends by itself",
	},
	protocol.WhyReturned: {
		"people who were removed from a child are there again, and wait for a person's yes",
		"{n} {what} records{whose} that were removed from a child are there again, and are kept back",
		"somebody may have been taken away from a child for a reason: see who it is with `rollbridge-agent preview --release {code}` and ask the school office whether the MIS is right; if it is, run `rollbridge-agent sync --release {code}`; if not, remove the link in the MIS again",
	},
	protocol.WhySchema: {
		"the MIS gives its columns in another form",
		"the MIS gives the columns of {what} in another form than when they were last sent, and nothing of {what} is sent or removed meanwhile{all}",
		"look at what was changed in the export, the views or the MIS; if every column still means the same, run `rollbridge-agent sync --release {code}`; if not, have it put back, or set the columns under mis.datasets in the settings, and the hold ends by itself",
	},
	protocol.WhyPermission: {
		"something cannot be read any more",
		"{what} cannot be read: a right was taken away, or a column, a view or a file is not there any more; what was sent of it before stays, and everything else goes",
		"give the right back or put the column back; the hold ends by itself with the next read that finds it",
	},
	protocol.WhyIdentifier: {
		"a column of ids is empty",
		"the ids in {what} are empty in every row; what was sent of it before stays, and everything else goes",
		"check the account's rights (a missing one can blank ids without a word) and that the column is the right one; the hold ends by itself with the next read that finds the ids",
	},
}

// otherHeld is for a hold of a kind that this version does not know.
var otherHeld = heldWords{
	"something is kept back",
	"something of {what} is kept back for a reason that this version does not know",
	"see `rollbridge-agent status` of the newest version",
}

func wordsOf(why protocol.Why) heldWords {
	if w, known := held[why]; known {
		return w
	}
	return otherHeld
}

// HeldBrief names a kind of hold in a few words; an older hold names none.
func HeldBrief(why protocol.Why) string { return wordsOf(protocol.Hold{Why: why}.Reason()).Brief }

// HeldText says of a hold what happened, and what to look at and to do. stops
// are of the read that found it; what they name is added.
func HeldText(h protocol.Hold, stops []mis.Stop) (what, do string) {
	w := wordsOf(h.Reason())
	whose, all := "", ""
	if h.Authority != "" {
		whose = " of authority " + h.Authority
	}
	if h.Dataset == record.DatasetPupil {
		all = ", nor anything else, since the pupils decide about everything"
	}
	fill := strings.NewReplacer("{code}", h.Code, "{what}", strings.ReplaceAll(string(h.Dataset), "_", " "),
		"{n}", fmt.Sprint(h.Gone), "{of}", fmt.Sprint(h.Of), "{whose}", whose, "{all}", all)
	what, do = fill.Replace(w.What), fill.Replace(w.Do)
	for _, s := range stops {
		if s.Dataset == h.Dataset && s.Why == h.Why {
			do = strings.TrimRight(s.Text, ".") + "; " + do
		}
	}
	return what, do
}

// notReleased says why codes cannot be released, "" if they can.
func notReleased(codes []string, f outbox.Facts) string {
	for _, c := range codes {
		at := slices.IndexFunc(allHolds(f), func(h protocol.Hold) bool { return h.Code == c })
		if at < 0 {
			return fmt.Sprintf("nothing that is held has the code %s: `rollbridge-agent status` lists what is held; the code changes when what is held changes", c)
		}
		if h := allHolds(f)[at]; !h.Reason().Releasable() {
			what, do := HeldText(h, stopsOf(f))
			return "a yes does not help here: " + what + ": " + do
		}
	}
	return ""
}

// stopsOf are those of the last read.
func stopsOf(f outbox.Facts) []mis.Stop {
	if f.LastRead == nil {
		return nil
	}
	return f.LastRead.Stops
}

// setHeld makes the problems of what is held those of the holds, one for each
// dataset and kind; one that goes on keeps the time since when.
func setHeld(f *outbox.Facts) {
	before := f.Problems
	isHeld := func(p protocol.Problem) bool { return p.Code == protocol.ProblemHeld }
	f.Problems = slices.DeleteFunc(slices.Clone(before), isHeld)
	for _, h := range allHolds(*f) {
		same := func(p protocol.Problem) bool {
			return isHeld(p) && p.Dataset == h.Dataset && protocol.Hold{Why: p.Why}.Reason() == h.Reason()
		}
		if at := slices.IndexFunc(f.Problems, same); at >= 0 {
			f.Problems[at].Count += h.Gone
			continue
		}
		p := protocol.Problem{Code: protocol.ProblemHeld, Dataset: h.Dataset, Why: h.Reason(), Count: h.Gone, Since: clock.Now().UTC().Truncate(time.Second)}
		if at := slices.IndexFunc(before, same); at >= 0 {
			p.Since = before[at].Since
		}
		f.Problems = append(f.Problems, p)
	}
}
