package demoschool

import "time"

// A Ref says whose an entry is and which of the pupil's. IDs are the MIS's own
// and unlike in every dataset.
type Ref struct{ PupilID, ID string }

func (r *Ref) ref() *Ref { return r }

// An Answer is a question that an MIS may leave open.
type Answer int8

// The answers. The zero value is that nobody knows.
const (
	Unknown Answer = iota
	Yes
	No
)

// Bool is nil for an open question.
func (a Answer) Bool() *bool {
	if a == Unknown {
		return nil
	}
	yes := a == Yes
	return &yes
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// SchoolHistory is one stay at a school. The last of a pupil is this school's.
type SchoolHistory struct {
	Ref
	LEA, Estab, URN string
	SchoolName      string
	EntryDate       time.Time
	LeavingDate     time.Time
	LeavingReason   string // CBDS leaving reason
	LastSchool      Answer
}

// SEN is one period of special educational need.
type SEN struct {
	Ref
	Provision string // N, K or E
	StartDate time.Time
	EndDate   time.Time
	Needs     []string // CBDS types of need, the first of rank 1
}

// Welfare is the one page of indicators of a pupil; its ID is empty.
type Welfare struct {
	Ref
	ProtectionPlan      Answer
	ProtectionAuthority string
	YoungCarer          string // P, S or N
	PostLookedAfter     string // N, A, G, R, C or O
	KinshipCare         string // ND, KF, KI or KU
	ServiceChild        string // Y, N, U or R
	MedicalFlag         Answer
	Disabilities        []string
}

// PEP is one personal education plan.
type PEP struct {
	Ref
	StartDate  time.Time
	ReviewDate time.Time
	EndDate    time.Time
	Status     string
}

// AgencyContact is one person of an agency who works with a pupil. The same
// person is there under one ID for each pupil.
type AgencyContact struct {
	Ref
	Agency     string
	AgencyType string
	Role       string
	Title      string
	Forename   string
	Surname    string
	WorkPhone  string
	Mobile     string
	Email      string
	Address    string // parts separated by ", "
	Postcode   string
}

// Conduct is one entry of the behaviour book or of the achievement book.
type Conduct struct {
	Ref
	Date     time.Time
	Type     string
	Category string
	Points   int
	Status   string
	Comments string
}

// Detention is one detention. Times are HH:MM.
type Detention struct {
	Ref
	Date      time.Time
	StartTime string
	EndTime   string
	Type      string
	Attended  Answer
	Comments  string
}

// Exclusion is one suspension or permanent exclusion.
type Exclusion struct {
	Ref
	Category     string   // SUSP, PERM or LNCH
	Reasons      []string // CBDS, one to three
	StartDate    time.Time
	EndDate      time.Time
	StartSession Session
	EndSession   Session
	Sessions     int    // 0 for PERM
	Review       string // CBDS review result
	Comments     string
}

// ExamResult is one result in a public examination.
type ExamResult struct {
	Ref
	Season        string // CCYY-MM
	Board         string
	Level         string
	Qualification string // number
	Subject       string
	Component     string
	Result        string
	ResultDate    time.Time
}

// AssessmentResult is one assessment: of the key stage where Stage is given,
// which is what a CTF carries, else the school's own, of a result set.
type AssessmentResult struct {
	Ref
	Stage           string
	Locale          string
	Year            string
	Subject         string
	Method          string
	Component       string
	ResultStatus    string
	ResultQualifier string
	Result          string
	ResultDate      time.Time
	Aspect          string
	ResultSet       string
}

// KPI is one figure that the school keeps of a pupil.
type KPI struct {
	Ref
	Name   string
	Period string
	Value  string
	Target string
	Date   time.Time
}

// Staff is one member of staff. An empty Role is somebody who has none for
// looked-after children, and whom nobody may be told of.
type Staff struct {
	ID       string
	Role     string
	Title    string
	Forename string
	Surname  string
	Email    string
	Phone    string
	Address  string // parts separated by ", "
	Postcode string
}

// What carries the canary: texts before, telephone numbers behind. Codes and
// what a reader must recognise stay as they are, so that two datasets of
// nothing else (SEN, Welfare) carry none.

func (h *SchoolHistory) personal() (texts, phones []*string) { return []*string{&h.SchoolName}, nil }
func (e *SEN) personal() (texts, phones []*string)           { return nil, nil }
func (w *Welfare) personal() (texts, phones []*string)       { return nil, nil }
func (p *PEP) personal() (texts, phones []*string)           { return []*string{&p.Status}, nil }
func (a *AgencyContact) personal() (texts, phones []*string) {
	return []*string{&a.Forename, &a.Surname, &a.Email, &a.Address}, []*string{&a.WorkPhone, &a.Mobile}
}
func (c *Conduct) personal() (texts, phones []*string) {
	return []*string{&c.Type, &c.Comments}, nil
}
func (d *Detention) personal() (texts, phones []*string) {
	return []*string{&d.Type, &d.Comments}, nil
}
func (e *Exclusion) personal() (texts, phones []*string)  { return []*string{&e.Comments}, nil }
func (e *ExamResult) personal() (texts, phones []*string) { return []*string{&e.Subject}, nil }
func (a *AssessmentResult) personal() (texts, phones []*string) {
	return []*string{&a.Aspect}, nil
}
func (k *KPI) personal() (texts, phones []*string) { return []*string{&k.Name}, nil }
func (s *Staff) personal() (texts, phones []*string) {
	return []*string{&s.Forename, &s.Surname, &s.Email, &s.Address}, []*string{&s.Phone}
}
