package demoschool

import (
	"iter"
	"time"
)

// A SIMSSchool is one school in a SIMS database.
type SIMSSchool struct {
	School *School
	ID     int // school_id; persons are numbered from a million times it
	// Own says that the database counts it as its own: status S. A database of
	// one school has one; one of two schools has two, and a reader must be told
	// which.
	Own bool
}

// The columns of the SIMS tables that public code has been seen to read
// (names only: the types are what such columns would have).
const (
	simsSchoolColumns  = "school_id int!, status char(1)"
	simsPersonColumns  = "person_id int!, surname nvarchar(100), forename nvarchar(100), dob datetime"
	simsStudentColumns = "person_id int!, unique_pupil_no varchar(13)"
	simsULNColumns     = "person_id int!, unique_learner_number varchar(10)"
	simsHistoryColumns = "person_id int!, school_id int!, admission_number varchar(10), start_date datetime, end_date datetime"
	simsMarkColumns    = "person_id int!, mark varchar(4), att_week_id int, session_start datetime"
	careListColumns    = "person_id int!, in_care char(1), authority char(3), start_date date, end_date date"
)

// formerSchool has ended histories in every SIMS database made here.
const formerSchool = 9

const (
	morningStart   = 9 * time.Hour
	afternoonStart = 13*time.Hour + 30*time.Minute
)

// TablesSIMS is schools as one SIMS database, schema sims, with the schools'
// own lists of pupils in care beside it (local.CareList), since no care table
// of SIMS is known. As in SIMS, and other than in TablesSQL, a pupil who has
// left stays, with an end date; every eleventh pupil was at the school once
// before, and every seventh came from another. A list of care has those who
// are in care, were, or may be; an unclear marker is NULL.
func TablesSIMS(schools ...SIMSSchool) []Table {
	return []Table{
		{Name: "sims.sims_school", Columns: columns(simsSchoolColumns), Key: "school_id", Rows: func(yield func([]any) bool) {
			for _, s := range schools {
				status := "O"
				if s.Own {
					status = "S"
				}
				if !yield([]any{s.ID, status}) {
					return
				}
			}
			yield([]any{formerSchool, "O"})
		}},
		{Name: "sims.sims_person", Columns: columns(simsPersonColumns), Key: "person_id", Rows: everybody(schools, SIMSSchool.person)},
		{Name: "sims.stud_student", Columns: columns(simsStudentColumns), Key: "person_id", Rows: everybody(schools, SIMSSchool.student)},
		{Name: "sims.sims_person_unique_learner_number", Columns: columns(simsULNColumns), Key: "person_id", Rows: everybody(schools, SIMSSchool.uln)},
		{Name: "sims.stud_school_history", Columns: columns(simsHistoryColumns), Key: "", Rows: everybody(schools, SIMSSchool.history)},
		{Name: "sims.att_mark_normalised", Columns: columns(simsMarkColumns), Key: "", Rows: everybody(schools, SIMSSchool.marks)},
		{Name: "local.CareList", Columns: columns(careListColumns), Key: "person_id", Rows: everybody(schools, SIMSSchool.care)},
	}
}

// everybody yields the rows of every pupil who is or was at one of the schools.
func everybody(schools []SIMSSchool, rows func(SIMSSchool, *Pupil) iter.Seq[[]any]) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for _, s := range schools {
			for _, p := range s.School.pupils {
				for row := range rows(s, p) {
					if !yield(row) {
						return
					}
				}
			}
		}
	}
}

func one(row ...any) iter.Seq[[]any] {
	return func(yield func([]any) bool) { yield(row) }
}

func none(func([]any) bool) {}

func (s SIMSSchool) id(p *Pupil) int { return 1_000_000*s.ID + atoi(p.ID) }

func (s SIMSSchool) person(p *Pupil) iter.Seq[[]any] {
	return one(s.id(p), orNull(p.LegalSurname), orNull(p.LegalForename), dateOrNull(p.DOB))
}

func (s SIMSSchool) student(p *Pupil) iter.Seq[[]any] {
	return one(s.id(p), orNull(p.UPN))
}

func (s SIMSSchool) uln(p *Pupil) iter.Seq[[]any] {
	if p.ULN == "" {
		return none
	}
	return one(s.id(p), p.ULN)
}

func (s SIMSSchool) history(p *Pupil) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		n := atoi(p.ID)
		left := p.EntryDate.AddDate(-1, 0, 0)
		if n%7 == 0 && !yield([]any{s.id(p), formerSchool, "000001", left.AddDate(-2, 0, 0), left}) {
			return
		}
		if n%11 == 0 && !yield([]any{s.id(p), s.ID, "000002", left, left.AddDate(0, 3, 0)}) {
			return
		}
		yield([]any{s.id(p), s.ID, orNull(p.AdmissionNo), dateOrNull(p.EntryDate), dateOrNull(p.LeavingDate)})
	}
}

func (s SIMSSchool) marks(p *Pupil) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		row := make([]any, 4)
		row[0] = s.id(p)
		first := s.School.days[0].monday
		for m := range s.School.Marks(p.ID) {
			start := morningStart
			if m.Session == PM {
				start = afternoonStart
			}
			row[1], row[2], row[3] = orNull(m.Code), 1+int(m.Date.Sub(first).Hours())/(24*daysInWeek), m.Date.Add(start)
			if !yield(row) {
				return
			}
		}
	}
}

func (s SIMSSchool) care(p *Pupil) iter.Seq[[]any] {
	if p.CareStart.IsZero() {
		return none
	}
	return one(s.id(p), careMarker(p), orNull(p.CareAuthority), p.CareStart, dateOrNull(p.CareEnd))
}
