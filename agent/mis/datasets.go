package mis

import (
	"slices"

	"rollbridge/shared/record"
)

// descriptions are those of all datasets.
var descriptions = func() map[record.Dataset]*description {
	all := map[record.Dataset]*description{}
	for _, group := range []map[record.Dataset]description{peopleDatasets, supportDatasets, eventDatasets, resultDatasets} {
		for d, made := range group {
			made.fields = withFields(d, made.fields)
			all[d] = describe(d, made)
		}
	}
	return all
}()

// ofPupil begins the fields of what hangs on a pupil and has an id of its own.
func ofPupil(d record.Dataset, more ...[]field) []field {
	return slices.Concat(a(owner, "pupil"), a(ownID, string(d)), slices.Concat(more...))
}

// phoneFields are the numbers of a person by what they are.
func phoneFields() []field {
	return slices.Concat(a(phone("H"), "Phones.home"), a(phone("M"), "Phones.mobile"), a(phone("W"), "Phones.work"), a(phone(""), "Phones.other"))
}

func addressFields() []field {
	return slices.Concat(a(addressLines, "Addresses.lines"), a(postcode, "Addresses.PostCode"))
}

// Limits of numbers. What lies outside is a shifted column.
const (
	maxOrder    = 99
	maxPoints   = 100_000
	maxSessions = 1000
	maxRank     = 99
)

var peopleDatasets = map[record.Dataset]description{
	record.DatasetPupil: {
		needed: []string{"pupil", "InCare", "CareAuthority"}, rows: 500_000, usual: true,
		fields: slices.Concat(
			a(owner, "pupil"), a(marker, "InCare"), a(careAuthority, "CareAuthority"),
			a(upn, "UPN"), a(formerUPN, "FormerUPN"), a(uln, "UniqueLearnerNumber"),
			a(text, "AdmissionNumber", "Surname", "Forename", "MiddleNames", "PreferredSurname", "PreferredForename", "FormerSurname", "FormerForename"),
			a(date, "DOB"), a(code, "Sex"), a(text, "Gender"), a(yearGroup, "NCyearActual"),
			a(text, "RegGroup", "House", "Email", "Phone"),
			a(date, "CareStart", "CareEnd"),
			a(yesNo, "InCareAtCurrentSchool", "PersonalEducationPlan", "FSMeligible", "PupilPremium"),
			a(code, "PupilPremiumIndicator", "EnrolStatus"), a(date, "EntryDate", "LeavingDate"),
		),
	},
	record.DatasetContact: {
		thing:  "contact",
		needed: []string{"pupil"}, rows: 5_000_000, usual: true,
		identity: []string{"Forename", "Surname", "Relationship"}, said: []string{"Forename", "Surname"},
		fields: ofPupil(record.DatasetContact,
			a(text, "Title", "Forename", "Surname"), a(code, "Relationship"), between(0, maxOrder, "Order"), a(yesNo, "Responsibility"),
			phoneFields(), a(emails, "Emails"), addressFields()),
	},
	record.DatasetAgencyContact: {
		thing:  "agency contact",
		needed: []string{"pupil"}, rows: 5_000_000,
		identity: []string{"Agency", "Role", "Forename", "Surname"},
		fields: ofPupil(record.DatasetAgencyContact,
			a(text, "Agency", "AgencyType", "Role", "Title", "Forename", "Surname"), phoneFields(), a(emails, "Emails"), addressFields()),
	},
	// Only those whom an authority must reach. The bound is below the staff of
	// most schools, so that a list of everybody is refused and not sent.
	record.DatasetStaff: {
		thing: "member of staff",
		rows:  50, usual: true, tooMany: "give the designated teacher and those who are named for looked-after children only, not all staff",
		identity: []string{"Role", "Forename", "Surname"}, said: []string{"Forename", "Surname"},
		fields: slices.Concat(a(ownID, "staff"),
			a(text, "Role", "Title", "Forename", "Surname", "Email", "Phone"), addressFields()),
	},
}

