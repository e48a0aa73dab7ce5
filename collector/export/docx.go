package export

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gomutex/godocx"
	"github.com/gomutex/godocx/docx"
	"github.com/gomutex/godocx/wml/ctypes"
	"github.com/gomutex/godocx/wml/stypes"
)

// maxDocument bounds the texts of a document: beyond it, one is read by nobody.
const maxDocument = 16 << 20

// DOCX writes a book as a document for paper: A4, landscape.
func DOCX(w io.Writer, b Book) error {
	doc, err := godocx.NewDocument()
	if err != nil {
		return fmt.Errorf("write a document: %w", err)
	}
	d := document{RootDoc: doc}
	d.page(b)
	d.heading(b.Title, 0)
	d.lines(b.Lines)
	for _, p := range b.Parts {
		if err == nil {
			err = d.part(p)
		}
	}
	var out bytes.Buffer
	if err == nil {
		err = doc.Write(&out)
	}
	if err == nil {
		_, err = out.WriteTo(w)
	}
	if err != nil {
		return fmt.Errorf("write a document: %w", err)
	}
	return nil
}

type document struct {
	*docx.RootDoc
	size int
}

const (
	relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	wordML    = "application/vnd.openxmlformats-officedocument.wordprocessingml."
	namespace = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
)

// page puts the label at the head and the foot of every page, with the page's
// number, and takes what the template says of itself out.
func (d *document) page(b Book) {
	width, height := *ctypes.A4.Height, *ctypes.A4.Width
	side, far := 1000, 700
	d.Document.Body.SectPr = &ctypes.SectionProp{
		HeaderReference: &ctypes.HeaderReference{Type: stypes.HdrFtrDefault, ID: d.add("header", b.Label)},
		FooterReference: &ctypes.FooterReference{Type: stypes.HdrFtrDefault, ID: d.add("footer", b.Label)},
		PageSize:        &ctypes.PageSize{Width: &width, Height: &height, Orient: stypes.PageOrientLandscape},
		PageMargin:      &ctypes.PageMargin{Left: &side, Right: &side, Top: &side, Bottom: &side, Header: &far, Footer: &far},
	}
	d.FileMap.Store("docProps/core.xml", []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">`+
		"<dc:title>"+escape(b.Title)+"</dc:title><dc:creator>Rollbridge</dc:creator><cp:category>"+escape(b.Label)+"</cp:category></cp:coreProperties>"))
}

// add adds a head or a foot and gives its id. The library has no writer of them.
func (d *document) add(kind, label string) string {
	root, number := "w:hdr", ""
	if kind == "footer" {
		root = "w:ftr"
		number = `<w:r><w:t xml:space="preserve">   </w:t></w:r><w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>`
	}
	d.FileMap.Store("word/"+kind+"1.xml", []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<`+root+" "+namespace+`><w:p><w:pPr><w:jc w:val="center"/></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>`+escape(label)+"</w:t></w:r>"+number+"</w:p></"+root+">"))
	_ = d.ContentType.AddOverride("/word/"+kind+"1.xml", wordML+kind+"+xml") // never fails
	id := "rId" + strconv.Itoa(d.Document.IncRelationID())
	d.Document.DocRels.Relationships = append(d.Document.DocRels.Relationships, &docx.Relationship{ID: id, Type: relations + kind, Target: kind + "1.xml"})
	return id
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(clean(s))) // a Builder never fails
	return b.String()
}

func (d *document) heading(text string, level uint) {
	_, _ = d.AddHeading(clean(text), level) // fails above 9 only
}

func (d *document) lines(lines []string) {
	for _, line := range lines {
		d.AddParagraph(clean(line))
	}
}

func (d *document) part(p Part) error {
	d.heading(p.Title, uint(min(max(p.Level, 1), 4)))
	d.lines(p.Lines)
	if p.Rows == nil {
		return nil
	}
	var table *docx.Table
	return p.Rows(func(row []string) error {
		if table == nil {
			table = d.table(p.Head)
		}
		return d.row(table, row, false)
	})
}

// table begins a table whose head stands on every page.
func (d *document) table(head []string) *docx.Table {
	table := d.AddTable()
	table.Style("TableGrid")
	if len(head) > 0 {
		_ = d.row(table, head, true) // a head is never too large
		for _, c := range table.GetCT().RowContents {
			c.Row.Property.Header = ctypes.OnOffFromBool(true)
		}
	}
	return table
}

func (d *document) row(table *docx.Table, cells []string, bold bool) error {
	row := table.AddRow()
	for _, c := range cells {
		c = clean(c)
		if d.size += perCell + len(c); d.size > maxDocument {
			return ErrTooLarge
		}
		cell := row.AddCell()
		for line := range strings.SplitSeq(c, "\n") {
			p := cell.AddEmptyPara()
			p.AddText(line).Size(8).Bold(bold)
		}
	}
	return nil
}
