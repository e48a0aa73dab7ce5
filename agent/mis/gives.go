package mis

import (
	"slices"

	"rollbridge/shared/record"
)

// ctfFields are what the rules of a common transfer file fill in, beside the
// fields that every record has (record.Field.Always).
var ctfFields = map[record.Dataset][]string{
	record.DatasetPupil: {"UPN", "FormerUPN", "UniqueLearnerNumber", "Surname", "Forename", "MiddleNames", "PreferredSurname", "PreferredForename",
		"FormerSurname", "FormerForename", "DOB", "Sex", "NCyearActual", "Email", "Phone", "FSMeligible", "EnrolStatus", "EntryDate", "LeavingDate"},
	record.DatasetSchoolHistory: {"LEA", "Estab", "SchoolName", "EntryDate", "LeavingDate", "LeavingReason", "LastSchool"},
	record.DatasetSEN:           {"SENprovision", "StartDate", "SENneeds"},
	record.DatasetWelfare:       {"MedicalFlag", "Disabilities"},
	record.DatasetContact:       {"Title", "Forename", "Surname", "Relationship", "Order", "Responsibility", "Phones", "Emails", "Addresses"},
	record.DatasetAttendance:    {"localAM", "localPM"},
	record.DatasetAssessmentResult: {"Stage", "Locale", "Year", "Subject", "Method", "Component", "ResultStatus", "ResultQualifier", "Result",
		"ResultDate"},
}

// Fields are those that the profile, with the site's own settings, can bring:
// by dataset, in the order of record.Fields, beside those marked Always. No row
// has another one. The lists are the caller's own.
func (s *Source) Fields() map[record.Dataset][]string {
	all := map[record.Dataset][]string{}
	for d, own := range s.plan.datasets {
		gives := func(name string) bool { return slices.Contains(own.gives(), name) }
		if s.plan.format == "ctf" {
			gives = func(name string) bool { return slices.Contains(ctfFields[d], name) }
		}
		all[d] = []string{}
		for _, f := range record.Fields(d) {
			if !f.Always && gives(f.Name) {
				all[d] = append(all[d], f.Name)
			}
		}
	}
	return all
}

// gives are the fields of the record that the columns of a route fill in.
func (d *datasetPlan) gives() []string {
	var names []string
	known := record.Fields(d.about.dataset)
	for i, f := range d.about.fields {
		if d.headings[i] != "" && f.at >= 0 {
			names = append(names, known[f.at].Name)
		}
	}
	if d.about.dataset == record.DatasetAttendance { // made of the marks of a week
		names = append(names, "localAM", "localPM")
		if d.headings[aLate] != "" {
			names = append(names, "lateAM", "latePM")
		}
	}
	return names
}
