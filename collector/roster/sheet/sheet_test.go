package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"

	"rollbridge/collector/roster"
)

const secret = "Fictional-Secret"

// want is what every good file here holds.
func want(t *testing.T, name string, got roster.Table, real bool) {
	t.Helper()
	if len(got.Rows) != 2 {
		t.Errorf("%s: %d rows", name, len(got.Rows))
		return
	}
	for i, cells := range [][4]string{{"A301000000001", "2012-03-04", "oak", "yes"}, {"A301000000002", "2013-10-21", "elm", ""}} {
		r := got.Rows[i]
		if [4]string(r.Cells) != cells || r.Line != i+2 || r.RealDate != real {
			t.Errorf("%s: row %d is %q on line %d, a date %v", name, i, r.Cells, r.Line, r.RealDate)
		}
	}
}

func TestCSV(t *testing.T) {
	plain := "Surname,UPN,Date of birth,School,May the school know?\nFictional,A301000000001,2012-03-04,oak,yes\nOther,A301000000002,2013-10-21,elm\n"
	latin, err := charmap.Windows1252.NewEncoder().String(strings.ReplaceAll(plain, "Other", "Zoë"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"comma":         plain,
		"semicolon":     strings.ReplaceAll(plain, ",", ";"),
		"tab":           strings.ReplaceAll(plain, ",", "\t"),
		"with a mark":   "\xEF\xBB\xBF" + plain,
		"Windows-1252":  latin,
		"UTF-8":         strings.ReplaceAll(plain, "Other", "Zoë"),
		"CRLF":          strings.ReplaceAll(plain, "\n", "\r\n"),
		"CR":            strings.ReplaceAll(plain, "\n", "\r"),
		"quoted":        strings.ReplaceAll(plain, "Fictional", `"Fictional, ""F"""`),
		"empty lines":   plain + ",,,,\n   ,\n\n",
		"no last break": strings.TrimSuffix(plain, "\n"),
	} {
		got, err := Read(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want(t, name, got, false)
	}
}

// workbook writes sheets; a cell that is a time.Time becomes a date.
func workbook(t *testing.T, change func(*excelize.File), sheets ...[][]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, rows := range sheets {
		name := fmt.Sprintf("Sheet%d", i+1)
		if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			if err := f.SetSheetRow(name, fmt.Sprintf("A%d", n+1), &row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if change != nil {
		change(f)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func goodRows(dates bool) [][]any {
	day := func(text string) any {
		if !dates {
			return text
		}
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			panic(err)
		}
		return d
	}
	return [][]any{{"Surname", "UPN", "DOB", "School", "May the school know"},
		{"Fictional", "A301000000001", day("2012-03-04"), "oak", "yes"}, {"Other", "A301000000002", day("2013-10-21"), "elm"}}
}

func TestXLSX(t *testing.T) {
	notes := [][]any{{"Notes"}, {secret}}
	yes := true
	for name, c := range map[string]struct {
		file  []byte
		dates bool
	}{
		"text":                {workbook(t, nil, goodRows(false)), false},
		"dates":               {workbook(t, nil, goodRows(true)), true},
		"another sheet":       {workbook(t, nil, notes, goodRows(true)), true},
		"a hidden old roster": {workbook(t, func(f *excelize.File) { _ = f.SetSheetVisible("Sheet2", false) }, goodRows(true), goodRows(false)), true},
		"counted from 1904": {workbook(t, func(f *excelize.File) {
			_ = f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes})
			for cell, day := range map[string]string{"C2": "2012-03-04", "C3": "2013-10-21"} {
				d, _ := time.Parse(time.DateOnly, day)
				_ = f.SetCellInt("Sheet1", cell, int64(d.Sub(time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)).Hours()/24))
			}
		}, goodRows(false)), true},
	} {
		got, err := Read(bytes.NewReader(c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want(t, name, got, c.dates)
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	good := workbook(t, nil, goodRows(true))
	wide := make([]any, maxColumns+1)
	for i := range wide {
		wide[i] = i
	}
	const heading = `<row r="1"><c r="A1" t="inlineStr"><is><t>UPN</t></is></c><c r="B1" t="inlineStr"><is><t>DOB</t></is></c><c r="C1" t="inlineStr"><is><t>School</t></is></c></row>`
	far := replaceSheet(t, good, heading+`<row r="1000000"><c r="A1000000"><v>1</v></c></row>`)
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"empty":              {nil, "it is empty"},
		"blank":              {[]byte(" \n"), "it is empty"},
		"no headings":        {[]byte(secret + ",2012-03-04,oak\n"), `no column is called "UPN"`},
		"half the headings":  {[]byte("UPN;School\n" + secret + ";oak\n"), `no column is called "date of birth"; the first line`},
		"a heading twice":    {[]byte("UPN,DOB,School,upn\n"), "columns A and D are both called UPN"},
		"a lost quote":       {[]byte("UPN,DOB,School\n\"" + secret + ",2012-03-04,oak\nx,y,z\n"), "a quotation mark is missing"},
		"UTF-16":             {[]byte("\xFF\xFEU\x00P\x00N\x00"), `save it as XLSX, or as "CSV UTF-8"`},
		"old Excel":          {[]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + secret), "old or a password-protected Excel file"},
		"too large":          {bytes.Repeat([]byte("x"), MaxBytes+1), "larger than 16 MB"},
		"too long":           {[]byte("UPN,DOB,School\n" + strings.Repeat("x,y,z\n", roster.MaxRows+1)), "more than 20000 lines"},
		"a zip, no workbook": {zipped(t, "a.txt", []byte(secret)), "not an XLSX workbook"},
		"cut short":          {good[:len(good)/2], "damaged"},
		"a bomb":             {zipped(t, "xl/worksheets/sheet1.xml", make([]byte, maxUnpacked+1)), "unpacks to more than 64 MB"},
		"no roster in it":    {workbook(t, nil, [][]any{{"Notes"}, {secret}}), `no column is called "UPN"`},
		"an empty sheet":     {workbook(t, nil, nil), `no column is called "UPN"`},
		"two rosters":        {workbook(t, nil, goodRows(true), goodRows(false)), "2 sheets of the workbook look like rosters"},
		"half the columns":   {workbook(t, nil, [][]any{{"UPN", "School"}, {secret, "oak"}}), `no column is called "date of birth"`},
		"too wide":           {workbook(t, nil, append(goodRows(true), wide)), "line 4 of its sheet has more than 200 columns"},
		"a row far below":    {far, "its sheet has more than"},
	} {
		_, err := Read(bytes.NewReader(c.file))
		if !errors.Is(err, roster.ErrFile) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds what stands in the file", name)
		}
	}
}

func zipped(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// replaceSheet puts other rows in place of a workbook's only sheet.
func replaceSheet(t *testing.T, file []byte, rows string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, e := range in.File {
		if e.Name != "xl/worksheets/sheet1.xml" {
			err = out.Copy(e)
		} else if w, made := out.Create(e.Name); made != nil {
			err = made
		} else {
			_, err = w.Write([]byte(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` + rows + `</sheetData></worksheet>`))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A workbook near the limits is unpacked in memory, never to a temporary file.
func TestNothingIsWritten(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	long := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(dir, long, long); err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	line := func(n int, cells ...string) {
		fmt.Fprintf(&rows, `<row r="%d">`, n)
		for i, c := range cells {
			fmt.Fprintf(&rows, `<c r="%s%d" t="inlineStr"><is><t>%s</t></is></c>`, roster.Letter(i), n, c)
		}
		rows.WriteString("</row>")
	}
	line(1, "Notes", "UPN", "DOB", "School")
	const lines = 5000
	for n := range lines {
		line(n+2, strings.Repeat("x", 5000), fmt.Sprintf("A%012d", n), "2012-03-04", "oak")
	}
	if rows.Len() < excelize.StreamChunkSize {
		t.Fatal("the sheet is small enough to stay in memory by itself")
	}
	got, err := Read(bytes.NewReader(replaceSheet(t, workbook(t, nil, goodRows(true)), rows.String())))
	if err != nil || len(got.Rows) != lines {
		t.Fatalf("%d rows, %v", len(got.Rows), err)
	}
	// A file that came and went changes the directory's time.
	if now, err := os.Stat(dir); err != nil || !now.ModTime().Equal(long) {
		t.Errorf("something was written to the temporary directory, %v", err)
	}
}

// Damage anywhere ends in an error or in other cells, never in a panic.
func TestDamagedFiles(t *testing.T) {
	good := workbook(t, nil, goodRows(true))
	for i := 0; i < len(good); i += 3 {
		if _, err := Read(bytes.NewReader(good[:i])); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
	}
	for i := 0; i < len(good); i += 7 {
		flipped := bytes.Clone(good)
		flipped[i] ^= 0x41
		_, _ = Read(bytes.NewReader(flipped)) // it may still be a workbook
	}
	text := []byte("UPN,DOB,School,\"May the school know\"\nA301000000001,2012-03-04,oak,yes\n")
	for i := range text {
		for _, c := range []byte{0, '"', ';', '\t', '\n', 0xEF, 0xFF} {
			damaged := bytes.Clone(text)
			damaged[i] = c
			if got, err := Read(bytes.NewReader(damaged)); err == nil && len(got.Rows) > 2 {
				t.Errorf("%x at %d makes %d rows", c, i, len(got.Rows))
			}
		}
	}
}
