package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"rollbridge/collector/roster"
)

func readCSV(text []byte) (roster.Table, error) {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	switch {
	case bytes.IndexByte(text, 0) >= 0:
		return roster.Table{}, bad(`it is neither XLSX nor a text that can be read: save it as XLSX, or as "CSV UTF-8"`)
	case !utf8.Valid(text):
		decoded, err := charmap.Windows1252.NewDecoder().Bytes(text)
		if err != nil {
			return roster.Table{}, bad(`it is neither UTF-8 nor Windows-1252: save it as "CSV UTF-8"`)
		}
		text = decoded
	}
	// Line numbers stay those that an editor shows.
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	var first error
	for _, separator := range []rune{',', ';', '\t'} {
		t, some, err := readSeparated(text, separator)
		if err == nil || some {
			return t, err
		}
		if first == nil {
			first = err
		}
	}
	return roster.Table{}, first
}

// readSeparated reads text by one separator; some says that the headings know
// it, so that no other need be tried.
func readSeparated(text []byte, separator rune) (t roster.Table, some bool, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = separator, -1, true
	cells, err := r.Read()
	if err != nil {
		return t, false, csvError(err)
	}
	at, some, err := roster.Columns(cells)
	if err != nil {
		return t, some, err
	}
	t.SetColumns(at)
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, true, nil
		}
		if err != nil {
			return t, true, csvError(err)
		}
		line, _ := r.FieldPos(0)
		if err := t.Add(line, cells, at, false); err != nil {
			return t, true, err
		}
	}
}

// csvError names the line; the reader's own text holds no cell, but its words
// are for programmers.
func csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return bad("line %d: a quotation mark is missing or stands where none may be: save the file again from the spreadsheet", p.Line)
	}
	return bad("it is empty")
}
