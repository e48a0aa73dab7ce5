package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// A sheet is rows of texts; the first row are headings.
type sheet struct {
	name string
	rows [][]string
}

// Workbook writes a preview as XLSX: a sheet of totals, then one for each
// dataset with a row for each record. Every cell is a text, written as one.
func (p Preview) Workbook(w io.Writer, reveal bool) error {
	_, changes, err := p.Changes()
	if err != nil {
		return err
	}
	sheets := []sheet{totalsSheet(changes)}
	for _, d := range record.Datasets() {
		if s := p.sheet(d, changes, reveal); len(s.rows) > 1 {
			sheets = append(sheets, s)
		}
	}
	if err := writeXLSX(w, sheets); err != nil {
		return fmt.Errorf("write the workbook: %w", err)
	}
	return nil
}

func totalsSheet(changes []Change) sheet {
	s := sheet{"what would leave", [][]string{slices.Concat([]string{"to", "what", "pupils"}, whats)}}
	for _, x := range totals(changes) {
		row := []string{x.authority, x.dataset, fmt.Sprint(len(x.pupils))}
		for _, what := range whats {
			row = append(row, fmt.Sprint(x.by[what]))
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func (p Preview) sheet(d record.Dataset, changes []Change, reveal bool) sheet {
	var fields []record.Field
	headings := []string{"to", "pupil", "what"}
	for _, f := range record.Fields(d) {
		if !isID(d, f) {
			fields = append(fields, f)
			headings = append(headings, f.What)
		}
	}
	s := sheet{DatasetName(d), [][]string{headings}}
	for _, c := range changes {
		if c.Dataset != d {
			continue
		}
		what := c.What
		if c.Why != "" {
			what += ": " + c.Why
		}
		row := []string{AuthorityName(c.Authority, d), p.name(c, reveal), what}
		for _, f := range fields {
			text := ""
			if at := slices.IndexFunc(c.Values, func(v Value) bool { return v.Field.Name == f.Name }); at >= 0 {
				text = c.Values[at].Text(reveal)
			}
			row = append(row, text)
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// maxRows and maxCell are what a sheet and a cell of XLSX hold.
const (
	maxRows = 1 << 20
	maxCell = 32_767
)

var errTooLong = errors.New("it has more rows than a sheet can hold; take --format jsonl")

// The parts of a workbook. Style 1 is the number format "text" (49), so that a
// text stays one when somebody edits its cell.
const (
	xmlHead    = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainSpace  = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relSpace   = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	packageRel = `xmlns="http://schemas.openxmlformats.org/package/2006/relationships"`
	sheetType  = `application/vnd.openxmlformats-officedocument.spreadsheetml.`
	stylesPart = xmlHead + `<styleSheet ` + mainSpace + `><fonts count="1"><font/></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="49" applyNumberFormat="1" quotePrefix="1"/></cellXfs></styleSheet>`
	rootRels = xmlHead + `<Relationships ` + packageRel + `><Relationship Id="rId1" Type="` + relSpace + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`
)

// writeXLSX writes texts into cells of type inlineStr and nothing else. A
// library that could write formulas too would cost the resident agent some 4 MB
// of tables for these few lines.
func writeXLSX(w io.Writer, sheets []sheet) error {
	var types, book, rels strings.Builder
	for i, s := range sheets {
		n := i + 1
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%sworksheet+xml"/>`, n, sheetType)
		fmt.Fprintf(&book, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, escaped(s.name), n, n)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, n, relSpace, n)
	}
	z := zip.NewWriter(w)
	parts := [][2]string{
		{"[Content_Types].xml", xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + sheetType + `sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="` + sheetType + `styles+xml"/>` + types.String() + `</Types>`},
		{"_rels/.rels", rootRels},
		{"xl/workbook.xml", xmlHead + `<workbook ` + mainSpace + ` xmlns:r="` + relSpace + `"><sheets>` + book.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", xmlHead + `<Relationships ` + packageRel + `>` + rels.String() +
			fmt.Sprintf(`<Relationship Id="rId%d" Type="%s/styles" Target="styles.xml"/></Relationships>`, len(sheets)+1, relSpace)},
		{"xl/styles.xml", stylesPart},
	}
	for _, part := range parts {
		f, err := z.Create(part[0])
		if err != nil {
			return err
		}
		if _, err := io.WriteString(f, part[1]); err != nil {
			return err
		}
	}
	for i, s := range sheets {
		f, err := z.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1))
		if err != nil {
			return err
		}
		if err := s.write(f); err != nil {
			return err
		}
	}
	return z.Close()
}

func (s sheet) write(w io.Writer) error {
	if len(s.rows) > maxRows {
		return errTooLong
	}
	if _, err := io.WriteString(w, xmlHead+`<worksheet `+mainSpace+`><sheetData>`); err != nil {
		return err
	}
	var row bytes.Buffer
	for i, cells := range s.rows {
		row.Reset()
		fmt.Fprintf(&row, `<row r="%d">`, i+1)
		for j, text := range cells {
			if text != "" {
				fmt.Fprintf(&row, `<c r="%s%d" s="1" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`, column(j), i+1, escaped(fitting(text)))
			}
		}
		row.WriteString("</row>")
		if _, err := w.Write(row.Bytes()); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, `</sheetData></worksheet>`)
	return err
}

// fitting says so where a cell cannot hold the whole of a text.
func fitting(text string) string {
	runes := []rune(text)
	if len(runes) <= maxCell/2 { // of which each may count twice
		return text
	}
	return string(runes[:maxCell/2-100]) + fmt.Sprintf(" … (cut here: a cell cannot hold all %d characters; --format jsonl shows them)", len(runes))
}

// column is the letters of a column counted from 0.
func column(n int) string {
	if n < 26 {
		return string(rune('A' + n))
	}
	return column(n/26-1) + column(n%26)
}

// escapeForm is how the format writes characters that XML cannot; a text that
// looks like one is escaped itself (ECMA-376 part 1, 22.9.2.19).
var escapeForm = regexp.MustCompile(`_(x[0-9A-Fa-f]{4}_)`)

func escaped(text string) string {
	text = escapeForm.ReplaceAllString(text, "_x005F_$1")
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
