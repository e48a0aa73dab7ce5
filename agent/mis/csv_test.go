package mis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Every bad file must end the read with an error that says where and what to
// do, and that repeats nothing of the file (readAll looks for the canary).
func TestBadCSVIsRefused(t *testing.T) {
	long := strings.Repeat("Zqjx ", 300_000)
	for name, c := range map[string]struct {
		file, old, replacement string
		want                   []string
	}{
		"renamed column":           {"pupils.csv", "Authority", "Zqjx", []string{"pupils.csv", `"Authority"`, "under columns"}},
		"heading twice":            {"pupils.csv", "Year", "UPN", []string{"pupils.csv", `two columns headed "UPN"`}},
		"no headings":              {"pupils.csv", "Pupil ID,UPN,Surname,Forename,Born,Sex,Year,In Care,Authority\r\n", "", []string{"no column headed", `"" where this school has no such column`}},
		"empty pupil id":           {"pupils.csv", "p3,", " ,", []string{"pupils.csv line 4", `"Pupil ID"`, "empty"}},
		"empty pupil of a contact": {"contacts.csv", "c3,p3", "c3,", []string{"contacts.csv line 4", `"Pupil ID"`, "empty"}},
		"empty contact id":         {"contacts.csv", "c1,p1", ",p1", []string{"contacts.csv line 2", `"Contact ID"`, "empty"}},
		"empty pupil of a mark":    {"marks.csv", "p3,", ",", []string{"marks.csv line 7", `"Pupil ID"`, "empty"}},
		"ragged row":               {"pupils.csv", "Ben,05", "Ben,Zqjx,05", []string{"pupils.csv line 3", "more or fewer values"}},
		"stray quote":              {"pupils.csv", "Ben", `B"en`, []string{"pupils.csv line 3", "quote"}},
		"quote never closed":       {"pupils.csv", "Ben", `"Ben`, []string{"pupils.csv line 3", "quote"}},
		"NUL byte":                 {"pupils.csv", "Ben", "B\x00en", []string{"pupils.csv", "NUL"}},
		"control character":        {"pupils.csv", "Ben", "B\x07en", []string{"pupils.csv line 3", `"Forename"`, "control character"}},
		"not UTF-8":                {"pupils.csv", "Ben", "B\xe9n", []string{"pupils.csv", "utf-8", "windows-1252"}},
		"wrong date form":          {"pupils.csv", "05/06/2014", "2014-06-05", []string{"pupils.csv line 3", `"Born"`, "dd/mm/yyyy"}},
		"no such day":              {"pupils.csv", "05/06/2014", "31/06/2014", []string{"pupils.csv line 3", `"Born"`}},
		"date with one digit":      {"marks.csv", "09/11/2026", "9/11/2026", []string{"marks.csv line 2", `"Date"`, "dd/mm/yyyy"}},
		"date of another century":  {"marks.csv", "09/11/2026", "09/11/2062", []string{"marks.csv line 2", `"Date"`, "year"}},
		"pupil twice":              {"pupils.csv", "p3,,", "p2,,", []string{"pupils.csv line 4", "line 3", "again"}},
		"pupil twice, the same":    {"pupils.csv", "p3,,Zqjxton,Cat,07/08/2012,F,9,No,", "p2,,Zqjxley,Ben,05/06/2014,M,7,Y,815", []string{"line 4", "line 3"}},
		"contact twice, different": {"contacts.csv", "c1,p2", "c1,p1", []string{"contacts.csv line 3", "line 2", "not the same"}},
		"two marks for a session":  {"marks.csv", "09/11/2026,PM", "09/11/2026,AM", []string{"marks.csv line 3", "line 2", "two different marks"}},
		"neither AM nor PM":        {"marks.csv", "AM,/", "Zqjx,/", []string{"marks.csv line 2", `"Session"`, "AM nor PM"}},
		"comment for a mark":       {"marks.csv", "AM,/", "AM,Zqjx was unwell", []string{"marks.csv line 2", `"Mark"`, "too long"}},
		"long line":                {"pupils.csv", "Ben", long, []string{"pupils.csv line 3", "does not end"}},
		"long value":               {"pupils.csv", "Ben", long[:100_000], []string{"pupils.csv line 3", `"Forename"`, "longer"}},
		"only headings":            {"pupils.csv", pupilsCSV[strings.Index(pupilsCSV, "p1"):], "", []string{"pupils.csv", "no pupil"}},
		"blank lines only":         {"pupils.csv", pupilsCSV, "\r\n\r\n", []string{"pupils.csv", "blank lines"}},
		"half-written":             {"marks.csv", "p3,09/11/2026,AM,/,\r\n", "p3,09/11/2026,AM,/,", []string{"marks.csv", "line 7", "cut short"}},
		"cut inside a row":         {"marks.csv", ",AM,/,\r\np1,09/11/2026,PM", ",A", []string{"marks.csv line 2"}},
		"empty file":               {"contacts.csv", contactsCSV, "", []string{"contacts.csv is empty"}},
		"utf-16 unannounced":       {"pupils.csv", "Pupil ID", "\xff\xfePupil ID", []string{"pupils.csv", "utf-16", "set encoding"}},
		"semicolons":               {"pupils.csv", pupilsCSV, strings.ReplaceAll(pupilsCSV, ",", ";"), []string{"no column headed", "delimiter"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := refused(t, testProfile(t), site(small().with(c.file, c.old, c.replacement).write(t)))
			want := protocol.ProblemMISData
			if strings.Contains(err.Text, "no column headed") {
				want = protocol.ProblemRightMissing
			}
			if err.Problem != want {
				t.Errorf("problem %s, want %s", err.Problem, want)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Text, want) {
					t.Errorf("%q does not say %q", err.Text, want)
				}
			}
		})
	}
}

func TestFilesThatCannotBeReadAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(file string) error
		want  string
	}{
		"missing":   {os.Remove, "missing"},
		"directory": {func(f string) error { return errors.Join(os.Remove(f), os.Mkdir(f, 0o700)) }, "folder or a device"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := small().write(t)
			if err := c.spoil(filepath.Join(dir, "contacts.csv")); err != nil {
				t.Fatal(err)
			}
			err := refused(t, testProfile(t), site(dir))
			if err.Dataset != record.DatasetContact || !strings.Contains(err.Text, "contacts.csv") || !strings.Contains(err.Text, c.want) {
				t.Errorf("%+v", err)
			}
		})
	}
}

func TestRefusalOfTheSystemIsTold(t *testing.T) {
	for cause, want := range map[error]protocol.ProblemCode{
		fs.ErrPermission: protocol.ProblemRightMissing,
		fs.ErrNotExist:   protocol.ProblemMISData,
		io.ErrNoProgress: protocol.ProblemMISDown,
	} {
		var err *Error
		if !errors.As(openFault(record.DatasetContact, "contacts.csv", &fs.PathError{Op: "open", Path: "/mnt/Zqjx", Err: cause}), &err) ||
			err.Problem != want || strings.Contains(err.Text, "Zqjx") || !strings.Contains(err.Text, "contacts.csv") {
			t.Errorf("%v: %+v", cause, err)
		}
	}
}

// Whoever accepts a wider ask without having the export must be told that it can
// be left out; pupils cannot.
func TestMissingExportCanBeLeftOut(t *testing.T) {
	for _, d := range record.Datasets() {
		err := openFault(d, "x.csv", fs.ErrNotExist)
		if left := strings.Contains(err.Error(), "mis.datasets."+string(d)+".drop"); left != (d != record.DatasetPupil) {
			t.Errorf("%s: %v", d, err)
		}
	}
}

func TestTooManyRowsAreRefused(t *testing.T) {
	s, err := Open(testProfile(t), site(small().write(t)))
	if err != nil {
		t.Fatal(err)
	}
	s.limit.rows = map[record.Dataset]int{record.DatasetPupil: 2}
	if _, err := readSource(t, s, everybody); err == nil || !strings.Contains(err.Error(), "more than 2 rows") {
		t.Errorf("error %v", err)
	}
}

