package xporter

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/shared/codes"
)

// A row is one row of a list; a table is one array of an answer.
type (
	row   map[string]any
	table struct {
		name string
		rows []row
	}
)

// A list is one endpoint of a school: the scopes of which one is needed, and what
// it holds.
type list struct {
	scopes []string
	read   func(s *Service, ask request) ([]table, *fault)
}

var lists = map[string]list{
	"school.students":               {[]string{"Student", "StudentLite"}, (*Service).students},
	"school.studentcontacts":        {[]string{"Contact"}, (*Service).studentContacts},
	"school.contacts":               {[]string{"Contact"}, (*Service).contacts},
	"school.personcomms":            {[]string{"Contact", "Student", "Staff"}, (*Service).personComms},
	"school.attendancefordaterange": {[]string{"Attendance"}, (*Service).attendance},
	"school.conductfordaterange":    {[]string{"Conduct"}, (*Service).conduct},
	"school.studentexclusions":      {[]string{"StudentExclusions"}, (*Service).exclusions},
	"school.studentschoolhistory":   {[]string{"StudentSchoolHistory"}, (*Service).history},
	"school.sen":                    {[]string{"SEN", "SENTypes"}, (*Service).sen},
	"school.assessmentstructure":    {[]string{"School"}, (*Service).assessmentStructure},
	"school.assessmentresults":      {[]string{"AssessmentResults"}, (*Service).assessmentResults},
	"school.agencyagent":            {[]string{"AgencyAgent"}, (*Service).agencies},
	"school.staff":                  {[]string{"Staff", "StaffLite"}, (*Service).staff},
	Detentions.Endpoint:             {[]string{"StudentDetentions"}, (*Service).detentions},
}

var sortedLists = slices.Sorted(maps.Keys(lists))

// Detentions is what this school's list of detentions is called and has: no
// source documents one.
var Detentions = struct {
	Endpoint string
	Columns  map[string]string // field to expression, as the school gives them
}{
	"school.studentdetentions",
	map[string]string{
		"detention": ".id", "Date": ".detentiondate", "StartTime": ".starttime", "EndTime": ".endtime",
		"Type": ".detentiontype", "Attended": ".attended", "Comments": ".notes",
	},
}

// one is a list of one table.
func one(name string, rows []row) ([]table, *fault) { return []table{{name, rows}}, nil }

// pupils are those whom a filter on students leaves; none leaves all.
func (s *Service) pupils(filter string) []*demoschool.Pupil {
	wanted := strings.Split(filter, ",")
	var found []*demoschool.Pupil
	for p := range s.School.Pupils() {
		if filter == "" || slices.Contains(wanted, p.ID) {
			found = append(found, p)
		}
	}
	return found
}

func (s *Service) students(ask request) ([]table, *fault) {
	var rows []row
	for i, p := range s.pupils(ask.id) {
		r := row{
			"Id": p.ID, "XID": nil, "IdaasId": "PL-" + p.ID, "Forename": p.PreferredForename, "Surname": p.PreferredSurname,
			"DisplayName": p.PreferredForename + " " + p.PreferredSurname, "Gender": p.Sex, "AdmissionNo": p.AdmissionNo,
			"RegGroup": text(p.RegGroup), "YearGroup": "Year  " + p.Year, "HouseGroup": text(p.House), "WorkEmail": text(p.Email),
			"StudentStatus": "OnRoll",
		}
		extended := row{
			[]string{"DateofBirth", "DateOfBirth"}[i%2]: day(p.DOB), "UniqueLearnerNumber": text(p.ULN), "LegalForename": p.LegalForename,
			"LegalSurname": p.LegalSurname, "MiddleName": text(p.MiddleNames), "EntryDate": day(p.EntryDate), "LeavingDate": day(p.LeavingDate),
			"EnrolmentStatus": p.EnrolStatus,
		}
		s.add(r, "StudentExtended", extended)
		s.add(r, "StudentFunding", row{[]string{"FSMEligible", "FsmEligible"}[i%2]: flag(p.FSM), "FsmEndDate": nil, "PupilPremium": flag(p.PupilPremium)})
		s.add(r, "UPN", row{"UPN": text(p.UPN), "FormerUPN": text(p.FormerUPN)})
		s.add(r, "StudentFamily", s.family(p))
		rows = append(rows, stamped(r))
	}
	return one("Students", rows)
}

// family are the members that the scope StudentFamily opens.
func (s *Service) family(p *demoschool.Pupil) row {
	r := row{"InLeaCare": flag(p.InCare), "LeaCareAuthority": text(p.CareAuthority), "EverInCare": flag(p.CareAuthority != ""), "ServiceChild": nil, "IsYoungCarer": nil}
	if p.InCareUnknown {
		r["InLeaCare"] = nil
	}
	for w := range s.School.Welfare.Of(p.ID) {
		r["IsYoungCarer"] = flag(w.YoungCarer != "N")
		switch w.ServiceChild {
		case "Y":
			r["ServiceChild"] = "1"
		case "N":
			r["ServiceChild"] = "0"
		}
	}
	return r
}

// add gives a row what a scope opens.
func (s *Service) add(r row, scope string, more row) {
	if s.granted(scope) {
		maps.Copy(r, more)
	}
}

func (s *Service) studentContacts(ask request) ([]table, *fault) {
	var rows []row
	for _, p := range s.pupils("") {
		for c := range s.School.Contacts(p.ID) {
			if ask.id != "" && ask.id != p.ID && ask.id != c.ID {
				continue
			}
			label, _ := codes.Relationship(c.Relationship)
			rows = append(rows, stamped(row{
				"Id": "PL-" + p.ID + ".PC-" + c.ID, "StudentId": p.ID, "ContactId": c.ID, "Relationship": label,
				"Priority": c.Priority, "ParResp": flag(c.ParentalResponsibility),
			}))
		}
	}
	return one("StudentContacts", rows)
}

