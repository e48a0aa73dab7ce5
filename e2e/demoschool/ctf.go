package demoschool

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// CTFOptions say how WriteCTF divides and labels the files. The zero value is
// one file of version 25.0.
type CTFOptions struct {
	// Files the pupils are divided over, in order and as evenly as can be:
	// 1 to 999; zero means one. A file may hold no pupil.
	Files int

	// Version is the CTFversion, such as "25.0"; empty means that. Before 23
	// the sex of a pupil is in element Gender, from then on in Sex; from 18 on the
	// header has the school's URN.
	Version string
}

const (
	ctfPrefix = SchoolAuthority + SchoolEstab + "_CTF_" + SchoolAuthority + "0000_"

	ctfDate = time.DateOnly
	ctfTime = "2006-01-02T15:04:05"

	// firstSexVersion is the CTF whose Gender became Sex, as in the census
	// of autumn 2023.
	firstSexVersion = 23
	// firstURNVersion is the CTF whose header got the school's URN.
	firstURNVersion = 18
)

var (
	ctfVersionForm = regexp.MustCompile(`^[0-9]{2}\.[0-9]$`)
	ctfNameForm    = regexp.MustCompile(`^` + ctfPrefix + `([0-9]{3})\.xml$`)
)

// WriteCTF writes the school as common transfer files into dir, which must
// exist: 9331234_CTF_9330000_001.xml and on. Together they are one snapshot.
// Files of an earlier snapshot that this one has no number for are removed at
// the end. Each file appears whole; between two of them dir holds a mixture,
// as it does while a real MIS writes.
//
// A CTF has no place for MIS ids, admission number, registration group, house,
// gender identity, care dates, PEP, pupil premium and minutes late. Of the
// books it carries the school history (without URN), SEN (without end dates,
// whose element is not known), medical flag and disabilities of the welfare
// page, and the assessments of a key stage. An unknown care marker is
// a pupil without LookedAfter. AttendanceMarks holds one character a session
// from the later of 1 September and the entry date to Today, weekends and
// holidays included as ##, a register not taken as -. A two-character code
// has no agreed form there and is an error, never shortened: generate the
// school with Config.OneCharacterMarks.
func (s *School) WriteCTF(dir string, o CTFOptions) error {
	if o.Files == 0 {
		o.Files = 1
	}
	if o.Version == "" {
		o.Version = "25.0"
	}
	if o.Files < 1 || o.Files > 999 {
		return fmt.Errorf("write CTF: %d files: give 1 to 999", o.Files)
	}
	if !ctfVersionForm.MatchString(o.Version) {
		return fmt.Errorf("write CTF: version %q: give one such as 25.0", o.Version)
	}
	if err := s.checkOneCharacter(); err != nil {
		return fmt.Errorf("write CTF: %w", err)
	}
	var pupils []*Pupil
	for p := range s.Pupils() {
		pupils = append(pupils, p)
	}
	for i := range o.Files {
		from, to := i*len(pupils)/o.Files, (i+1)*len(pupils)/o.Files
		err := replaceFile(dir, ctfName(i+1), func(w io.Writer) error {
			return s.renderCTF(w, pupils[from:to], o.Version)
		})
		if err != nil {
			return fmt.Errorf("write CTF: %w", err)
		}
	}
	return removeCTFsAbove(dir, o.Files)
}

func ctfName(n int) string { return fmt.Sprintf("%s%03d.xml", ctfPrefix, n) }

// removeCTFsAbove removes this school's files numbered above n: left behind
// they would add pupils of an older snapshot to this one.
func removeCTFsAbove(dir string, n int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list older CTFs: %w", err)
	}
	for _, e := range entries {
		number := ctfNameForm.FindStringSubmatch(e.Name())
		if number == nil || atoi(number[1]) <= n {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove older CTF: %w", err)
		}
	}
	return nil
}

func (s *School) checkOneCharacter() error {
	long := make([]bool, len(s.codes.text))
	for n, code := range s.codes.text {
		long[n] = n != noRecord && len([]rune(code)) > 1
	}
	count := 0
	for i, p := range s.pupils {
		if !s.onRoll(p) {
			continue
		}
		for _, c := range s.marks[i] {
			if long[c.code] {
				count++
			}
		}
	}
	if count > 0 {
		return fmt.Errorf("%d marks have codes of more than one character, which AttendanceMarks cannot carry: "+
			"generate the school with Config.OneCharacterMarks and change marks to one-character codes only", count)
	}
	return nil
}

func (s *School) renderCTF(w io.Writer, pupils []*Pupil, version string) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	root := xml.StartElement{Name: xml.Name{Local: "CTfile"}}
	data := xml.StartElement{Name: xml.Name{Local: "CTFpupilData"}}
	if err := errors.Join(e.EncodeToken(root), e.Encode(s.ctfHeader(version)), e.EncodeToken(data)); err != nil {
		return err
	}
	for _, p := range pupils {
		if err := e.Encode(s.ctfPupil(p, atoi(version[:2]) >= firstSexVersion)); err != nil {
			return err
		}
	}
	return errors.Join(e.EncodeToken(data.End()), e.EncodeToken(root.End()), e.Close())
}

