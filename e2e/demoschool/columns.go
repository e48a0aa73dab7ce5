package demoschool

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A column is one thing that files and tables say of an entry. Its value is
// nil, an int, a bool, a string, a date or a list of codes.
type column[T any] struct {
	heading string // in the CSV file
	field   string // in profiles and views
	sql     string // name and type in the table, as columns reads it; empty where the table has none
	value   func(T) any
}

// number is an id as the tables keep it.
func number(id string) any {
	if id == "" {
		return nil
	}
	return atoi(id)
}

// open is an answer as a bool or nothing.
func (a Answer) open() any {
	if a == Unknown {
		return nil
	}
	return a == Yes
}

// ofPupil begins the columns of every book but the welfare pages, which have no
// id of their own.
func ofPupil[T any](heading, field, id string, ref func(T) Ref) []column[T] {
	return []column[T]{
		{heading, field, id + " int!", func(e T) any { return number(ref(e).ID) }},
		pupilColumn(ref),
	}
}

func pupilColumn[T any](ref func(T) Ref) column[T] {
	return column[T]{"Pupil ID", "pupil", "StudentID int!", func(e T) any { return number(ref(e).PupilID) }}
}

var historyColumns = append(ofPupil("History ID", "school_history", "HistoryID", func(h SchoolHistory) Ref { return h.Ref }), []column[SchoolHistory]{
	{"LEA", "LEA", "LEA char(3)", func(h SchoolHistory) any { return h.LEA }},
	{"Estab", "Estab", "Estab char(4)", func(h SchoolHistory) any { return h.Estab }},
	{"URN", "URN", "URN char(6)", func(h SchoolHistory) any { return h.URN }},
	{"School Name", "SchoolName", "SchoolName nvarchar(200)", func(h SchoolHistory) any { return h.SchoolName }},
	{"Entry Date", "EntryDate", "EntryDate date", func(h SchoolHistory) any { return h.EntryDate }},
	{"Leaving Date", "LeavingDate", "LeavingDate date", func(h SchoolHistory) any { return h.LeavingDate }},
	{"Leaving Reason", "LeavingReason", "LeavingReason varchar(2)", func(h SchoolHistory) any { return h.LeavingReason }},
	{"Last School", "LastSchool", "LastSchool bit", func(h SchoolHistory) any { return h.LastSchool.open() }},
}...)

// The table of needs has a row for each need; the file has them in one cell.
var senColumns = append(ofPupil("SEN ID", "sen", "SENID", func(e SEN) Ref { return e.Ref }), []column[SEN]{
	{"SEN Provision", "SENprovision", "Provision char(1)", func(e SEN) any { return e.Provision }},
	{"Start Date", "StartDate", "StartDate date", func(e SEN) any { return e.StartDate }},
	{"End Date", "EndDate", "EndDate date", func(e SEN) any { return e.EndDate }},
	{"SEN Needs", "SENneeds", "", func(e SEN) any { return rankedNeeds(e.Needs) }},
}...)

// rankedNeeds writes "1:MLD;2:SEMH".
func rankedNeeds(needs []string) string {
	ranked := make([]string, len(needs))
	for i, n := range needs {
		ranked[i] = strconv.Itoa(i+1) + ":" + n
	}
	return strings.Join(ranked, ";")
}

var welfareColumns = []column[Welfare]{
	pupilColumn(func(w Welfare) Ref { return w.Ref }),
	{"Child Protection Plan", "ProtectionPlan", "ProtectionPlan bit", func(w Welfare) any { return w.ProtectionPlan.open() }},
	{"Protection Authority", "ProtectionAuthority", "ProtectionAuthority char(3)", func(w Welfare) any { return w.ProtectionAuthority }},
	{"Young Carer", "YoungCarer", "YoungCarer char(1)", func(w Welfare) any { return w.YoungCarer }},
	{"Post Looked After Arrangements", "PostLookedAfterArrangements", "PostLookedAfter char(1)", func(w Welfare) any { return w.PostLookedAfter }},
	{"Kinship Care", "KinshipCare", "KinshipCare char(2)", func(w Welfare) any { return w.KinshipCare }},
	{"Service Child", "ServiceChild", "ServiceChild char(1)", func(w Welfare) any { return w.ServiceChild }},
	{"Medical Flag", "MedicalFlag", "MedicalFlag bit", func(w Welfare) any { return w.MedicalFlag.open() }},
	{"Disabilities", "Disabilities", "Disabilities varchar(40)", func(w Welfare) any { return w.Disabilities }},
}

