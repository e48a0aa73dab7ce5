package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// Limits of a workbook. A sheet is begun anew before it would be unpacked to disk
// (excelize does so at 16 MB); the whole stays far below what hurts a server.
const (
	maxSheet = 8 << 20
	maxBook  = 128 << 20
	// perCell is what a cell takes beside its text, as XML.
	perCell = 64
)

// XLSX writes a book as a workbook.
func XLSX(w io.Writer, b Book) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	x := workbook{f: f, book: b, used: map[string]bool{}}
	if x.bold, err = f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return fmt.Errorf("write a workbook: %w", err)
	}
	err = f.SetDocProps(&excelize.DocProperties{Creator: "Rollbridge", Title: clean(b.Title), Category: clean(b.Label)})
	for _, p := range b.Parts {
		if err == nil {
			err = x.part(p)
		}
	}
	if err == nil {
		err = f.DeleteSheet("Sheet1")
	}
	var out bytes.Buffer
	if err == nil {
		_, err = f.WriteTo(&out)
	}
	if err == nil {
		_, err = out.WriteTo(w)
	}
	if err != nil {
		return fmt.Errorf("write a workbook: %w", err)
	}
	return nil
}

type workbook struct {
	f     *excelize.File
	book  Book
	used  map[string]bool
	bold  int
	total int
}

// A sheet is being written.
type sheet struct {
	*workbook
	w    *excelize.StreamWriter
	part Part
	row  int
	size int
}

func (x *workbook) part(p Part) error {
	s, err := x.begin(p)
	if err != nil {
		return err
	}
	if p.Rows != nil {
		err = p.Rows(func(row []string) error {
			if s.size > maxSheet {
				if err := s.w.Flush(); err != nil {
					return err
				}
				if s, err = x.begin(p); err != nil {
					return err
				}
			}
			return s.add(0, row...)
		})
	}
	if err != nil {
		return err
	}
	return s.w.Flush()
}

// begin begins a sheet with its label, title, lines and the head of its table.
func (x *workbook) begin(p Part) (*sheet, error) {
	name := x.name(p.Title)
	if _, err := x.f.NewSheet(name); err != nil {
		return nil, err
	}
	label := strings.ReplaceAll(clean(x.book.Label), "&", "&&")
	if err := x.f.SetHeaderFooter(name, &excelize.HeaderFooterOptions{OddHeader: "&C" + label, OddFooter: "&C" + label + "&R&P / &N"}); err != nil {
		return nil, err
	}
	w, err := x.f.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	s := &sheet{workbook: x, w: w, part: p}
	if len(p.Head) > 0 {
		if err := w.SetColWidth(1, len(p.Head), 18); err != nil {
			return nil, err
		}
	}
	err = s.add(x.bold, x.book.Label)
	if err == nil {
		err = s.add(x.bold, x.book.Title+": "+p.Title)
	}
	for _, line := range append(append([]string(nil), x.book.Lines...), p.Lines...) {
		if err == nil {
			err = s.add(0, line)
		}
	}
	if err == nil {
		err = s.add(0)
	}
	if err == nil && len(p.Head) > 0 {
		err = s.add(x.bold, p.Head...)
	}
	return s, err
}

// add writes a row of texts.
func (s *sheet) add(style int, cells ...string) error {
	s.row++
	row := make([]any, len(cells))
	for i, c := range cells {
		c = clean(c)
		row[i] = excelize.Cell{StyleID: style, Value: c}
		s.size += perCell + len(c)
		s.total += perCell + len(c)
	}
	if s.total > maxBook || s.row >= excelize.TotalRows {
		return ErrTooLarge
	}
	at, err := excelize.CoordinatesToCellName(1, s.row)
	if err != nil {
		return err
	}
	return s.w.SetRow(at, row)
}

// name makes the name of a sheet: at most 31 characters, none of which a sheet may
// not have, and no other's.
func (x *workbook) name(title string) string {
	title = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) {
			return ' '
		}
		return r
	}, clean(title))
	title = strings.Join(strings.Fields(title), " ")
	for n := 1; ; n++ {
		end := ""
		if n > 1 {
			end = fmt.Sprintf(" (%d)", n)
		}
		name := title
		for utf8.RuneCountInString(name)+len(end) > 31 {
			runes := []rune(name)
			name = strings.TrimSpace(string(runes[:len(runes)-1]))
		}
		name += end
		if key := strings.ToLower(name); !x.used[key] {
			x.used[key] = true
			return name
		}
	}
}