// The file is written to while it is read: admit is called in the middle.
func TestFileChangedWhileReadIsRefused(t *testing.T) {
	dir, written := small().write(t), false
	_, err := readAll(t, testProfile(t), site(dir), func(Candidate) (bool, error) {
		if written {
			return true, nil
		}
		written = true
		f, err := os.OpenFile(filepath.Join(dir, "pupils.csv"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return false, err
		}
		_, err = f.WriteString("p4,,Zqjx,Dan,01/01/2014,M,7,No,\r\n")
		return true, errors.Join(err, f.Close())
	})
	if err == nil || !strings.Contains(err.Error(), "written to while it was read") {
		t.Errorf("error %v", err)
	}
}

func TestFreshFilesAreWaitedFor(t *testing.T) {
	dir := small().write(t)
	synctest.Test(t, func(t *testing.T) {
		now := time.Now() // of the bubble
		for name := range small() {
			if err := os.Chtimes(filepath.Join(dir, name), now, now); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := readAll(t, testProfile(t), Site{Dir: dir}, everybody); err != nil {
			t.Errorf("files that nobody touches any more: %v", err)
		}
		if waited := time.Since(now); waited < defaultSettle {
			t.Errorf("waited %s, want at least %s", waited, defaultSettle)
		}
	})
}

func TestFilesStillBeingWrittenAreRefused(t *testing.T) {
	dir := small().write(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		go func() { // an export that writes every two seconds
			for ctx.Err() == nil {
				now := time.Now()
				if err := os.Chtimes(filepath.Join(dir, "pupils.csv"), now, now); err != nil {
					t.Error(err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(2 * time.Second):
				}
			}
		}()
		synctest.Wait()
		_, err := readAll(t, testProfile(t), Site{Dir: dir}, everybody)
		if err == nil || !strings.Contains(err.Error(), "still being written") {
			t.Errorf("error %v", err)
		}
		stop()
	})
}

func TestFormsOfCSV(t *testing.T) {
	want := mustRead(t, testProfile(t), site(small().write(t))).Lines
	encode := func(s string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, c := range map[string]struct {
		change func(string) string
		site   Site
	}{
		"BOM":           {func(s string) string { return "\ufeff" + s }, Site{}},
		"LF":            {func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }, Site{}},
		"semicolon":     {func(s string) string { return strings.ReplaceAll(s, ",", ";") }, Site{Delimiter: "semicolon"}},
		"tab":           {func(s string) string { return strings.ReplaceAll(s, ",", "\t") }, Site{Delimiter: "tab"}},
		"no last break": {func(s string) string { return strings.TrimSuffix(s, "\r\n") }, Site{FinalNewline: "optional"}},
		"headings in capitals, with spaces": {func(s string) string {
			head, rest, _ := strings.Cut(s, "\r\n")
			return " " + strings.ToUpper(strings.ReplaceAll(head, ",", " , ")) + "\r\n" + rest
		}, Site{}},
		"windows-1252": {func(s string) string { return encode(charmap.Windows1252.NewEncoder().String(s)) }, Site{Encoding: "windows-1252"}},
		"utf-16 little": {func(s string) string {
			return encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(s))
		}, Site{Encoding: "utf-16"}},
		"utf-16 big": {func(s string) string {
			return encode(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(s))
		}, Site{Encoding: "utf-16"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := small()
			for file, text := range files {
				files[file] = c.change(text)
			}
			at := site(files.write(t))
			at.Delimiter, at.Encoding, at.FinalNewline = c.site.Delimiter, c.site.Encoding, c.site.FinalNewline
			wantDiff(t, want, mustRead(t, testProfile(t), at).Lines)
		})
	}
}

func TestAccentsSurviveWindows1252(t *testing.T) {
	at := site(small().with("pupils.csv", "Ben", "Zo\xeb").write(t))
	at.Encoding = "windows-1252"
	got := mustRead(t, testProfile(t), at)
	if !strings.Contains(got.Lines["pupil "+string(record.NewPupilID(idKey, "p2"))], `"Forename":"Zoë"`) {
		t.Error("the accent was lost")
	}
}

func TestSavedHeaderMap(t *testing.T) {
	files := small().with("pupils.csv", "Authority", "LAC authority").with("pupils.csv", "Year", "NC year")
	at := site(files.write(t))
	at.Datasets = map[record.Dataset]SiteDataset{"pupil": {Columns: map[string]string{"CareAuthority": "LAC Authority", "NCyearActual": ""}}}
	got := mustRead(t, testProfile(t), at)
	line := got.Lines["pupil "+string(record.NewPupilID(idKey, "p2"))]
	if !strings.Contains(line, `"CareAuthority":"815"`) || strings.Contains(line, "NCyear") {
		t.Errorf("the heading map was not followed: %s", line)
	}
}

func TestValuesThatAreNotUnderstoodAreKeptAndWarnedAbout(t *testing.T) {
	files := small().
		with("pupils.csv", "B801200005001", "B801200005002").
		with("pupils.csv", "M,7", "Zqjx,Upper").
		with("contacts.csv", "SWR", "XYZ").
		with("marks.csv", "AM,/,\r\n", "AM,X9,\r\n").
		with("marks.csv", "PM,\\,", "PM,X01,Zqjx").
		with("marks.csv", "C1", "Ill").
		with("marks.csv", "p3,09", "p9,09")
	files["marks.csv"] += "p1,09/11/2026,AM,X9,\r\n"
	got := mustRead(t, testProfile(t), site(files.write(t)))
	p1, p2 := string(record.NewPupilID(idKey, "p1")), string(record.NewPupilID(idKey, "p2"))
	for key, want := range map[string]string{
		"pupil " + p1:                      `"UPN":"B801200005002"`, // as it is, and no part of the id
		"pupil " + p2:                      `"Sex":"Zqjx","NCyearActual":"Upper"`,
		"attendance " + p1 + "/2026-11-09": `"am":["X9","L","","",""],"pm":["","","","",""],"localAM":["X9","L","","",""],"localPM":["X01","","","",""]`,
		"attendance " + p2 + "/2026-11-09": `"am":["I","","","",""],"pm":["","","","",""],"localAM":["Ill","","","",""]`,
	} {
		if !strings.Contains(got.Lines[key], want) {
			t.Errorf("%s: got %s, want in it %s", key, got.Lines[key], want)
		}
	}
	wantDiff(t, map[string]int{
		"pupil.UPN.invalid": 1, "pupil.Sex.unknown_code": 1, "pupil.NCyearActual.unknown_code": 1,
		"contact.Relationship.unknown_code": 1, "attendance.mark.unknown_code": 2, "attendance.late.not_understood": 1,
		"attendance.pupil.no_pupil": 1, "attendance.mark.repeated": 1,
	}, warnings(got.Report))
}

func TestFormerUPNIsKeptOnlyIfItWasTemporary(t *testing.T) {
	for former, want := range map[string]bool{"R92640071200A": true, "P207000016049": false, "Zqjx": false} {
		r := &reading{plan: plan{misID: true}, warnings: map[protocol.Warning]int{}}
		r.plan.datasets = map[record.Dataset]*datasetPlan{record.DatasetPupil: {about: pupilFields}}
		raw := newRow(record.DatasetPupil)
		raw[pFormerUPN] = former
		c := r.cells(record.DatasetPupil, raw, place{})
		if got := c.formerUPN(pFormerUPN); (got == former) != want {
			t.Errorf("a former UPN was carried: %v, want %v", got != "", want)
		}
	}
}

func TestWeekendMarksMakeASevenDayWeek(t *testing.T) {
	files := small()
	files["marks.csv"] += "p1,14/11/2026,AM,/,\r\np2,15/11/2026,AM,#,\r\np1,31/08/2026,AM,/,\r\n"
	got := mustRead(t, testProfile(t), site(files.write(t)))
	for id, want := range map[string]string{"p1": `"am":["/","L","","","","/",""]`, "p2": `"am":["C1","","","",""]`} {
		pupil := record.NewPupilID(idKey, id)
		if id == "p1" {
			pupil = record.NewPupilID(idKey, id, "B801200005001")
		}
		if line := got.Lines["attendance "+string(pupil)+"/2026-11-09"]; !strings.Contains(line, want) {
			t.Errorf("%s: got %s", id, line)
		}
	}
	if len(got.records) != 6 {
		t.Errorf("%d records: a week of the year before was given out", len(got.records))
	}
	if d := got.Report.Datasets[2]; d.From != "2026-11-09" || d.To != "2026-11-15" || d.Rows != 9 {
		t.Errorf("window %+v", d)
	}
}

func TestHeadingsWithoutRowsRemoveNothing(t *testing.T) {
	files := small()
	files["marks.csv"] = "Pupil ID,Date,Session,Mark,Late\r\n"
	got := mustRead(t, testProfile(t), site(files.write(t)))
	wantDiff(t, []bool{true, true, false}, []bool{got.Report.Datasets[0].Complete, got.Report.Datasets[1].Complete, got.Report.Datasets[2].Complete})
	wantDiff(t, map[string]int{"attendance..no_rows": 1}, warnings(got.Report))
}

func TestIncompleteSiteAndFingerprints(t *testing.T) {
	dir, no := small().write(t), false
	at := site(dir)
	plain := mustRead(t, testProfile(t), at)
	at.Datasets = map[record.Dataset]SiteDataset{"attendance": {Complete: &no}}
	got := mustRead(t, testProfile(t), at)
	if got.Report.Datasets[2].Complete || !got.Report.Datasets[1].Complete {
		t.Error("complete: false was not followed")
	}
	if got.Report.ProfileHash == plain.Report.ProfileHash {
		t.Error("a change of the site settings left the profile hash as it was")
	}
	more := small().with("contacts.csv", "Mobile\r\n", "Mobile,Extra\r\n").with("contacts.csv", "123\r\n", "123,\r\n").
		with("contacts.csv", "124\r\n", "124,\r\n").with("contacts.csv", "125\r\n", "125,\r\n")
	extra := mustRead(t, testProfile(t), site(more.write(t)))
	wantDiff(t, plain.Lines, extra.Lines)
	if extra.Report.Schema == plain.Report.Schema {
		t.Error("a new column left the schema fingerprint as it was")
	}
}

// The order of rows is the export's whim: it changes no record.
func TestOrderOfRowsChangesNothing(t *testing.T) {
	files := small()
	for day := range 40 {
		d := record.Date("2026-09-07").AddDays(day).Time()
		for _, p := range []string{"p1", "p2", "p3"} {
			for i, s := range []string{"AM", "PM"} {
				if m := (day + i) % 3; d.Before(record.Date("2026-11-09").Time()) {
					files["marks.csv"] += fmt.Sprintf("%s,%s,%s,%s,\r\n", p, d.Format("02/01/2006"), s, []string{"/", "I", "-"}[m])
				}
			}
		}
	}
	want := mustRead(t, testProfile(t), site(files.write(t))).Lines
	rapid.Check(t, func(rt *rapid.T) {
		shuffled := school{}
		for _, name := range []string{"pupils.csv", "contacts.csv", "marks.csv"} {
			lines := strings.SplitAfter(strings.TrimSuffix(files[name], "\r\n")+"\r\n", "\r\n")
			rows := rapid.Permutation(lines[1:len(lines)-1]).Draw(rt, name)
			shuffled[name] = lines[0] + strings.Join(rows, "")
		}
		got := mustRead(t, testProfile(t), site(shuffled.write(t)))
		if len(got.Lines) != len(want) {
			rt.Fatalf("%d records, want %d", len(got.Lines), len(want))
		}
		for key, line := range want {
			if got.Lines[key] != line {
				rt.Fatalf("record %s differs", key)
			}
		}
	})
}
