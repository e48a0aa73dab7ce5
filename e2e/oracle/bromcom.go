package oracle

import (
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// leaveOutOfOData keeps what was seen of Bromcom's OData, and what the school
// says itself.
func leaveOutOfOData(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		*r = record.Pupil{
			UPN: r.UPN, AdmissionNumber: r.AdmissionNumber, Surname: r.Surname, Forename: r.Forename, MiddleNames: r.MiddleNames,
			PreferredSurname: r.PreferredSurname, PreferredForename: r.PreferredForename, DOB: r.DOB, Sex: r.Sex,
			NCYearActual: r.NCYearActual, RegGroup: r.RegGroup, House: r.House, InCare: r.InCare, CareAuthority: r.CareAuthority,
			FSMEligible: r.FSMEligible, PupilPremium: r.PupilPremium, EntryDate: r.EntryDate,
		}
	case *record.Staff:
		*r = record.Staff{Role: "Named for looked-after children", Title: r.Title, Forename: r.Forename, Surname: r.Surname}
	case *record.Welfare, *record.AssessmentResult:
		return false
	}
	return leaveOutOfBoth(r)
}

// leaveOutOfPartner is the same of the Partner Data API.
func leaveOutOfPartner(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		*r = record.Pupil{
			UPN: r.UPN, AdmissionNumber: r.AdmissionNumber, Surname: r.Surname, Forename: r.Forename, PreferredSurname: r.PreferredSurname,
			PreferredForename: r.PreferredForename, DOB: r.DOB, Sex: r.Sex, NCYearActual: r.NCYearActual, RegGroup: r.RegGroup,
			Email: r.Email, InCare: r.InCare, CareAuthority: r.CareAuthority, CareStart: r.CareStart, CareEnd: r.CareEnd,
			PupilPremium: r.PupilPremium, EnrolStatus: r.EnrolStatus,
		}
	case *record.Attendance:
		r.LateAM, r.LatePM = nil, nil
	case *record.AssessmentResult:
		return ownResult(r)
	case *record.Staff:
		r.Phone, r.Addresses = "", nil
	}
	return leaveOutOfBoth(r)
}

func leaveOutOfBoth(r record.Record) bool {
	switch r := r.(type) {
	case *record.Behaviour:
		r.Category, r.Status, r.Points = "", "", -r.Points // what is negative takes points away
	case *record.Achievement:
		r.Category, r.Status = "", ""
	case *record.PEP, *record.AgencyContact, *record.ExamResult, *record.KPI:
		return false
	}
	return true
}

// oneSEN keeps of special needs what stands beside a pupil's name: the provision
// that has not ended, and the first need.
func oneSEN(all []record.Record) []record.Record {
	var now *record.SEN
	all = slices.DeleteFunc(all, func(r record.Record) bool {
		e, ok := r.(*record.SEN)
		if ok && e.EndDate == "" {
			now = e
		}
		return ok
	})
	if now == nil {
		return all
	}
	return append(all, &record.SEN{SENProvision: now.SENProvision, SENNeeds: now.SENNeeds[:min(1, len(now.SENNeeds))]})
}

// threeContacts keeps the first three, by whole names and with one number.
func threeContacts(all []record.Record) []record.Record {
	n := 0
	return slices.DeleteFunc(all, func(r record.Record) bool {
		c, ok := r.(*record.Contact)
		if !ok {
			return false
		}
		n++
		c.Surname, c.Order = strings.TrimSpace(c.Title+" "+c.Forename+" "+c.Surname), n
		c.Title, c.Forename, c.Addresses = "", "", nil
		c.Phones = oneNumber(c.Phones)
		return n > 3
	})
}

func oneNumber(all []record.Phone) []record.Phone {
	for _, kind := range []string{"M", "H", "W"} {
		for _, p := range all {
			if p.Type == kind {
				return []record.Phone{{Number: p.Number}}
			}
		}
	}
	return nil
}
