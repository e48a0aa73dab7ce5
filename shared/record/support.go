package record

// A SEN is one period of special educational need of a pupil: what is provided
// and, by rank, for which needs.
type SEN struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the entry or, where the route
	// has none, from its start date.
	ID           string    `json:"sen"`
	SENProvision string    `json:"SENprovision,omitempty" codes:"sen_provision"`
	StartDate    Date      `json:"StartDate,omitempty"`
	EndDate      Date      `json:"EndDate,omitempty"`
	SENNeeds     []SENNeed `json:"SENneeds,omitempty"`
}

// A SENNeed is one type of need; rank 1 is the primary one, ranks have no gap.
// BESD, which SEMH replaced, is kept: the two are not the same.
type SENNeed struct {
	Rank int    `json:"SENtypeRank,omitempty"`
	Type string `json:"SENtype,omitempty" codes:"sen_type"`
}

// Dataset is DatasetSEN.
func (s *SEN) Dataset() Dataset { return DatasetSEN }

// Pupil is the id of the pupil.
func (s *SEN) Pupil() PupilID { return s.PupilID }

// Key is the pupil's id, a slash and the entry's id.
func (s *SEN) Key() Key { return subKey(s.PupilID, s.ID) }

// A Welfare is what a school's welfare page says of a pupil; each has one.
type Welfare struct {
	PupilID             PupilID `json:"pupil"`
	ProtectionPlan      *bool   `json:"ProtectionPlan,omitempty"`
	ProtectionAuthority string  `json:"ProtectionAuthority,omitempty"`
	YoungCarer          string  `json:"YoungCarer,omitempty" codes:"young_carer_indicator"`
	// PostLookedAfterArrangements says how a pupil ceased to be looked after.
	PostLookedAfterArrangements string   `json:"PostLookedAfterArrangements,omitempty" codes:"post_looked_after_arrangement"`
	KinshipCare                 string   `json:"KinshipCare,omitempty" codes:"kinship_care_indicator"`
	ServiceChild                string   `json:"ServiceChild,omitempty" codes:"service_child_indicator"`
	MedicalFlag                 *bool    `json:"MedicalFlag,omitempty"` // that there is a condition, never which
	Disabilities                []string `json:"Disabilities,omitempty" codes:"disability"`
}

// Dataset is DatasetWelfare.
func (w *Welfare) Dataset() Dataset { return DatasetWelfare }

// Pupil is the id of the pupil.
func (w *Welfare) Pupil() PupilID { return w.PupilID }

// Key is the pupil's id.
func (w *Welfare) Key() Key { return Key(w.PupilID) }

// A PEP is one personal education plan of a pupil.
type PEP struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the plan or, where the route
	// has none, from its start date.
	ID         string `json:"pep"`
	StartDate  Date   `json:"StartDate,omitempty"`
	ReviewDate Date   `json:"ReviewDate,omitempty"`
	EndDate    Date   `json:"EndDate,omitempty"`
	Status     string `json:"Status,omitempty"` // the MIS's own word
}

// Dataset is DatasetPEP.
func (p *PEP) Dataset() Dataset { return DatasetPEP }

// Pupil is the id of the pupil.
func (p *PEP) Pupil() PupilID { return p.PupilID }

// Key is the pupil's id, a slash and the plan's id.
func (p *PEP) Key() Key { return subKey(p.PupilID, p.ID) }