func (s *School) ctfHeader(version string) ctfHeader {
	h := ctfHeader{
		DocumentName:      "Common Transfer File",
		CTFversion:        version,
		DateTime:          s.asAt.Format(ctfTime),
		DocumentQualifier: "full",
		SupplierID:        "Rollbridge demo school",
	}
	h.SourceSchool.LEA, h.SourceSchool.Estab, h.SourceSchool.SchoolName = SchoolAuthority, SchoolEstab, SchoolName
	if atoi(version[:2]) >= firstURNVersion {
		h.SourceSchool.URN = SchoolURN
	}
	h.SourceSchool.AcademicYear = strconv.Itoa(academicYear(s.today))
	h.DestSchool.LEA, h.DestSchool.Estab = SchoolAuthority, "0000"
	return h
}

func (s *School) ctfPupil(p *Pupil, sexElement bool) ctfPupil {
	out := ctfPupil{
		UPN: p.UPN, UniqueLearnerNumber: p.ULN, Surname: p.LegalSurname, Forename: p.LegalForename,
		DOB: p.DOB.Format(ctfDate),
		BasicDetails: ctfBasicDetails{
			FormerUPN: p.FormerUPN, PreferredSurname: p.PreferredSurname, PreferredForename: p.PreferredForename,
			FormerSurname: p.FormerSurname, FormerForename: p.FormerForename, MiddleNames: p.MiddleNames,
			NCyearActual: p.Year, EnrolStatus: p.EnrolStatus,
		},
		Email:      p.Email,
		Attendance: s.ctfAttendance(p),
	}
	s.ctfBooks(p, &out)
	out.SuppInfo.Pupil.LookedAfter.InCare = !p.InCare
	if sexElement {
		out.Sex = p.Sex
	} else {
		out.Gender = p.Sex
	}
	if p.FSM {
		out.FSMhistory = &ctfFSM{Start: p.FSMStart.Format(ctfDate), Country: "ENG"}
	}
	if !p.InCareUnknown {
		out.LookedAfter = &ctfLookedAfter{InCare: p.InCare}
		if p.InCare {
			out.LookedAfter.CareAuthority = p.CareAuthority
		}
	}
	if p.Phone != "" {
		out.Phones = []ctfPhone{{"M", p.Phone}}
	}
	for c := range s.Contacts(p.ID) {
		out.Contacts = append(out.Contacts, ctfContactOf(c))
	}
	return out
}

func ctfContactOf(c Contact) ctfContact {
	out := ctfContact{
		Order: c.Priority, Title: c.Title, Forename: c.Forename, Surname: c.Surname,
		Relationship: c.Relationship, Responsibility: c.ParentalResponsibility, Email: c.Email,
	}
	if c.Address != "" || c.Postcode != "" {
		lines := strings.SplitN(c.Address, ", ", 5)
		out.Address = &ctfAddress{PostCode: c.Postcode}
		for i, line := range []*string{&out.Address.Line1, &out.Address.Line2, &out.Address.Line3, &out.Address.Line4, &out.Address.Line5} {
			if i < len(lines) {
				*line = lines[i]
			}
		}
	}
	for _, phone := range []ctfPhone{{"H", c.HomePhone}, {"M", c.MobilePhone}, {"W", c.WorkPhone}} {
		if phone.Number != "" {
			out.Phones = append(out.Phones, phone)
		}
	}
	return out
}

// ctfAttendance packs the academic year: two characters for each calendar date.
func (s *School) ctfAttendance(p *Pupil) *ctfYear {
	first := Date(academicYear(s.today), time.September, 1)
	if p.EntryDate.After(first) {
		first = p.EntryDate
	}
	if first.After(s.today) {
		return nil
	}
	year := &ctfYear{
		Year: academicYear(s.today), LEA: SchoolAuthority, Estab: SchoolEstab, SchoolName: SchoolName,
		Start: first.Format(ctfDate),
	}
	days := int(s.today.Sub(first).Hours())/24 + 1
	packed := []rune(strings.Repeat("#", 2*days))
	var totals sessionTotals
	for m := range s.Marks(p.ID) {
		code := m.Code
		if !m.Taken() {
			code = notTaken
		}
		totals.add(code)
		at := 2*(int(m.Date.Sub(first).Hours())/24) + half(m.Session)
		packed[at] = []rune(code)[0]
	}
	year.Marks = string(packed)
	year.Possible, year.Authorised = totals.possible(), totals.authorised
	year.Attended, year.Unauthorised = totals.attended, totals.unauthorised
	return year
}

func isoDate(d time.Time) string {
	if d.IsZero() {
		return ""
	}
	return d.Format(ctfDate)
}
