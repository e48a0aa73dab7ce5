package oracle

import (
	"rollbridge/e2e/demoschool"
	"rollbridge/shared/record"
)

func schoolHistory(h demoschool.SchoolHistory) record.Record {
	return &record.SchoolHistory{
		LEA: h.LEA, Estab: h.Estab, URN: h.URN, SchoolName: h.SchoolName, EntryDate: record.Date(day(h.EntryDate)),
		LeavingDate: record.Date(day(h.LeavingDate)), LeavingReason: h.LeavingReason, LastSchool: h.LastSchool.Bool(),
	}
}

func sen(e demoschool.SEN) record.Record {
	r := &record.SEN{SENProvision: e.Provision, StartDate: record.Date(day(e.StartDate)), EndDate: record.Date(day(e.EndDate))}
	for i, need := range e.Needs {
		r.SENNeeds = append(r.SENNeeds, record.SENNeed{Rank: i + 1, Type: need})
	}
	return r
}

func welfare(w demoschool.Welfare) record.Record {
	return &record.Welfare{
		ProtectionPlan: w.ProtectionPlan.Bool(), ProtectionAuthority: w.ProtectionAuthority, YoungCarer: w.YoungCarer,
		PostLookedAfterArrangements: w.PostLookedAfter, KinshipCare: w.KinshipCare, ServiceChild: w.ServiceChild,
		MedicalFlag: w.MedicalFlag.Bool(), Disabilities: w.Disabilities,
	}
}

func pep(p demoschool.PEP) record.Record {
	return &record.PEP{
		StartDate: record.Date(day(p.StartDate)), ReviewDate: record.Date(day(p.ReviewDate)),
		EndDate: record.Date(day(p.EndDate)), Status: p.Status,
	}
}

func agencyContact(a demoschool.AgencyContact) record.Record {
	return &record.AgencyContact{
		Agency: a.Agency, AgencyType: a.AgencyType, Role: a.Role, Title: a.Title, Forename: a.Forename, Surname: a.Surname,
		Phones: phones("", a.Mobile, a.WorkPhone), Emails: list(a.Email), Addresses: addresses(a.Address, a.Postcode),
	}
}

func behaviour(c demoschool.Conduct) record.Record {
	return &record.Behaviour{
		Date: record.Date(day(c.Date)), Type: c.Type, Category: c.Category, Points: c.Points, Status: c.Status, Comments: c.Comments,
	}
}

func achievement(c demoschool.Conduct) record.Record {
	return &record.Achievement{
		Date: record.Date(day(c.Date)), Type: c.Type, Category: c.Category, Points: c.Points, Status: c.Status, Comments: c.Comments,
	}
}

func detention(d demoschool.Detention) record.Record {
	return &record.Detention{
		Date: record.Date(day(d.Date)), StartTime: d.StartTime, EndTime: d.EndTime, Type: d.Type,
		Attended: d.Attended.Bool(), Comments: d.Comments,
	}
}

func exclusion(e demoschool.Exclusion) record.Record {
	return &record.Exclusion{
		Category: e.Category, Reasons: e.Reasons, StartDate: record.Date(day(e.StartDate)), EndDate: record.Date(day(e.EndDate)),
		StartSession: string(e.StartSession), EndSession: string(e.EndSession), Sessions: e.Sessions,
		Review: e.Review, Comments: e.Comments,
	}
}

func examResult(e demoschool.ExamResult) record.Record {
	return &record.ExamResult{
		Season: e.Season, Board: e.Board, Level: e.Level, Qualification: e.Qualification, Subject: e.Subject,
		Component: e.Component, Result: e.Result, ResultDate: record.Date(day(e.ResultDate)),
	}
}

func assessmentResult(a demoschool.AssessmentResult) record.Record {
	return &record.AssessmentResult{
		Stage: a.Stage, Locale: a.Locale, Year: a.Year, Subject: a.Subject, Method: a.Method, Component: a.Component,
		ResultStatus: a.ResultStatus, ResultQualifier: a.ResultQualifier, Result: a.Result,
		ResultDate: record.Date(day(a.ResultDate)), Aspect: a.Aspect, ResultSet: a.ResultSet,
	}
}

func kpi(k demoschool.KPI) record.Record {
	return &record.KPI{Name: k.Name, Period: k.Period, Value: k.Value, Target: k.Target, Date: record.Date(day(k.Date))}
}

func staff(p demoschool.Staff) record.Record {
	return &record.Staff{
		Role: p.Role, Title: p.Title, Forename: p.Forename, Surname: p.Surname, Email: p.Email, Phone: p.Phone,
		Addresses: addresses(p.Address, p.Postcode),
	}
}
