package bromcom

import (
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// entities whose columns are known from public code; site.go adds the others.
var entities = map[string]func(*School) []cloud.Row{
	"Students":                        (*School).students,
	"BehaviourEventRecords":           (*School).events,
	"Staff":                           (*School).staff,
	"StudentFlatView":                 (*School).flatView,
	"StudentAttendanceByWeek":         (*School).weeks,
	"AssociationAssessmentResultsRaw": (*School).results,
	"StudentsInCare":                  (*School).inCare,
	"StudentEnrolments":               (*School).enrolments,
	"SENStudents":                     (*School).sen,
	"SENStudentNeeds":                 (*School).needs,
	"StudentAdditionalInformation":    (*School).additional,
	"StudentProtectionRegister":       (*School).register,
	"StudentContacts":                 (*School).contacts,
	"Attendances":                     (*School).attendances,
	"StudentExclusions":               (*School).exclusions,
	"StudentDetentions":               (*School).detentions,
}

func yesNo(yes bool) string {
	if yes {
		return "Yes"
	}
	return "No"
}

// marker is whether a pupil is looked after, blank where nobody has said.
func marker(p *demoschool.Pupil) string {
	if p.InCareUnknown {
		return ""
	}
	return yesNo(p.InCare)
}

// students are of OData. UPN, Gender and the authority are under names that this
// school uses.
func (s *School) students() []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		row := cloud.Row{
			"StudentId": cloud.Number(p.ID), "PreferredFirstName": p.PreferredForename, "PreferredLastName": p.PreferredSurname,
			"LegalFirstName": p.LegalForename, "LegalLastName": p.LegalSurname, "MiddleName": p.MiddleNames,
			"DateOfBirth": day(p.DOB), "DateOfEntry": day(p.EntryDate), "EAL": "No", "FSM": yesNo(p.FSM),
			"PupilPremium": yesNo(p.PupilPremium), "LAC": marker(p), "SENNeed": "", "Provision": "", "ServiceChildDescription": "",
			"House": p.House, "TutorGroup": p.RegGroup, "YearGroup": p.Year,
			"UPN": p.UPN, "AdmissionNumber": p.AdmissionNo, "Gender": p.Sex, "CaringLA": cloud.OrNull(p.CareAuthority),
		}
		for e := range s.SEN.Of(p.ID) {
			if e.EndDate.IsZero() {
				row["Provision"], row["SENNeed"] = e.Provision, strings.Join(e.Needs[:min(1, len(e.Needs))], "")
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// flatView is of the Partner Data API: first and last names are the legal ones.
func (s *School) flatView() []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		row := cloud.Row{
			"StudentId": cloud.Number(p.ID), "PreferredFirstName": p.PreferredForename, "PreferredLastName": p.PreferredSurname,
			"FirstName": p.LegalForename, "LastName": p.LegalSurname, "GenderCode": p.Sex, "DateOfBirth": day(p.DOB),
			"StudentEmail": p.Email, "Upn": p.UPN, "ExamNumber": nil, "AdmissionNumber": p.AdmissionNo, "EthnicityCode": "",
			"ProvisionName": "", "EverFsm6Flag": "No", "InCareFlag": marker(p), "EalFlag": "No", "PremiumPupilFlag": p.PupilPremium,
			"EnrolmentStateName": p.EnrolStatus, "YearGroup": p.Year, "TutorGroupName": p.RegGroup,
		}
		if p.RegGroup == "" {
			row["TutorGroupName"] = "NoTutorGrp"
		}
		n := 0
		for c := range s.Contacts(p.ID) {
			if n++; n > 3 {
				break
			}
			contact := "Contact" + string(rune('0'+n))
			row[contact+"Name"] = strings.TrimSpace(c.Title + " " + c.Forename + " " + c.Surname)
			row[contact+"Telephone"] = Telephone(c)
			row[contact+"Email"] = c.Email
			row[contact+"Relationship"] = relationships[c.Relationship]
			row[contact+"ParentalResponsibility"] = yesNo(c.ParentalResponsibility)
		}
		rows = append(rows, row)
	}
	return rows
}

// Telephone is the one number of a contact that the flat view has.
func Telephone(c demoschool.Contact) string {
	for _, number := range []string{c.MobilePhone, c.HomePhone, c.WorkPhone} {
		if number != "" {
			return number
		}
	}
	return ""
}

var relationships = map[string]string{
	"PAM": "Mother", "PAF": "Father", "FOM": "Foster Mother", "FOF": "Foster Father", "SWR": "Social Worker", "STM": "Step Mother",
	"STF": "Step Father", "FAM": "Other Family Member", "REL": "Other Relative", "OTH": "Other Contact", "CHM": "Childminder", "CAR": "Carer",
}

// events are of both interfaces. What is negative takes points away.
func (s *School) events() []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		for c := range s.Behaviour.Of(p.ID) {
			rows = append(rows, s.event(p, "Negative", -c.Points, c))
		}
		for c := range s.Achievement.Of(p.ID) {
			rows = append(rows, s.event(p, "Positive", c.Points, c))
		}
	}
	return rows
}

