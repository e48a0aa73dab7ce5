package mis

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/shared/record"
)

// readCTF is the driver of format ctf: all files of the drop folder that the
// pattern fits are one snapshot, read newest first, and a pupil who was found
// in a newer file is passed over in older ones.
func readCTF(ctx context.Context, r *reading) error {
	files, err := r.ctfFiles(ctx)
	if err != nil {
		return err
	}
	r.form(record.DatasetPupil, ctfForm(files))
	for i, f := range files {
		if f.head.partial {
			for _, d := range record.Datasets() {
				r.incomplete[d] = true
			}
		}
		w := &ctfWalk{r: r, file: f, number: i}
		if err := w.pupils(ctx); err != nil {
			return err
		}
	}
	asAt := r.notLater(record.DatasetPupil, files[len(files)-1].head.time)
	for _, d := range record.Datasets() {
		r.counts[d].asAt = asAt
	}
	if len(r.pupils.seen) == 0 {
		return fault(record.DatasetPupil, "the common transfer files hold no pupil: the export failed or its filter excludes everybody; run it again")
	}
	return r.giveLater()
}

// The versions of the CTF whose elements are known.
const (
	ctfFirst = 15
	ctfLast  = 25
)

// ctfForm is one text for all versions that are known, since one reading serves
// them all and every school changes to the next in one autumn. A version that is
// not known may have moved anything.
func ctfForm(files []*ctfFile) string {
	newest := ctfLast
	for _, f := range files {
		newest = max(newest, f.head.version)
	}
	if newest == ctfLast {
		return "ctf"
	}
	return fmt.Sprintf("ctf %d", newest)
}

// giveLater gives out what hangs on pupils, in the order of datasets. A CTF has
// no ids of it, so that all of it was kept till now.
func (r *reading) giveLater() error {
	for _, d := range r.rest() {
		if r.counts[d].rows == 0 {
			r.none(d)
		}
		if d == record.DatasetAttendance {
			if err := r.giveWeeks(); err != nil {
				return err
			}
		}
		if err := r.giveUnnamed(d); err != nil {
			return err
		}
	}
	return nil
}

// A ctfFile is one file of the snapshot and what its header says.
type ctfFile struct {
	name, shown string
	info        os.FileInfo
	head        ctfHead
}

type ctfHead struct {
	time    time.Time
	date    record.Date // of time, in England
	version int
	partial bool
	school  [2]string // LEA and Estab
}

// standardName is how the DfE names a CTF. A file of any other name may be
// named after a pupil, so messages count it instead.
var standardName = regexp.MustCompile(`(?i)^[0-9a-z]{7}_CTF_[0-9a-z]{7}_[0-9]{3}\.xml$`)

// ctfFiles lists the snapshot, newest first; of two files of one time the one
// of the later name is the newer.
func (r *reading) ctfFiles(ctx context.Context) ([]*ctfFile, error) {
	const d = record.DatasetPupil
	entries, err := os.ReadDir(r.plan.dir)
	if err != nil {
		return nil, openFault(d, "the folder", err)
	}
	pattern := r.plan.datasets[d].file
	var files []*ctfFile
	for _, e := range entries {
		fits, _ := filepath.Match(strings.ToLower(pattern), strings.ToLower(e.Name())) // the pattern was checked at Open
		if fits && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			files = append(files, &ctfFile{name: e.Name()})
		}
	}
	switch {
	case len(files) == 0:
		return nil, fault(d, "the folder holds no file of the pattern %s: check that the export ran, and the folder in the school's MIS settings", pattern)
	case len(files) > r.limit.files:
		return nil, fault(d, "the folder holds more than %d files of the pattern %s: remove old ones", r.limit.files, pattern)
	}
	for i, f := range files {
		f.shown = f.name
		if !standardName.MatchString(f.name) {
			f.shown = fmt.Sprintf("file %d of %d of the pattern %s (by name)", i+1, len(files), pattern)
		}
		if err := r.ctfHeader(ctx, f); err != nil {
			return nil, err
		}
		if f.head.school != files[0].head.school {
			return nil, fault(d, "%s is of another school than %s: keep each school's files in a folder of its own", f.shown, files[0].shown)
		}
	}
	slices.SortFunc(files, func(a, b *ctfFile) int {
		return cmp.Or(b.head.time.Compare(a.head.time), cmp.Compare(b.name, a.name))
	})
	return files, nil
}

// ctfHeader reads a file up to the end of its header.
func (r *reading) ctfHeader(ctx context.Context, f *ctfFile) error {
	source, err := r.open(ctx, record.DatasetPupil, f.name, f.shown)
	if err != nil {
		return err
	}
	defer source.close()
	f.info = source.before
	if size := f.info.Size(); size > r.limit.fileBytes {
		return fault(source.d, "%s has more than %d bytes: check that it is the right file", f.shown, r.limit.fileBytes)
	}
	x := r.xmlFile(source)
	found := map[string]string{}
	var path []string
	for {
		t, err := x.token()
		if errors.Is(err, io.EOF) {
			return x.fault("it has no header: it is no common transfer file, or was cut short; run the export again")
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			if len(path) == 1 && path[0] != "CTfile" {
				return x.fault("it is no common transfer file: its root must be CTfile; check the pattern under file")
			}
			if len(path) == 2 && path[1] == "CTFpupilData" {
				return x.fault("the pupils come before the header: it is no common transfer file as the DfE defines it")
			}
		case xml.CharData:
			if len(path) > 2 && path[1] == "Header" {
				key := strings.Join(path[2:], "/")
				if found[key] += string(t); len(found[key]) > r.limit.textBytes {
					return x.fault("the header is too long: run the export again")
				}
			}
		case xml.EndElement:
			if len(path) == 2 && path[1] == "Header" {
				return f.readHead(found, x)
			}
			path = path[:len(path)-1]
		}
	}
}

func (f *ctfFile) readHead(found map[string]string, x *xmlFile) error {
	for key, value := range found {
		found[key] = strings.TrimSpace(value)
	}
	major, _, _ := strings.Cut(found["CTFversion"], ".")
	version, err := strconv.Atoi(major)
	if err != nil || version < 1 || version > 99 {
		return x.fault("Header/CTFversion is missing or no version: run the export again")
	}
	at, ok := headerTime(found["DateTime"])
	if !ok {
		return x.fault("Header/DateTime is missing or no time: run the export again")
	}
	school := [2]string{found["SourceSchool/LEA"], found["SourceSchool/Estab"]}
	if school[0] == "" || school[1] == "" {
		return x.fault("Header/SourceSchool does not say which school the file is of: run the export again")
	}
	f.head = ctfHead{
		time: at, date: record.DateOf(at.In(london)), version: version, school: school,
		partial: !strings.EqualFold(found["DocumentQualifier"], "full"),
	}
	return nil
}

// headerTime reads a time that has a zone, or else is England's wall clock.
func headerTime(text string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, true
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", text, london)
	return t, err == nil
}
