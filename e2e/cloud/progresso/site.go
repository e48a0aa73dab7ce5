package progresso

import (
	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// employees have the role for looked-after children in Position; somebody
// without one is among them.
func (a asked) employees() []cloud.Row {
	rows := []cloud.Row{{
		"EmployeeId": 1, "StaffCode": "OTH", "Title": "Mr", "Surname": a.Secret, "Forname": a.Secret, "Position": "Teacher",
		"Status": "Active", "Gender": "9", "Email": a.Secret, "PhoneDetails": []cloud.Row{}, "AddressDetails": []cloud.Row{},
	}}
	for p := range a.School.Staff() {
		rows = append(rows, cloud.Row{
			"EmployeeId": cloud.Number(p.ID), "StaffCode": "S" + p.ID, "Title": p.Title, "Surname": p.Surname, "Forname": p.Forename,
			"Position": p.Role, "Status": "Active", "Gender": "0", "Email": p.Email, "PhoneDetails": phones("", "", p.Phone),
			"AddressDetails": addresses(p.Address, p.Postcode),
		})
	}
	return rows
}

// Columns are what this school says of the resources whose members no public
// source names, by dataset and field.
func Columns() map[string]map[string]string {
	return map[string]map[string]string{
		"detention": {
			"detention": ".detentionattendanceid", "Date": ".detentiondate | day", "StartTime": ".starttime", "EndTime": ".endtime",
			"Type": ".detentiontype", "Attended": ".attended", "Comments": ".notes",
		},
		"exam_result": {
			"exam_result": ".examresultid", "Season": ".season", "Board": ".awardingbody", "Level": ".level", "Qualification": ".qan",
			"Subject": ".subject", "Component": ".component", "Result": ".grade", "ResultDate": ".resultdate | day",
		},
		"kpi": {
			"kpi": ".indicatorid", "Name": ".indicator", "Period": ".period", "Value": ".indicatorvalue", "Target": ".target", "Date": ".recorddate | day",
		},
	}
}

func (a asked) detentions() []cloud.Row {
	rows := []cloud.Row{}
	for _, p := range a.pupils() {
		for e := range a.School.Detention.Of(p.ID) {
			rows = append(rows, a.own(p, cloud.Row{
				"DetentionAttendanceId": cloud.Number(e.ID), "DetentionDate": day(e.Date, withTime), "StartTime": e.StartTime,
				"EndTime": e.EndTime, "DetentionType": e.Type, "Attended": open(e.Attended), "Notes": e.Comments,
			}))
		}
	}
	return rows
}

func (a asked) exams() []cloud.Row {
	rows := []cloud.Row{}
	for _, p := range a.pupils() {
		for e := range a.School.ExamResult.Of(p.ID) {
			rows = append(rows, a.own(p, cloud.Row{
				"ExamResultId": cloud.Number(e.ID), "Season": e.Season, "AwardingBody": e.Board, "Level": e.Level, "QAN": e.Qualification,
				"Subject": e.Subject, "Component": e.Component, "Grade": e.Result, "ResultDate": day(e.ResultDate, slashes),
			}))
		}
	}
	return rows
}

func (a asked) indicators() []cloud.Row {
	rows := []cloud.Row{}
	for _, p := range a.pupils() {
		for k := range a.School.KPI.Of(p.ID) {
			rows = append(rows, a.own(p, cloud.Row{
				"IndicatorId": cloud.Number(k.ID), "Indicator": k.Name, "Period": k.Period, "IndicatorValue": k.Value,
				"Target": k.Target, "RecordDate": day(k.Date, iso),
			}))
		}
	}
	return rows
}

func (a asked) own(p *demoschool.Pupil, row cloud.Row) cloud.Row {
	row["LearnerId"] = cloud.Number(p.ID)
	return row
}
