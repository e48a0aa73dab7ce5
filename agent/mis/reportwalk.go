package mis

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"rollbridge/shared/record"
)

// Elements of what CommandReporter prints.
const (
	reportRoot   = "SuperStarReport"
	reportRecord = "Record"
	reportError  = "CommandReporterError"
)

var reportXML = xmlWords{kind: "SIMS report", again: "run it in SIMS to see whether it works, then sync again"}

// A reportWalk goes through one report: rows of records, each element named
// after the caption of its column, an empty value left out.
type reportWalk struct {
	r     *reading
	d     record.Dataset
	shown string
	use   func(raw rawRow, at place) error

	fields map[string]int  // by caption in the form in which captions are compared
	seen   []bool          // by field: some record had the column
	names  map[string]bool // captions of the report, for the fingerprint

	x     *xmlFile
	depth int
	row   bool // within a record
	raw   rawRow
	had   []bool // of this record
	in    int    // field whose text is gathered, -1 for none
	text  strings.Builder
	// anonymous is the first record without an id, lacks the field of that id.
	anonymous place
	lacks     int
}

func (w *reportWalk) prepare() {
	own := w.r.plan.datasets[w.d]
	w.fields, w.names = map[string]int{}, map[string]bool{}
	for i, caption := range own.headings {
		if caption != "" {
			w.fields[heading(caption)] = i
		}
	}
	n := len(own.headings)
	w.seen, w.had, w.raw, w.in = make([]bool, n), make([]bool, n), make(rawRow, n), -1
}

// read takes the whole of what was printed.
func (w *reportWalk) read(ctx context.Context, out io.Reader) error {
	most := w.r.limit.fileBytes
	full := fault(w.d, "%s prints more than %d bytes: check its filter", w.shown, most)
	w.x = w.r.xml(&bounded{in: out, left: most, full: full}, w.d, w.shown, reportXML)
	for {
		t, err := w.x.token()
		if errors.Is(err, io.EOF) {
			if !w.x.root {
				return w.nothing()
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			err = w.start(t.Name.Local)
		case xml.CharData:
			err = w.chars(t)
		case xml.EndElement:
			err = w.end(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// nothing says that there is no XML: the usual cause is another than a damaged report.
func (w *reportWalk) nothing() error {
	return fault(w.d, "CommandReporter printed no XML for %s: check in SIMS that there is a report of exactly this name, that the user of mis.command may see and run it, and that this user can sign in", w.shown)
}

func (w *reportWalk) start(name string) error {
	w.depth++
	switch {
	case w.depth <= 2 && name == reportError:
		return fault(w.d, "SIMS answered %s with an error (%s): check in SIMS that there is a report of exactly this name, that the user of mis.command may see and run it, and that this user can sign in", w.shown, reportError)
	case w.depth == 1 && name != reportRoot:
		return w.x.fault("it is no SIMS report: its root must be " + reportRoot + "; check that mis.command.path is CommandReporter.exe")
	case w.depth == 2:
		w.row = name == reportRecord
		clear(w.had)
		clear(w.raw)
	case w.depth == 3 && w.row:
		return w.column(name)
	}
	return nil
}

// column begins a value of a record.
func (w *reportWalk) column(name string) error {
	caption := heading(decodeName(name))
	if !w.names[caption] {
		if len(w.names) == maxElements {
			return w.x.fault("it has more different columns than any report: check that it is the right one")
		}
		w.names[caption] = true
		w.r.schema[string(w.d)+" "+caption] = true
	}
	i, wanted := w.fields[caption]
	if !wanted {
		return nil
	}
	if w.had[i] {
		return w.x.fault(fmt.Sprintf("a record has two columns of the caption %q: give each column of the report its own caption", w.r.plan.datasets[w.d].headings[i]))
	}
	w.had[i], w.seen[i], w.in = true, true, i
	w.text.Reset()
	return nil
}

func (w *reportWalk) chars(t xml.CharData) error {
	if w.depth == 0 && strings.TrimSpace(string(t)) != "" {
		return w.nothing()
	}
	if w.in < 0 || w.depth != 3 {
		return nil
	}
	if w.text.Len()+len(t) > w.r.limit.textBytes {
		if w.r.plan.datasets[w.d].about.fields[w.in].kind.free {
			return nil // its beginning, which is all that is kept, is there
		}
		return w.x.fault("a value is longer than any can be: check that the column of that caption is the right one")
	}
	w.text.Write(t)
	return nil
}

func (w *reportWalk) end(ctx context.Context) error {
	w.depth--
	switch {
	case w.depth == 2 && w.in >= 0:
		w.raw[w.in], w.in = w.value(w.in, strings.TrimSpace(w.text.String())), -1
	case w.depth == 1 && w.row:
		return w.record(ctx)
	}
	return nil
}

// record hands over a row. One without an id is kept back until it is known
// whether any has one: if none has, it is the user's rights that are wrong.
func (w *reportWalk) record(ctx context.Context) error {
	c := w.r.counts[w.d]
	if c.rows++; c.rows > w.r.limit.rows[w.d] {
		return fault(w.d, "%s has more than %d records: check that it is the right report", w.shown, w.r.limit.rows[w.d])
	}
	if c.rows%1024 == 0 && ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", w.shown, ctx.Err())
	}
	at := place{file: w.shown, line: c.rows, rows: true}
	for _, i := range w.ids() {
		if w.raw[i] == "" {
			if w.anonymous.line == 0 {
				w.anonymous, w.lacks = at, i
			}
			return nil
		}
	}
	return w.use(w.raw, at)
}

// ids are the fields of ids that the report is to have.
func (w *reportWalk) ids() []int {
	own := w.r.plan.datasets[w.d]
	var ids []int
	if w.d.OfPupils() {
		ids = append(ids, ofPupilID)
	}
	if i := own.about.id; i >= 0 && own.headings[i] != "" {
		ids = append(ids, i)
	}
	return ids
}

// value takes the time off a date: reports write days as moments.
func (w *reportWalk) value(field int, s string) string {
	about := w.r.plan.datasets[w.d].about
	if about.fields[field].kind.day || w.d == record.DatasetAttendance && field == aDate {
		if m := dayOfMoment.FindStringSubmatch(s); m != nil {
			return m[1]
		}
	}
	return s
}

// dayOfMoment is a date with a time after it, with or without a zone: the day is
// the one that is written.
var dayOfMoment = regexp.MustCompile(`^(\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4})[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?$`)

// encoded is how a character that no name of an element can have is written.
var encoded = regexp.MustCompile(`(?:_x[0-9A-Fa-f]{4}_)+`)

// decodeName turns the name of an element back into the caption of its column.
func decodeName(name string) string {
	if !strings.Contains(name, "_x") {
		return name
	}
	return encoded.ReplaceAllStringFunc(name, func(run string) string {
		var units []uint16
		for part := range slices.Chunk([]byte(run), len("_x0000_")) {
			n, _ := strconv.ParseUint(string(part[2:6]), 16, 16) // four hexadecimal digits
			units = append(units, uint16(n))
		}
		made := utf16.Decode(units)
		if slices.Contains(made, utf8.RuneError) {
			return run // half a character: no caption can have it
		}
		return string(made)
	})
}

// A bounded ends what has no end.
type bounded struct {
	in   io.Reader
	left int64
	full error
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.full
	}
	return n, err
}
