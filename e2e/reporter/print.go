package reporter

import (
	"bufio"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

const csvDate = "02/01/2006"

// print writes a report: a record for each row, an element for each value that
// is not empty, under its caption.
func (d Database) print(s map[string]string, report Report, out io.Writer) error {
	within, err := report.within(s["/PARAMS"])
	if err != nil {
		return err
	}
	f, rows, at, err := report.open(s["/SERVERNAME"])
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(out)
	fmt.Fprint(w, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<SuperStarReport>\r\n")
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if i, dated := at["Date"]; report.Range != "" && dated && !within(row[i]) {
			continue
		}
		fmt.Fprint(w, "  <Record>")
		for _, c := range report.Columns {
			value := shown(c.Heading, row[at[c.Heading]])
			if value == "" || c.ID && !d.ThirdParty || slices.Contains(d.Hidden, c.Caption) {
				continue
			}
			name := encodeName(c.Caption)
			fmt.Fprintf(w, "<%s>", name)
			if err := xml.EscapeText(w, []byte(value)); err != nil {
				return err
			}
			fmt.Fprintf(w, "</%s>", name)
		}
		fmt.Fprint(w, "</Record>\r\n")
	}
	fmt.Fprint(w, "</SuperStarReport>\r\n")
	return w.Flush()
}

// open is the file of a report, and where each heading stands.
func (r Report) open(dir string) (*os.File, *csv.Reader, map[string]int, error) {
	f, err := os.Open(filepath.Join(dir, r.File))
	if err != nil {
		return nil, nil, nil, err
	}
	rows := csv.NewReader(f)
	headings, err := rows.Read()
	if err != nil {
		return nil, nil, nil, errors.Join(err, f.Close())
	}
	at := map[string]int{}
	for i, h := range headings {
		at[h] = i
	}
	return f, rows, at, nil
}

// somebody is a value of the report, which an error may repeat.
func (d Database) somebody(dir string, r Report) string {
	f, rows, _, err := r.open(dir)
	if err != nil {
		return ""
	}
	defer f.Close()
	row, err := rows.Read()
	if err != nil {
		return ""
	}
	return strings.Join(row, " ")
}

// within reads /PARAMS of a report with a range of dates.
func (r Report) within(params string) (func(day string) bool, error) {
	if params == "" && r.Range == "" {
		return nil, nil
	}
	var asked struct {
		Parameter []struct {
			ID     string `xml:"id,attr"`
			Type   string
			Values struct{ DateRange struct{ Start, End string } }
		}
	}
	if err := xml.Unmarshal([]byte(params), &asked); err != nil || len(asked.Parameter) != 1 {
		return nil, errors.New("the parameters cannot be read")
	}
	p := asked.Parameter[0]
	start, err := time.Parse("2006-01-02T15:04:05", p.Values.DateRange.Start)
	end, bad := time.Parse("2006-01-02T15:04:05", p.Values.DateRange.End)
	if p.ID != r.Range || p.Type != "DateRange" || errors.Join(err, bad) != nil {
		return nil, errors.New("no such parameter")
	}
	return func(text string) bool {
		day, err := time.Parse(csvDate, text)
		return err == nil && !day.Before(start) && !day.After(end)
	}, nil
}

// shown is a value of the files as SIMS writes it.
func shown(heading, value string) string {
	if day, err := time.Parse(csvDate, value); err == nil {
		return day.Format("2006-01-02T15:04:05")
	}
	if _, err := strconv.Atoi(value); err == nil && heading == "Year Group" {
		return fmt.Sprintf("Year %2s", value)
	}
	switch value {
	case "Yes":
		return "True"
	case "No":
		return "False"
	}
	return value
}

// encodeName writes a caption as the name of an element.
func encodeName(caption string) string {
	var made strings.Builder
	for i, r := range caption {
		switch {
		case r == '_' && !strings.HasPrefix(caption[i:], "_x"), unicode.IsLetter(r) && r < 0x10000, i > 0 && (unicode.IsDigit(r) || r == '-' || r == '.'):
			made.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&made, "_x%04X_", unit)
			}
		}
	}
	return made.String()
}
