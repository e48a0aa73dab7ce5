package arbor

import (
	"iter"
	"regexp"
	"strings"
	"time"
	"unicode"

	"rollbridge/e2e/demoschool"
)

// An object is one as JSON.
type object = map[string]any

// A kind is one type of resource. all yields its objects in a fixed order; with
// a pupil's id it may leave out those of others.
type kind struct {
	name string
	all  func(d *Double, pupil string) iter.Seq[object]
}

var kinds = []kind{
	{"InCareStatus", listed(inCareStatuses)},
	{"InCareStatusAssignment", ofPupils(inCareStatusAssignments)},
	{"LocalAuthority", listed(localAuthorities)},
	{"ChildProtectionStatus", listed(childProtectionStatuses)},
	{"ChildProtectionStatusAssignment", ofPupils(childProtectionStatusAssignments)},
	{"EducationPlan", ofPupils(educationPlans)},

	{"Student", ofPupils(students)},
	{"Person", persons},
	{"PersonFormerName", ofPupils(personFormerNames)},
	{"Gender", listed(genders)},
	{"UkDfe_UpnAssignment", ofPupils(upnAssignments)},
	{"EducationalInstitutionEnrolment", ofPupils(enrolments)},
	{"StudentEducationalHistory", ofPupils(educationalHistories)},
	{"EducationalInstitution", educationalInstitutions},
	{"RegistrationForm", listed(registrationForms)},
	{"RegistrationFormMembership", ofPupils(registrationFormMemberships)},
	{"House", listed(houses)},
	{"HouseMembership", ofPupils(houseMemberships)},
	{"AcademicLevel", listed(academicLevels)},
	{"AcademicLevelMembership", ofPupils(academicLevelMemberships)},
	{"Eligibility", listed(eligibilities)},
	{"EligibilityRecord", ofPupils(eligibilityRecords)},
	{"UkDfe_PupilPremiumRecipient", ofPupils(premiumRecipients)},
	{"SenStatus", listed(senStatuses)},
	{"SenStatusAssignment", ofPupils(senStatusAssignments)},
	{"SenNeedType", listed(senNeedTypes)},
	{"SenNeed", ofPupils(senNeeds)},

	{"Guardian", guardians},
	{"GuardianRelationshipType", listed(relationshipTypes)},
	{"StudentGuardianRelationship", ofPupils(guardianRelationships)},
	{"TelephoneNumber", telephoneNumbers},
	{"EmailAddress", emailAddresses},
	{"PostalAddress", postalAddresses},
	{"PostalAddressOccupancy", postalAddressOccupancies},
	{"BusinessRole", listed(businessRoles)},
	{"BusinessRoleAssignment", listed(businessRoleAssignments)},

	{"AttendanceMark", listed(attendanceMarks)},
	{"AttendanceRegister", listed(attendanceRegisters)},
	{"AttendanceRegisterType", listed(attendanceRegisterTypes)},
	{"AttendanceRecord", ofPupils(attendanceRecords)},
	{"Behaviour", listed(behaviours)},
	{"BehaviouralIncident", ofPupils(behaviouralIncidents)},
	{"BehaviouralIncidentStudentInvolvement", ofPupils(involvements)},
	{"PointAwardCategory", listed(pointAwardCategories)},
	{"PointAward", ofPupils(pointAwards)},
	{"DetentionType", listed(detentionTypes)},
	{"DetentionSession", ofPupils(detentionSessions)},
	{"Detention", ofPupils(detentions)},
	{"ExclusionReason", listed(exclusionReasons)},
	{"ExclusionExclusionReason", ofPupils(exclusionExclusionReasons)},
	{"FixedPeriodExclusion", ofPupils(fixedPeriodExclusions)},
	{"PermanentExclusion", ofPupils(permanentExclusions)},

	{"Assessment", listed(assessments)},
	{"ProgressMeasurementPeriod", listed(measurementPeriods)},
	{"Grade", listed(grades)},
	{"StudentProgressAssessmentMark", ofPupils(progressMarks)},
	{"QualificationAspect", listed(qualificationAspects)},
	{"QualificationGrade", listed(qualificationGrades)},
	{"QualificationResult", ofPupils(qualificationResults)},
}

// plural is the SDK's: s is replaced by ses, y by ies, anything else gets an s.
func (k *kind) plural() string {
	switch {
	case strings.HasSuffix(k.name, "s"):
		return strings.TrimSuffix(k.name, "s") + "ses"
	case strings.HasSuffix(k.name, "ay"):
		return k.name + "s"
	case strings.HasSuffix(k.name, "y"):
		return strings.TrimSuffix(k.name, "y") + "ies"
	}
	return k.name + "s"
}

var (
	capitals = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
	words    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// path is the plural with dashes, in small letters.
func (k *kind) path() string {
	dashed := capitals.ReplaceAllString(k.plural(), "$1-$2")
	return strings.ToLower(words.ReplaceAllString(dashed, "$1-$2"))
}

func kindOf(path string) *kind {
	for i := range kinds {
		if kinds[i].path() == path {
			return &kinds[i]
		}
	}
	return nil
}

// small is a name with a small first letter.
func small(name string) string {
	r := []rune(name)
	r[0] = unicode.ToLower(r[0])
	return string(r)
}

// paths are those of kinds by name, since links are made by the thousand.
var paths = map[string]string{}

func init() {
	for i := range kinds {
		paths[kinds[i].name] = root + kinds[i].path() + "/"
	}
}

// href is where an object is found. What no list has (a subject) is found nowhere.
func href(name, id string) string {
	if path, there := paths[name]; there {
		return path + id
	}
	return root + small(name) + "/" + id
}

// thing begins an object of a type.
func thing(name, id string, properties object) object {
	properties["entityType"], properties["href"] = name, href(name, id)
	return properties
}

// link leads to an object.
func link(name, id string) object {
	return object{"entityType": name, "href": href(name, id)}
}

// named is a link with the name that Arbor shows.
func named(name, id, shown string) object {
	l := link(name, id)
	l["displayName"] = shown
	return l
}

func student(p *demoschool.Pupil) object { return link("Student", p.ID) }

// day is a date as an object, nil for none.
func day(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return object{"entityType": "date", "date": t.Format(time.DateTime)}
}

// moment is a time of a day as a text.
func moment(t time.Time, clock string) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.DateOnly) + " " + clock + ":00"
}

// or is nil for an empty text.
func or(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// listed makes what belongs to no pupil.
func listed(make func(d *Double) []object) func(*Double, string) iter.Seq[object] {
	return func(d *Double, _ string) iter.Seq[object] {
		return func(yield func(object) bool) {
			for _, o := range make(d) {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// ofPupils makes what belongs to pupils: of everybody there has been, of those
// who left too.
func ofPupils(make func(d *Double, p *demoschool.Pupil) []object) func(*Double, string) iter.Seq[object] {
	return func(d *Double, pupil string) iter.Seq[object] {
		return func(yield func(object) bool) {
			for _, id := range d.ids {
				if pupil != "" && id != pupil {
					continue
				}
				for _, o := range make(d, d.school.Pupil(id)) {
					if !yield(o) {
						return
					}
				}
			}
		}
	}
}

// codes makes a list of one property from texts; ids count from 1.
func codes(name, property string, texts []string) []object {
	var all []object
	for i, text := range texts {
		all = append(all, thing(name, number(i+1), object{property: text, "active": true, "dataOrder": i}))
	}
	return all
}
