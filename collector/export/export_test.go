package export

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gomutex/godocx/packager"
	"github.com/xuri/excelize/v2"
)

// hostile are texts that a school could send.
var hostile = []string{
	`=HYPERLINK("http://example.invalid","x")`, "+1+1", "-2", "@SUM(A1)", "\t=1", "＝1", "<w:p/> & ]]> \" '", "nul\x00bell\x07", "a\nb", "\xff\xfe not text",
	"Łukasz Ångström 王小明 محمد עִבְרִית देवनागरी 👩‍👧", "", "   ", strings.Repeat("long ", 10000),
}

func book(rows [][]string) Book {
	return Book{Label: "OFFICIAL-SENSITIVE & <more>", Title: "Children", Lines: []string{"Exported by somebody"},
		Parts: []Part{{Title: "Behaviour / [all]: *?", Lines: []string{"As at 9:35am"}, Head: []string{"One", "Two"}, Rows: Rows(rows)}, {Title: "Nothing here"}}}
}

func pairs() (rows [][]string) {
	for _, h := range hostile {
		rows = append(rows, []string{h, "x" + h})
	}
	return rows
}

// parts unpacks a file, and sees that every part of it is well-formed XML.
func parts(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name] = string(text)
		if !strings.HasSuffix(f.Name, ".xml") && !strings.HasSuffix(f.Name, ".rels") {
			continue
		}
		d := xml.NewDecoder(bytes.NewReader(text))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s is not well-formed: %v", f.Name, err)
			}
		}
	}
	return found
}

func TestXLSXHoldsTextsOnly(t *testing.T) {
	var out bytes.Buffer
	if err := XLSX(&out, book(pairs())); err != nil {
		t.Fatal(err)
	}
	for name, text := range parts(t, out.Bytes()) {
		if strings.HasPrefix(name, "xl/worksheets/") && (strings.Contains(text, "<f>") || strings.Contains(text, "<f ") || strings.Contains(text, "hyperlink")) {
			t.Errorf("%s has a formula or a link", name)
		}
		if strings.HasPrefix(name, "xl/worksheets/sheet") && (!strings.Contains(text, "&amp;COFFICIAL-SENSITIVE &amp;&amp; &lt;more&gt;") || !strings.Contains(text, "<headerFooter>")) {
			t.Errorf("%s prints without the label", name)
		}
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if want := []string{"Behaviour all", "Nothing here"}; !slices.Equal(f.GetSheetList(), want) {
		t.Fatalf("sheets %q", f.GetSheetList())
	}
	for _, sheet := range f.GetSheetList() {
		if label, _ := f.GetCellValue(sheet, "A1"); label != book(nil).Label {
			t.Errorf("%s begins with %q", sheet, label)
		}
	}
	rows, err := f.GetRows("Behaviour all")
	if err != nil {
		t.Fatal(err)
	}
	rows = rows[6:]
	for i, h := range hostile {
		got := ""
		if len(rows[i]) > 0 {
			got = rows[i][0]
		}
		if got != clean(h) {
			t.Errorf("row %d is not what was put in", i)
		}
		if formula, _ := f.GetCellFormula("Behaviour all", "A7"); formula != "" {
			t.Errorf("a formula: %s", formula)
		}
	}
}

func TestXLSXBeginsAnotherSheetBeforeItIsLarge(t *testing.T) {
	long := strings.Repeat("x", 30000)
	var out bytes.Buffer
	err := XLSX(&out, Book{Label: "L", Title: "T", Parts: []Part{{Title: "A part with quite a long name indeed", Head: []string{"H"}, Rows: func(add func([]string) error) error {
		for range 600 {
			if err := add([]string{long}); err != nil {
				return err
			}
		}
		return nil
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if want := []string{"A part with quite a long name i", "A part with quite a long na (2)", "A part with quite a long na (3)"}; !slices.Equal(f.GetSheetList(), want) {
		t.Fatalf("sheets %q", f.GetSheetList())
	}
	n := 0
	for _, sheet := range f.GetSheetList() {
		rows, _ := f.GetRows(sheet)
		n += len(rows) - 4
		if rows[0][0] != "L" || rows[3][0] != "H" {
			t.Errorf("%s has no head", sheet)
		}
	}
	if n != 600 {
		t.Errorf("%d rows", n)
	}
}

func TestDOCXHoldsLabelAndTexts(t *testing.T) {
	var out bytes.Buffer
	rows := pairs()
	if err := DOCX(&out, book(rows)); err != nil {
		t.Fatal(err)
	}
	found := parts(t, out.Bytes())
	for _, name := range []string{"word/header1.xml", "word/footer1.xml"} {
		if !strings.Contains(found[name], "OFFICIAL-SENSITIVE &amp; &lt;more&gt;") {
			t.Errorf("%s: %s", name, found[name])
		}
	}
	for _, want := range []string{"w:headerReference", "w:footerReference", "landscape", "w:tblHeader"} {
		if !strings.Contains(found["word/document.xml"], want) {
			t.Errorf("the document has no %s", want)
		}
	}
	if !strings.Contains(found["[Content_Types].xml"], "/word/header1.xml") || !strings.Contains(found["word/_rels/document.xml.rels"], "header1.xml") {
		t.Error("the head belongs to nothing")
	}
	if strings.Contains(found["docProps/core.xml"], "gomutex") {
		t.Error("the template names its maker")
	}
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte("Łukasz Ångström 王小明 محمد עִבְרִית देवनागरी 👩‍👧"))
	if !strings.Contains(found["word/document.xml"], text.String()) {
		t.Error("a name is lost")
	}
	data := out.Bytes()
	if _, err := packager.Unpack(&data); err != nil {
		t.Errorf("it cannot be opened again: %v", err)
	}
}

func TestCSVHoldsNoFormula(t *testing.T) {
	var out bytes.Buffer
	if err := CSV(&out, []string{"One", "Two"}, pairs()); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimPrefix(out.String(), "\uFEFF")
	if text == out.String() {
		t.Error("it has no byte order mark")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows[1:] {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r＝", []rune(cell)[0]) {
				t.Errorf("row %d begins like a formula: %.20q", i, cell)
			}
		}
	}
}

// An error in the middle is told, and what is too much is refused.
func TestNothingHalf(t *testing.T) {
	broken := errors.New("broken")
	endless := Part{Title: "x", Rows: func(add func([]string) error) error {
		for {
			if err := add([]string{strings.Repeat("x", 30000)}); err != nil {
				return err
			}
		}
	}}
	bad := Part{Title: "x", Rows: func(add func([]string) error) error { return errors.Join(add([]string{"a"}), broken) }}
	for name, write := range map[string]func(io.Writer, Book) error{"xlsx": XLSX, "docx": DOCX} {
		var out bytes.Buffer
		if err := write(&out, Book{Title: "T", Parts: []Part{bad}}); !errors.Is(err, broken) || out.Len() > 0 {
			t.Errorf("%s: %v with %d bytes", name, err, out.Len())
		}
		if err := write(&out, Book{Title: "T", Parts: []Part{endless}}); !errors.Is(err, ErrTooLarge) || out.Len() > 0 {
			t.Errorf("%s: %v with %d bytes", name, err, out.Len())
		}
	}
}
