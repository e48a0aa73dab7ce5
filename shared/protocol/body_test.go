package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

func testPupil(n int) record.PupilID {
	return record.NewPupilID([]byte("id key of a fictional school"), fmt.Sprint(n))
}

func testManifest() Manifest {
	return Manifest{Full: true, Part: 1, Parts: 2, Year: "2026-09-01", Datasets: []DatasetRead{{Dataset: record.DatasetPupil, Rows: 3, Matched: 1, Excluded: 2, Complete: true}}}
}

func testBody(t testing.TB, lines ...any) []byte {
	t.Helper()
	var all []byte
	for _, l := range append([]any{testManifest()}, lines...) {
		b, err := MarshalLine(l)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func compress(t testing.TB, lines []byte) []byte {
	t.Helper()
	b, err := Compress(lines)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBodyIsReadBack(t *testing.T) {
	id := testPupil(1)
	ops := []Op{
		{Dataset: record.DatasetPupil, Key: record.Key(id), Record: json.RawMessage(`{"a":"<&>"}`), Was: testPupil(2)},
		{Dataset: record.DatasetAttendance, Key: record.Key(id) + "/2026-11-16", Remove: RemovedLeft},
	}
	lines := testBody(t, ops[0], ops[1])
	if !bytes.Contains(lines, []byte("<&>")) {
		t.Error("text is escaped for HTML")
	}
	plain := compress(t, lines)
	if !bytes.Equal(plain, compress(t, lines)) {
		t.Error("the same lines give other bytes")
	}
	var m Manifest
	var got []Op
	if err := ReadBody(plain, &m, func(o Op) error { got = append(got, o); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(testManifest(), m) + cmp.Diff(ops, got); diff != "" {
		t.Error(diff)
	}
	mine := errors.New("mine")
	if err := ReadBody(plain, &m, func(Op) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("op's own error came back as %v", err)
	}
}

// A body carries a record and a removal of every dataset; the key of staff is
// no pupil's, and of the form of one.
func TestEveryDatasetIsCarried(t *testing.T) {
	var ops []Op
	var lines []any
	for _, d := range record.Datasets() {
		r := recordtest.Make(d, testPupil(1), 1, 1)
		line, err := record.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Op{{Dataset: d, Key: r.Key(), Record: line}, {Dataset: d, Key: r.Key(), Remove: RemovedLeft}} {
			ops, lines = append(ops, o), append(lines, o)
		}
	}
	var got []Op
	if err := ReadBody(compress(t, testBody(t, lines...)), new(Manifest), func(o Op) error { got = append(got, o); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ops, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadBodies(t *testing.T) {
	id := record.Key(testPupil(1))
	upsert := json.RawMessage(`{"forename":"Canary"}`)
	good := compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Key: id, Record: upsert}))
	bad := map[string][]byte{
		"nothing":               {},
		"not compressed":        testBody(t),
		"cut short":             good[:len(good)-3],
		"empty":                 compress(t, nil),
		"no manifest":           compress(t, []byte("[]\n")),
		"no line break":         compress(t, bytes.TrimSuffix(testBody(t), []byte("\n"))),
		"an empty line":         compress(t, append(testBody(t), '\n')),
		"part 0":                compress(t, []byte(`{"part":0,"parts":1}`+"\n")),
		"part 3 of 2":           compress(t, []byte(`{"part":3,"parts":2}`+"\n")),
		"too many parts":        compress(t, []byte(`{"part":1,"parts":1001}`+"\n")),
		"record and removal":    compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Key: id, Record: upsert, Remove: RemovedLeft})),
		"neither":               compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Key: id})),
		"no key":                compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Record: upsert})),
		"a long key":            compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Key: id + "/" + record.Key(strings.Repeat("x", record.MaxKeyBytes)), Record: upsert})),
		"a key of no pupil":     compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Key: "Canary", Record: upsert})),
		"was of a contact":      compress(t, testBody(t, Op{Dataset: record.DatasetContact, Key: id, Record: upsert, Was: testPupil(2)})),
		"was of a removal":      compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Key: id, Remove: RemovedLeft, Was: testPupil(2)})),
		"a strange reason":      compress(t, testBody(t, Op{Dataset: record.DatasetPupil, Key: id, Remove: "Canary"})),
		"a line over the limit": compress(t, append(testBody(t), `{"record":"`+strings.Repeat("x", MaxLineBytes)+"\"}\n"...)),
		"a bomb":                bomb(t, testBody(t)),
	}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 0x55
		bad[fmt.Sprint("byte ", i, " changed")] = b
	}
	for name, plain := range bad {
		var m Manifest
		err := ReadBody(plain, &m, func(Op) error { return nil })
		if err == nil && strings.HasPrefix(name, "byte ") {
			continue // not every bit of a zstd frame means something; the envelope guards them
		}
		if !errors.Is(err, ErrBody) {
			t.Errorf("%s: %v, want ErrBody", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "Canary") {
			t.Errorf("%s: the error holds content: %v", name, err)
		}
	}
	if _, err := Compress(make([]byte, MaxBodyBytes+1)); err == nil {
		t.Error("a body over the limit was compressed")
	}
}

