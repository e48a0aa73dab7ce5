package sheet

import (
	"bytes"
	"fmt"
	"io"

	"rollbridge/collector/roster"
)

// MaxBytes bounds a file.
const MaxBytes = 16 << 20

var (
	zipMark = []byte("PK\x03\x04")
	oleMark = []byte("\xD0\xCF\x11\xE0")
)

// Read reads the rows of a roster. Errors wrap roster.ErrFile where the file,
// and not the reading of it, is at fault.
func Read(in io.Reader) (roster.Table, error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxBytes+1))
	switch {
	case err != nil:
		return roster.Table{}, fmt.Errorf("read the roster file: %w", err)
	case len(text) > MaxBytes:
		return roster.Table{}, bad("it is larger than %d MB; check that it is the roster", MaxBytes>>20)
	case len(bytes.TrimSpace(text)) == 0:
		return roster.Table{}, bad("it is empty")
	case bytes.HasPrefix(text, zipMark):
		return readXLSX(text)
	case bytes.HasPrefix(text, oleMark):
		return roster.Table{}, bad("it is an old or a password-protected Excel file: save it as XLSX without a password, or as CSV")
	}
	return readCSV(text)
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{roster.ErrFile}, args...)...)
}
