package arbor

import (
	"hash/fnv"
	"iter"
	"slices"
	"strconv"
	"time"

	"rollbridge/e2e/demoschool"
)

func number(n int) string { return strconv.Itoa(n) }

// hashed is the id of what has none in the demo school: the same for the same
// text.
func hashed(text string) string {
	h := fnv.New32a()
	h.Write([]byte(text))
	return strconv.FormatUint(uint64(h.Sum32()), 10)
}

// Persons are of three kinds, which begin with a digit of their own.
const (
	ofPupil    = "1"
	ofGuardian = "2"
	ofStaff    = "3"
)

func students(d *Double, p *demoschool.Pupil) []object {
	return []object{thing("Student", p.ID, object{
		"person": link("Person", ofPupil+p.ID), "studentNumber": p.AdmissionNo, "uniqueLearnerNumber": or(p.ULN),
		"homeLocalAuthority": link("LocalAuthority", demoschool.SchoolAuthority),
	})}
}

// persons are pupils, guardians and staff.
func persons(d *Double, _ string) iter.Seq[object] {
	return func(yield func(object) bool) {
		for _, id := range d.ids {
			if !yield(pupilPerson(d.school.Pupil(id))) {
				return
			}
		}
		for c := range d.contacts() {
			if !yield(thing("Person", ofGuardian+c.ID, object{
				"legalFirstName": or(c.Forename), "legalLastName": or(c.Surname), "preferredFirstName": nil, "preferredLastName": nil,
			})) {
				return
			}
		}
		for _, s := range d.staff() {
			if !yield(thing("Person", ofStaff+s.ID, object{"legalFirstName": or(s.Forename), "legalLastName": or(s.Surname)})) {
				return
			}
		}
	}
}

func pupilPerson(p *demoschool.Pupil) object {
	o := object{
		"legalFirstName": p.LegalForename, "legalMiddleNames": or(p.MiddleNames), "legalLastName": p.LegalSurname,
		"preferredFirstName": p.PreferredForename, "preferredLastName": p.PreferredSurname,
		"dateOfBirth": day(p.DOB), "gender": link("Gender", p.Sex), "genderIdentity": nil,
	}
	if p.Gender != "" {
		o["genderIdentity"] = named("GenderIdentity", hashed(p.Gender), p.Gender)
	}
	return thing("Person", ofPupil+p.ID, o)
}

func genders(*Double) []object {
	return []object{
		thing("Gender", "M", object{"code": "MALE", "shortName": "M", "longName": "Male"}),
		thing("Gender", "F", object{"code": "FEMALE", "shortName": "F", "longName": "Female"}),
	}
}

func personFormerNames(_ *Double, p *demoschool.Pupil) []object {
	if p.FormerSurname == "" && p.FormerForename == "" {
		return nil
	}
	return []object{thing("PersonFormerName", p.ID, object{
		"person": link("Person", ofPupil+p.ID), "legalFirstName": or(p.FormerForename), "legalLastName": or(p.FormerSurname),
		"fromDate": day(p.DOB), "endDate": day(p.EntryDate),
	})}
}

// upnAssignments are the UPN and the one before it, which has ended.
func upnAssignments(_ *Double, p *demoschool.Pupil) []object {
	var all []object
	add := func(id, upn string, ended any) {
		if upn != "" {
			all = append(all, thing("UkDfe_UpnAssignment", id, object{
				"student": student(p), "upn": upn, "isTemporary": demoschool.IsTemporaryUPN(upn),
				"startDatetime": moment(p.EntryDate, "09:00"), "endDatetime": ended,
			}))
		}
	}
	add(p.ID+"1", p.FormerUPN, moment(p.EntryDate.AddDate(0, 0, 30), "12:00"))
	add(p.ID+"2", p.UPN, nil)
	return all
}

func enrolments(_ *Double, p *demoschool.Pupil) []object {
	return []object{thing("EducationalInstitutionEnrolment", p.ID, object{
		"student": student(p), "entryDate": day(p.EntryDate), "leavingDate": day(p.LeavingDate), "unenrolmentReason": nil,
	})}
}

func institutionID(h demoschool.SchoolHistory) string { return hashed(h.URN + "|" + h.SchoolName) }

func educationalHistories(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for h := range d.school.SchoolHistory.Of(p.ID) {
		all = append(all, thing("StudentEducationalHistory", h.ID, object{
			"student": student(p), "educationalInstitution": link("EducationalInstitution", institutionID(h)),
			"expectedEntryDate": nil, "actualEntryDate": day(h.EntryDate), "leavingDate": day(h.LeavingDate),
		}))
	}
	return all
}

func educationalInstitutions(d *Double, _ string) iter.Seq[object] {
	return distinct(d, func(p *demoschool.Pupil, yield func(object)) {
		for h := range d.school.SchoolHistory.Of(p.ID) {
			o := object{"educationalInstitutionName": h.SchoolName, "urn": or(h.URN), "establishmentNumber": or(h.Estab), "localAuthority": nil}
			if h.LEA != "" {
				o["localAuthority"] = link("LocalAuthority", h.LEA)
			}
			yield(thing("EducationalInstitution", institutionID(h), o))
		}
	})
}

