package bromcom

import (
	"iter"
	"maps"
	"strings"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// The entities below are known by their names only: their columns are those of
// this school.

// inCare has a row for each time that a child was looked after.
func (s *School) inCare() []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		if p.CareAuthority == "" || p.InCareUnknown {
			continue
		}
		if !p.CareStart.IsZero() {
			before := p.CareStart.AddDate(-2, 0, 0)
			rows = append(rows, cloud.Row{
				"StudentId": cloud.Number(p.ID), "CaringLA": s.OtherAuthority(), "InCareFrom": day(before),
				"InCareTo": day(before.AddDate(0, 1, 0)), "Notes": s.Secret,
			})
		}
		rows = append(rows, cloud.Row{
			"StudentId": cloud.Number(p.ID), "CaringLA": p.CareAuthority, "InCareFrom": day(p.CareStart), "InCareTo": day(p.CareEnd), "Notes": s.Secret,
		})
	}
	return rows
}

// current is the entry of StudentsInCare that has not ended, in jq.
const current = `lookup("care"; .studentid) // [] | map(select(.incareto == null)) | last | `

// PartnerColumns are what this school says of the Partner Data API.
func PartnerColumns() map[string]map[string]string {
	columns := map[string]map[string]string{
		"pupil": {"CareAuthority": current + ".caringla", "CareStart": current + ".incarefrom", "CareEnd": current + ".incareto"},
		"sen": {
			"sen": ".senstudentid", "SENprovision": ".provisioncode", "StartDate": ".startdate", "EndDate": ".enddate",
			"SENneeds": `.senstudentid as $id | lookup("needs"; .studentid) // [] | map(select(.senstudentid == $id) | "\(.rank):\(.needcode)")`,
		},
		"welfare": {
			"ProtectionPlan": `lookup("register"; .studentid).onregister`, "ProtectionAuthority": `lookup("register"; .studentid).la`,
			"YoungCarer": ".youngcarercode", "PostLookedAfterArrangements": ".postlookedafter", "KinshipCare": ".kinshipcode",
			"ServiceChild": ".servicechildcode", "MedicalFlag": ".medicalflag", "Disabilities": `.disabilities // "" | split("/")`,
		},
	}
	maps.Copy(columns, bothColumns())
	return columns
}

// ODataColumns are what this school says of OData.
func ODataColumns() map[string]map[string]string {
	columns := bothColumns()
	columns["pupil"] = map[string]string{"CareAuthority": ".caringla", "UPN": ".upn", "AdmissionNumber": ".admissionnumber", "Sex": ".gender"}
	columns["contact"] = map[string]string{
		"contact": ".contactid", "Title": ".title", "Forename": ".firstname", "Surname": ".lastname", "Relationship": ".relationship",
		"Order": ".priority", "Responsibility": ".parentalresponsibility", "Phones.home": ".homephone", "Phones.mobile": ".mobile",
		"Phones.work": ".workphone", "Emails": ".email", "Addresses.lines": ".address", "Addresses.PostCode": ".postcode",
	}
	columns["attendance"] = map[string]string{"date": ".attendancedate", "session": ".sessionname", "mark": ".mark", "late": ".minuteslate"}
	return columns
}

func bothColumns() map[string]map[string]string {
	return map[string]map[string]string{
		"school_history": {
			"school_history": ".enrolmentid", "LEA": ".la", "Estab": ".estab", "URN": ".urn", "SchoolName": ".schoolname",
			"EntryDate": ".entrydate", "LeavingDate": ".leavingdate", "LeavingReason": ".reasoncode", "LastSchool": ".lastschool",
		},
		"exclusion": {
			"exclusion": ".exclusionid", "Category": ".categorycode", "Reasons": `.reasoncodes // "" | split("/")`, "StartDate": ".startdate",
			"EndDate": ".enddate", "StartSession": ".startsession", "EndSession": ".endsession", "Sessions": ".sessions", "Review": ".reviewcode", "Comments": ".comments",
		},
		"detention": {
			"detention": ".detentionid", "Date": ".detentiondate", "StartTime": ".starttime", "EndTime": ".endtime", "Type": ".detentiontype",
			"Attended": ".attended", "Comments": ".comments",
		},
	}
}

// all is a row for each thing of each pupil.
func all[T any](s *School, of func(pupilID string) iter.Seq[T], row func(T) cloud.Row) []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		for e := range of(p.ID) {
			made := row(e)
			made["StudentId"] = cloud.Number(p.ID)
			rows = append(rows, made)
		}
	}
	return rows
}

