package export

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrTooLarge is returned for more than a file of the kind can hold well.
var ErrTooLarge = errors.New("it is too much for one file: choose fewer children or a shorter time")

// A Book is what is exported.
type Book struct {
	// Label is the authority's classification.
	Label string
	Title string
	// Lines stand under the title: who exported it, when, and what of.
	Lines []string
	// Parts are a sheet each, or a section of the document each.
	Parts []Part
}

// A Part is some text and a table.
type Part struct {
	Title string
	// Level is that of the title in a document: 1 where it is not given.
	Level int
	Lines []string
	Head  []string
	// Rows calls add with every row, and returns the first error. A part without it
	// has no table.
	Rows func(add func(row []string) error) error
}

// Rows makes a Part's Rows of rows that are there already.
func Rows(rows [][]string) func(func([]string) error) error {
	return func(add func([]string) error) error {
		for _, row := range rows {
			if err := add(row); err != nil {
				return err
			}
		}
		return nil
	}
}

// maxCell is what a cell of a workbook holds, in characters.
const maxCell = 32000

// clean makes a text one that XML and every reader of it can hold: characters that
// are not text go, a cell that is too long is cut and says so.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || r == '\uFFFE' || r == '\uFFFF' {
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxCell {
		s = string([]rune(s)[:maxCell]) + " …"
	}
	return s
}
