package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"rollbridge/collector/roster"
)

// Limits of a workbook. maxUnpacked is far above what a roster needs and far
// below what hurts; maxColumns and maxRows end the reading of a sheet that
// declares cells without end.
const (
	maxUnpacked = 64 << 20
	maxEntries  = 2000
	maxColumns  = 200
	maxRows     = 4 * roster.MaxRows
)

func readXLSX(text []byte) (t roster.Table, err error) {
	if err := checkZip(text); err != nil {
		return t, err
	}
	// Both limits alike: above the second, sheets would be unpacked to disk.
	f, err := excelize.OpenReader(bytes.NewReader(text), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked,
	})
	if err != nil {
		return t, damaged()
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return chooseSheet(f)
}

func damaged() error {
	return bad("it is damaged, or not an XLSX workbook: open it in the spreadsheet and save it again as XLSX, or as CSV")
}

// checkZip refuses what unpacks to too much before anything is unpacked; that
// no entry is longer than it declares is the unpacker's own rule.
func checkZip(text []byte) error {
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return damaged()
	}
	var total uint64
	for _, e := range z.File {
		total += min(e.UncompressedSize64, maxUnpacked+1)
	}
	if total > maxUnpacked || len(z.File) > maxEntries {
		return bad("it unpacks to more than %d MB; copy the roster alone into a new workbook", maxUnpacked>>20)
	}
	return nil
}

// chooseSheet reads the one visible sheet whose first line has headings of a
// roster.
func chooseSheet(f *excelize.File) (roster.Table, error) {
	var tables []roster.Table
	var none *notRoster
	for _, name := range f.GetSheetList() {
		visible, err := f.GetSheetVisible(name)
		if err != nil {
			return roster.Table{}, damaged()
		}
		if !visible {
			continue
		}
		t, err := readSheet(f, name)
		switch {
		case err == nil:
			tables = append(tables, t)
		case !errors.As(err, &none):
			return roster.Table{}, err
		}
	}
	switch {
	case len(tables) == 1:
		return tables[0], nil
	case len(tables) > 1:
		return roster.Table{}, bad("%d sheets of the workbook look like rosters: keep one", len(tables))
	case none == nil:
		return roster.Table{}, bad("no sheet of the workbook is visible")
	}
	return roster.Table{}, none.error
}

// notRoster is of a sheet without any heading of a roster, which may be about
// something else.
type notRoster struct{ error }

// readSheet reads one sheet; the error is a *notRoster where it is about
// something else.
func readSheet(f *excelize.File, name string) (t roster.Table, err error) {
	rows, err := f.Rows(name)
	if err != nil {
		return t, damaged()
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	epoch := false
	if props, err := f.GetWorkbookProps(); err == nil && props.Date1904 != nil {
		epoch = *props.Date1904
	}
	var at roster.Places
	headed := false
	for n := 1; rows.Next(); n++ {
		if n > maxRows {
			return t, bad("its sheet has more than %d lines; copy the roster alone into a new workbook", maxRows)
		}
		cells, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return t, damaged()
		}
		if len(cells) > maxColumns {
			return t, bad("line %d of its sheet has more than %d columns; copy the roster alone into a new workbook", n, maxColumns)
		}
		if !headed {
			if empty(cells) {
				continue
			}
			var some bool
			if at, some, err = roster.Columns(cells); err != nil {
				if !some {
					err = &notRoster{err}
				}
				return t, err
			}
			t.SetColumns(at)
			headed = true
			continue
		}
		real := realDate(cells, at, epoch)
		if err := t.Add(n, cells, at, real); err != nil {
			return t, err
		}
	}
	if err := rows.Error(); err != nil {
		return t, damaged()
	}
	if !headed {
		_, _, err := roster.Columns(nil)
		return t, &notRoster{err}
	}
	return t, nil
}

func empty(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// realDate writes the date of birth of a line, which a sheet keeps as a number
// of days, as CCYY-MM-DD. A number that gives no pupil's date stays as it is,
// and is then no date.
func realDate(cells []string, at roster.Places, epoch1904 bool) bool {
	i := at[roster.DOB]
	if i < 0 || i >= len(cells) {
		return false
	}
	days, err := strconv.ParseFloat(strings.TrimSpace(cells[i]), 64)
	if err != nil || days != float64(int(days)) || days < 1 || days > 100_000 {
		return false
	}
	d, err := excelize.ExcelDateToTime(days, epoch1904)
	if err != nil {
		return false
	}
	cells[i] = d.Format(time.DateOnly)
	return true
}
