package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// CSV writes a head and rows as UTF-8 with a byte order mark, which spreadsheets
// take it for. A text that a spreadsheet would take for a formula gets an
// apostrophe in front.
func CSV(w io.Writer, head []string, rows [][]string) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return fmt.Errorf("write a CSV file: %w", err)
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	for _, row := range append([][]string{head}, rows...) {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = plain(cell)
		}
		if err := c.Write(safe); err != nil {
			return fmt.Errorf("write a CSV file: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write a CSV file: %w", err)
	}
	return nil
}

func plain(cell string) string {
	cell = clean(cell)
	if cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}
