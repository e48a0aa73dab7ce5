package roster

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

const today = record.Date("2026-11-20")

var known = Known{Asked: map[string]bool{"oak": true, "elm": true}, All: map[string]bool{"oak": true, "elm": true, "ash": true}}

// upn is the UPN of an invented child.
func upn(n int) string {
	u, err := codes.MakeUPN(fmt.Sprintf("301%09d", n))
	if err != nil {
		panic(err)
	}
	return u.Reveal()
}

// table is what a file of these lines holds; the first child stands on line 2.
func table(lines ...[4]string) Table {
	t := Table{}
	t.SetColumns(Places{0, 1, 2, 3})
	for i, l := range lines {
		if err := t.Add(i+2, l[:], Places{0, 1, 2, 3}, false); err != nil {
			panic(err)
		}
	}
	return t
}

func TestParse(t *testing.T) {
	children, err := Parse(table(
		[4]string{" " + strings.ToLower(upn(2)) + " ", "2012-03-04", "OAK ", "Yes"},
		[4]string{"", " ", "", ""},
		[4]string{upn(3), "3 April 2012", "oak", ""},
		[4]string{upn(1), "04-Mar-2012", "elm", "N"},
	), known, today)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Listed{{School: "elm", UPN: upn(1), DOB: "2012-03-04"}, {School: "oak", UPN: upn(2), DOB: "2012-03-04", MayKnow: true}, {School: "oak", UPN: upn(3), DOB: "2012-04-03"}}
	if len(children) != 3 || children[0] != want[0] || !(children[1] == want[1] && children[2] == want[2] || children[1] == want[2] && children[2] == want[1]) {
		t.Errorf("%d children, or others", len(children))
	}
}

func TestDates(t *testing.T) {
	const ok = ""
	for name, c := range map[string]struct {
		cells []string
		real  int // how many of them, from the first, were dates to the spreadsheet
		want  record.Date
		says  string // of the last cell
	}{
		"as the standard writes it":  {[]string{"2012-03-04"}, 0, "2012-03-04", ok},
		"with a time":                {[]string{"2012-03-04T00:00:00"}, 0, "2012-03-04", ok},
		"a date of the spreadsheet":  {[]string{"2012-03-04"}, 1, "2012-03-04", ok},
		"day first, shown by itself": {[]string{"25/03/2012"}, 0, "2012-03-25", ok},
		"day first, shown above":     {[]string{"25/03/2012", "04/03/2012"}, 0, "2012-03-04", ok},
		"month first, shown above":   {[]string{"03/25/2012", "04/03/2012"}, 0, "2012-04-03", ok},
		"day and month the same":     {[]string{"03.03.2012"}, 0, "2012-03-03", ok},
		"could be either":            {[]string{"04/03/2012"}, 0, "", "could be swapped"},
		"both orders":                {[]string{"25/03/2012", "03/25/2012"}, 0, "", "some dates of the column put the day first"},
		"text beside real dates":     {[]string{"2012-03-04", "25/03/2012"}, 1, "", "may have swapped"},
		"two digits of a year":       {[]string{"25/03/12"}, 0, "", "not a date"},
		"a number":                   {[]string{"40992"}, 0, "", "not a date"},
		"mixed separators":           {[]string{"25/03-2012"}, 0, "", "not a date"},
		"no such day":                {[]string{"2012-02-30"}, 0, "", "no such day"},
		"no such day, day first":     {[]string{"31/04/2012"}, 0, "", "no such day"},
		"day 32":                     {[]string{"32/04/2012"}, 0, "", "not a date"},
		"no such word":               {[]string{"3 Foo 2012"}, 0, "", "not a date"},
		"the future":                 {[]string{"2026-11-21"}, 0, "", "future"},
		"today":                      {[]string{"2026-11-20"}, 0, "2026-11-20", ok},
		"too old":                    {[]string{"1999-11-19"}, 0, "", "26 years"},
		"empty":                      {[]string{""}, 0, "", "empty"},
	} {
		var lines [][4]string
		for i, cell := range c.cells {
			lines = append(lines, [4]string{upn(i), cell, "oak", ""})
		}
		rows := table(lines...)
		for i := range c.real {
			rows.Rows[i].RealDate = true
		}
		children, err := Parse(rows, known, today)
		last := fmt.Sprintf("line %d, column B (date of birth): ", len(c.cells)+1)
		var faults *Faults
		switch {
		case c.says == ok && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says == ok:
			found := false
			for _, child := range children {
				found = found || child.UPN == upn(len(c.cells)-1) && child.DOB == c.want
			}
			if !found {
				t.Errorf("%s: another date", name)
			}
		case !errors.As(err, &faults):
			t.Errorf("%s: taken in", name)
		default:
			text := faults.List[len(faults.List)-1].String()
			if !strings.HasPrefix(text, last) || !strings.Contains(text, c.says) {
				t.Errorf("%s: %s", name, text)
			}
			if cell := c.cells[len(c.cells)-1]; cell != "" && strings.Contains(err.Error(), cell) {
				t.Errorf("%s: the fault repeats the cell", name)
			}
		}
	}
}

