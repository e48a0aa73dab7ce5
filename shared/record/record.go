package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A Record is one typed record: a pointer to one of the types of the table in
// dataset.go; no other type satisfies it.
type Record interface {
	// Dataset says which kind of record this is.
	Dataset() Dataset
	// Pupil is the id of the pupil the record is about, or "" for staff, who
	// belong to the school.
	Pupil() PupilID
	// Key is the record's natural key: unique within school and dataset, and
	// the same for as long as the thing it describes exists.
	Key() Key

	// check adds what is wrong with a record of this dataset; see Check.
	check(c *checker)
}

// A Key is a record's natural key within one school and dataset: a PupilID,
// or a PupilID, a slash and what tells the pupil's records apart. The key of
// staff is the id of the member of staff alone.
type Key string

// MaxKeyBytes bounds a Key; longer ones are refused where batches are read.
const MaxKeyBytes = 128

// Pupil is the part of the key before the slash: the pupil's id in every
// dataset that is OfPupils, and no pupil at all in staff.
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
