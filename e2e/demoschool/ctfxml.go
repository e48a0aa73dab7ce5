package demoschool

import "encoding/xml"

// The elements of a CTF in the order of the published implementations
// (DfE CTF 25, CBDS element names; no namespace). Empty ones are left out.

type ctfHeader struct {
	XMLName           xml.Name `xml:"Header"`
	DocumentName      string
	CTFversion        string
	DateTime          string
	DocumentQualifier string
	SupplierID        string
	SourceSchool      struct {
		LEA, Estab   string
		URN          string `xml:",omitempty"`
		SchoolName   string
		AcademicYear string
	}
	DestSchool struct{ LEA, Estab string }
}

type ctfPupil struct {
	XMLName             xml.Name `xml:"Pupil"`
	UPN                 string   `xml:",omitempty"`
	UniqueLearnerNumber string   `xml:",omitempty"`
	Surname             string
	Forename            string
	DOB                 string
	Gender              string `xml:",omitempty"`
	Sex                 string `xml:",omitempty"`
	BasicDetails        ctfBasicDetails
	FSMhistory          *ctfFSM         `xml:",omitempty"`
	LookedAfter         *ctfLookedAfter `xml:",omitempty"`
	SENhistory          []ctfSEN        `xml:"SENhistory>SEN,omitempty"`
	Phones              []ctfPhone      `xml:"Phones>Phone,omitempty"`
	Email               string          `xml:",omitempty"`
	Contacts            []ctfContact    `xml:"Contacts>Contact,omitempty"`
	Attendance          *ctfYear        `xml:"Attendance>YearData,omitempty"`
	StageAssessments    []ctfKeyStage   `xml:"StageAssessments>KeyStage,omitempty"`
	SchoolHistory       []ctfSchool     `xml:"SchoolHistory>School"`
	// SuppInfo is what a supplier adds for its own use. It says the opposite under
	// the names of other elements: whoever reads those by name alone is found out.
	SuppInfo struct {
		Pupil struct{ LookedAfter struct{ InCare bool } }
	}
}

type ctfBasicDetails struct {
	FormerUPN         string `xml:",omitempty"`
	PreferredSurname  string `xml:",omitempty"`
	PreferredForename string `xml:",omitempty"`
	FormerSurname     string `xml:",omitempty"`
	FormerForename    string `xml:",omitempty"`
	MiddleNames       string `xml:",omitempty"`
	NCyearActual      string
	MedicalFlag       *bool    `xml:",omitempty"`
	Disabilities      []string `xml:"Disabilities>Disability,omitempty"`
	EnrolStatus       string
}

type ctfFSM struct {
	Start   string `xml:"FSMinstance>FSMstartDate"`
	Country string `xml:"FSMinstance>UKcountry"`
}

type ctfLookedAfter struct {
	InCare        bool
	CareAuthority string `xml:",omitempty"`
}

type ctfSEN struct {
	StartDate    string
	SENprovision string
	SENneeds     []ctfNeed `xml:"SENneeds>SENneed,omitempty"`
}

type ctfNeed struct {
	SENtypeRank int
	SENtype     string
}

type ctfKeyStage struct {
	Stage           string
	StageAssessment []ctfAssessment
}

type ctfAssessment struct {
	Locale          string
	Year            string
	Subject         string
	Method          string
	Component       string
	ResultStatus    string
	ResultQualifier string
	Result          string
	ResultDate      string
}

type ctfPhone struct {
	Type   string `xml:"TelephoneType"` // CBDS: H home, M mobile, W work
	Number string `xml:"PhoneNo"`
}

type ctfContact struct {
	Order          int
	Title          string `xml:",omitempty"`
	Forename       string `xml:",omitempty"`
	Surname        string
	Relationship   string
	Responsibility bool
	Address        *ctfAddress `xml:",omitempty"`
	Phones         []ctfPhone  `xml:"Phones>Phone,omitempty"`
	Email          string      `xml:",omitempty"`
}

type ctfAddress struct {
	Line1    string `xml:"AddressLines>AddressLine1,omitempty"`
	Line2    string `xml:"AddressLines>AddressLine2,omitempty"`
	Line3    string `xml:"AddressLines>AddressLine3,omitempty"`
	Line4    string `xml:"AddressLines>AddressLine4,omitempty"`
	Line5    string `xml:"AddressLines>AddressLine5,omitempty"`
	PostCode string `xml:",omitempty"`
}

type ctfYear struct {
	Year         int
	LEA          string
	Estab        string
	SchoolName   string
	Possible     int    `xml:"SessionsPossible"`
	Authorised   int    `xml:"SessionsAuthorised"`
	Attended     int    `xml:"SessionsAttended"`
	Unauthorised int    `xml:"SessionsUnauthorised"`
	Start        string `xml:"AttendSessions>AttendanceStartDate"`
	Marks        string `xml:"AttendSessions>AttendanceMarks"`
}

type ctfSchool struct {
	LEA         string
	Estab       string
	SchoolName  string
	EntryDate   string
	LeavingDate string `xml:",omitempty"`

	LeavingReason string `xml:",omitempty"`
	LastSchool    *bool  `xml:",omitempty"`
}
