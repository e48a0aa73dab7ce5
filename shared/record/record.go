package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// A Dataset names one kind of record; the names are the same in profiles,
// provisions, manifests, the store and on screens.
type Dataset string

// The datasets carried. Order matters: pupils come first in every read and in
// every batch, because the other datasets hang on them.
const (
	DatasetPupil      Dataset = "pupil"
	DatasetContact    Dataset = "contact"
	DatasetAttendance Dataset = "attendance"
)

// Datasets lists every dataset, pupils first.
func Datasets() []Dataset {
	return []Dataset{DatasetPupil, DatasetContact, DatasetAttendance}
}

// ErrUnknownDataset is returned where a dataset's name is not one of Datasets.
var ErrUnknownDataset = errors.New("unknown dataset")

// A Record is one typed record. The implementations are *Pupil, *Contact and
// *Attendance; no other type satisfies it.
type Record interface {
	// Dataset says which kind of record this is.
	Dataset() Dataset
	// Pupil is the id of the pupil the record is about.
	Pupil() PupilID
	// Key is the record's natural key: unique within school and dataset, and
	// the same for as long as the thing it describes exists.
	Key() Key

	sealed()
}

// A Key is a record's natural key within one school and dataset: a PupilID,
// or a PupilID, a slash and what tells the pupil's records apart.
type Key string

// MaxKeyBytes bounds a Key; longer ones are refused where batches are read.
const MaxKeyBytes = 128

// Pupil is the part of the key before the slash.
func (k Key) Pupil() PupilID {
	id, _, _ := strings.Cut(string(k), "/")
	return PupilID(id)
}

// Week is the Monday of an attendance key, empty for other datasets.
func (k Key) Week() Date {
	_, rest, found := strings.Cut(string(k), "/")
	if !found {
		return ""
	}
	if _, err := ParseDate(rest); err != nil {
		return ""
	}
	return Date(rest)
}

// New returns an empty record of the dataset to decode into.
func New(d Dataset) (Record, error) {
	switch d {
	case DatasetPupil:
		return new(Pupil), nil
	case DatasetContact:
		return new(Contact), nil
	case DatasetAttendance:
		return new(Attendance), nil
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownDataset, string(d))
}

// SetPupil makes r a record of another pupil id; it changes r.
func SetPupil(r Record, id PupilID) {
	switch r := r.(type) {
	case *Pupil:
		r.ID = id
	case *Contact:
		r.PupilID = id
	case *Attendance:
		r.PupilID = id
	}
}

// Encode gives the canonical bytes of a record: one JSON object without line
// breaks, fields in the order of the type, empty fields left out, no HTML
// escapes. Equal records give equal bytes.
func Encode(r Record) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode a %s record: %w", r.Dataset(), err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads canonical bytes into a typed record. Fields that this version
// does not know are ignored, so that an older collector can read a newer
// agent; the error never holds any part of the input.
func Decode(d Dataset, data []byte) (Record, error) {
	r, err := New(d)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("decode a %s record: %s", d, scrub(err))
	}
	return r, nil
}

// scrub turns a JSON error into words that cannot hold a pupil's data:
// encoding/json quotes offending values and keys.
func scrub(err error) string {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return fmt.Sprintf("field %s holds the wrong type of value at byte %d", typed.Field, typed.Offset)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("not well-formed JSON at byte %d", syntax.Offset)
	}
	return "not a record of this dataset"
}

// A Date is a calendar day in the school's own place, written CCYY-MM-DD; the
// empty Date means not known. Days of school life are dates, never instants.
type Date string

const dateLayout = "2006-01-02"

// ParseDate accepts only CCYY-MM-DD of a day that exists.
func ParseDate(s string) (Date, error) {
	if _, err := time.Parse(dateLayout, s); err != nil {
		return "", errors.New("not a date of the form CCYY-MM-DD")
	}
	return Date(s), nil
}

// DateOf is the calendar day of t in t's own location.
func DateOf(t time.Time) Date { return Date(t.Format(dateLayout)) }

// Time is midnight UTC of the day; the zero time for an empty or bad Date.
func (d Date) Time() time.Time {
	t, err := time.Parse(dateLayout, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Monday is the first day of d's week.
func (d Date) Monday() Date {
	t := d.Time()
	if t.IsZero() {
		return ""
	}
	back := (int(t.Weekday()) + 6) % 7
	return DateOf(t.AddDate(0, 0, -back))
}

// AddDays is d moved by n days.
func (d Date) AddDays(n int) Date {
	t := d.Time()
	if t.IsZero() {
		return ""
	}
	return DateOf(t.AddDate(0, 0, n))
}

// AcademicYearStart is the 1 September on or before d: the first day of the
// academic year that d lies in.
func (d Date) AcademicYearStart() Date {
	t := d.Time()
	if t.IsZero() {
		return ""
	}
	y := t.Year()
	if t.Month() < time.September {
		y--
	}
	return DateOf(time.Date(y, time.September, 1, 0, 0, 0, 0, time.UTC))
}

const hidden = "[pupil data]"

// The record types print as one fixed word whichever way they are printed or
// logged, so that no message can carry a pupil's data by accident.
func (p *Pupil) LogValue() slog.Value      { return slog.StringValue(hidden) }
func (c *Contact) LogValue() slog.Value    { return slog.StringValue(hidden) }
func (a *Attendance) LogValue() slog.Value { return slog.StringValue(hidden) }

func (p *Pupil) Format(s fmt.State, _ rune)      { fmt.Fprint(s, hidden) }
func (c *Contact) Format(s fmt.State, _ rune)    { fmt.Fprint(s, hidden) }
func (a *Attendance) Format(s fmt.State, _ rune) { fmt.Fprint(s, hidden) }