// people are the contacts, each once, in order.
func (s *Service) people(id string) []demoschool.Contact {
	var all []demoschool.Contact
	seen := map[string]bool{}
	for _, p := range s.pupils("") {
		for c := range s.School.Contacts(p.ID) {
			if !seen[c.ID] && (id == "" || id == c.ID) {
				all = append(all, c)
			}
			seen[c.ID] = true
		}
	}
	return all
}

// Some numbers stand with the contact only, and some in the list of all ways to
// reach people only.
func onlyListed(c demoschool.Contact) bool { return strings.HasSuffix(c.ID, "3") }
func notListed(c demoschool.Contact) bool  { return strings.HasSuffix(c.ID, "4") }

func (s *Service) contacts(ask request) ([]table, *fault) {
	var rows []row
	for _, c := range s.people(ask.id) {
		r := row{
			"Id": c.ID, "IdaasId": "PC-" + c.ID, "Title": text(c.Title), "Forename": c.Forename, "Surname": c.Surname,
			"HomeEmail": text(c.Email), "WorkEmail": nil, "HomePhone": text(c.HomePhone), "MobilePhone": text(c.MobilePhone), "WorkPhone": text(c.WorkPhone),
		}
		if onlyListed(c) {
			r["HomeEmail"], r["HomePhone"], r["MobilePhone"], r["WorkPhone"] = nil, nil, nil, nil
		}
		s.add(r, "Address", address(c.Address, c.Postcode))
		rows = append(rows, stamped(r))
	}
	return one("Contacts", rows)
}

// address is an address in its parts, the block beside them.
func address(lines, postcode string) row {
	r := row{"AddressBlock": text(strings.ReplaceAll(lines, ", ", "\n") + "\n" + postcode), "PostCode": text(postcode)}
	for _, name := range []string{"HouseNo", "HouseName", "Apartment", "Street", "District", "TownOrCity", "County", "Country"} {
		r[name] = nil
	}
	parts := strings.Split(lines, ", ")
	if n := len(parts); n > 1 {
		r["TownOrCity"], parts = parts[n-1], parts[:n-1]
	}
	street := parts[len(parts)-1]
	if number, rest, found := strings.Cut(street, " "); found && strings.Trim(number, "0123456789") == "" {
		r["HouseNo"], street = number, rest
	}
	r["Street"] = text(street)
	if len(parts) > 1 {
		where := "HouseName"
		if strings.HasPrefix(parts[0], "Flat") {
			where = "Apartment"
		}
		r[where] = parts[0]
	}
	return r
}

func (s *Service) personComms(ask request) ([]table, *fault) {
	var rows []row
	add := func(person, kind, comms, location, value string) {
		if value == "" || ask.id != "" && ask.id != person || ask.get("PersonType") != "" && ask.get("PersonType") != kind {
			return
		}
		rows = append(rows, stamped(row{
			"Id": kind[:2] + "-" + person + "." + location + "." + comms, "PersonId": person, "PersonType": kind, "CommsType": comms,
			"LocationCode": location, "Priority": 1, "IsDefault": 1, "Value": value, "Notes": nil,
		}))
	}
	if s.granted("Student", "StudentLite") {
		for _, p := range s.pupils("") {
			add(p.ID, "Student", "M", "M", p.Phone)
			add(p.ID, "Student", "E", "W", p.Email)
		}
	}
	if s.granted("Contact") {
		for _, c := range s.people("") {
			if notListed(c) {
				continue
			}
			add(c.ID, "Contact", "T", "H", c.HomePhone)
			add(c.ID, "Contact", "M", "M", c.MobilePhone)
			add(c.ID, "Contact", "T", "W", c.WorkPhone)
			add(c.ID, "Contact", "E", "H", c.Email)
		}
	}
	return one("PersonComms", rows)
}

func (s *Service) staff(ask request) ([]table, *fault) {
	rows := []row{stamped(row{
		"Id": "1", "Title": "Ms", "Forename": "Nobody", "Surname": "Ofconcern", "StaffStatus": "Current", "WorkEmail": "n@staff.oakmere.example",
		"WorkPhone": nil, "Roles": "Teacher,Headteacher",
	})}
	for p := range s.School.Staff() {
		r := row{
			"Id": p.ID, "Title": text(p.Title), "Forename": p.Forename, "Surname": p.Surname, "StaffStatus": "Current",
			"WorkEmail": text(p.Email), "WorkPhone": text(p.Phone),
		}
		s.add(r, "StaffEmployment", row{"Roles": "Teacher, " + p.Role})
		rows = append(rows, stamped(r))
	}
	if ask.id != "" {
		rows = slices.DeleteFunc(rows, func(r row) bool { return r["Id"] != ask.id })
	}
	return one("Staff", rows)
}

// stamped adds what every row has.
func stamped(r row) row {
	r["RowHash"] = strings.ToUpper(hash(r))
	r["LastUpdated"] = "2026-09-01T02:07:21.03"
	return r
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func day(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Format(time.DateOnly)
}

func flag(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// numbers gives ids to names, the same for as long as the service runs.
type numbers struct{ names []string }

func (n *numbers) of(name string) string {
	i := slices.Index(n.names, name)
	if i < 0 {
		i = len(n.names)
		n.names = append(n.names, name)
	}
	return strconv.Itoa(700 + i)
}
