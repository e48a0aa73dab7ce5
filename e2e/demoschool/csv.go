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

// The files that WriteCSV makes.
const (
	PupilsCSV     = "pupils.csv"
	ContactsCSV   = "contacts.csv"
	AttendanceCSV = "attendance.csv"
)

// The encodings that WriteCSV knows.
const (
	UTF8        = "utf-8"
	Windows1252 = "windows-1252"
)

// The headings of the three files, in order.
const (
	pupilHeadings = "Pupil ID,UPN,Former UPN,ULN,Adno,Legal Surname,Legal Forename,Middle Names,Preferred Surname," +
		"Preferred Forename,Former Surname,Date of Birth,Sex,Year Group,Reg Group,House,In Care,Care Authority," +
		"Care Start,Care End,PEP,FSM,Pupil Premium,Email,Phone,Entry Date,Leaving Date,Enrolment Status"
	contactHeadings = "Contact ID,Pupil ID,Title,Forename,Surname,Relationship,Priority,Parental Responsibility," +
		"Home Phone,Mobile Phone,Work Phone,Email,Address,Postcode"
	attendanceHeadings = "Pupil ID,Date,Session,Mark,Minutes Late"
)

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

// WriteCSV writes pupils.csv, contacts.csv and attendance.csv into dir, which
// must exist, with CRLF line ends, dates dd/mm/yyyy and booleans Yes and No
// (blank for an unknown care marker). With no options the zero CSVOptions
// hold; more than one is an error. Each file is replaced whole, one after the
// other: pupils, contacts, attendance. A name that Windows-1252 cannot hold is
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
	for _, file := range []struct {
		name, headings string
		rows           iter.Seq[[]string]
	}{
		{PupilsCSV, pupilHeadings, s.pupilRows()},
		{ContactsCSV, contactHeadings, s.contactRows()},
		{AttendanceCSV, attendanceHeadings, s.attendanceRows()},
	} {
		err := replaceFile(dir, file.name, func(w io.Writer) error {
			return renderCSV(w, o, file.headings, file.rows)
		})
		if err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	return nil
}

func renderCSV(w io.Writer, o CSVOptions, headings string, rows iter.Seq[[]string]) error {
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
	err := c.Write(strings.Split(headings, ","))
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
