package mis

import (
	"maps"
	"slices"

	"rollbridge/shared/record"
)

// Fields that code beside the descriptions names, by their numbers.
var (
	pupilFields        = descriptions[record.DatasetPupil]
	pID                = pupilFields.number("pupil")
	pInCare            = pupilFields.number("InCare")
	pAuthority         = pupilFields.number("CareAuthority")
	pUPN               = pupilFields.number("UPN")
	pFormerUPN         = pupilFields.number("FormerUPN")
	pULN               = pupilFields.number("UniqueLearnerNumber")
	pSurname           = pupilFields.number("Surname")
	pForename          = pupilFields.number("Forename")
	pMiddle            = pupilFields.number("MiddleNames")
	pPreferredSurname  = pupilFields.number("PreferredSurname")
	pPreferredForename = pupilFields.number("PreferredForename")
	pFormerSurname     = pupilFields.number("FormerSurname")
	pDOB               = pupilFields.number("DOB")
	pSex               = pupilFields.number("Sex")
	pYear              = pupilFields.number("NCyearActual")
	pEmail             = pupilFields.number("Email")
	pPhone             = pupilFields.number("Phone")
	pFSM               = pupilFields.number("FSMeligible")
	pEnrolStatus       = pupilFields.number("EnrolStatus")
	pEntry             = pupilFields.number("EntryDate")
	pLeaving           = pupilFields.number("LeavingDate")

	contactFields = descriptions[record.DatasetContact]
	cHome         = contactFields.number("Phones.home")
	cMobile       = contactFields.number("Phones.mobile")
	cWork         = contactFields.number("Phones.work")
	cOther        = contactFields.number("Phones.other")
	cAddress      = contactFields.number("Addresses.lines")
	cPostCode     = contactFields.number("Addresses.PostCode")

	markFields = descriptions[record.DatasetAttendance]
	aDate      = markFields.number("date")
	aSession   = markFields.number("session")
	aMark      = markFields.number("mark")
	aLate      = markFields.number("late")
)

// ofPupilID is the number of the pupil's id in every dataset of pupils.
const ofPupilID = 0

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
