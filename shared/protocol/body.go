package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
)

// A Manifest is the first line of a batch body: what was read, when, by which
// rules, and what the agent's whole state is after it.
type Manifest struct {
	Full bool `json:"full"`
	// Part counts from 1; Parts of one read have consecutive sequences and are
	// applied together. Read-wide fields are the same in every part.
	Part    int       `json:"part"`
	Parts   int       `json:"parts"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Year is the first day of the academic year that the state covers: weeks
	// before it have left the digest on both sides without being removed.
	Year record.Date `json:"year"`
	// Datasets are all that are in scope, also what could not be read: in a full
	// batch, what is not listed is not given any more, and goes.
	Datasets []DatasetRead `json:"datasets"`
	Profile  string        `json:"profile"`
	// Schema, ProfileHash and Scope are fingerprints (hexadecimal SHA-256) of
	// the columns seen, of the profile with its site settings, and of what the
	// school allows.
	Schema      string `json:"schema"`
	ProfileHash string `json:"profile_hash"`
	Scope       string `json:"scope"`
	// State is the digest of all that the agent holds as sent after this read.
	State record.Digest `json:"state"`
	// Holds are what the agent keeps back; Released are hold codes that a person
	// at the school has said yes to.
	Holds    []Hold    `json:"holds,omitempty"`
	Released []string  `json:"released,omitempty"`
	Warnings []Warning `json:"warnings,omitempty"`
	// Roster counts, per authority that has children on the roster which the
	// agent holds, what became of them; nil where the agent holds no roster.
	Roster []RosterUse `json:"roster,omitempty"`
}

// A DatasetRead says how the reading of one dataset went.
type DatasetRead struct {
	Dataset record.Dataset `json:"dataset"`
	// Rows read in the MIS; Matched of them belong to pupils in scope, Excluded
	// to others.
	Rows     int `json:"rows"`
	Matched  int `json:"matched"`
	Excluded int `json:"excluded"`
	// Withheld counts the rows of which the school kept something back, because
	// the MIS marks it as not to be disclosed.
	Withheld int `json:"withheld,omitempty"`
	// AsAt is when the data were true in the MIS, not when they were read.
	AsAt time.Time `json:"as_at"`
	// Complete says that a record inside the window that was not read does not
	// exist: only then may it be removed.
	Complete bool `json:"complete"`
	// Carried says that the MIS's own change feed reports no change of it since
	// the last read, so that no row was asked for: what was sent stands, as at
	// AsAt. It is then not Complete, and never stands in a full batch.
	Carried bool `json:"carried,omitempty"`
	// From and To bound the dates read, for datasets with dates.
	From record.Date `json:"from,omitempty"`
	To   record.Date `json:"to,omitempty"`
	// Given says, of a dataset that belongs to the school and not to its pupils
	// (staff), which authority may see which fields: what it asked for and the
	// school allowed it. A record is sent once and holds the fields of all of
	// them. Pupils' records are their own authority's, so it is absent there.
	Given map[string][]string `json:"given,omitempty"`
}

// A Warning counts values of one field that were not understood; it holds no
// value.
type Warning struct {
	Dataset record.Dataset `json:"dataset"`
	Field   string         `json:"field"`
	Code    string         `json:"code"`
	Count   int            `json:"count"`
}

// Why a record is removed.
const (
	RemovedLeft    = "left"    // it is no longer in the MIS, or no longer in care
	RemovedScope   = "scope"   // the school or the authority narrowed what leaves
	RemovedRenamed = "renamed" // the pupil has a new id; the upsert names the old one
)

// An Op is one line of a body after the manifest: an upsert with a record, or
// a removal with a reason.
type Op struct {
	Dataset record.Dataset  `json:"dataset"`
	Key     record.Key      `json:"key"`
	Record  json.RawMessage `json:"record,omitempty"`
	// Was, of a pupil upsert, is the id that the pupil had before.
	Was record.PupilID `json:"was,omitempty"`
	// Remove is one of the Removed reasons.
	Remove string `json:"remove,omitempty"`
}

// Limits of a body. MaxBodyBytes bounds the JSON lines before compression, so
// that a part never outgrows an envelope however badly it compresses, and a
// decompression bomb ends there.
const (
	MaxBodyBytes = envelope.MaxPlain - 64<<10
	MaxLineBytes = 1 << 20
)

// ErrBody is returned for a body that is not as it must be.
var ErrBody = errors.New("not a well-formed batch body")

// MarshalLine writes v as one JSON line as it stands in a body.
func MarshalLine(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a batch line: %w", err)
	}
	return b.Bytes(), nil
}

// Compress turns JSON lines (manifest first) into the plaintext of an
// envelope. The same lines give the same bytes.
func Compress(lines []byte) ([]byte, error) {
	if len(lines) > MaxBodyBytes {
		return nil, fmt.Errorf("compress batch: %d bytes is over the limit of %d", len(lines), MaxBodyBytes)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("compress batch: %w", err)
	}
	return z.EncodeAll(lines, nil), nil
}

// ReadBody decompresses a plaintext within the limits, decodes the manifest
// and calls op for every further line, in order; op's error ends the reading
// and is returned as it is. Other errors wrap ErrBody and hold no content.
func ReadBody(plain []byte, manifest *Manifest, op func(Op) error) error {
	z, err := zstd.NewReader(bytes.NewReader(plain), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxBodyBytes), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return fmt.Errorf("%w: not compressed as expected", ErrBody)
	}
	defer z.Close()
	lines := bufio.NewReaderSize(io.LimitReader(z, MaxBodyBytes+1), 16<<10)
	total := 0
	for n := 1; ; n++ {
		line, err := readLine(lines)
		total += len(line)
		if total > MaxBodyBytes {
			return fmt.Errorf("%w: more than %d bytes when decompressed", ErrBody, MaxBodyBytes)
		}
		if errors.Is(err, io.EOF) && len(line) == 0 {
			if n == 1 {
				return fmt.Errorf("%w: it is empty", ErrBody)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: line %d is cut short, too long or damaged", ErrBody, n)
		}
		if n == 1 {
			if err := decodeManifest(line, manifest); err != nil {
				return err
			}
			continue
		}
		o, err := decodeOp(line)
		if err != nil {
			return fmt.Errorf("%w: line %d: %s", ErrBody, n, err)
		}
		if err := op(o); err != nil {
			return err
		}
	}
}

// readLine returns a line with its line break; io.EOF comes only with an empty
// line, a last line without a break is io.ErrUnexpectedEOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > MaxLineBytes:
			return line, ErrBody
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, io.ErrUnexpectedEOF
		default:
			return line, err
		}
	}
}

func decodeManifest(line []byte, m *Manifest) error {
	*m = Manifest{}
	if err := json.Unmarshal(line, m); err != nil {
		return fmt.Errorf("%w: the manifest is not understood", ErrBody)
	}
	if m.Part < 1 || m.Parts < m.Part || m.Parts > 1000 {
		return fmt.Errorf("%w: the manifest counts its parts wrongly", ErrBody)
	}
	return nil
}

func decodeOp(line []byte) (Op, error) {
	var o Op
	if err := json.Unmarshal(line, &o); err != nil {
		return Op{}, errors.New("not understood")
	}
	upsert, removal := len(o.Record) > 0, o.Remove != ""
	switch {
	case upsert == removal:
		return Op{}, errors.New("neither one record nor one removal")
	case len(o.Key) > record.MaxKeyBytes || !o.Key.Pupil().Valid(): // an id of staff has the form of a pupil's
		return Op{}, errors.New("a key of the wrong form")
	case o.Was != "" && (!o.Was.Valid() || o.Dataset != record.DatasetPupil || removal):
		return Op{}, errors.New("a predecessor where none can be")
	case removal && o.Remove != RemovedLeft && o.Remove != RemovedScope && o.Remove != RemovedRenamed:
		return Op{}, errors.New("an unknown reason for a removal")
	}
	return o, nil
}
