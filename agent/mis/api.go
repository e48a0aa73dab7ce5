package mis

import (
	"time"

	"rollbridge/agent/mis/rest"
	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Marker says whether the MIS holds a pupil as looked after.
type Marker int

// The three values. The zero Marker is unknown, which is never "no".
const (
	MarkerUnknown Marker = iota
	MarkerInCare
	MarkerNotInCare
)

// An Ask says what one read is to bring.
type Ask struct {
	// Datasets to read; pupils are always read, since they decide about the
	// rest, but their records are only given out if asked for.
	Datasets []record.Dataset
	// Today is the calendar day in England: it chooses the academic year whose
	// marks are read and the authorities in force.
	Today record.Date
	// IDKey is the school's id key (identity), which makes pupil ids.
	IDKey []byte
	// Feed is Report.Feed of the last read that was sealed; nil asks for
	// everything. With it a driver whose MIS has a change feed may leave out a
	// dataset of which nothing has changed (DatasetRead.Carried).
	Feed []byte
	// Roster is what the authorities say of their children here, nil while the
	// agent holds none.
	Roster *Roster
	// Try asks a web interface for every dataset even if nobody is admitted, as a
	// trial of the profile does. Without it nothing is asked that could only be of
	// nobody.
	Try bool
}

// A Candidate is a pupil about whom the caller decides before anything of the
// pupil is kept.
type Candidate struct {
	// Care is what the MIS says: MarkerInCare for every candidate but those whom
	// a person at the school has accepted.
	Care Marker
	// Roster says that Authority is not the MIS's word: it is the authority whose
	// roster has the pupil, and either the MIS marks the pupil or a person at the
	// school has accepted the pupil.
	Roster bool
	// Authority is the caring authority's code as the MIS has it; it names an
	// authority in force on Ask.Today or one with a single successor then.
	Authority string
	// Place is file and line, or row and query, for messages.
	Place string
}

// A Row is one record on its way to scope.
type Row struct {
	Record record.Record
	// Was is the id that this pupil has, or would have, without a permanent
	// UPN; it is set in pupil rows of pupils who have one and empty elsewhere.
	Was record.PupilID
	// Misspelt is set in a pupil row whose UPN is there and cannot be one: the
	// pupil may be one who is known under the right UPN.
	Misspelt bool
	// Authority is the pupil's caring authority, the code in force on Today;
	// empty for staff, who belong to the school.
	Authority string
}

// A Report says how a read went. Its datasets are those of the Ask, pupils
// first. One that the profile does not offer, or that the site leaves out, is
// there without rows and without a time, and is not complete.
type Report struct {
	Started, Ended time.Time
	Datasets       []protocol.DatasetRead
	// Schema is the fingerprint (hexadecimal SHA-256) of the headings,
	// elements or columns seen, ProfileHash that of the profile with its site settings.
	Schema, ProfileHash string
	// Schemas are the fingerprints (hexadecimal SHA-256) of those columns that the
	// profile reads of each dataset, as far as they do not vary with the data: a
	// change means that somebody has changed what the MIS gives. CSV: the headings
	// that are read, in the order of the file. SQL: the columns with their types,
	// but not the length of texts. CTF: one for all versions that are known.
	// Reports and JSON answers have none, because they leave out what is empty: an
	// absent column and an absent value look the same.
	Schemas map[record.Dataset]string
	// Stops are datasets, never pupil, of which nothing of this read may be used.
	// Rows of them may have been given out before; their DatasetRead is empty.
	Stops []Stop
	// Feed is for Ask.Feed of the next read, once this one is sealed; nil where
	// the MIS has no change feed.
	Feed []byte
	// Warnings are sorted and hold no value of a pupil.
	Warnings []protocol.Warning
	// Unknown counts pupils whose marker, or whose authority, is unclear. They
	// are not sent, and while there is one no dataset is complete.
	Unknown int
	// Roster is what became of the children on the roster, by authority; nil
	// where there is none, or this route cannot look pupils up by UPN.
	Roster []protocol.RosterUse
	// Cost is what a database was asked, Requests what a web interface was; nil
	// where there is none.
	Cost     *sqlserver.Cost
	Requests *rest.Cost
}

// A Stop is a dataset that could not be read although the rest could: what the
// same fault of the pupils would end the whole read for (Error).
type Stop struct {
	Dataset record.Dataset `json:"dataset"`
	// Why is protocol.WhyPermission or protocol.WhyIdentifier.
	Why protocol.Why `json:"why"`
	// Text says what was wrong, where, and what to do. It holds no value of a
	// pupil.
	Text string `json:"text"`
}

// Codes of warnings, beside the field they are about.
const (
	WarnUnknownCode   = "unknown_code"   // kept as the MIS has it
	WarnInvalid       = "invalid"        // kept as the MIS has it; the collector judges
	WarnNotUnderstood = "not_understood" // left out
	WarnUnparsed      = "unparsed"       // a string of marks; none of it is sent
	WarnNoPupil       = "no_pupil"       // belongs to a pupil who is not among the pupils
	WarnRepeated      = "repeated"       // the same row again; counted once
	WarnNoRows        = "no_rows"        // headings, and nothing below them
	WarnUnclear       = "unclear"        // of the marker, not_in_care or in_care
	WarnNotOnRoster   = "not_on_roster"  // in care, on a route that cannot say whose, and on no roster
	WarnOtherSession  = "other_session"  // an afternoon's code in the morning or the reverse
	WarnOutside       = "outside"        // in care, but the care dates say otherwise
	WarnNoColumn      = "no_column"      // of no row: a right is missing, or nobody has a value
	WarnFuture        = "future"         // a file that says it was written later than now
	WarnAlike         = "alike"          // things without an id that only the rest of them tells apart
	WarnConflict      = "conflict"       // two rows where there can be one, and not the same: neither is used
	WarnCut           = "cut"            // a comment longer than is kept: its beginning is
	WarnCleaned       = "cleaned"        // a control character in a comment, taken out
)

// An Error is a read that is void, or settings that cannot work: something
// that a person must put right. Any other error of this package is the
// caller's own (a cancelled context, an error of admit or sink), wrapped.
type Error struct {
	Problem protocol.ProblemCode
	// Dataset is empty where the fault is not of one dataset.
	Dataset record.Dataset
	// Text says what was wrong, where, and what to do. It holds no value of a
	// pupil.
	Text string
	// NoAccess: the MIS answered, and refused the account or the pupils as a whole,
	// as it does once the school has withdrawn a grant.
	NoAccess bool
}

// Error is the Text.
func (e *Error) Error() string { return e.Text }
