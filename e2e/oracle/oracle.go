// Package oracle says what a collector must hold of a demo school, straight
// from the school's model and without any code of the agent: tests and the demo
// compare it, record by record, with what arrived.
//
// Records are compared by content. Ids that only the agent can make (of pupils
// and of the things that hang on them) are replaced by what identifies the pupil
// in the school itself and the thing by its own content, so an oracle line never
// depends on the code under test.
//
// Start reading at Question, Actual and Diff.
package oracle

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"rollbridge/shared/record"
)

// Lines maps what identifies a record in the school to the record's content.
type Lines map[string]string

// add takes in a record of the pupil that is who. It changes r.
func (l Lines) add(who string, r record.Record) error {
	withoutIDs(r)
	key := keyOf(who, r)
	content, err := record.Encode(r)
	if err != nil {
		return err
	}
	if _, twice := l[key]; twice {
		return fmt.Errorf("two records are the same %s; the comparison needs records that can be told apart", dataset(key))
	}
	l[key] = string(content)
	return nil
}

// Actual reads records as `rollbridge-collector compare --reveal --json`
// prints them, one JSON object with dataset and record on a line.
func Actual(r io.Reader) (Lines, error) {
	type line struct {
		Dataset record.Dataset  `json:"dataset"`
		Record  json.RawMessage `json:"record"`
	}
	who := map[record.PupilID]string{"": ""} // staff are nobody's
	var rest []record.Record
	lines := Lines{}
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("read compared records: a line is not as expected: %w", err)
		}
		decoded, err := record.Decode(l.Dataset, l.Record)
		if err != nil {
			return nil, err
		}
		p, ok := decoded.(*record.Pupil)
		if !ok {
			rest = append(rest, decoded)
			continue
		}
		who[p.ID] = whoIs(p)
		if err := lines.add(who[p.ID], p); err != nil {
			return nil, err
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("read compared records: %w", err)
	}
	for _, r := range rest {
		name, known := who[r.Pupil()]
		if !known {
			return nil, fmt.Errorf("a %s record belongs to no pupil", r.Dataset())
		}
		if err := lines.add(name, r); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// Diff counts and describes what differs without any content: the kind of each
// difference and its dataset.
func Diff(want, got Lines) (missing, extra, changed map[string]int) {
	missing, extra, changed = map[string]int{}, map[string]int{}, map[string]int{}
	for key, content := range want {
		have, found := got[key]
		switch {
		case !found:
			missing[dataset(key)]++
		case have != content:
			changed[dataset(key)]++
		}
	}
	for key := range got {
		if _, found := want[key]; !found {
			extra[dataset(key)]++
		}
	}
	return missing, extra, changed
}

// Same is nil when both hold the same records. The error names up to three
// differences whole: the data are a fictional school's.
func Same(want, got Lines) error {
	missing, extra, changed := Diff(want, got)
	if len(missing)+len(extra)+len(changed) == 0 {
		return nil
	}
	var examples []string
	keys := make([]string, 0, len(want)+len(got))
	for k := range want {
		keys = append(keys, k)
	}
	for k := range got {
		if _, found := want[k]; !found {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for _, k := range keys {
		if want[k] != got[k] && len(examples) < 3 {
			examples = append(examples, fmt.Sprintf("%s\n  want %s\n  got  %s", k, want[k], got[k]))
		}
	}
	return fmt.Errorf("the collector does not hold what the MIS holds: missing %v, extra %v, changed %v\n%s",
		missing, extra, changed, strings.Join(examples, "\n"))
}

// Counts says how many lines there are of each dataset.
func (l Lines) Counts() map[string]int {
	n := map[string]int{}
	for key := range l {
		n[dataset(key)]++
	}
	return n
}

func dataset(key string) string {
	d, _, _ := strings.Cut(key, "|")
	return d
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02")
}
