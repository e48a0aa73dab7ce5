package wonde

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
)

// An object is one as JSON.
type object = map[string]any

// A resource yields its objects in a fixed order, with what is included.
type resource struct {
	kind     string // as in deletions
	includes []string
	all      func(d *Double, includes []string) iter.Seq[object]
}

var resources map[string]resource

func init() {
	resources = map[string]resource{
		"students": {"student", []string{
			"education_details", "extended_details", "contact_details", "contacts", "contacts.contact_details", "year", "groups", "sen_needs", "identifiers",
		}, students},
		"employees":          {"employee", []string{"contact_details", "roles"}, employees},
		"attendance/session": {"attendance_session", nil, sessions},
		"attendance-codes":   {"attendance_code", nil, attendanceCodes},
		"behaviours":         {"behaviour", []string{"students"}, behaviours},
		"achievements":       {"achievement", []string{"students"}, achievements},
		"exclusions":         {"exclusion", nil, exclusions},
		"assessment/results": {"result", []string{"aspect"}, results},
	}
}

// Ids of Wonde begin with A; a digit of the kind follows.
func wondeID(kind, id string) string { return "A" + kind + id }

const (
	ofStudent     = "1"
	ofContact     = "2"
	ofEmployee    = "3"
	ofBehaviour   = "4"
	ofAchievement = "5"
	ofExclusion   = "6"
	ofResult      = "7"
	ofSession     = "8"
	ofCode        = "9"
)

// moment is a time as Wonde writes it; nil for none.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return object{"date": t.Format("2006-01-02 15:04:05.000000"), "timezone_type": 3, "timezone": "Europe/London"}
}