func TestFaultsOfCells(t *testing.T) {
	good := [4]string{upn(1), "2012-03-04", "oak", "yes"}
	change := func(c Column, value string) [4]string {
		line := good
		line[c] = value
		return line
	}
	for name, c := range map[string]struct {
		lines []([4]string)
		want  string
	}{
		"no UPN":           {[][4]string{change(UPN, "")}, "line 2, column A (UPN): it is empty"},
		"check letter":     {[][4]string{change(UPN, string('A'+(upn(1)[0]-'A'+1)%8)+upn(1)[1:])}, "line 2, column A (UPN): the check letter"},
		"a name":           {[][4]string{change(UPN, "Dolores Fictional")}, "line 2, column A (UPN): it is not a UPN"},
		"twice":            {[][4]string{good, change(DOB, "2012-03-05")}, "line 3, column A (UPN): the same child stands on line 2"},
		"at two schools":   {[][4]string{good, change(School, "elm")}, "line 3, column A (UPN): the same child stands on line 2: keep one line, with the school"},
		"no school":        {[][4]string{change(School, "")}, "line 2, column C (school): it is empty"},
		"unknown school":   {[][4]string{change(School, "fictional-high")}, "line 2, column C (school): there is no school of this id"},
		"school not asked": {[][4]string{change(School, "ash")}, "line 2, column C (school): the authority asks nothing"},
		"perhaps":          {[][4]string{change(MayKnow, "perhaps")}, "line 2, column D (may the school know): it is neither yes nor no"},
	} {
		_, err := Parse(table(c.lines...), known, today)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, cell := range c.lines[len(c.lines)-1] {
			if len(cell) > 3 && strings.Contains(err.Error(), cell) {
				t.Errorf("%s: the fault repeats a cell: %s", name, err)
			}
		}
	}
}

// All faults of a file come together, in the order of its lines, to a limit.
func TestFaultsTogether(t *testing.T) {
	var lines [][4]string
	for range MaxFaults {
		lines = append(lines, [4]string{"x", "y", "z", "q"})
	}
	_, err := Parse(table(lines...), known, today)
	var faults *Faults
	if !errors.As(err, &faults) || faults.Count != 4*MaxFaults || len(faults.List) != MaxFaults {
		t.Fatalf("%v", err)
	}
	for i, f := range faults.List {
		if f.Line != 2+i/4 {
			t.Errorf("fault %d is of line %d", i, f.Line)
		}
	}
	if !strings.Contains(err.Error(), "and 150 more") || strings.Count(err.Error(), "\n") != MaxFaults+1 {
		t.Errorf("%s", err)
	}
}

func TestColumns(t *testing.T) {
	for name, c := range map[string]struct {
		headings []string
		at       Places
		says     string
	}{
		"as the page says":  {[]string{"UPN", "date of birth", "school", "may the school know"}, Places{0, 1, 2, 3}, ""},
		"otherwise written": {[]string{"Surname", "School ID", " May_the_School know? ", "D.O.B.", "Unique Pupil Number (UPN)", "upn"}, Places{5, 3, 1, 2}, ""},
		"without may know":  {[]string{"school", "upn", "Date Of Birth"}, Places{1, 2, 0, -1}, ""},
		"one missing":       {[]string{"UPN", "school"}, Places{}, `no column is called "date of birth"`},
		"one twice":         {[]string{"UPN", "dob", "school", "Date of birth"}, Places{}, "columns B and D are both called date of birth"},
		"a child's line":    {[]string{upn(1), "2012-03-04", "oak", "yes"}, Places{}, `no column is called "UPN"`},
	} {
		at, _, err := Columns(c.headings)
		if c.says == "" {
			if err != nil || at != c.at {
				t.Errorf("%s: %v, %v", name, at, err)
			}
			continue
		}
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), upn(1)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := Letter(i); got != want {
			t.Errorf("column %d is %s, want %s", i, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	long := Table{}
	for i := range MaxRows {
		if err := long.Add(i, []string{"x"}, Places{0, -1, -1, -1}, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := long.Add(1, []string{"x"}, Places{0, -1, -1, -1}, false); !errors.Is(err, ErrFile) {
		t.Errorf("too many lines: %v", err)
	}
	var lines [][4]string
	for i := range maxAtSchool + 2 {
		lines = append(lines, [4]string{upn(i), "2012-03-04", "oak", ""})
	}
	_, err := Parse(table(lines...), known, today)
	var faults *Faults
	if !errors.As(err, &faults) || faults.Count != 1 || faults.List[0].Line != maxAtSchool+2 {
		t.Errorf("too many at a school: %v", err)
	}
}
