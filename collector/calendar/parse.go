package calendar

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// MaxLines bounds a list of dates.
const MaxLines = 200

// kindWords are what a list of dates may call a kind, in small letters. The kinds
// themselves are words of it too.
var kindWords = map[string]Kind{
	"term time": Term, "half-term": Holiday, "half term": Holiday, "inset day": INSET, "training": INSET, "training day": INSET, "closure": Closed,
	"bank holiday": Closed, "snow": Weather, "polling station": Polling, "industrial action": Strike, "school day": Open,
	"tymor": Term, "gwyliau": Holiday, "hanner tymor": Holiday, "hms": INSET, "diwrnod hms": INSET, "ar gau": Closed,
}

// Parse reads a list of dates: lines of what, first day, last day and session, with
// commas, semicolons or tabs between them. A last day that is empty is the first; a
// session is AM, PM or empty. A line that begins with a heading or with # is passed
// over. Days are CCYY-MM-DD, 3/9/2026 (the day first) or 3 September 2026. It looks
// at each line by itself; Check says what is wrong with them together.
func Parse(text string) (entries []Entry, faults []*Fault) {
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\uFEFF")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.TrimLeadingSpace, r.LazyQuotes, r.Comment = -1, true, true, '#'
	r.Comma = separator(text)
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return entries, faults
		}
		line := 0
		if err == nil {
			line, _ = r.FieldPos(0)
		}
		if err != nil || len(entries)+len(faults) >= MaxLines {
			return entries, append(faults, &Fault{Line: line, Field: "dates", Kind: "lines", Text: fmt.Sprintf("the list cannot be read here, or has more than %d lines", MaxLines)})
		}
		e, f := parseLine(cells)
		switch {
		case f == nil:
			entries = append(entries, e)
		case len(entries)+len(faults) == 0 && f.Kind == "kind" && !hasDigit(cells): // the heading
		default:
			f.Line = line
			faults = append(faults, f)
		}
	}
}

func separator(text string) rune {
	first, _, _ := strings.Cut(text, "\n")
	for _, c := range "\t;" {
		if strings.ContainsRune(first, c) {
			return c
		}
	}
	return ','
}

func hasDigit(cells []string) bool { return strings.ContainsAny(strings.Join(cells, ""), "0123456789") }

func parseLine(cells []string) (e Entry, f *Fault) {
	cell := func(i int) string {
		if i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	what := strings.ToLower(cell(0))
	e.Kind = Kind(what)
	if kind, known := kindWords[what]; known {
		e.Kind = kind
	}
	ok := false
	for _, k := range Kinds() {
		ok = ok || k == e.Kind
	}
	if !ok {
		return e, &Fault{Field: "kind", Kind: "kind", Text: "say in the first column what these days are: term, inset, holiday, weather, building, strike, polling, closed or open"}
	}
	if e.First, ok = ParseDay(cell(1)); !ok {
		return e, &Fault{Field: "first", Kind: "first", Text: "give the first day in the second column, such as 2026-09-03 or 3 September 2026"}
	}
	e.Last = e.First
	if cell(2) != "" {
		if e.Last, ok = ParseDay(cell(2)); !ok {
			return e, &Fault{Field: "last", Kind: "last", Text: "give the last day in the third column, such as 2026-09-03 or 3 September 2026"}
		}
	}
	switch strings.ToLower(cell(3)) {
	case "", "all day", "day":
	case "am", "morning", "bore":
		e.Session = status.AM
	case "pm", "afternoon", "prynhawn":
		e.Session = status.PM
	default:
		return e, &Fault{Field: "session", Kind: "session", Text: "the session in the fourth column is AM or PM, or empty for the whole day"}
	}
	return e, nil
}

var slashed = regexp.MustCompile(`^(\d{1,2})[/.](\d{1,2})[/.](\d{4})$`)

// inEnglish writes a day that is in Welsh as time.Parse reads it.
var inEnglish = strings.NewReplacer("ionawr", "January", "chwefror", "February", "mawrth", "March", "ebrill", "April", "mai", "May", "mehefin", "June",
	"gorffennaf", "July", "awst", "August", "medi", "September", "hydref", "October", "tachwedd", "November", "rhagfyr", "December",
	"dydd llun", "", "dydd mawrth", "", "dydd mercher", "", "dydd iau", "", "dydd gwener", "", "dydd sadwrn", "", "dydd sul", "")

// ParseDay reads one day as people write it in Britain, the day before the month, in
// English or in Welsh.
func ParseDay(text string) (record.Date, bool) {
	text = strings.Join(strings.Fields(inEnglish.Replace(strings.ToLower(text))), " ")
	if m := slashed.FindStringSubmatch(text); m != nil {
		day, _ := strconv.Atoi(m[1])
		month, _ := strconv.Atoi(m[2])
		text = fmt.Sprintf("%s-%02d-%02d", m[3], month, day)
	}
	for _, layout := range []string{time.DateOnly, "2 January 2006", "2 Jan 2006", "Monday 2 January 2006", "Mon 2 Jan 2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return record.DateOf(t), true
		}
	}
	return "", false
}