func or(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func data(value any) object { return object{"data": value} }

// onRoll yields the pupils who have not left, in the order of their ids.
func (d *Double) onRoll() iter.Seq[*demoschool.Pupil] { return d.school.Pupils() }

func students(d *Double, includes []string) iter.Seq[object] {
	return func(yield func(object) bool) {
		for p := range d.onRoll() {
			o := object{
				"id": wondeID(ofStudent, p.ID), "upi": "u" + p.ID, "mis_id": p.ID, "title": nil,
				"surname": p.PreferredSurname, "forename": p.PreferredForename, "middle_names": or(p.MiddleNames),
				"legal_surname": p.LegalSurname, "legal_forename": p.LegalForename,
				"gender": map[string]string{"M": "MALE", "F": "FEMALE"}[p.Sex], "gender_identity": or(p.Gender), "date_of_birth": moment(p.DOB),
			}
			for _, name := range includes {
				if make := included[name]; make != nil {
					o[strings.Split(name, ".")[0]] = data(make(d, p, includes))
				}
			}
			if !yield(o) {
				return
			}
		}
	}
}

// included are what goes into a student.
var included = map[string]func(d *Double, p *demoschool.Pupil, includes []string) any{
	"education_details": func(_ *Double, p *demoschool.Pupil, _ []string) any { return educationDetails(p) },
	"extended_details":  func(d *Double, p *demoschool.Pupil, _ []string) any { return d.extendedDetails(p) },
	"contact_details": func(_ *Double, p *demoschool.Pupil, _ []string) any {
		return details(person{mobile: p.Phone, email: p.Email})
	},
	"contacts": contacts,
	"year": func(_ *Double, p *demoschool.Pupil, _ []string) any {
		return object{"id": "A0" + p.Year, "code": p.Year, "name": "Year " + p.Year, "type": "YEAR"}
	},
	"groups": func(_ *Double, p *demoschool.Pupil, _ []string) any {
		return []object{
			{"id": "A0" + p.House, "code": p.House, "name": p.House, "type": "HOUSE"},
			{"id": "A0" + p.RegGroup, "code": p.RegGroup, "name": p.RegGroup, "type": "REGISTRATION"},
			{"id": "A0choir", "code": "CH", "name": "Choir", "type": "OTHER"},
		}
	},
	"sen_needs": func(d *Double, p *demoschool.Pupil, _ []string) any { return d.needs(p) },
}

func educationDetails(p *demoschool.Pupil) object {
	return object{
		"admission_number": p.AdmissionNo, "upn": or(p.UPN), "local_upn": nil, "former_upn": or(p.FormerUPN), "learner_number": or(p.ULN),
		"current_nc_year": p.Year, "admission_date": moment(p.EntryDate), "leaving_date": moment(p.LeavingDate),
	}
}

// currentSEN is the newest period that has not ended.
func (d *Double) currentSEN(p *demoschool.Pupil) (now demoschool.SEN, found bool) {
	for e := range d.school.SEN.Of(p.ID) {
		if e.EndDate.IsZero() && (!found || e.StartDate.After(now.StartDate)) {
			now, found = e, true
		}
	}
	return now, found
}

var enrolments = map[string]string{"C": "Single Registration", "M": "Main", "P": "Previous"}

func (d *Double) extendedDetails(p *demoschool.Pupil) object {
	o := object{
		"in_lea_care": p.InCare, "ever_in_care": p.InCare || !p.CareEnd.IsZero(), "in_care_details": nil, "free_school_meals": p.FSM,
		"free_school_meals_6": p.FSM, "premium_pupil_indicator": p.PupilPremium, "sen_status": nil, "service_children_indicator": nil,
		"enrolment_status": enrolments[p.EnrolStatus],
	}
	if p.InCareUnknown || !p.InCare && d.NotSupplied["extended_details.in_lea_care"] {
		o["in_lea_care"] = nil
	}
	if d.InCareDetails != nil && !p.CareStart.IsZero() {
		o["in_care_details"] = d.InCareDetails(p)
	}
	if now, found := d.currentSEN(p); found {
		o["sen_status"] = now.Provision
	}
	for w := range d.school.Welfare.Of(p.ID) {
		o["service_children_indicator"] = w.ServiceChild
	}
	return o
}

func (d *Double) needs(p *demoschool.Pupil) any {
	now, found := d.currentSEN(p)
	if !found || d.SENNeeds == nil {
		return []object{}
	}
	return d.SENNeeds(now)
}

// A person is whose details are shown.
type person struct{ home, mobile, work, email, address, postcode string }

// details are phones, e-mails and addresses. The first phone there is stands
// again as the plain one, and as the primary one.
func details(p person) object {
	first := ""
	for _, number := range []string{p.mobile, p.home, p.work} {
		if first == "" {
			first = number
		}
	}
	empty := address("", "")
	return object{
		"phones":    object{"phone": or(first), "primary": or(first), "home": or(p.home), "work": or(p.work), "mobile": or(p.mobile)},
		"emails":    object{"email": or(p.email), "primary": or(p.email), "home": nil, "work": nil},
		"addresses": object{"home": address(p.address, p.postcode), "work": empty, "postal": empty}, "salutation": nil,
	}
}

var numbered = regexp.MustCompile(`^(\d+) (.+)$`)

func address(lines, postcode string) object {
	o := object{}
	for _, name := range []string{"house_number", "house_name", "apartment", "street", "district", "town", "county", "country"} {
		o[name] = nil
	}
	o["postcode"] = or(postcode)
	if lines == "" {
		return o
	}
	parts := strings.Split(lines, ", ")
	if len(parts) > 1 {
		o["town"], parts = parts[len(parts)-1], parts[:len(parts)-1]
	}
	if len(parts) > 1 {
		name := "house_name"
		if strings.Contains(parts[0], "Flat ") {
			name = "apartment"
		}
		o[name], parts = parts[0], parts[1:]
	}
	if m := numbered.FindStringSubmatch(parts[0]); m != nil {
		o["house_number"], o["street"] = m[1], m[2]
	} else {
		o["street"] = parts[0]
	}
	return o
}

var relationships = map[string]string{
	"PAM": "Mother", "PAF": "Father", "FOM": "Foster Mother", "FOF": "Foster Father", "STM": "Step Mother", "STF": "Step Father",
	"FAM": "Other Family Member", "REL": "Other Relative", "OTH": "Other Contact", "CHM": "Childminder", "SWR": "Social Worker", "CAR": "Carer",
}

func contacts(d *Double, p *demoschool.Pupil, includes []string) any {
	list := []object{}
	for c := range d.school.Contacts(p.ID) {
		o := object{
			"id": wondeID(ofContact, c.ID), "upi": "c" + c.ID, "mis_id": c.ID, "title": or(c.Title), "forename": or(c.Forename), "surname": or(c.Surname),
			"legal_forename": or(c.Forename), "legal_surname": or(c.Surname),
			"relationship": object{
				"relationship": or(relationships[c.Relationship]), "parental_responsibility": c.ParentalResponsibility, "priority": c.Priority,
				"lives_with_pupil": nil, "bill_payer": nil,
			},
		}
		if slices.Contains(includes, "contacts.contact_details") {
			o["contact_details"] = data(details(person{c.HomePhone, c.MobilePhone, c.WorkPhone, c.Email, c.Address, c.Postcode}))
		}
		list = append(list, o)
	}
	return list
}

// employees are all of them; their roles say who is there for looked-after
// children.
func employees(d *Double, includes []string) iter.Seq[object] {
	return func(yield func(object) bool) {
		all := slices.Collect(d.school.Staff())
		for i := range 60 { // more than may ever be sent
			all = append(all, demoschool.Staff{ID: "99" + string(rune('a'+i%26)) + string(rune('a'+i/26)), Role: "Class teacher", Forename: "Idris", Surname: "Nobody"})
		}
		for _, s := range all {
			o := object{"id": wondeID(ofEmployee, s.ID), "mis_id": s.ID, "title": or(s.Title), "forename": or(s.Forename), "surname": or(s.Surname)}
			if slices.Contains(includes, "contact_details") {
				o["contact_details"] = data(details(person{work: s.Phone, email: s.Email, address: s.Address, postcode: s.Postcode}))
			}
			if slices.Contains(includes, "roles") {
				o["roles"] = data([]object{{"id": "A0staff", "role": "Staff"}, {"id": "A0" + s.Role, "role": s.Role}})
			}
			if !yield(o) {
				return
			}
		}
	}
}
