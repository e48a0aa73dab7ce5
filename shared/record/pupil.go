package record

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// A PupilID is 32 lower-case hexadecimal digits: the first 16 bytes of
// HMAC-SHA-256 under the school's id key. It says nothing without that key.
type PupilID string

// Valid says whether id has the form of a PupilID.
func (id PupilID) Valid() bool { return len(id) == 32 && isHex(string(id)) }

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// NewPupilID makes the id of a pupil (design.md §4) from the MIS's own id and
// the permanent UPN if there is one. Where the route has no MIS id, parts are
// the UPN, or else legal surname, legal forename, date of birth and sex. Parts
// are length-prefixed, so no two lists of parts collide.
func NewPupilID(idKey []byte, parts ...string) PupilID {
	return PupilID(keyed(idKey, "rollbridge/pupil/v1", parts))
}

// NewSubID makes the part of a Key that tells one pupil's records of a dataset
// apart, from identifiers that must not travel in clear inside a key.
func NewSubID(idKey []byte, d Dataset, parts ...string) string {
	return keyed(idKey, "rollbridge/sub/v1/"+string(d), parts)
}

func keyed(key []byte, domain string, parts []string) string {
	m := hmac.New(sha256.New, key)
	writePart(m, domain)
	for _, p := range parts {
		writePart(m, p)
	}
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// A Pupil is the registration record of one looked-after pupil. JSON names are
// CBDS tags where CBDS has one.
type Pupil struct {
	ID                  PupilID `json:"pupil"`
	UPN                 string  `json:"UPN,omitempty"`
	FormerUPN           string  `json:"FormerUPN,omitempty"`
	UniqueLearnerNumber string  `json:"UniqueLearnerNumber,omitempty"`
	AdmissionNumber     string  `json:"AdmissionNumber,omitempty"`
	Surname             string  `json:"Surname,omitempty"`
	Forename            string  `json:"Forename,omitempty"`
	MiddleNames         string  `json:"MiddleNames,omitempty"`
	PreferredSurname    string  `json:"PreferredSurname,omitempty"`
	PreferredForename   string  `json:"PreferredForename,omitempty"`
	FormerSurname       string  `json:"FormerSurname,omitempty"`
	FormerForename      string  `json:"FormerForename,omitempty"`
	DOB                 Date    `json:"DOB,omitempty"`
	Sex                 string  `json:"Sex,omitempty" codes:"sex"`
	// Gender is gender identity where the MIS has it, as the MIS writes it.
	Gender       string `json:"Gender,omitempty"`
	NCYearActual string `json:"NCyearActual,omitempty" codes:"nc_year"`
	RegGroup     string `json:"RegGroup,omitempty"`
	House        string `json:"House,omitempty"`
	Email        string `json:"Email,omitempty"`
	Phone        string `json:"Phone,omitempty"`
	InCare       bool   `json:"InCare"`
	// ByRoster says that the pupil is sent because the authority's own roster has
	// the child, with InCare as the school's MIS has it: where that is true, the
	// MIS does not say whose the child is; where it is false, a person at the
	// school has accepted the pupil. Without ByRoster both are the MIS's word.
	ByRoster              bool   `json:"ByRoster,omitempty"`
	CareAuthority         string `json:"CareAuthority,omitempty"`
	CareStart             Date   `json:"CareStart,omitempty"`
	CareEnd               Date   `json:"CareEnd,omitempty"`
	InCareAtCurrentSchool *bool  `json:"InCareAtCurrentSchool,omitempty"`
	PersonalEducationPlan *bool  `json:"PersonalEducationPlan,omitempty"`
	FSMEligible           *bool  `json:"FSMeligible,omitempty"`
	PupilPremium          *bool  `json:"PupilPremium,omitempty"`
	PupilPremiumIndicator string `json:"PupilPremiumIndicator,omitempty" codes:"pupil_premium_indicator"`
	EnrolStatus           string `json:"EnrolStatus,omitempty" codes:"enrolment_status"`
	EntryDate             Date   `json:"EntryDate,omitempty"`
	LeavingDate           Date   `json:"LeavingDate,omitempty"`
}

// Dataset is DatasetPupil.
func (p *Pupil) Dataset() Dataset { return DatasetPupil }

// Pupil is the pupil's own id.
func (p *Pupil) Pupil() PupilID { return p.ID }

// Key is the pupil's id.
func (p *Pupil) Key() Key { return Key(p.ID) }
