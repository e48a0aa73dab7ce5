package arbor

import (
	"iter"
	"strings"

	"rollbridge/e2e/demoschool"
)

// contacts yields every contact of every pupil, each person once.
func (d *Double) contacts() iter.Seq[demoschool.Contact] {
	return func(yield func(demoschool.Contact) bool) {
		seen := map[string]bool{}
		for _, id := range d.ids {
			for c := range d.school.Contacts(id) {
				if !seen[c.ID] && !yield(c) {
					return
				}
				seen[c.ID] = true
			}
		}
	}
}

// A member is one of staff with the name of the role; there are others in
// roles that nobody may be told of.
type member struct {
	demoschool.Staff
	past bool
}

func (d *Double) staff() []member {
	var all []member
	for s := range d.school.Staff() {
		all = append(all, member{Staff: s})
	}
	return append(all,
		member{Staff: demoschool.Staff{ID: "90001", Role: "Class teacher", Forename: "Idris", Surname: "Nobody", Email: "idris@staff.oakmere.example", Phone: "01632 960001"}},
		member{Staff: demoschool.Staff{ID: "90002", Role: "Designated teacher", Forename: "Olwen", Surname: "Earlier"}, past: true},
	)
}

func businessRoles(d *Double) []object {
	var all []object
	seen := map[string]bool{}
	for _, s := range d.staff() {
		if !seen[s.Role] {
			seen[s.Role] = true
			all = append(all, thing("BusinessRole", hashed(s.Role), object{"businessRoleName": s.Role, "active": true}))
		}
	}
	return all
}

func businessRoleAssignments(d *Double) []object {
	var all []object
	for _, s := range d.staff() {
		o := object{
			"businessRole": link("BusinessRole", hashed(s.Role)), "person": link("Person", ofStaff+s.ID),
			"startDate": day(d.school.SchoolDays()[0].AddDate(-1, 0, 0)), "endDate": nil,
		}
		if s.past {
			o["endDate"] = day(d.school.SchoolDays()[0].AddDate(0, -2, 0))
		}
		all = append(all, thing("BusinessRoleAssignment", s.ID, o))
	}
	return all
}

func guardians(d *Double, _ string) iter.Seq[object] {
	return func(yield func(object) bool) {
		for c := range d.contacts() {
			if !yield(thing("Guardian", c.ID, object{"person": link("Person", ofGuardian+c.ID), "employer": nil})) {
				return
			}
		}
	}
}

var relationships = []struct{ code, name string }{
	{"PAM", "Mother"}, {"PAF", "Father"}, {"FOM", "Foster mother"}, {"FOF", "Foster father"}, {"STM", "Step mother"},
	{"STF", "Step father"}, {"FAM", "Other family member"}, {"REL", "Other relative"}, {"OTH", "Other"}, {"CHM", "Childminder"},
	{"SWR", "Social worker"}, {"CAR", "Carer"},
}

func relationshipTypes(*Double) []object {
	var all []object
	for _, r := range relationships {
		all = append(all, thing("GuardianRelationshipType", r.code, object{"code": "TYPE_" + r.code, "relationshipName": r.name, "ctfExportCode": r.code}))
	}
	return all
}

func guardianRelationships(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for c := range d.school.Contacts(p.ID) {
		o := object{
			"student": student(p), "guardian": link("Guardian", c.ID), "guardianRelationshipType": nil,
			"isLegalGuardian": c.ParentalResponsibility, "isPrimaryGuardian": c.Priority == 1, "emergencyContactPriority": c.Priority,
			"accessNotes": "kept at school",
		}
		if c.Relationship != "" {
			o["guardianRelationshipType"] = link("GuardianRelationshipType", c.Relationship)
		}
		all = append(all, thing("StudentGuardianRelationship", p.ID+c.ID, o))
	}
	return all
}

// An owner is a person with what belongs to one.
type owner struct {
	person, home, mobile, work, email, address, postcode string
}

func (d *Double) owners() iter.Seq[owner] {
	return func(yield func(owner) bool) {
		for _, id := range d.ids {
			p := d.school.Pupil(id)
			if !yield(owner{person: ofPupil + id, mobile: p.Phone, email: p.Email}) {
				return
			}
		}
		for c := range d.contacts() {
			if !yield(owner{ofGuardian + c.ID, c.HomePhone, c.MobilePhone, c.WorkPhone, c.Email, c.Address, c.Postcode}) {
				return
			}
		}
		for _, s := range d.staff() {
			if !yield(owner{person: ofStaff + s.ID, work: s.Phone, email: s.Email, address: s.Address, postcode: s.Postcode}) {
				return
			}
		}
	}
}

// owned makes what belongs to persons.
func owned(d *Double, of func(o owner, yield func(object) bool) bool) iter.Seq[object] {
	return func(yield func(object) bool) {
		for o := range d.owners() {
			if !of(o, yield) {
				return
			}
		}
	}
}

func telephoneNumbers(d *Double, _ string) iter.Seq[object] {
	return owned(d, func(o owner, yield func(object) bool) bool {
		for i, n := range []struct{ kind, number string }{{"HOME", o.home}, {"MOBILE", o.mobile}, {"WORK", o.work}} {
			if n.number != "" && !yield(thing("TelephoneNumber", o.person+number(i), object{
				"numberOwner": link("Person", o.person), "number": n.number, "telephoneNumberType": n.kind, "telephoneNumberRanking": i + 1,
			})) {
				return false
			}
		}
		return true
	})
}

func emailAddresses(d *Double, _ string) iter.Seq[object] {
	return owned(d, func(o owner, yield func(object) bool) bool {
		return o.email == "" || yield(thing("EmailAddress", o.person, object{
			"emailAddressOwner": link("Person", o.person), "emailAddress": o.email, "emailAddressType": "HOME",
		}))
	})
}

func postalAddresses(d *Double, _ string) iter.Seq[object] {
	return owned(d, func(o owner, yield func(object) bool) bool {
		if o.address == "" && o.postcode == "" {
			return true
		}
		made := object{"address1": nil, "address2": nil, "address3": nil, "postalTown": nil, "postalCode": or(o.postcode), "country": nil}
		parts := strings.Split(o.address, ", ")
		for i, part := range parts {
			switch {
			case i == len(parts)-1 && i > 0:
				made["postalTown"] = part
			case i < 3:
				made["address"+number(i+1)] = part
			}
		}
		return yield(thing("PostalAddress", o.person, made))
	})
}

// postalAddressOccupancies say who lives where, and where somebody used to live.
func postalAddressOccupancies(d *Double, _ string) iter.Seq[object] {
	began := d.school.SchoolDays()[0]
	return owned(d, func(o owner, yield func(object) bool) bool {
		if o.address == "" && o.postcode == "" {
			return true
		}
		lives := object{"occupant": link("Person", o.person), "postalAddress": link("PostalAddress", o.person), "effectiveDate": day(began.AddDate(-1, 0, 0)), "endDate": nil}
		lived := object{"occupant": link("Person", o.person), "postalAddress": link("PostalAddress", "0"), "effectiveDate": day(began.AddDate(-3, 0, 0)), "endDate": day(began.AddDate(-1, 0, -1))}
		return yield(thing("PostalAddressOccupancy", o.person+"1", lived)) && yield(thing("PostalAddressOccupancy", o.person+"2", lives))
	})
}
