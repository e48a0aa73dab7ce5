package record

// A SchoolHistory is one stay of a pupil at a school, this one or an earlier
// one (CTF SchoolHistory, standards.md §4.2).
type SchoolHistory struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the entry or, where the route
	// has none, from the school and the entry date.
	ID            string `json:"school_history"`
	LEA           string `json:"LEA,omitempty"`   // authority, three digits
	Estab         string `json:"Estab,omitempty"` // the school's number within it, four digits
	URN           string `json:"URN,omitempty"`   // six digits
	SchoolName    string `json:"SchoolName,omitempty"`
	EntryDate     Date   `json:"EntryDate,omitempty"`
	LeavingDate   Date   `json:"LeavingDate,omitempty"` // last day on roll
	LeavingReason string `json:"LeavingReason,omitempty" codes:"leaving_reason"`
	LastSchool    *bool  `json:"LastSchool,omitempty"`
}

// Dataset is DatasetSchoolHistory.
func (h *SchoolHistory) Dataset() Dataset { return DatasetSchoolHistory }

// Pupil is the id of the pupil who was there.
func (h *SchoolHistory) Pupil() PupilID { return h.PupilID }

// Key is the pupil's id, a slash and the entry's id.
func (h *SchoolHistory) Key() Key { return subKey(h.PupilID, h.ID) }
