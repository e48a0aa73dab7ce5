package demoschool

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// A Table is one table of the school's MIS database: its shape and its rows.
type Table struct {
	Name    string // schema.table
	Columns []Column
	Key     string // columns of the primary key, separated by commas; empty for none
	// Rows yields one value for each column: nil, int, bool, string or time.Time.
	// The slice is used again for the next row.
	Rows iter.Seq[[]any]
}

// A Column is one column of a Table.
type Column struct {
	Name    string
	Type    string // as T-SQL writes it: nvarchar(40), datetime
	NotNull bool
}

// Create is the T-SQL that makes the table, for SQL Server 2008 and later. Its
// schema must be there.
func (t Table) Create() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + t.Name + " (")
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name + " " + c.Type)
		if c.NotNull {
			b.WriteString(" NOT NULL")
		} else {
			b.WriteString(" NULL")
		}
	}
	if t.Key != "" {
		b.WriteString(", PRIMARY KEY (" + t.Key + ")")
	}
	b.WriteString(")")
	return b.String()
}

// columns reads "StudentID int!, UPN varchar(13)": a ! means NOT NULL.
func columns(text string) []Column {
	var all []Column
	for part := range strings.SplitSeq(text, ", ") {
		name, kind, _ := strings.Cut(part, " ")
		kind, notNull := strings.CutSuffix(kind, "!")
		all = append(all, Column{Name: name, Type: kind, NotNull: notNull})
	}
	return all
}

// The columns of the fictional vendor's tables.
const (
	schoolColumns  = "SchoolID int!, Name nvarchar(200)!"
	studentColumns = "StudentID int!, UPN varchar(13), FormerUPN varchar(13), ULN varchar(10), AdmissionNo varchar(10), " +
		"LegalSurname nvarchar(200), LegalForename nvarchar(200), MiddleNames nvarchar(200), PreferredSurname nvarchar(200), " +
		"PreferredForename nvarchar(200), FormerSurname nvarchar(200), DateOfBirth date, Sex char(1), YearGroup varchar(10), " +
		"RegGroup nvarchar(20), House nvarchar(40), Email nvarchar(200), Phone nvarchar(100), FSM bit, PupilPremium bit, " +
		"EnrolStatus char(1), EntryDate date, LeavingDate date, FormerForename nvarchar(200), GenderIdentity nvarchar(40), " +
		"PremiumCode varchar(3)"
	careColumns    = "StudentID int!, InCare char(1), CareAuthority char(3), StartDate date, EndDate date, PEP bit, InCareHere bit"
	needColumns    = "StudentID int!, SENID int!, NeedRank int!, NeedType varchar(4)"
	contactColumns = "StudentID int!, ContactID int!, Title nvarchar(20), Forename nvarchar(200), Surname nvarchar(200), " +
		"Relationship varchar(3), Priority int, ParentalResponsibility bit, HomePhone nvarchar(100), MobilePhone nvarchar(100), " +
		"WorkPhone nvarchar(100), Email nvarchar(200), Address nvarchar(400), Postcode varchar(10)"
	markColumns = "StudentID int!, MarkDate date!, Session char(2)!, Mark nvarchar(10), MinutesLate int"
)

// TablesSQL is the school as the database of a fictional vendor's MIS, schema
// mis: what docs/mis/sql-views.md lays its views over. As in the files, only
// pupils on roll are there; what is empty is NULL, and so is a care marker that
// is neither yes nor no. Other than in the files, mis.Staff has all of the
// staff: a view must leave out who has no LookedAfterRole. A list of codes is
// one text, parted by commas; needs of SEN have a table of their own. The rows
// are drawn from the school when they are asked for, so the tables follow every
// mutation.
func (s *School) TablesSQL() []Table {
	return []Table{
		{Name: "mis.School", Columns: columns(schoolColumns), Key: "SchoolID", Rows: func(yield func([]any) bool) {
			yield([]any{atoi(SchoolEstab), SchoolName})
		}},
		{Name: "mis.Student", Columns: columns(studentColumns), Key: "StudentID", Rows: s.studentsSQL()},
		{Name: "mis.StudentCare", Columns: columns(careColumns), Key: "StudentID", Rows: s.careSQL()},
		{Name: "mis.StudentContact", Columns: columns(contactColumns), Key: "StudentID, ContactID", Rows: s.contactsSQL()},
		{Name: "mis.SessionMark", Columns: columns(markColumns), Key: "StudentID, MarkDate, Session", Rows: s.marksSQL()},
		table("mis.StudentHistory", s.SchoolHistory.all(), historyColumns),
		table("mis.StudentSEN", s.SEN.all(), senColumns),
		{Name: "mis.StudentSENNeed", Columns: columns(needColumns), Key: "StudentID, SENID, NeedRank", Rows: s.needsSQL()},
		table("mis.StudentWelfare", s.Welfare.all(), welfareColumns),
		table("mis.StudentPEP", s.PEP.all(), pepColumns),
		table("mis.StudentAgencyContact", s.AgencyContact.all(), agencyColumns),
		table("mis.StudentBehaviour", s.Behaviour.all(), behaviourColumns),
		table("mis.StudentAchievement", s.Achievement.all(), achievementColumns),
		table("mis.StudentDetention", s.Detention.all(), detentionColumns),
		table("mis.StudentExclusion", s.Exclusion.all(), exclusionColumns),
		table("mis.StudentExamResult", s.ExamResult.all(), examColumns),
		table("mis.StudentAssessment", s.Assessment.all(), assessmentColumns),
		table("mis.StudentKPI", s.KPI.all(), kpiColumns),
		table("mis.Staff", s.everyStaff(), staffColumns),
	}
}