func open(a demoschool.Answer) any {
	if yes := a.Bool(); yes != nil {
		return yesNo(*yes)
	}
	return nil
}

// joined is a list of codes in one text.
func joined(codes []string) any {
	return cloud.OrNull(strings.Join(codes, "/"))
}

func (s *School) enrolments() []cloud.Row {
	return all(s, s.SchoolHistory.Of, func(h demoschool.SchoolHistory) cloud.Row {
		return cloud.Row{
			"EnrolmentId": cloud.Number(h.ID), "LA": h.LEA, "Estab": h.Estab, "URN": h.URN, "SchoolName": h.SchoolName, "EntryDate": day(h.EntryDate),
			"LeavingDate": day(h.LeavingDate), "ReasonCode": h.LeavingReason, "LastSchool": open(h.LastSchool),
		}
	})
}

func (s *School) sen() []cloud.Row {
	return all(s, s.SEN.Of, func(e demoschool.SEN) cloud.Row {
		return cloud.Row{"SENStudentId": cloud.Number(e.ID), "ProvisionCode": e.Provision, "StartDate": day(e.StartDate), "EndDate": day(e.EndDate)}
	})
}

func (s *School) needs() []cloud.Row {
	var rows []cloud.Row
	for p := range s.Pupils() {
		for e := range s.SEN.Of(p.ID) {
			for i, need := range e.Needs {
				rows = append(rows, cloud.Row{"StudentId": cloud.Number(p.ID), "SENStudentId": cloud.Number(e.ID), "Rank": i + 1, "NeedCode": need})
			}
		}
	}
	return rows
}

func (s *School) additional() []cloud.Row {
	return all(s, s.Welfare.Of, func(w demoschool.Welfare) cloud.Row {
		return cloud.Row{
			"YoungCarerCode": w.YoungCarer, "PostLookedAfter": w.PostLookedAfter, "KinshipCode": w.KinshipCare, "ServiceChildCode": w.ServiceChild,
			"MedicalFlag": open(w.MedicalFlag), "Disabilities": joined(w.Disabilities), "Notes": s.Secret,
		}
	})
}

func (s *School) register() []cloud.Row {
	return all(s, s.Welfare.Of, func(w demoschool.Welfare) cloud.Row {
		return cloud.Row{"OnRegister": open(w.ProtectionPlan), "LA": cloud.OrNull(w.ProtectionAuthority), "Notes": s.Secret}
	})
}

func (s *School) contacts() []cloud.Row {
	return all(s, s.Contacts, func(c demoschool.Contact) cloud.Row {
		return cloud.Row{
			"ContactId": cloud.Number(c.ID), "Title": c.Title, "FirstName": c.Forename, "LastName": c.Surname, "Relationship": relationships[c.Relationship],
			"Priority": c.Priority, "ParentalResponsibility": yesNo(c.ParentalResponsibility), "HomePhone": c.HomePhone, "Mobile": c.MobilePhone,
			"WorkPhone": c.WorkPhone, "Email": c.Email, "Address": c.Address, "Postcode": c.Postcode,
		}
	})
}

func (s *School) attendances() []cloud.Row {
	return all(s, s.Marks, func(m demoschool.Mark) cloud.Row {
		return cloud.Row{"AttendanceDate": day(m.Date), "SessionName": string(m.Session), "Mark": m.Code, "MinutesLate": m.MinutesLate, "Comment": s.Secret}
	})
}

func (s *School) exclusions() []cloud.Row {
	return all(s, s.Exclusion.Of, func(e demoschool.Exclusion) cloud.Row {
		row := cloud.Row{
			"ExclusionId": cloud.Number(e.ID), "CategoryCode": e.Category, "ReasonCodes": joined(e.Reasons), "StartDate": day(e.StartDate),
			"EndDate": day(e.EndDate), "StartSession": string(e.StartSession), "EndSession": string(e.EndSession), "Sessions": nil,
			"ReviewCode": e.Review, "Comments": e.Comments,
		}
		if e.Sessions > 0 {
			row["Sessions"] = e.Sessions
		}
		return row
	})
}

func (s *School) detentions() []cloud.Row {
	return all(s, s.Detention.Of, func(e demoschool.Detention) cloud.Row {
		return cloud.Row{
			"DetentionId": cloud.Number(e.ID), "DetentionDate": day(e.Date), "StartTime": e.StartTime, "EndTime": e.EndTime,
			"DetentionType": e.Type, "Attended": open(e.Attended), "Comments": e.Comments,
		}
	})
}
