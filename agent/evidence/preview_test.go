package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"rollbridge/agent/delta"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

var (
	jordan = record.PupilID(strings.Repeat("a", 32))
	gone   = record.PupilID(strings.Repeat("b", 32))
)

func bodyOf(t failer, m protocol.Manifest, ops ...protocol.Op) []byte {
	t.Helper()
	body, err := protocol.MarshalLine(m)
	for _, op := range ops {
		line, opErr := protocol.MarshalLine(op)
		if err == nil {
			err = opErr
		}
		body = append(body, line...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return body
}

type failer interface {
	Helper()
	Fatal(...any)
}

func upsert(t failer, r record.Record) protocol.Op {
	t.Helper()
	canonical, err := record.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return protocol.Op{Dataset: r.Dataset(), Key: r.Key(), Record: canonical}
}

// example is a preview in two parts: what is new, changed and removed, of a
// pupil, of one who left, and of staff.
func example(t *testing.T) Preview {
	yes := true
	manifest := protocol.Manifest{Part: 1, Parts: 2}
	return Preview{
		Bodies: [][]byte{
			bodyOf(t, manifest,
				upsert(t, &record.Pupil{ID: jordan, UPN: "H801200001001", Surname: "Example", Forename: "Jordan", DOB: "2011-03-04", Sex: "F", InCare: true, CareAuthority: "330", PupilPremium: &yes}),
				upsert(t, &record.Attendance{PupilID: jordan, Week: "2026-11-23", AM: []string{"/", "", "I1"}, PM: []string{"\\"}})),
			bodyOf(t, manifest,
				upsert(t, &record.Contact{PupilID: jordan, ID: "c", Surname: "=HYPERLINK(\"http://example.org\")", Phones: []record.Phone{{Type: "M", Number: "07700 900123"}}}),
				protocol.Op{Dataset: record.DatasetPupil, Key: record.Key(gone), Remove: protocol.RemovedLeft},
				upsert(t, recordtest.Make(record.DatasetStaff, "", 1, 1))),
		},
		Notes:  []delta.Note{{Authority: "330", New: true}, {Authority: "330"}, {Authority: "330", New: true}, {Authority: "330"}, {New: true}},
		People: map[record.PupilID]Person{jordan: {Forename: "Jordan", Surname: "Example", UPN: "H801200001001"}},
	}
}

func TestTable(t *testing.T) {
	p := example(t)
	for reveal, want := range map[bool][]string{
		false: {"5 changes", "--reveal", "Birmingham (330)", "J. E., UPN …001", "Legal surname: E.", "Date of birth: 2011-…", "Sex as registered: •",
			"Whether the pupil attracts pupil premium: •", "The Monday of the week: 2026-11-23", "The morning marks as DfE codes; empty where none is taken: • – •",
			"registration details, new", "marks, changed", "registration details, removed: no longer in the MIS, or no longer in care",
			"a pupil who is not read any more (id bbbbbbbb…)", "staff of the school", "The authority that looks after the pupil: 330"},
		true: {"Jordan Example, UPN H801200001001", "Legal surname: Example", "Date of birth: 2011-03-04", "/ – I1", "07700 900123 M", "attracts pupil premium: yes"},
	} {
		var b strings.Builder
		if err := p.Table(&b, reveal); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(b.String(), text) {
				t.Errorf("reveal %v: %q is missing in\n%s", reveal, text, b.String())
			}
		}
		for _, secret := range []string{"Example", "H801200001001", "2011-03-04", "07700 900123", "I1", "HYPERLINK"} {
			if !reveal && strings.Contains(b.String(), secret) {
				t.Errorf("%q is not masked", secret)
			}
		}
	}
	empty := Preview{Bodies: [][]byte{bodyOf(t, protocol.Manifest{})}}
	var b strings.Builder
	if err := empty.Table(&b, false); err != nil || !strings.Contains(b.String(), "Nothing has changed") {
		t.Errorf("%v: %s", err, b.String())
	}
}

// What is known is sent again in a full batch, and changed in any other.
func TestWordsOfChanges(t *testing.T) {
	op := upsert(t, &record.Pupil{ID: jordan})
	for full, want := range map[bool]string{true: Again, false: Changed} {
		p := Preview{Bodies: [][]byte{bodyOf(t, protocol.Manifest{Full: full}, op)}, Notes: []delta.Note{{Authority: "330"}}}
		if _, changes, err := p.Changes(); err != nil || changes[0].What != want {
			t.Errorf("full %v: %v, %v", full, changes[0].What, err)
		}
	}
	for name, p := range map[string]Preview{
		"no note":      {Bodies: [][]byte{bodyOf(t, protocol.Manifest{}, op)}},
		"a note more":  {Bodies: [][]byte{bodyOf(t, protocol.Manifest{}, op)}, Notes: make([]delta.Note, 2)},
		"no manifest":  {Bodies: [][]byte{[]byte("x\n")}},
		"broken":       {Bodies: [][]byte{append(bodyOf(t, protocol.Manifest{}), "{\n"...)}, Notes: make([]delta.Note, 1)},
		"not a record": {Bodies: [][]byte{bodyOf(t, protocol.Manifest{}, protocol.Op{Dataset: record.DatasetPupil, Key: record.Key(jordan), Record: json.RawMessage("[]")})}, Notes: make([]delta.Note, 1)},
	} {
		if _, _, err := p.Changes(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whatever a record of any dataset holds, its masked form holds no text of it
// of more than three characters, and has the same fields.
func TestMaskedLinesHoldNoValue(t *testing.T) {
	const canary = "zqxcanary"
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(record.Datasets()).Draw(t, "dataset")
		r := recordtest.Make(d, jordan, rapid.IntRange(0, 20).Draw(t, "number"), rapid.IntRange(0, 20).Draw(t, "version"))
		op := upsert(t, r)
		var fields map[string]any
		if err := json.Unmarshal(op.Record, &fields); err != nil {
			t.Fatal(err)
		}
		for name, v := range fields {
			if !isID(d, record.Field{Name: name}) && !plainFields[name] {
				fields[name] = planted(v, canary)
			}
		}
		record, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		op.Record = record
		p := Preview{Bodies: [][]byte{bodyOf(t, protocol.Manifest{}, op)}, Notes: make([]delta.Note, 1)}
		masked, err := p.MaskedLines()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(masked, []byte(canary)) || bytes.Contains(masked, []byte("1234567")) {
			t.Fatal("a value is not masked: " + string(masked))
		}
		var table, sheet bytes.Buffer
		if err := p.Table(&table, false); err != nil {
			t.Fatal(err)
		}
		if err := p.Workbook(&sheet, false); err != nil {
			t.Fatal(err)
		}
		for _, text := range append(cells(t, sheet.Bytes()), table.String()) {
			if strings.Contains(text, canary) || strings.Contains(text, "1234567") {
				t.Fatal("a value is not masked: " + text)
			}
		}
		var again protocol.Op
		var after map[string]any
		lines := bytes.Split(masked, []byte("\n"))
		if json.Unmarshal(lines[1], &again) != nil || json.Unmarshal(again.Record, &after) != nil || len(after) != len(fields) || again.Key != op.Key {
			t.Fatal("the masked line has another shape")
		}
	})
}

// planted puts the canary into every text, and a number that would show into
// every number.
func planted(v any, canary string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = planted(v[i], canary)
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = planted(v[k], canary)
		}
		return v
	case bool:
		return v
	case float64:
		return 1234567
	}
	return canary + "1234567" + canary
}

