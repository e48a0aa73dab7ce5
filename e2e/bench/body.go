package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// The fixed school of every benchmark (docs/performance.md).
const (
	schoolSeed   = 20250721
	schoolPupils = 2000
	batchPupils  = 4 // a usual school's pupils in care
)

// schoolDay is the last day of a whole academic year, so that 39 weeks of marks
// exist. It lies in the past of every clock: a collector takes such data at
// any time, and an agent is told by the test clock that it is today.
var schoolDay = demoschool.LastSchoolDay(demoschool.Date(2025, time.July, 31))

func newSchool(pupils int) *demoschool.School {
	return demoschool.New(demoschool.Config{
		Seed: schoolSeed, Pupils: pupils, Authorities: authorities,
		LookedAfterShare:  0.04,
		Today:             schoolDay,
		OneCharacterMarks: true, // so that the same school can be written as CTF
	})
}

// bodies are the three batches that the load generator sends, as plaintexts of
// envelopes: everything of four pupils, then one changed mark of each, then
// the change taken back. Every made-up school of the generator has the same
// four pupils and the same id key, so a body is made once and sealed many times.
type bodies struct {
	full, change, back []byte
	rows               int // records in full
	lines              int // bytes of full before compression
	deltaRows          int
}

func newBodies(s *demoschool.School, idKey []byte) (*bodies, error) {
	records, err := recordsOf(s, idKey)
	if err != nil {
		return nil, err
	}
	return bodiesOf(records, idKey, schoolDay.Add(9*time.Hour))
}

// bodiesOf are the batches of records that are true as at a time: the weeks of
// each pupil in order.
func bodiesOf(records []record.Record, idKey []byte, asAt time.Time) (*bodies, error) {
	var b bodies
	var state record.Digest
	var fullOps []protocol.Op
	var there, back []protocol.Op
	changed := state
	seen := map[record.PupilID]bool{}
	for _, r := range slices.Backward(records) {
		op, tag, err := opOf(r, idKey)
		if err != nil {
			return nil, err
		}
		fullOps = append(fullOps, op)
		state.Add(tag)
		changed.Add(tag)
		week, isWeek := r.(*record.Attendance)
		if !isWeek || seen[r.Pupil()] {
			continue
		}
		// The latest week of each pupil, which comes first from the back.
		seen[r.Pupil()] = true
		back = append(back, op)
		changed.Remove(tag)
		other, tag, err := opOf(flipped(week), idKey)
		if err != nil {
			return nil, err
		}
		there = append(there, other)
		changed.Add(tag)
	}
	slices.Reverse(fullOps)
	b.rows, b.deltaRows = len(fullOps), len(there)
	full, err := linesOf(manifestOf(true, state, records, asAt), fullOps)
	if err != nil {
		return nil, err
	}
	b.lines = len(full)
	for _, part := range []struct {
		into  *[]byte
		full  bool
		state record.Digest
		ops   []protocol.Op
	}{{&b.full, true, state, fullOps}, {&b.change, false, changed, there}, {&b.back, false, state, back}} {
		lines, err := linesOf(manifestOf(part.full, part.state, records, asAt), part.ops)
		if err != nil {
			return nil, err
		}
		if *part.into, err = protocol.Compress(lines); err != nil {
			return nil, err
		}
	}
	return &b, nil
}

// flipped is the week with its Monday morning the other way.
func flipped(week *record.Attendance) *record.Attendance {
	w := *week
	w.AM = slices.Clone(week.AM)
	if w.AM[0] == "L" {
		w.AM[0] = "/"
	} else {
		w.AM[0], w.LateAM, w.LocalAM = "L", nil, nil
	}
	return &w
}

func opOf(r record.Record, idKey []byte) (protocol.Op, record.Tag, error) {
	content, err := record.Encode(r)
	if err != nil {
		return protocol.Op{}, record.Tag{}, err
	}
	return protocol.Op{Dataset: r.Dataset(), Key: r.Key(), Record: content}, record.NewTag(idKey, r.Dataset(), r.Key(), content), nil
}

func linesOf(m protocol.Manifest, ops []protocol.Op) ([]byte, error) {
	lines, err := protocol.MarshalLine(m)
	if err != nil {
		return nil, err
	}
	for _, op := range ops {
		line, err := protocol.MarshalLine(op)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line...)
	}
	return lines, nil
}

func manifestOf(full bool, state record.Digest, records []record.Record, asAt time.Time) protocol.Manifest {
	day := record.DateOf(asAt)
	year := day.AcademicYearStart()
	mark := func(what string) string { sum := sha256.Sum256([]byte(what)); return hex.EncodeToString(sum[:]) }
	m := protocol.Manifest{
		Full: full, Part: 1, Parts: 1, Started: asAt, Ended: asAt.Add(time.Second), Year: year,
		Profile: "csv", Schema: mark("schema"), ProfileHash: mark("profile"), Scope: mark("scope"), State: state,
	}
	for _, d := range record.Datasets() {
		n := 0
		for _, r := range records {
			if r.Dataset() == d {
				n++
			}
		}
		read := protocol.DatasetRead{Dataset: d, Rows: 25 * n, Matched: n, Excluded: 24 * n, AsAt: asAt, Complete: true}
		if d == record.DatasetAttendance {
			read.From, read.To = year, day
		}
		m.Datasets = append(m.Datasets, read)
	}
	return m
}

// recordsOf is everything of the school's first four pupils in care, pupils
// first, weeks in order.
func recordsOf(s *demoschool.School, idKey []byte) ([]record.Record, error) {
	lines, err := oracle.Expected(s)
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(lines))
	for k := range lines {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	chosen := map[string]record.PupilID{}
	byDataset := map[record.Dataset][]record.Record{}
	for _, d := range record.Datasets() {
		for _, k := range keys {
			rest, mine := strings.CutPrefix(k, string(d)+"|")
			if !mine {
				continue
			}
			// UPN, surname, forename and date of birth name the pupil.
			parts := strings.Split(rest, "|")
			if len(parts) < 4 {
				return nil, errors.New("an oracle line does not name its pupil")
			}
			who := strings.Join(parts[:4], "|")
			if d == record.DatasetPupil && len(chosen) < batchPupils {
				chosen[who] = record.NewPupilID(idKey, parts[:4]...)
			}
			id, ok := chosen[who]
			if !ok {
				continue
			}
			r, err := record.Decode(d, []byte(lines[k]))
			if err != nil {
				return nil, fmt.Errorf("make a batch: %w", err)
			}
			switch r := r.(type) {
			case *record.Pupil:
				r.ID = id
			case *record.Contact:
				r.PupilID, r.ID = id, record.NewSubID(idKey, d, parts...)
			case *record.Attendance:
				r.PupilID = id
			}
			byDataset[d] = append(byDataset[d], r)
		}
	}
	var all []record.Record
	for _, d := range record.Datasets() {
		all = append(all, byDataset[d]...)
	}
	return all, nil
}
