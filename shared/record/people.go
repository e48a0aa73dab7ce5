package record

// An AgencyContact is one person outside school and family who works with a
// pupil, such as the social worker.
type AgencyContact struct {
	PupilID PupilID `json:"pupil"`
	// ID is made by NewSubID from the MIS's id of the person or, where the route
	// has none, from agency, role and names.
	ID         string    `json:"agency_contact"`
	Agency     string    `json:"Agency,omitempty"`
	AgencyType string    `json:"AgencyType,omitempty"`
	Role       string    `json:"Role,omitempty"`
	Title      string    `json:"Title,omitempty"`
	Forename   string    `json:"Forename,omitempty"`
	Surname    string    `json:"Surname,omitempty"`
	Phones     []Phone   `json:"Phones,omitempty"`
	Emails     []string  `json:"Emails,omitempty"`
	Addresses  []Address `json:"Addresses,omitempty"`
}

// Dataset is DatasetAgencyContact.
func (a *AgencyContact) Dataset() Dataset { return DatasetAgencyContact }

// Pupil is the id of the pupil.
func (a *AgencyContact) Pupil() PupilID { return a.PupilID }

// Key is the pupil's id, a slash and the person's id.
func (a *AgencyContact) Key() Key { return subKey(a.PupilID, a.ID) }

// A Staff is one member of a school's staff whom an authority must reach: the
// designated teacher and the contacts named for looked-after children, nobody
// else. It is about no pupil and belongs to the school.
type Staff struct {
	// ID is made by NewSubID from the MIS's id of the person or, where the route
	// has none, from role and names.
	ID        string    `json:"staff"`
	Role      string    `json:"Role,omitempty"`
	Title     string    `json:"Title,omitempty"`
	Forename  string    `json:"Forename,omitempty"`
	Surname   string    `json:"Surname,omitempty"`
	Email     string    `json:"Email,omitempty"`
	Phone     string    `json:"Phone,omitempty"`
	Addresses []Address `json:"Addresses,omitempty"`
}

// Dataset is DatasetStaff.
func (s *Staff) Dataset() Dataset { return DatasetStaff }

// Pupil is empty: staff belong to the school.
func (s *Staff) Pupil() PupilID { return "" }

// Key is the person's id.
func (s *Staff) Key() Key { return Key(s.ID) }
