package sqlserver

// A Kind is the family of a column's type.
type Kind string

// The kinds of a [Cell], with the form of its text. (KindID exists only in a
// [Need].)
const (
	KindText   Kind = "text"   // as it is
	KindWhole  Kind = "whole"  // a whole number, decimal
	KindNumber Kind = "number" // a decimal number, with a point
	KindFlag   Kind = "flag"   // 1 or 0
	KindDate   Kind = "date"   // YYYY-MM-DD
	KindTime   Kind = "time"   // a moment without time zone: YYYY-MM-DD hh:mm:ss
	KindGUID   Kind = "guid"   // 6F9619FF-8B86-D011-B42D-00C04FC964FF
	KindOther  Kind = "other"  // anything else, which has no text
)

// A Cell is one value of a row. Text is empty when Null is set or when Kind is
// KindOther.
type Cell struct {
	Text string
	Null bool
	Kind Kind
}
