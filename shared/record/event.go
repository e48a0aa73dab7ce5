package record

// A Behaviour is one incident that a school recorded of a pupil.
type Behaviour struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the incident or, where the
	// route has none, from its date, type and category.
	ID       string `json:"behaviour"`
	Date     Date   `json:"Date,omitempty"`
	Type     string `json:"Type,omitempty"`
	Category string `json:"Category,omitempty"`
	Points   int    `json:"Points,omitempty"`
	Status   string `json:"Status,omitempty"`
	Comments string `json:"Comments,omitempty"`
}

// Dataset is DatasetBehaviour.
func (b *Behaviour) Dataset() Dataset { return DatasetBehaviour }

// Pupil is the id of the pupil.
func (b *Behaviour) Pupil() PupilID { return b.PupilID }

// Key is the pupil's id, a slash and the incident's id.
func (b *Behaviour) Key() Key { return subKey(b.PupilID, b.ID) }

// An Achievement is one thing that a school praised a pupil for.
type Achievement struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the achievement or, where the
	// route has none, from its date, type and category.
	ID       string `json:"achievement"`
	Date     Date   `json:"Date,omitempty"`
	Type     string `json:"Type,omitempty"`
	Category string `json:"Category,omitempty"`
	Points   int    `json:"Points,omitempty"`
	Status   string `json:"Status,omitempty"`
	Comments string `json:"Comments,omitempty"`
}

// Dataset is DatasetAchievement.
func (a *Achievement) Dataset() Dataset { return DatasetAchievement }

// Pupil is the id of the pupil.
func (a *Achievement) Pupil() PupilID { return a.PupilID }

// Key is the pupil's id, a slash and the achievement's id.
func (a *Achievement) Key() Key { return subKey(a.PupilID, a.ID) }

// A Detention is one detention that a pupil was given, past or to come.
type Detention struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the detention or, where the
	// route has none, from its date, start time and type.
	ID        string `json:"detention"`
	Date      Date   `json:"Date,omitempty"`
	StartTime string `json:"StartTime,omitempty"` // HH:MM of the school's day
	EndTime   string `json:"EndTime,omitempty"`
	Type      string `json:"Type,omitempty"`
	Attended  *bool  `json:"Attended,omitempty"` // empty while it is not known
	Comments  string `json:"Comments,omitempty"`
}

// Dataset is DatasetDetention.
func (d *Detention) Dataset() Dataset { return DatasetDetention }

// Pupil is the id of the pupil.
func (d *Detention) Pupil() PupilID { return d.PupilID }

// Key is the pupil's id, a slash and the detention's id.
func (d *Detention) Key() Key { return subKey(d.PupilID, d.ID) }

// An Exclusion is one suspension or permanent exclusion of a pupil.
type Exclusion struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the exclusion or, where the
	// route has none, from its category and start date.
	ID       string   `json:"exclusion"`
	Category string   `json:"Category,omitempty" codes:"suspension_category"`
	Reasons  []string `json:"Reasons,omitempty" codes:"suspension_reason"` // up to three since 2021
	// StartDate and EndDate are the first and the last day of it, StartSession
	// and EndSession AM or PM of those days.
	StartDate    Date   `json:"StartDate,omitempty"`
	EndDate      Date   `json:"EndDate,omitempty"`
	StartSession string `json:"StartSession,omitempty"`
	EndSession   string `json:"EndSession,omitempty"`
	// Sessions counts half days; a permanent exclusion has none.
	Sessions int    `json:"Sessions,omitempty"`
	Review   string `json:"Review,omitempty" codes:"exclusion_review_result"`
	Comments string `json:"Comments,omitempty"`
}

// Dataset is DatasetExclusion.
func (e *Exclusion) Dataset() Dataset { return DatasetExclusion }

// Pupil is the id of the pupil.
func (e *Exclusion) Pupil() PupilID { return e.PupilID }

// Key is the pupil's id, a slash and the exclusion's id.
func (e *Exclusion) Key() Key { return subKey(e.PupilID, e.ID) }
