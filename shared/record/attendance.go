package record

// An Attendance is one pupil's marks of one week, Monday first. Two marks a
// day; each is a DfE code of one or two characters, or empty where no mark has
// been taken: an empty mark is not an absence (standards.md §3.2).
type Attendance struct {
	PupilID PupilID `json:"pupil"`
	// Week is the Monday of the week.
	Week Date `json:"week"`
	// AM and PM hold five codes, or seven where the week has weekend marks.
	AM []string `json:"am"`
	PM []string `json:"pm"`
	// LocalAM and LocalPM hold what the MIS itself writes, same length as AM
	// and PM, and are left out where every mark is the DfE code already.
	LocalAM []string `json:"localAM,omitempty"`
	LocalPM []string `json:"localPM,omitempty"`
	// LateAM and LatePM are minutes late, same length, left out where all 0.
	LateAM []int `json:"lateAM,omitempty"`
	LatePM []int `json:"latePM,omitempty"`
}

// Dataset is DatasetAttendance.
func (a *Attendance) Dataset() Dataset { return DatasetAttendance }

// Pupil is the id of the pupil the marks are of.
func (a *Attendance) Pupil() PupilID { return a.PupilID }

// Key is the pupil's id, a slash and the Monday.
func (a *Attendance) Key() Key { return subKey(a.PupilID, string(a.Week)) }
