package record

// An ExamResult is one result of a pupil in a public examination.
type ExamResult struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the result or, where the route
	// has none, from season, board, qualification, subject and component.
	ID            string `json:"exam_result"`
	Season        string `json:"Season,omitempty"` // CCYY-MM
	Board         string `json:"Board,omitempty"`
	Level         string `json:"Level,omitempty"`
	Qualification string `json:"Qualification,omitempty"` // its number (QN) or title
	Subject       string `json:"Subject,omitempty"`
	Component     string `json:"Component,omitempty"`
	Result        string `json:"Result,omitempty"`
	ResultDate    Date   `json:"ResultDate,omitempty"`
}

// Dataset is DatasetExamResult.
func (e *ExamResult) Dataset() Dataset { return DatasetExamResult }

// Pupil is the id of the pupil.
func (e *ExamResult) Pupil() PupilID { return e.PupilID }

// Key is the pupil's id, a slash and the result's id.
func (e *ExamResult) Key() Key { return subKey(e.PupilID, e.ID) }

// An AssessmentResult is one statutory or school assessment of a pupil, or a
// target or estimate of one: ResultStatus tells which (CTF StageAssessment).
type AssessmentResult struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the result or, where the route
	// has none, from what is assessed, its status and its date.
	ID              string `json:"assessment_result"`
	Stage           string `json:"Stage,omitempty" codes:"assessment_stage"`
	Locale          string `json:"Locale,omitempty" codes:"assessment_locale"`
	Year            string `json:"Year,omitempty"` // of the assessment, as the MIS writes it
	Subject         string `json:"Subject,omitempty"`
	Method          string `json:"Method,omitempty"`
	Component       string `json:"Component,omitempty"`
	ResultStatus    string `json:"ResultStatus,omitempty" codes:"result_status"`
	ResultQualifier string `json:"ResultQualifier,omitempty" codes:"result_qualifier"`
	Result          string `json:"Result,omitempty"`
	ResultDate      Date   `json:"ResultDate,omitempty"`
	Aspect          string `json:"Aspect,omitempty"`
	ResultSet       string `json:"ResultSet,omitempty"`
}

// Dataset is DatasetAssessmentResult.
func (a *AssessmentResult) Dataset() Dataset { return DatasetAssessmentResult }

// Pupil is the id of the pupil.
func (a *AssessmentResult) Pupil() PupilID { return a.PupilID }

// Key is the pupil's id, a slash and the result's id.
func (a *AssessmentResult) Key() Key { return subKey(a.PupilID, a.ID) }

// A KPI is one figure that a school keeps of a pupil over a period.
type KPI struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the figure or, where the route
	// has none, from its name, period and date.
	ID     string `json:"kpi"`
	Name   string `json:"Name,omitempty"`
	Period string `json:"Period,omitempty"`
	Value  string `json:"Value,omitempty"` // as the MIS writes it: a number, a grade or a word
	Target string `json:"Target,omitempty"`
	Date   Date   `json:"Date,omitempty"`
}

// Dataset is DatasetKPI.
func (k *KPI) Dataset() Dataset { return DatasetKPI }

// Pupil is the id of the pupil.
func (k *KPI) Pupil() PupilID { return k.PupilID }

// Key is the pupil's id, a slash and the figure's id.
func (k *KPI) Key() Key { return subKey(k.PupilID, k.ID) }
