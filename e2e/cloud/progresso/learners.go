package progresso

import (
	"slices"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

func (a asked) learners() []cloud.Row {
	return a.each(func(p *demoschool.Pupil) cloud.Row {
		welfare := a.welfare(p)
		disabilities := []cloud.Row{}
		for i, d := range welfare.Disabilities {
			disabilities = append(disabilities, cloud.Row{"DisabilityTypeId": i + 1, "Disability": d})
		}
		return cloud.Row{
			"PersonId": cloud.Number("9" + p.ID), "LearnerId": cloud.Number(p.ID), "LearnerCode": p.AdmissionNo,
			"UPN": p.UPN, "FormerUPN": p.FormerUPN, "ULN": p.ULN,
			"Surname": p.PreferredSurname, "Forename": p.PreferredForename, "LegalSurname": p.LegalSurname,
			"LegalForename": p.LegalForename, "MiddleName": p.MiddleNames, "FormerSurname": p.FormerSurname,
			"DateOfBirth": day(p.DOB, withTime), "Gender": gender(p), "Year": p.Year, "NCYear": p.Year,
			"RegGroup": p.RegGroup, "AcademicHouse": p.House, "DateOfEntry": day(p.EntryDate, withTime),
			"EnrolementStatus": p.EnrolStatus, "Status": "Active", "EmailAddress": p.Email, "Notes": a.Secret,
			"SafeGuarding": false, "PPIndicator": p.PupilPremium, "MedicalFlag": open(welfare.MedicalFlag),
			"ServiceChild": welfare.ServiceChild,
			// It mixes two things: children in care, and those who were.
			"IsLookedAfterorAdoptedFromCare": p.InCare || p.CareAuthority != "" || p.Year == "8",
			"PhoneDetails":                   phones("", p.Phone, ""),
			"AddressDetails":                 []cloud.Row{},
			"DisabilityDetails":              disabilities,
		}
	})
}

// gender is M or F, or in year 7 the number that employees have.
func gender(p *demoschool.Pupil) string {
	if p.Year != "7" {
		return p.Sex
	}
	return map[string]string{"M": "1", "F": "2"}[p.Sex]
}

func (a asked) welfare(p *demoschool.Pupil) demoschool.Welfare {
	for w := range a.School.Welfare.Of(p.ID) {
		return w
	}
	return demoschool.Welfare{}
}

func (a asked) otherDetails() []cloud.Row {
	return a.each(func(p *demoschool.Pupil) cloud.Row {
		welfare := a.welfare(p)
		row := cloud.Row{
			"LearnerId": cloud.Number(p.ID), "LearnerCode": p.AdmissionNo, "Surname": p.PreferredSurname, "Forename": p.PreferredForename,
			"Status": "Active", "LAC": p.InCare, "LACCurSch": open(p.InCareHere), "LACLA": cloud.OrNull(p.CareAuthority), "HomeLA": demoschool.SchoolAuthority,
			"CPR": open(welfare.ProtectionPlan), "CPRLA": cloud.OrNull(welfare.ProtectionAuthority), "PEP": p.PEP,
			"CurrentDeprivationEver6": p.PremiumCode == "DPP", "CurrentServiceChild": p.PremiumCode == "SCP",
			"CurrentLookedAfter": p.PremiumCode == "LAP", "CurrentAdoptedfromCare": p.PremiumCode == "AFC",
			"CurrentPupilPremium": p.PupilPremium, "PostLookedAfterArrangement": cloud.OrNull(welfare.PostLookedAfter), "Notes": a.Secret,
			"FSMDetails": fsm(p), "SchoolHistoryDetails": a.history(p), "ExclusionDetails": []cloud.Row{}, "LeavingDetails": nil,
		}
		if p.InCareUnknown {
			row["LAC"] = nil
		}
		if !p.LeavingDate.IsZero() {
			row["LeavingDetails"] = cloud.Row{"LeavingDate": day(p.LeavingDate, hyphens), "Destination": "", "Reason": ""}
		}
		for _, member := range a.Without {
			delete(row, member)
		}
		return row
	})
}

// fsm is a period that is open, and one that has ended, which says nothing.
func fsm(p *demoschool.Pupil) []cloud.Row {
	began := time.Date(2014, time.February, 12, 0, 0, 0, 0, time.UTC)
	periods := []cloud.Row{{"FSMId": 1, "StartDate": day(began, iso), "ReviewDate": "", "EndDate": day(began.AddDate(1, 0, 0), iso), "CoutnryOfUk": "ENG"}}
	if p.FSM {
		periods = append(periods, cloud.Row{"FSMId": 2, "StartDate": day(p.FSMStart, iso), "ReviewDate": "", "EndDate": "", "CoutnryOfUk": "ENG"})
	}
	return periods
}

func (a asked) history(p *demoschool.Pupil) []cloud.Row {
	stays := []cloud.Row{}
	for h := range a.School.SchoolHistory.Of(p.ID) {
		stays = append(stays, cloud.Row{
			"SchoolHistoryId": cloud.Number(h.ID), "LANumber": h.LEA, "SchoolNumber": h.Estab, "SchoolName": h.SchoolName,
			"EntryDate": day(h.EntryDate, iso), "LeavingDate": day(h.LeavingDate, iso), "LeavingReason": h.LeavingReason,
		})
	}
	return stays
}

func (a asked) contacts() []cloud.Row {
	return a.each(func(p *demoschool.Pupil) cloud.Row {
		all := []cloud.Row{}
		for c := range a.School.Contacts(p.ID) {
			all = append(all, cloud.Row{
				"ContactId": cloud.Number(c.ID), "ForeName": c.Forename, "SurName": c.Surname, "Title": c.Title,
				"Relationship": c.Relationship, "Priority": c.Priority, "ParentalResponsibility": c.ParentalResponsibility,
				"Email": c.Email, "PhoneDetails": phones(c.HomePhone, c.MobilePhone, c.WorkPhone), "AddressDetails": addresses(c.Address, c.Postcode),
			})
		}
		return cloud.Row{"LearnerId": cloud.Number(p.ID), "LearnerCode": p.AdmissionNo, "UPN": nil, "LearnerContactDetails": all}
	})
}

// The resources of special needs begin their members with small letters.

func (a asked) provisions() []cloud.Row {
	return a.each(func(p *demoschool.Pupil) cloud.Row {
		periods := []cloud.Row{}
		for e := range a.School.SEN.Of(p.ID) {
			periods = append(periods, cloud.Row{
				"provisionId": cloud.Number(e.ID), "provisionTypeCode": e.Provision, "provisionTypeName": "",
				"startDate": day(e.StartDate, slashes), "reviewDate": "", "endDate": day(e.EndDate, slashes),
			})
		}
		if len(periods) == 0 {
			return nil
		}
		return cloud.Row{"learnerCode": p.AdmissionNo, "learnerId": cloud.Number(p.ID), "provisions": periods}
	})
}

// majorNeeds belong to the pupil, not to a period: those of the last one that
// has not ended.
func (a asked) majorNeeds() []cloud.Row {
	return a.each(func(p *demoschool.Pupil) cloud.Row {
		var needs []string
		for e := range a.School.SEN.Of(p.ID) {
			if e.EndDate.IsZero() {
				needs = e.Needs
			}
		}
		if len(needs) == 0 {
			return nil
		}
		all := []cloud.Row{}
		for i, n := range slices.Backward(needs) {
			all = append(all, cloud.Row{"leanerMajorNeedId": i + 1, "majorNeedCode": n, "majorNeedDescription": "", "ranking": i + 1})
		}
		return cloud.Row{"learnerCode": p.AdmissionNo, "learnerId": cloud.Number(p.ID), "majorNeeds": all}
	})
}

func (a asked) exclusions() []cloud.Row {
	return a.each(func(p *demoschool.Pupil) cloud.Row {
		all := []cloud.Row{}
		for e := range a.School.Exclusion.Of(p.ID) {
			category := e.Category
			if category == "SUSP" {
				category = "FIXD"
			}
			all = append(all, cloud.Row{
				"ExclusionId": cloud.Number(e.ID), "Category": category, "Reason": e.Reasons[0], "StartDate": day(e.StartDate, iso),
				"EndDate": day(e.EndDate, iso), "StartSession": string(e.StartSession), "EndSession": string(e.EndSession),
				"Notes": e.Comments, "TotalDays": (e.Sessions + 1) / 2, "TotalSessions": e.Sessions, "LAC": false, "Outcome": "",
			})
		}
		if len(all) == 0 {
			return nil
		}
		return cloud.Row{"LearnerId": cloud.Number(p.ID), "LearnerCode": p.AdmissionNo, "Exclusions": all}
	})
}