var supportDatasets = map[record.Dataset]description{
	record.DatasetSchoolHistory: {
		thing:  "school",
		needed: []string{"pupil"}, rows: 5_000_000, usual: true,
		identity: []string{"LEA", "Estab", "URN", "SchoolName", "EntryDate"}, said: []string{"LEA", "Estab", "URN", "SchoolName"},
		fields: ofPupil(record.DatasetSchoolHistory,
			a(authority, "LEA"), a(text, "Estab", "URN", "SchoolName"), a(date, "EntryDate", "LeavingDate"),
			a(code, "LeavingReason"), a(yesNo, "LastSchool")),
	},
	record.DatasetSEN: {
		thing:  "period of special needs",
		needed: []string{"pupil"}, rows: 5_000_000,
		identity: []string{"StartDate"},
		fields: ofPupil(record.DatasetSEN,
			a(code, "SENprovision"), a(date, "StartDate", "EndDate"),
			a(needs, needsName), a(needRank, needRankName), a(needType, needTypeName)),
	},
	record.DatasetWelfare: {
		needed: []string{"pupil"}, rows: 500_000, usual: true,
		fields: slices.Concat(a(owner, "pupil"),
			a(yesNo, "ProtectionPlan"), a(authority, "ProtectionAuthority"),
			a(code, "YoungCarer", "PostLookedAfterArrangements", "KinshipCare", "ServiceChild"),
			a(yesNo, "MedicalFlag"), a(codeList, "Disabilities")),
	},
	record.DatasetPEP: {
		thing:  "plan",
		needed: []string{"pupil"}, rows: 5_000_000,
		identity: []string{"StartDate"},
		fields:   ofPupil(record.DatasetPEP, a(date, "StartDate", "ReviewDate", "EndDate"), a(text, "Status")),
	},
}

var eventDatasets = map[record.Dataset]description{
	record.DatasetAttendance: {
		needed: []string{"pupil", "date", "session", "mark"}, rows: 200_000_000, usual: true,
		fields: slices.Concat(a(owner, "pupil"), a(ofSession, "date"), a(codeOfSession, "session", "mark"), a(ofSession, "late")),
	},
	record.DatasetBehaviour:   conduct(record.DatasetBehaviour),
	record.DatasetAchievement: conduct(record.DatasetAchievement),
	record.DatasetDetention: {
		thing:  "detention",
		needed: []string{"pupil"}, rows: 20_000_000,
		identity: []string{"Date", "StartTime", "Type"},
		fields: ofPupil(record.DatasetDetention,
			a(moment, "Date"), a(clockTime, "StartTime", "EndTime"), a(text, "Type"), a(yesNo, "Attended"), a(comment, "Comments")),
	},
	record.DatasetExclusion: {
		thing:  "exclusion",
		needed: []string{"pupil"}, rows: 5_000_000,
		identity: []string{"Category", "StartDate"},
		fields: ofPupil(record.DatasetExclusion,
			a(code, "Category"), a(codeList, "Reasons"), a(moment, "StartDate", "EndDate"), a(halfDay, "StartSession", "EndSession"),
			between(0, maxSessions, "Sessions"), a(code, "Review"), a(comment, "Comments")),
	},
}

func conduct(d record.Dataset) description {
	return description{
		thing: "entry", needed: []string{"pupil"}, rows: 50_000_000,
		identity: []string{"Date", "Type", "Category"},
		fields: ofPupil(d, a(moment, "Date"), a(text, "Type", "Category"), between(-maxPoints, maxPoints, "Points"),
			a(text, "Status"), a(comment, "Comments")),
	}
}

var resultDatasets = map[record.Dataset]description{
	record.DatasetExamResult: {
		thing:  "exam result",
		needed: []string{"pupil"}, rows: 20_000_000,
		identity: []string{"Season", "Board", "Qualification", "Subject", "Component"},
		fields: ofPupil(record.DatasetExamResult,
			a(month, "Season"), a(text, "Board", "Level", "Qualification", "Subject", "Component", "Result"), a(moment, "ResultDate")),
	},
	record.DatasetAssessmentResult: {
		thing:  "assessment result",
		needed: []string{"pupil"}, rows: 50_000_000,
		identity: []string{"Stage", "Year", "Subject", "Method", "Component", "ResultQualifier", "ResultStatus", "ResultDate", "Aspect", "ResultSet"},
		fields: ofPupil(record.DatasetAssessmentResult,
			a(code, "Stage", "Locale"), a(text, "Year", "Subject", "Method", "Component"), a(code, "ResultStatus", "ResultQualifier"),
			a(text, "Result"), a(moment, "ResultDate"), a(text, "Aspect", "ResultSet")),
	},
	record.DatasetKPI: {
		thing:  "figure",
		needed: []string{"pupil"}, rows: 20_000_000,
		identity: []string{"Name", "Period", "Date"},
		fields:   ofPupil(record.DatasetKPI, a(text, "Name", "Period", "Value", "Target"), a(moment, "Date")),
	},
}
