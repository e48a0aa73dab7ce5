package record

// A Rule is one of the few rules by which the collector forgets. Each dataset
// is under several, and what comes first counts; docs/data.md lists them.
type Rule string

// The rules.
const (
	RuleLeft    Rule = "left"    // a child who left the list goes with everything
	RuleMarks   Rule = "marks"   // marks of earlier academic years go
	RuleHistory Rule = "history" // earlier versions and removed records go
	RuleRefused Rule = "refused" // the content of refused records goes
)

// A Keeping is a rule with the period that the operator of a collector sets.
type Keeping struct {
	Rule Rule
	// Setting is the key of the period in the collector's settings, Default its
	// number of days or academic years where nobody sets another.
	Setting string
	Default int
	// What says what is forgotten and when, for whoever decides whether data may
	// leave.
	What string
}

// Keepings lists the rules in the order in which they are carried out.
func Keepings() []Keeping {
	return []Keeping{
		{RuleLeft, "retention.left_days", 400, "A child who has left the list (another school, no longer looked after, another authority) is forgotten so many days later: every record of the child " +
			"and the child's key. Who is back before that is kept"},
		{RuleMarks, "retention.attendance_years", 2, "Marks are kept of so many academic years, the present one among them. Older weeks are forgotten with all their versions"},
		{RuleHistory, "retention.history_days", 400, "What was replaced or removed is kept as it was for so many days: a school year and a margin, so that a child's year can be looked back on"},
		{RuleRefused, "retention.history_days", 400, "A record that was refused is kept as it came for so many days. After that only the reasons are left, for as long as the school sends it so"},
	}
}

// Kept lists the rules that a dataset's records are forgotten by; nil for an
// unknown dataset.
func Kept(d Dataset) []Rule {
	switch {
	case byName[d] == nil:
		return nil
	case !d.OfPupils():
		return []Rule{RuleHistory, RuleRefused}
	case d == DatasetAttendance:
		return []Rule{RuleLeft, RuleMarks, RuleHistory, RuleRefused}
	}
	return []Rule{RuleLeft, RuleHistory, RuleRefused}
}