// bomb is a small plaintext that would fill the memory.
func bomb(t testing.TB, head []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(`{"dataset":"pupil","key":"` + string(testPupil(1)) + `","remove":"left"}` + "\n")
	chunk := bytes.Repeat(line, 1<<20/len(line))
	if _, err := z.Write(head); err != nil {
		t.Fatal(err)
	}
	for range 512 { // half a gigabyte
		if _, err := z.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 1<<20 {
		t.Fatalf("the bomb has %d bytes", b.Len())
	}
	return b.Bytes()
}

func TestMassDisappearance(t *testing.T) {
	for _, c := range []struct {
		gone, of int
		held     bool // where nothing is new
		replaced bool // held where one is new
	}{
		{0, 0, false, false}, {0, 10, false, false}, {1, 1, true, false}, {2, 2, true, false}, {1, 2, false, false}, {2, 3, false, false},
		{2, 9, false, false}, {3, 15, false, false}, {3, 14, true, true}, {3, 3, true, true}, {20, 100, false, false}, {21, 100, true, true},
		{100, 100, true, true},
	} {
		for _, d := range record.Datasets() {
			if got := MassDisappearance(d, c.gone, c.of, 0); got != c.held {
				t.Errorf("%d of %d of %s: held is %t, want %t", c.gone, c.of, d, got, c.held)
			}
			want := c.replaced
			if d == record.DatasetPupil || d == record.DatasetAttendance {
				want = c.held
			}
			if got := MassDisappearance(d, c.gone, c.of, 1); got != want {
				t.Errorf("%d of %d of %s, one new: held is %t, want %t", c.gone, c.of, d, got, want)
			}
		}
	}
}

func TestHoldCode(t *testing.T) {
	a, b := record.Key(testPupil(1)), record.Key(testPupil(2))
	code := HoldCode(record.DatasetPupil, "301", []record.Key{a, b})
	if code != HoldCode(record.DatasetPupil, "301", []record.Key{b, a}) || len(code) != 8 {
		t.Errorf("code %q depends on the order", code)
	}
	for name, other := range map[string]string{
		"dataset": HoldCode(record.DatasetContact, "301", []record.Key{a, b}), "authority": HoldCode(record.DatasetPupil, "302", []record.Key{a, b}),
		"set": HoldCode(record.DatasetPupil, "301", []record.Key{a}),
	} {
		if other == code {
			t.Errorf("another %s has the same code", name)
		}
	}
}

// FuzzBody: whatever an agent seals, ReadBody ends, within its limits.
func FuzzBody(f *testing.F) {
	f.Add(testBody(f, Op{Dataset: record.DatasetPupil, Key: record.Key(testPupil(1)), Remove: RemovedLeft}), true)
	f.Add(compress(f, testBody(f)), false)
	f.Add(bomb(f, testBody(f)), false)
	f.Fuzz(func(t *testing.T, data []byte, pack bool) {
		if pack && len(data) <= MaxBodyBytes {
			data = compress(t, data)
		}
		var m Manifest
		total := 0
		err := ReadBody(data, &m, func(o Op) error {
			total += len(o.Record)
			if (len(o.Record) > 0) == (o.Remove != "") || !o.Key.Pupil().Valid() {
				t.Fatalf("an operation of no form came through: %+v", o)
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrBody) {
			t.Fatalf("an error of no kind: %v", err)
		}
		if total > MaxBodyBytes {
			t.Fatalf("%d bytes came out of one body", total)
		}
	})
}