func (s *School) event(p *demoschool.Pupil, kind string, points int, c demoschool.Conduct) cloud.Row {
	return cloud.Row{
		"EventRecordId": cloud.Number(c.ID), "StudentId": cloud.Number(p.ID), "EventType": kind, "EventName": c.Type,
		"EventDescription": s.Secret, "EventDate": day(c.Date), "Adjustment": points, "Comment": c.Comments,
		"InternalComment": s.Secret, "StaffCode": "ABC",
	}
}

// staff have the role for looked-after children in JobTitle; somebody without
// one is among them.
func (s *School) staff() []cloud.Row {
	rows := []cloud.Row{{
		"StaffId": 1, "Title": "Mr", "PreferredFirstName": s.Secret, "PreferredLastName": s.Secret, "FirstName": s.Secret,
		"LastName": s.Secret, "WorkEmail": s.Secret, "StaffCode": "OTH", "JobTitle": "Teacher of Mathematics",
	}}
	for p := range s.Staff() {
		rows = append(rows, cloud.Row{
			"StaffId": cloud.Number(p.ID), "Title": p.Title, "PreferredFirstName": p.Forename, "PreferredLastName": p.Surname,
			"FirstName": p.Forename, "LastName": p.Surname, "WorkEmail": p.Email, "StaffCode": StaffCode(p), "JobTitle": p.Role,
		})
	}
	return rows
}

// StaffCode is the code of a member of staff.
func StaffCode(p demoschool.Staff) string { return "S" + p.ID }

// weeks have ten marks in a row.
func (s *School) weeks() []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		var row cloud.Row
		var monday time.Time
		for m := range s.Marks(p.ID) {
			if of := m.Date.AddDate(0, 0, int(time.Monday)-int(m.Date.Weekday())); !of.Equal(monday) {
				monday = of
				row = cloud.Row{"StudentId": cloud.Number(p.ID), "StartDate": day(monday), "EndDate": day(monday.AddDate(0, 0, 6))}
				rows = append(rows, row)
			}
			row[m.Date.Weekday().String()[:3]+string(m.Session)] = m.Code
		}
	}
	return rows
}

// results are the school's own: the kind of a result stands in the name of the
// assessment.
func (s *School) results() []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		for r := range s.Assessment.Of(p.ID) {
			if r.Stage != "" {
				continue
			}
			rows = append(rows, cloud.Row{
				"StudentId": cloud.Number(p.ID), "AssessmentTypeName": strings.TrimSpace(r.Aspect + " " + r.ResultStatus), "Result": r.Result,
				"EnteredDate": day(r.ResultDate), "TermName": r.ResultSet, "YearGroupName": p.Year, "SubjectName": r.Subject, "IsGrade": "True",
			})
		}
	}
	slices.SortStableFunc(rows, func(a, b cloud.Row) int { return a["StudentId"].(int) - b["StudentId"].(int) })
	return rows
}