// cells are all cells of a workbook, as a spreadsheet reads them. A cell that is
// a formula, or is no text, ends the test.
func cells(t failer, workbook []byte) (all []string) {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(workbook))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.GetSheetList() {
		rows, err := f.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			for j, text := range row {
				cell, err := excelize.CoordinatesToCellName(j+1, i+1)
				if err != nil {
					t.Fatal(err)
				}
				formula, err := f.GetCellFormula(name, cell)
				kind, kindErr := f.GetCellType(name, cell)
				if text != "" && (err != nil || kindErr != nil || formula != "" || kind != excelize.CellTypeInlineString) {
					t.Fatal("a cell is not a text: ", cell)
				}
				all = append(all, text)
			}
		}
	}
	return all
}

func TestWorkbook(t *testing.T) {
	var b bytes.Buffer
	if err := example(t).Workbook(&b, true); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := strings.Join(f.GetSheetList(), "|"); got != "what would leave|registration details|contacts|marks|staff details" {
		t.Errorf("sheets %s", got)
	}
	all := strings.Join(cells(t, b.Bytes()), "|")
	for _, want := range []string{"Birmingham (330)|Jordan Example, UPN H801200001001|new", "=HYPERLINK(\"http://example.org\")", "Legal surname", "removed: no longer in the MIS"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in %s", want, all)
		}
	}
}

// Any text at all comes out of a workbook as it went in, and as a text: nothing
// becomes a formula, and nothing damages the file. What XML cannot hold is
// replaced.
func TestWorkbookKeepsAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringMatching(`[=+@\-].{0,20}`), rapid.StringMatching(`_x[0-9A-F]{4}_.{0,5}`),
			rapid.SampledFrom([]string{"=1+1", "<c><f>1</f></c>", "]]>", " a ", "a\nb", "'x", "_x0041_", "\x00", "=cmd|'/c'!A1"})), 1, 60).Draw(t, "texts")
		var b bytes.Buffer
		if err := writeXLSX(&b, []sheet{{"one & <two>", [][]string{texts}}}); err != nil {
			t.Fatal(err)
		}
		cells(t, b.Bytes())
		f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for i, want := range texts {
			cell, err := excelize.CoordinatesToCellName(i+1, 1)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.GetCellValue("one & <two>", cell)
			if want = strings.ReplaceAll(clean(want), "\r\n", "\n"); err != nil || got != want {
				t.Fatal(fmt.Sprintf("%q came back as %q, %v", want, got, err))
			}
		}
		z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range z.File {
			r, err := part.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil || bytes.Contains(text, []byte("<f>")) || bytes.Contains(text, []byte("<f ")) {
				t.Fatal("there is a formula")
			}
		}
	})
}

// clean is a text with what XML cannot hold replaced.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF {
			return r
		}
		return '\uFFFD'
	}, text)
}

func TestLongText(t *testing.T) {
	long := strings.Repeat("é", maxCell)
	var b bytes.Buffer
	if err := writeXLSX(&b, []sheet{{"s", [][]string{{long}}}}); err != nil {
		t.Fatal(err)
	}
	got := cells(t, b.Bytes())[0]
	if len([]rune(got)) > maxCell || !strings.Contains(got, fmt.Sprintf("cannot hold all %d characters", maxCell)) {
		t.Errorf("%d characters", len([]rune(got)))
	}
	if err := writeXLSX(io.Discard, []sheet{{"s", make([][]string, maxRows+1)}}); err == nil {
		t.Error("a sheet of too many rows")
	}
	for n, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := column(n); got != want {
			t.Errorf("column %d is %s, want %s", n, got, want)
		}
	}
}

func TestPreviewPrintsAsAWord(t *testing.T) {
	p := example(t)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", p, "q", p.People[jordan])
	for _, text := range []string{fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p.People[jordan]), log.String()} {
		if strings.Contains(text, "Example") || strings.Contains(text, "H8012") || !strings.Contains(text, hidden) {
			t.Errorf("printed as %s", text)
		}
	}
}
