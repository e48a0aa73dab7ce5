package demoschool

import "time"

// Session is one of the two sessions of a school day.
type Session string

// The two sessions, as an MIS writes them.
const (
	AM Session = "AM"
	PM Session = "PM"
)

// What follows Config.Canary in a marked text: see the package comment.
const (
	CanaryLookedAfter = "LAC"
	CanaryNot         = "NOT"
)

// Pupil is one child as the school's office holds it. Texts are as typed;
// dates are made by Date, and the zero time means none.
type Pupil struct {
	ID          string // the MIS's own id
	UPN         string // permanent, temporary (a letter at the end) or empty
	FormerUPN   string
	ULN         string // years 9 and above
	AdmissionNo string // six digits with leading zeros

	LegalSurname      string
	LegalForename     string
	MiddleNames       string
	PreferredSurname  string
	PreferredForename string
	FormerSurname     string
	FormerForename    string

	DOB      time.Time
	Gender   string // identity in the office's own words; empty for most
	Sex      string // M or F
	Year     string // national curriculum year, 7 to 13
	RegGroup string
	House    string

	// InCare says that the pupil is looked after on the school's Today. It is
	// false, and means nothing, where InCareUnknown is set.
	InCare        bool
	InCareUnknown bool
	CareAuthority string // also kept for a pupil who has left care
	CareStart     time.Time
	CareEnd       time.Time
	InCareHere    Answer // was in care at some time at this school
	PEP           bool   // a personal education plan exists
	FSM           bool   // eligible for free school meals now
	FSMStart      time.Time
	PupilPremium  bool
	PremiumCode   string // CBDS: DPP, SCP, LAP, AFC

	Email string
	Phone string

	EntryDate   time.Time
	LeavingDate time.Time // the last day on roll
	EnrolStatus string    // CBDS: C current, M main of two schools, P previous
}

// Contact is one row of a pupil's contacts. The same person is a contact of
// brothers and sisters under one ID, with a row for each pupil.
type Contact struct {
	ID           string
	PupilID      string
	Title        string
	Forename     string
	Surname      string
	Relationship string // CBDS code: PAM, PAF, FOF, FOM, SWR ...
	Priority     int    // 1 is called first

	ParentalResponsibility bool

	HomePhone   string
	MobilePhone string
	WorkPhone   string
	Email       string
	Address     string // parts separated by ", "
	Postcode    string
}

// Mark is one session of one pupil. Code is the code as the school keeps it;
// "" and "-" both mean that the register has not been taken, which is neither
// presence nor absence. MinutesLate is 0 unless the code is L or U.
type Mark struct {
	PupilID     string
	Date        time.Time
	Session     Session
	Code        string
	MinutesLate int
}

// Taken reports whether somebody has taken the register for this session.
func (m Mark) Taken() bool { return isTaken(m.Code) }

func isTaken(code string) bool { return code != "" && code != notTaken }

// IsTemporaryUPN reports whether upn ends in a letter: a UPN given until the
// permanent one is known.
func IsTemporaryUPN(upn string) bool {
	return upn != "" && (upn[len(upn)-1] < '0' || upn[len(upn)-1] > '9')
}