func (s *School) needsSQL() iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for e := range s.SEN.all() {
			for i, need := range e.Needs {
				if !yield([]any{atoi(e.PupilID), atoi(e.ID), i + 1, need}) {
					return
				}
			}
		}
	}
}

func (s *School) studentsSQL() iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for p := range s.Pupils() {
			row := []any{
				atoi(p.ID), orNull(p.UPN), orNull(p.FormerUPN), orNull(p.ULN), orNull(p.AdmissionNo),
				orNull(p.LegalSurname), orNull(p.LegalForename), orNull(p.MiddleNames), orNull(p.PreferredSurname),
				orNull(p.PreferredForename), orNull(p.FormerSurname), dateOrNull(p.DOB), orNull(p.Sex), orNull(p.Year),
				orNull(p.RegGroup), orNull(p.House), orNull(p.Email), orNull(p.Phone), p.FSM, p.PupilPremium,
				orNull(p.EnrolStatus), dateOrNull(p.EntryDate), dateOrNull(p.LeavingDate), orNull(p.FormerForename),
				orNull(p.Gender), orNull(p.PremiumCode),
			}
			if !yield(row) {
				return
			}
		}
	}
}

func (s *School) careSQL() iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for p := range s.Pupils() {
			row := []any{
				atoi(p.ID), careMarker(p), orNull(p.CareAuthority), dateOrNull(p.CareStart), dateOrNull(p.CareEnd), p.PEP,
				p.InCareHere.open(),
			}
			if !yield(row) {
				return
			}
		}
	}
}

func careMarker(p *Pupil) any {
	switch {
	case p.InCareUnknown:
		return nil
	case p.InCare:
		return "Y"
	default:
		return "N"
	}
}

func (s *School) contactsSQL() iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for p := range s.Pupils() {
			for c := range s.Contacts(p.ID) {
				row := []any{
					atoi(c.PupilID), atoi(c.ID), orNull(c.Title), orNull(c.Forename), orNull(c.Surname), orNull(c.Relationship),
					c.Priority, c.ParentalResponsibility, orNull(c.HomePhone), orNull(c.MobilePhone), orNull(c.WorkPhone),
					orNull(c.Email), orNull(c.Address), orNull(c.Postcode),
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}

func (s *School) marksSQL() iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		row := make([]any, 5)
		for p := range s.Pupils() {
			id := any(atoi(p.ID))
			for m := range s.Marks(p.ID) {
				row[0], row[1], row[2], row[3], row[4] = id, m.Date, string(m.Session), orNull(m.Code), nil
				if m.MinutesLate > 0 {
					row[4] = m.MinutesLate
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func dateOrNull(d time.Time) any {
	if d.IsZero() {
		return nil
	}
	return d
}

// appendLiteral writes a value as a T-SQL literal that means the same under
// every language and date format of a login.
func appendLiteral(b []byte, value any, c Column) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "NULL"...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case bool:
		if v {
			return append(b, '1')
		}
		return append(b, '0')
	case string:
		b = append(b, 'N', '\'')
		b = append(b, strings.ReplaceAll(v, "'", "''")...)
		return append(b, '\'')
	case time.Time:
		// SQL Server reads 2026-11-16 as a date in one way only; as a datetime it
		// depends on the login's language, with the T it does not.
		layout := "'2006-01-02T15:04:05'"
		if c.Type == "date" {
			layout = "'2006-01-02'"
		}
		return v.AppendFormat(b, layout)
	default:
		panic("demoschool: a row of " + c.Name + " has a value that has no literal")
	}
}
