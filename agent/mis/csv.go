package mis

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"rollbridge/shared/record"
)

// readCSV is the driver of format csv: one file per dataset, in any row order.
func readCSV(ctx context.Context, r *reading) error {
	byID := map[string]*child{}
	if err := r.eachRow(ctx, record.DatasetPupil, func(raw rawRow, at place) error { return r.csvPupil(byID, raw, at) }); err != nil {
		return err
	}
	if r.counts[record.DatasetPupil].rows == 0 {
		return fault(record.DatasetPupil, "%s has headings and no pupil: the export failed or its filter excludes everybody; run it again",
			r.plan.datasets[record.DatasetPupil].file)
	}
	if err := r.identified(record.DatasetPupil); err != nil {
		return err
	}
	return r.readRest(r.rest(), byID, func(d record.Dataset, use func(rawRow, place) error) error { return r.eachRow(ctx, d, use) })
}

func (r *reading) csvPupil(byID map[string]*child, raw rawRow, at place) error {
	if !r.ids[idOfPupil].has(raw[pID], at) {
		return nil
	}
	return r.listedPupil(byID, raw, at)
}

// A csvFile is one CSV while it is read.
type csvFile struct {
	*sourceFile
	r     *reading
	guard *guard
	rows  *csv.Reader
	// columns are the places of the fields, -1 where the file has none.
	columns []int
	raw     rawRow
	line    int
}

// eachRow reads the whole file of a dataset. raw is used again for every row.
func (r *reading) eachRow(ctx context.Context, d record.Dataset, use func(raw rawRow, at place) error) error {
	name := r.plan.datasets[d].file
	source, err := r.open(ctx, d, name, name)
	if err != nil {
		return err
	}
	defer source.close()
	f, err := r.csvFile(source)
	if err != nil {
		return err
	}
	c := r.counts[d]
	for {
		raw, err := f.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if c.rows++; c.rows > r.limit.rows[d] {
			return fault(d, "%s has more than %d rows: %s", f.shown, r.limit.rows[d], cmp.Or(descriptions[d].tooMany, "check that it is the right file"))
		}
		if c.rows%1024 == 0 && ctx.Err() != nil {
			return fmt.Errorf("read %s: %w", f.shown, ctx.Err())
		}
		if err := use(raw, place{file: f.shown, line: f.line}); err != nil {
			return err
		}
	}
	if err := f.unchanged(); err != nil {
		return err
	}
	if r.plan.newline && f.guard.last != '\n' && f.guard.last != '\r' {
		return fault(d, "%s ends in the middle of line %d: the export was cut short; run it again, or set final_newline to optional if this MIS never ends the last line", f.shown, f.line)
	}
	if c.rows == 0 {
		r.none(d)
	}
	c.asAt = r.notLater(d, f.before.ModTime())
	return nil
}

// notLater keeps a wrong clock elsewhere from making data look newer than
// their reading.
func (r *reading) notLater(d record.Dataset, asAt time.Time) time.Time {
	if started := r.report.Started; asAt.After(started) {
		if asAt.Sub(started) > time.Minute {
			r.warn(d, "", WarnFuture)
		}
		return started.UTC()
	}
	return asAt.UTC()
}

func (r *reading) csvFile(source *sourceFile) (*csvFile, error) {
	text, err := r.decode(source)
	if err != nil {
		return nil, err
	}
	f := &csvFile{sourceFile: source, r: r, guard: &guard{in: text, limit: r.limit.recordBytes}}
	f.rows = csv.NewReader(bufio.NewReaderSize(f.guard, 64<<10))
	f.rows.Comma, f.rows.ReuseRecord = r.plan.delimiter, true
	headings, err := f.record()
	if errors.Is(err, io.EOF) {
		return nil, fault(f.d, "%s holds nothing but blank lines: the export failed; run it again", f.shown)
	}
	if err != nil {
		return nil, err
	}
	return f, f.mapColumns(headings)
}

