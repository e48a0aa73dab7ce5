package roster

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// A Column is one of the four that a roster has.
type Column int

// The columns, in the order in which faults of one line are told.
const (
	UPN Column = iota
	DOB
	School
	MayKnow
	columns // how many there are
)

// Places says in which column of a file each column stands, from 0; -1 for one
// that it does not have.
type Places [columns]int

// String is the column's name in sentences.
func (c Column) String() string {
	return [...]string{"UPN", "date of birth", "school", "may the school know"}[c]
}

// headings are what each column may be called, as plain gives them.
var headings = [columns][]string{
	UPN:     {"upn", "uniquepupilnumber", "childupn", "pupilupn", "studentupn"},
	DOB:     {"dateofbirth", "dob", "birthdate", "birthday"},
	School:  {"school", "schoolid", "schoolcode"},
	MayKnow: {"maytheschoolknow", "mayschoolknow", "theschoolmayknow", "schoolmayknow", "mayknow"},
}

// A Row is one line of a file as it stands there; cells are trimmed. It prints
// as one fixed word.
type Row struct {
	// Line is the line of a CSV file or the row of a sheet, from 1.
	Line  int
	Cells [columns]string
	// RealDate says that the date of birth was a date to the spreadsheet, and so
	// stands as CCYY-MM-DD.
	RealDate bool
}

// LogValue is one fixed word.
func (r Row) LogValue() slog.Value { return slog.StringValue("[row]") }

// Format is one fixed word for every verb.
func (r Row) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[row]") }

// A Table is what a file holds. At says where each column stands ("A", "B" …),
// empty for a column that the file does not have.
type Table struct {
	At   [columns]string
	Rows []Row
}

// ErrFile is wrapped by what is wrong with a whole file; the text says what to
// do, and holds nothing of the file.
var ErrFile = errors.New("the file cannot be used")

// MaxRows bounds a roster: several times what the largest authority has.
const MaxRows = 20_000

// Columns finds the columns by a line of headings: in any order, with any
// others beside them, capitals, spaces and punctuation left aside. The second
// result is whether the line has any of them. Headings themselves are never
// repeated in an error: where there are none, the line is a child's.
func Columns(headingLine []string) (at Places, some bool, err error) {
	var faults []string
	for c := range columns {
		at[c] = -1
		for i, h := range headingLine {
			if !slices.Contains(headings[c], plain(h)) {
				continue
			}
			if at[c] >= 0 {
				faults = append(faults, fmt.Sprintf("columns %s and %s are both called %s: keep one of them", Letter(at[c]), Letter(i), c))
			}
			at[c], some = i, true
		}
		if at[c] < 0 && c != MayKnow {
			faults = append(faults, fmt.Sprintf("no column is called %q", c))
		}
	}
	if len(faults) > 0 {
		return at, some, fmt.Errorf(`%w: %s; the first line must name the columns "UPN", "date of birth", "school" and "may the school know"`,
			ErrFile, strings.Join(faults, "; "))
	}
	return at, some, nil
}

// plain leaves letters and digits, in lower case.
func plain(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, heading)
}

// Letter is how spreadsheets name column i, from 0: A to Z, AA …
func Letter(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}

// Add takes a line's cells into the table; a line of empty cells is passed
// over. The error is of a table that is too long.
func (t *Table) Add(line int, cells []string, at Places, realDate bool) error {
	r := Row{Line: line, RealDate: realDate}
	filled := false
	for c, i := range at {
		if i >= 0 && i < len(cells) {
			r.Cells[c] = strings.TrimSpace(cells[i])
		}
		filled = filled || r.Cells[c] != ""
	}
	if !filled {
		return nil
	}
	if len(t.Rows) == MaxRows {
		return fmt.Errorf("%w: it has more than %d lines; check that it is the roster of one authority", ErrFile, MaxRows)
	}
	t.Rows = append(t.Rows, r)
	return nil
}

// SetColumns keeps where the columns stand.
func (t *Table) SetColumns(at Places) {
	for c, i := range at {
		if i >= 0 {
			t.At[c] = Letter(i)
		}
	}
}
