package mis

import (
	"maps"
	"slices"

	"rollbridge/shared/record"
)

// A raw row is one row as the MIS has it: the trimmed text of every field that
// the route carries, by the numbers below, empty where it carries none.
type rawRow []string

// Fields of a pupil row.
const (
	pID = iota
	pInCare
	pAuthority
	pUPN
	pFormerUPN
	pULN
	pAdmission
	pSurname
	pForename
	pMiddle
	pPreferredSurname
	pPreferredForename
	pFormerSurname
	pDOB
	pSex
	pYear
	pRegGroup
	pHouse
	pEmail
	pPhone
	pCareStart
	pCareEnd
	pPEP
	pFSM
	pPremium
	pEnrolStatus
	pEntry
	pLeaving
)

// Fields of a contact row.
const (
	cPupil = iota
	cID
	cTitle
	cForename
	cSurname
	cRelationship
	cOrder
	cResponsibility
	cHome
	cMobile
	cWork
	cOther
	cEmail
	cAddress
	cPostCode
)

// Fields of an attendance row.
const (
	aPupil = iota
	aDate
	aSession
	aMark
	aLate
)

// fieldNames are the names that profiles use, in the order of the numbers:
// those of the record's encoding, with a dot for a part of a list.
var fieldNames = map[record.Dataset][]string{
	record.DatasetPupil: {
		"pupil", "InCare", "CareAuthority", "UPN", "FormerUPN", "UniqueLearnerNumber", "AdmissionNumber", "Surname",
		"Forename", "MiddleNames", "PreferredSurname", "PreferredForename", "FormerSurname", "DOB", "Sex", "NCyearActual",
		"RegGroup", "House", "Email", "Phone", "CareStart", "CareEnd", "PersonalEducationPlan", "FSMeligible",
		"PupilPremium", "EnrolStatus", "EntryDate", "LeavingDate",
	},
	record.DatasetContact: {
		"pupil", "contact", "Title", "Forename", "Surname", "Relationship", "Order", "Responsibility", "Phones.home",
		"Phones.mobile", "Phones.work", "Phones.other", "Emails", "Addresses.lines", "Addresses.PostCode",
	},
	record.DatasetAttendance: {"pupil", "date", "session", "mark", "late"},
}

// neededFields are those without which rows mean nothing.
var neededFields = map[record.Dataset][]string{
	record.DatasetPupil:      {"pupil", "InCare", "CareAuthority"},
	record.DatasetContact:    {"pupil"},
	record.DatasetAttendance: {"pupil", "date", "session", "mark"},
}

// codedFields may have value rules: what the MIS writes to the code it means.
var codedFields = map[record.Dataset][]string{
	record.DatasetPupil:      {"CareAuthority", "Sex", "NCyearActual", "EnrolStatus"},
	record.DatasetContact:    {"Relationship"},
	record.DatasetAttendance: {"session", "mark"},
}

func knownDatasets() []string {
	var names []string
	for _, d := range record.Datasets() {
		names = append(names, string(d))
	}
	return names
}

// sortedDatasets are the datasets of a settings section in a fixed order, so
// that of two faults the same is always named.
func sortedDatasets[V any](section map[record.Dataset]V) []record.Dataset {
	return slices.Sorted(maps.Keys(section))
}
