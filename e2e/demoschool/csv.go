package demoschool

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// Names of files that WriteCSV makes; CSVFiles has them all.
const (
	PupilsCSV     = "pupils.csv"
	ContactsCSV   = "contacts.csv"
	AttendanceCSV = "attendance.csv"
)

// A Heading is one column of a file: what stands above it, and the field that
// it holds as profiles name it.
type Heading struct{ Text, Field string }

// A CSVFile is one file that WriteCSV makes.
type CSVFile struct {
	Dataset  string // the name in shared/record
	Name     string
	Headings []Heading // in order
}

// CSVFiles lists what WriteCSV makes, in the order in which it does.
func CSVFiles() []CSVFile {
	return []CSVFile{
		{"pupil", PupilsCSV, pupilHeadings},
		{"school_history", "school_history.csv", headings(historyColumns)},
		{"sen", "sen.csv", headings(senColumns)},
		{"welfare", "welfare.csv", headings(welfareColumns)},
		{"pep", "pep.csv", headings(pepColumns)},
		{"contact", ContactsCSV, contactHeadings},
		{"agency_contact", "agency_contacts.csv", headings(agencyColumns)},
		{"attendance", AttendanceCSV, attendanceHeadings},
		{"behaviour", "behaviour.csv", headings(behaviourColumns)},
		{"achievement", "achievement.csv", headings(achievementColumns)},
		{"detention", "detentions.csv", headings(detentionColumns)},
		{"exclusion", "exclusions.csv", headings(exclusionColumns)},
		{"exam_result", "exam_results.csv", headings(examColumns)},
		{"assessment_result", "assessment_results.csv", headings(assessmentColumns)},
		{"kpi", "kpis.csv", headings(kpiColumns)},
		{"staff", "staff.csv", headings(staffColumns)},
	}
}

// csvRows are the rows of the file of a dataset.
func (s *School) csvRows() map[string]iter.Seq[[]string] {
	return map[string]iter.Seq[[]string]{
		"pupil":             s.pupilRows(),
		"school_history":    cells(s.SchoolHistory.all(), historyColumns),
		"sen":               cells(s.SEN.all(), senColumns),
		"welfare":           cells(s.Welfare.all(), welfareColumns),
		"pep":               cells(s.PEP.all(), pepColumns),
		"contact":           s.contactRows(),
		"agency_contact":    cells(s.AgencyContact.all(), agencyColumns),
		"attendance":        s.attendanceRows(),
		"behaviour":         cells(s.Behaviour.all(), behaviourColumns),
		"achievement":       cells(s.Achievement.all(), achievementColumns),
		"detention":         cells(s.Detention.all(), detentionColumns),
		"exclusion":         cells(s.Exclusion.all(), exclusionColumns),
		"exam_result":       cells(s.ExamResult.all(), examColumns),
		"assessment_result": cells(s.Assessment.all(), assessmentColumns),
		"kpi":               cells(s.KPI.all(), kpiColumns),
		"staff":             cells(s.Staff(), staffColumns),
	}
}

// The encodings that WriteCSV knows.
const (
	UTF8        = "utf-8"
	Windows1252 = "windows-1252"
)

// The headings of the files whose rows are not made from columns.
var pupilHeadings = []Heading{
	{"Pupil ID", "pupil"},
	{"UPN", "UPN"},
	{"Former UPN", "FormerUPN"},
	{"ULN", "UniqueLearnerNumber"},
	{"Adno", "AdmissionNumber"},
	{"Legal Surname", "Surname"},
	{"Legal Forename", "Forename"},
	{"Middle Names", "MiddleNames"},
	{"Preferred Surname", "PreferredSurname"},
	{"Preferred Forename", "PreferredForename"},
	{"Former Surname", "FormerSurname"},
	{"Date of Birth", "DOB"},
	{"Sex", "Sex"},
	{"Year Group", "NCyearActual"},
	{"Reg Group", "RegGroup"},
	{"House", "House"},
	{"In Care", "InCare"},
	{"Care Authority", "CareAuthority"},
	{"Care Start", "CareStart"},
	{"Care End", "CareEnd"},
	{"PEP", "PersonalEducationPlan"},
	{"FSM", "FSMeligible"},
	{"Pupil Premium", "PupilPremium"},
	{"Email", "Email"},
	{"Phone", "Phone"},
	{"Entry Date", "EntryDate"},
	{"Leaving Date", "LeavingDate"},
	{"Enrolment Status", "EnrolStatus"},
	{"Former Forename", "FormerForename"},
	{"Gender Identity", "Gender"},
	{"In Care At Current School", "InCareAtCurrentSchool"},
	{"Pupil Premium Indicator", "PupilPremiumIndicator"},
}

var contactHeadings = []Heading{
	{"Contact ID", "contact"},
	{"Pupil ID", "pupil"},
	{"Title", "Title"},
	{"Forename", "Forename"},
	{"Surname", "Surname"},
	{"Relationship", "Relationship"},
	{"Priority", "Order"},
	{"Parental Responsibility", "Responsibility"},
	{"Home Phone", "Phones.home"},
	{"Mobile Phone", "Phones.mobile"},
	{"Work Phone", "Phones.work"},
	{"Email", "Emails"},
	{"Address", "Addresses.lines"},
	{"Postcode", "Addresses.PostCode"},
}

var attendanceHeadings = []Heading{
	{"Pupil ID", "pupil"},
	{"Date", "date"},
	{"Session", "session"},
	{"Mark", "mark"},
	{"Minutes Late", "late"},
}