// distinct yields what pupils have in common, each once.
func distinct(d *Double, of func(p *demoschool.Pupil, yield func(object))) iter.Seq[object] {
	return func(yield func(object) bool) {
		seen := map[any]bool{}
		for _, id := range d.ids {
			var some []object
			of(d.school.Pupil(id), func(o object) {
				if !seen[o["href"]] {
					seen[o["href"]] = true
					some = append(some, o)
				}
			})
			for _, o := range some {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// once is distinct as a list, in the order of its links.
func once(d *Double, of func(p *demoschool.Pupil, yield func(object))) []object {
	return slices.Collect(distinct(d, of))
}

// Registration groups, houses and years. Each pupil is in one of each, and was
// in another before.
func membership(name, property, group, other string, p *demoschool.Pupil) []object {
	changed := p.EntryDate.AddDate(0, 0, 10)
	return []object{
		thing(name+"Membership", p.ID+"1", object{property: link(name, hashed(other)), "student": student(p), "startDate": day(p.EntryDate), "endDate": day(changed.AddDate(0, 0, -1))}),
		thing(name+"Membership", p.ID+"2", object{property: link(name, hashed(group)), "student": student(p), "startDate": day(changed.AddDate(0, 0, -10)), "endDate": nil}),
	}
}

func groups(d *Double, name, property string, of func(p *demoschool.Pupil) (group, shown string)) []object {
	return once(d, func(p *demoschool.Pupil, yield func(object)) {
		id, shown := of(p)
		yield(thing(name, hashed(id), object{property: shown, "shortName": id, "active": true}))
	})
}

func registrationForms(d *Double) []object {
	return append(groups(d, "RegistrationForm", "registrationFormName", func(p *demoschool.Pupil) (string, string) { return p.RegGroup, p.RegGroup }),
		thing("RegistrationForm", hashed("0Z"), object{"registrationFormName": "0Z", "shortName": "0Z"}))
}

func registrationFormMemberships(_ *Double, p *demoschool.Pupil) []object {
	return membership("RegistrationForm", "registrationForm", p.RegGroup, "0Z", p)
}

func houses(d *Double) []object {
	return append(groups(d, "House", "houseName", func(p *demoschool.Pupil) (string, string) { return p.House, p.House }),
		thing("House", hashed("None"), object{"houseName": "None", "shortName": "None"}))
}

func houseMemberships(_ *Double, p *demoschool.Pupil) []object {
	return membership("House", "house", p.House, "None", p)
}

func academicLevels(d *Double) []object {
	return append(groups(d, "AcademicLevel", "academicLevelName", func(p *demoschool.Pupil) (string, string) { return p.Year, "Year " + p.Year }),
		thing("AcademicLevel", hashed("1"), object{"academicLevelName": "Year 1", "shortName": "1"}))
}

func academicLevelMemberships(_ *Double, p *demoschool.Pupil) []object {
	return membership("AcademicLevel", "academicLevel", p.Year, "1", p)
}

func eligibilities(*Double) []object {
	return codes("Eligibility", "eligibilityName", []string{"Free School Meals", "School transport"})
}

// eligibilityRecords are of persons, not of students.
func eligibilityRecords(_ *Double, p *demoschool.Pupil) []object {
	person := link("Person", ofPupil+p.ID)
	all := []object{thing("EligibilityRecord", p.ID+"2", object{
		"eligibility": link("Eligibility", "2"), "person": person, "startDate": day(p.EntryDate), "endDate": nil,
	})}
	if p.FSM {
		all = append(all, thing("EligibilityRecord", p.ID+"1", object{
			"eligibility": link("Eligibility", "1"), "person": person, "startDate": day(p.FSMStart), "endDate": nil,
		}))
	}
	return all
}

// premiumRecipients has one that has ended for everybody.
func premiumRecipients(_ *Double, p *demoschool.Pupil) []object {
	made := func(id string, from, to time.Time) object {
		return thing("UkDfe_PupilPremiumRecipient", id, object{
			"student": student(p), "fte": 1, "startDate": day(from), "endDate": day(to), "lastFsm": nil,
		})
	}
	all := []object{made(p.ID+"1", p.EntryDate.AddDate(-2, 0, 0), p.EntryDate.AddDate(-1, 0, 0))}
	if p.PupilPremium {
		all = append(all, made(p.ID+"2", p.EntryDate, time.Time{}))
	}
	return all
}

func senStatuses(*Double) []object {
	var all []object
	for _, s := range []struct{ code, name string }{{"N", "No Special Educational Need"}, {"K", "SEN Support"}, {"E", "Education, Health and Care Plan"}} {
		all = append(all, thing("SenStatus", s.code, object{"code": "SEN_" + s.code, "senStatusName": s.name, "countsAsSenStatus": s.code != "N", "d00229": s.code}))
	}
	return all
}

func senStatusAssignments(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.SEN.Of(p.ID) {
		all = append(all, thing("SenStatusAssignment", e.ID, object{
			"student": student(p), "senStatus": link("SenStatus", e.Provision), "startDate": day(e.StartDate), "endDate": day(e.EndDate),
		}))
	}
	return all
}

func senNeedTypes(*Double) []object {
	var all []object
	for _, code := range []string{"SPLD", "MLD", "SLD", "PMLD", "SEMH", "SLCN", "HI", "VI", "MSI", "PD", "ASD", "DS", "OTH", "NSA"} {
		all = append(all, thing("SenNeedType", code, object{"code": "NEED_" + code, "label": code, "d00237": code}))
	}
	return all
}

// senNeeds are of the student, not of a period: that they go together is seen
// from their dates only.
func senNeeds(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.SEN.Of(p.ID) {
		for i, need := range slices.Backward(e.Needs) {
			all = append(all, thing("SenNeed", e.ID+number(i), object{
				"student": student(p), "senNeedType": link("SenNeedType", need), "ranking": i + 1,
				"effectiveDate": day(e.StartDate), "endDate": day(e.EndDate), "description": nil,
			}))
		}
	}
	return all
}