var pepColumns = append(ofPupil("PEP ID", "pep", "PlanID", func(p PEP) Ref { return p.Ref }), []column[PEP]{
	{"Start Date", "StartDate", "StartDate date", func(p PEP) any { return p.StartDate }},
	{"Review Date", "ReviewDate", "ReviewDate date", func(p PEP) any { return p.ReviewDate }},
	{"End Date", "EndDate", "EndDate date", func(p PEP) any { return p.EndDate }},
	{"Status", "Status", "Status nvarchar(50)", func(p PEP) any { return p.Status }},
}...)

var agencyColumns = append(ofPupil("Agency Contact ID", "agency_contact", "PersonID", func(a AgencyContact) Ref { return a.Ref }), []column[AgencyContact]{
	{"Agency", "Agency", "Agency nvarchar(200)", func(a AgencyContact) any { return a.Agency }},
	{"Agency Type", "AgencyType", "AgencyType nvarchar(100)", func(a AgencyContact) any { return a.AgencyType }},
	{"Role", "Role", "Role nvarchar(100)", func(a AgencyContact) any { return a.Role }},
	{"Title", "Title", "Title nvarchar(20)", func(a AgencyContact) any { return a.Title }},
	{"Forename", "Forename", "Forename nvarchar(200)", func(a AgencyContact) any { return a.Forename }},
	{"Surname", "Surname", "Surname nvarchar(200)", func(a AgencyContact) any { return a.Surname }},
	{"Work Phone", "Phones.work", "WorkPhone nvarchar(100)", func(a AgencyContact) any { return a.WorkPhone }},
	{"Mobile Phone", "Phones.mobile", "MobilePhone nvarchar(100)", func(a AgencyContact) any { return a.Mobile }},
	{"Email", "Emails", "Email nvarchar(200)", func(a AgencyContact) any { return a.Email }},
	{"Address", "Addresses.lines", "Address nvarchar(400)", func(a AgencyContact) any { return a.Address }},
	{"Postcode", "Addresses.PostCode", "Postcode varchar(10)", func(a AgencyContact) any { return a.Postcode }},
}...)

var (
	behaviourColumns   = append(ofPupil("Behaviour ID", "behaviour", "IncidentID", conductRef), conductColumns...)
	achievementColumns = append(ofPupil("Achievement ID", "achievement", "AchievementID", conductRef), conductColumns...)
)

func conductRef(c Conduct) Ref { return c.Ref }

var conductColumns = []column[Conduct]{
	{"Date", "Date", "EventDate date", func(c Conduct) any { return c.Date }},
	{"Type", "Type", "EventType nvarchar(100)", func(c Conduct) any { return c.Type }},
	{"Category", "Category", "Category nvarchar(100)", func(c Conduct) any { return c.Category }},
	{"Points", "Points", "Points int", func(c Conduct) any { return c.Points }},
	{"Status", "Status", "Status nvarchar(50)", func(c Conduct) any { return c.Status }},
	{"Comments", "Comments", "Comments nvarchar(400)", func(c Conduct) any { return c.Comments }},
}

var detentionColumns = append(ofPupil("Detention ID", "detention", "DetentionID", func(d Detention) Ref { return d.Ref }), []column[Detention]{
	{"Date", "Date", "DetentionDate date", func(d Detention) any { return d.Date }},
	{"Start Time", "StartTime", "StartTime char(5)", func(d Detention) any { return d.StartTime }},
	{"End Time", "EndTime", "EndTime char(5)", func(d Detention) any { return d.EndTime }},
	{"Type", "Type", "DetentionType nvarchar(100)", func(d Detention) any { return d.Type }},
	{"Attended", "Attended", "Attended bit", func(d Detention) any { return d.Attended.open() }},
	{"Comments", "Comments", "Comments nvarchar(400)", func(d Detention) any { return d.Comments }},
}...)