// decode turns the declared encoding into UTF-8.
func (r *reading) decode(source *sourceFile) (io.Reader, error) {
	in := bufio.NewReaderSize(source, 64<<10)
	start, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	bom := bytes.Equal(start, []byte("\xef\xbb\xbf"))
	wide := bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff"))
	wrong := func(is string) error {
		return fault(source.d, "%s begins with the mark of %s, and the settings say %s: set encoding to %s", source.shown, is, r.plan.encoding, is)
	}
	switch {
	case wide && r.plan.encoding != "utf-16":
		return nil, wrong("utf-16")
	case bom && r.plan.encoding != "utf-8":
		return nil, wrong("utf-8")
	case bom:
		_, err := in.Discard(3)
		return in, err
	case r.plan.encoding == "utf-16" && !wide:
		return nil, fault(source.d, "%s does not begin with a byte order mark, so it is not the utf-16 of the settings: set encoding to what the export writes", source.shown)
	case r.plan.encoding == "utf-16":
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(in), nil
	case r.plan.encoding == "windows-1252":
		return charmap.Windows1252.NewDecoder().Reader(in), nil
	}
	return in, nil
}

// mapColumns finds the columns of the saved header map.
func (f *csvFile) mapColumns(headings []string) error {
	own := f.r.plan.datasets[f.d]
	found := make(map[string]int, len(headings))
	for i, h := range headings {
		name := heading(h)
		f.r.schema[string(f.d)+" "+strings.Clone(name)] = true
		if slices.ContainsFunc(own.headings, func(want string) bool { return want != "" && heading(want) == name }) {
			if _, twice := found[name]; twice {
				return fault(f.d, "%s has two columns headed %q: give each its own heading", f.shown, own.headings[slices.IndexFunc(own.headings, func(want string) bool { return heading(want) == name })])
			}
			found[name] = i
			// A column that nobody reads may come, go and move: it alarms nobody.
			f.r.form(f.d, strings.Clone(name))
		}
	}
	f.columns = make([]int, len(own.headings))
	f.raw = make(rawRow, len(own.headings))
	var missing []string
	for i, want := range own.headings {
		f.columns[i] = -1
		if want == "" {
			continue
		}
		at, ok := found[heading(want)]
		if !ok {
			missing = append(missing, fmt.Sprintf("%q", want))
			continue
		}
		f.columns[i] = at
	}
	if len(missing) > 0 {
		return absent(f.d, "%s has no column headed %s: put the heading back in the export, or give the one that it has now under columns in the school's MIS settings (\"\" where this school has no such column; check delimiter and encoding if all are missing)", f.shown, strings.Join(missing, " nor "))
	}
	return nil
}

// next returns the fields of the next row, io.EOF after the last.
func (f *csvFile) next() (rawRow, error) {
	fields, err := f.record()
	if err != nil {
		return nil, err
	}
	for i, at := range f.columns {
		if at < 0 {
			continue
		}
		value := strings.TrimSpace(fields[at])
		if f.r.plan.encoding == "utf-16" && strings.ContainsRune(value, '\uFFFD') {
			return nil, f.r.fieldFault(f.d, place{file: f.shown, line: f.line}, i, "half a character of utf-16: the file is damaged; run the export again")
		}
		f.raw[i] = value
	}
	return f.raw, nil
}

// record reads one row and puts the parser's complaints into a person's words;
// its own repeat nothing of the row, but only these say what to do.
func (f *csvFile) record() ([]string, error) {
	fields, err := f.rows.Read()
	if err == nil {
		f.guard.since = 0
		f.line, _ = f.rows.FieldPos(0)
		return fields, nil
	}
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	var ours *Error
	if errors.As(err, &ours) {
		return nil, ours
	}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		at := place{file: f.shown, line: parse.StartLine}
		if errors.Is(parse.Err, csv.ErrFieldCount) {
			return nil, fault(f.d, "%s: the row has more or fewer values than there are headings: a value holds the delimiter without quotes, or the file was cut short; run the export again", at)
		}
		return nil, fault(f.d, "%s: a quote stands where none can: a value with quotes in it is not written as CSV, or the file was cut short; run the export again", at)
	}
	at := place{file: f.shown, line: f.line + 1}
	switch {
	case errors.Is(err, errNUL):
		return nil, fault(f.d, "%s or soon after: a NUL byte: the file is damaged, or it is utf-16 and the settings say %s; run the export again or set encoding", at, f.r.plan.encoding)
	case errors.Is(err, errUTF8):
		return nil, fault(f.d, "%s or soon after: a character that is not %s: set encoding to what the export writes (Windows programs often write windows-1252)", at, f.r.plan.encoding)
	case errors.Is(err, errLong):
		return nil, fault(f.d, "%s: the row does not end: a quote is not closed, or this is no CSV; run the export again", at)
	}
	return nil, fault(f.d, "%s: the text cannot be decoded as %s: set encoding to what the export writes", at, f.r.plan.encoding)
}