const csvDate = "02/01/2006"

// CSVOptions are the ways in which schools' exports differ. The zero value is
// UTF-8 without a byte order mark, separated by commas.
type CSVOptions struct {
	Delimiter rune   // ',', ';' or '\t'; zero means ','
	Encoding  string // UTF8 or Windows1252; empty means UTF8
	BOM       bool   // a byte order mark in front; UTF-8 only
}

func (o CSVOptions) withDefaults() (CSVOptions, error) {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	if o.Encoding == "" {
		o.Encoding = UTF8
	}
	if !strings.ContainsRune(",;\t", o.Delimiter) {
		return o, fmt.Errorf("delimiter %q: give a comma, a semicolon or a tab", o.Delimiter)
	}
	if o.Encoding != UTF8 && o.Encoding != Windows1252 {
		return o, fmt.Errorf("encoding %q: give %s or %s", o.Encoding, UTF8, Windows1252)
	}
	if o.BOM && o.Encoding != UTF8 {
		return o, errors.New("a byte order mark belongs to UTF-8: leave it out, or choose that encoding")
	}
	return o, nil
}

// WriteCSV writes the files of CSVFiles into dir, which must exist, with CRLF
// line ends, dates dd/mm/yyyy, booleans Yes and No (blank where it is not
// known), lists parted by ; and needs of SEN as 1:MLD;2:SEMH. With no options
// the zero CSVOptions hold; more than one is an error. Each file is replaced
// whole, one after the other. A name that Windows-1252 cannot hold is
// an error; generate the school with Config.WesternNames.
func (s *School) WriteCSV(dir string, options ...CSVOptions) error {
	if len(options) > 1 {
		return errors.New("write CSV: more than one set of options: give one")
	}
	var o CSVOptions
	if len(options) == 1 {
		o = options[0]
	}
	o, err := o.withDefaults()
	if err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	rows := s.csvRows()
	for _, file := range CSVFiles() {
		err := replaceFile(dir, file.Name, func(w io.Writer) error {
			return renderCSV(w, o, file.Headings, rows[file.Dataset])
		})
		if err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	return nil
}

func renderCSV(w io.Writer, o CSVOptions, headings []Heading, rows iter.Seq[[]string]) error {
	if o.BOM {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	closeEncoder := func() error { return nil }
	if o.Encoding == Windows1252 {
		encoder := transform.NewWriter(w, charmap.Windows1252.NewEncoder())
		w, closeEncoder = encoder, encoder.Close
	}
	c := csv.NewWriter(w)
	c.Comma, c.UseCRLF = o.Delimiter, true
	texts := make([]string, len(headings))
	for i, h := range headings {
		texts[i] = h.Text
	}
	err := c.Write(texts)
	for row := range rows {
		if err != nil {
			break
		}
		err = c.Write(row)
	}
	c.Flush()
	if err := errors.Join(err, c.Error(), closeEncoder()); err != nil {
		if o.Encoding == Windows1252 {
			return fmt.Errorf("encode as %s (a school with Config.WesternNames fits): %w", o.Encoding, err)
		}
		return err
	}
	return nil
}

func (s *School) pupilRows() iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for p := range s.Pupils() {
			inCare := yesNo(p.InCare)
			if p.InCareUnknown {
				inCare = ""
			}
			row := []string{
				p.ID, p.UPN, p.FormerUPN, p.ULN, p.AdmissionNo, p.LegalSurname, p.LegalForename, p.MiddleNames,
				p.PreferredSurname, p.PreferredForename, p.FormerSurname, ukDate(p.DOB), p.Sex, p.Year, p.RegGroup,
				p.House, inCare, p.CareAuthority, ukDate(p.CareStart), ukDate(p.CareEnd), yesNo(p.PEP), yesNo(p.FSM),
				yesNo(p.PupilPremium), p.Email, p.Phone, ukDate(p.EntryDate), ukDate(p.LeavingDate), p.EnrolStatus,
				p.FormerForename, p.Gender, csvCell(p.InCareHere.open()), p.PremiumCode,
			}
			if !yield(row) {
				return
			}
		}
	}
}

func (s *School) contactRows() iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for p := range s.Pupils() {
			for c := range s.Contacts(p.ID) {
				row := []string{
					c.ID, c.PupilID, c.Title, c.Forename, c.Surname, c.Relationship, strconv.Itoa(c.Priority),
					yesNo(c.ParentalResponsibility), c.HomePhone, c.MobilePhone, c.WorkPhone, c.Email, c.Address, c.Postcode,
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}

// attendanceRows yields one row a session in one slice used again for each,
// since a large school has millions.
func (s *School) attendanceRows() iter.Seq[[]string] {
	dates := make(map[time.Time]string, s.upTo)
	for _, d := range s.days[:s.upTo] {
		dates[d.date] = ukDate(d.date)
	}
	return func(yield func([]string) bool) {
		row := make([]string, 5)
		for p := range s.Pupils() {
			for m := range s.Marks(p.ID) {
				row[0], row[1], row[2], row[3], row[4] = p.ID, dates[m.Date], string(m.Session), m.Code, ""
				if m.MinutesLate > 0 {
					row[4] = strconv.Itoa(m.MinutesLate)
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}

func yesNo(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

func ukDate(d time.Time) string {
	if d.IsZero() {
		return ""
	}
	return d.Format(csvDate)
}