var exclusionColumns = append(ofPupil("Exclusion ID", "exclusion", "ExclusionID", func(e Exclusion) Ref { return e.Ref }), []column[Exclusion]{
	{"Category", "Category", "Category varchar(4)", func(e Exclusion) any { return e.Category }},
	{"Reasons", "Reasons", "Reasons varchar(20)", func(e Exclusion) any { return e.Reasons }},
	{"Start Date", "StartDate", "StartDate date", func(e Exclusion) any { return e.StartDate }},
	{"End Date", "EndDate", "EndDate date", func(e Exclusion) any { return e.EndDate }},
	{"Start Session", "StartSession", "StartSession char(2)", func(e Exclusion) any { return string(e.StartSession) }},
	{"End Session", "EndSession", "EndSession char(2)", func(e Exclusion) any { return string(e.EndSession) }},
	{"Sessions", "Sessions", "Sessions int", func(e Exclusion) any { return orNone(e.Sessions) }},
	{"Review", "Review", "ReviewResult varchar(3)", func(e Exclusion) any { return e.Review }},
	{"Comments", "Comments", "Comments nvarchar(400)", func(e Exclusion) any { return e.Comments }},
}...)

func orNone(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

var examColumns = append(ofPupil("Exam Result ID", "exam_result", "ResultID", func(e ExamResult) Ref { return e.Ref }), []column[ExamResult]{
	{"Season", "Season", "Season char(7)", func(e ExamResult) any { return e.Season }},
	{"Board", "Board", "Board nvarchar(100)", func(e ExamResult) any { return e.Board }},
	{"Level", "Level", "Level nvarchar(100)", func(e ExamResult) any { return e.Level }},
	{"Qualification", "Qualification", "Qualification nvarchar(100)", func(e ExamResult) any { return e.Qualification }},
	{"Subject", "Subject", "Subject nvarchar(200)", func(e ExamResult) any { return e.Subject }},
	{"Component", "Component", "Component nvarchar(100)", func(e ExamResult) any { return e.Component }},
	{"Result", "Result", "Result nvarchar(20)", func(e ExamResult) any { return e.Result }},
	{"Result Date", "ResultDate", "ResultDate date", func(e ExamResult) any { return e.ResultDate }},
}...)

var assessmentColumns = append(ofPupil("Assessment Result ID", "assessment_result", "ResultID", func(a AssessmentResult) Ref { return a.Ref }), []column[AssessmentResult]{
	{"Stage", "Stage", "Stage varchar(3)", func(a AssessmentResult) any { return a.Stage }},
	{"Locale", "Locale", "Locale char(3)", func(a AssessmentResult) any { return a.Locale }},
	{"Year", "Year", "AssessmentYear char(4)", func(a AssessmentResult) any { return a.Year }},
	{"Subject", "Subject", "Subject nvarchar(100)", func(a AssessmentResult) any { return a.Subject }},
	{"Method", "Method", "Method varchar(10)", func(a AssessmentResult) any { return a.Method }},
	{"Component", "Component", "Component varchar(10)", func(a AssessmentResult) any { return a.Component }},
	{"Result Status", "ResultStatus", "ResultStatus char(1)", func(a AssessmentResult) any { return a.ResultStatus }},
	{"Result Qualifier", "ResultQualifier", "ResultQualifier char(2)", func(a AssessmentResult) any { return a.ResultQualifier }},
	{"Result", "Result", "Result nvarchar(20)", func(a AssessmentResult) any { return a.Result }},
	{"Result Date", "ResultDate", "ResultDate date", func(a AssessmentResult) any { return a.ResultDate }},
	{"Aspect", "Aspect", "Aspect nvarchar(200)", func(a AssessmentResult) any { return a.Aspect }},
	{"Result Set", "ResultSet", "ResultSet nvarchar(100)", func(a AssessmentResult) any { return a.ResultSet }},
}...)

var kpiColumns = append(ofPupil("KPI ID", "kpi", "FigureID", func(k KPI) Ref { return k.Ref }), []column[KPI]{
	{"Name", "Name", "Name nvarchar(100)", func(k KPI) any { return k.Name }},
	{"Period", "Period", "Period nvarchar(50)", func(k KPI) any { return k.Period }},
	{"Value", "Value", "FigureValue nvarchar(50)", func(k KPI) any { return k.Value }},
	{"Target", "Target", "Target nvarchar(50)", func(k KPI) any { return k.Target }},
	{"Date", "Date", "FigureDate date", func(k KPI) any { return k.Date }},
}...)

var staffColumns = []column[Staff]{
	{"Staff ID", "staff", "StaffID int!", func(p Staff) any { return number(p.ID) }},
	{"Role", "Role", "LookedAfterRole nvarchar(100)", func(p Staff) any { return p.Role }},
	{"Title", "Title", "Title nvarchar(20)", func(p Staff) any { return p.Title }},
	{"Forename", "Forename", "Forename nvarchar(200)", func(p Staff) any { return p.Forename }},
	{"Surname", "Surname", "Surname nvarchar(200)", func(p Staff) any { return p.Surname }},
	{"Email", "Email", "Email nvarchar(200)", func(p Staff) any { return p.Email }},
	{"Phone", "Phone", "Phone nvarchar(100)", func(p Staff) any { return p.Phone }},
	{"Address", "Addresses.lines", "Address nvarchar(400)", func(p Staff) any { return p.Address }},
	{"Postcode", "Addresses.PostCode", "Postcode varchar(10)", func(p Staff) any { return p.Postcode }},
}

func headings[T any](cols []column[T]) []Heading {
	all := make([]Heading, len(cols))
	for i, c := range cols {
		all[i] = Heading{Text: c.heading, Field: c.field}
	}
	return all
}

// cells are entries as rows of a file, in one slice used again for each.
func cells[T any](entries iter.Seq[T], cols []column[T]) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		row := make([]string, len(cols))
		for e := range entries {
			for i, c := range cols {
				row[i] = csvCell(c.value(e))
			}
			if !yield(row) {
				return
			}
		}
	}
}

func csvCell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case int:
		return strconv.Itoa(v)
	case bool:
		return yesNo(v)
	case time.Time:
		return ukDate(v)
	case []string:
		return strings.Join(v, ";")
	case string:
		return v
	default:
		panic("demoschool: a column has a value that no file can hold")
	}
}

// table is entries as a table of the database; the key is the columns that
// cannot be NULL. A list of codes is one text there, parted by commas.
func table[T any](name string, entries iter.Seq[T], cols []column[T]) Table {
	cols = slices.DeleteFunc(slices.Clone(cols), func(c column[T]) bool { return c.sql == "" })
	// The pupil comes first, for the Loader, which writes pupil by pupil.
	slices.SortStableFunc(cols, func(a, b column[T]) int { return first(b) - first(a) })
	t := Table{Name: name}
	var key []string
	for _, c := range cols {
		made := columns(c.sql)[0]
		if t.Columns = append(t.Columns, made); made.NotNull {
			key = append(key, made.Name)
		}
	}
	t.Key = strings.Join(key, ", ")
	t.Rows = func(yield func([]any) bool) {
		row := make([]any, len(cols))
		for e := range entries {
			for i, c := range cols {
				row[i] = sqlValue(c.value(e))
			}
			if !yield(row) {
				return
			}
		}
	}
	return t
}

func first[T any](c column[T]) int {
	if c.field == "pupil" {
		return 1
	}
	return 0
}

func sqlValue(value any) any {
	switch v := value.(type) {
	case string:
		return orNull(v)
	case time.Time:
		return dateOrNull(v)
	case []string:
		return orNull(strings.Join(v, ","))
	default:
		return v
	}
}
