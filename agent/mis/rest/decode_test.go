package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const sample = `{"meta":{"datetime":"2025-09-01T08:00:00","pages":[1,2.5,-3e2]},"d":{"results":[` +
	`{"id":"Canary1","dob":"2012-02-29","sen":null,"in_care":true,"marks":["/","\\","N"],"n":{"a":{"b":[]}}},` +
	`{"id":"Canary2","name":"Zoë 😀 \u00e9\ud83d\ude00","count":12345678901234567890}` + `],"next":""},"failed":false}`

// decoded is what a decoder makes of a text.
func decoded(t testing.TB, r io.Reader, path []string, anyCase bool) (rows []any, envelope any, err error) {
	d := newDecoder(r, 1<<20, anyCase, seed)
	d.emit = func(row any) error {
		rows = append(rows, row)
		return nil
	}
	envelope, alone, err := d.answer(path)
	if err == nil && alone {
		rows = append(rows, envelope)
	}
	if err == nil && len(rows) != d.rows {
		t.Errorf("%d rows given, %d counted", len(rows), d.rows)
	}
	if err == nil && !d.found {
		err = errors.New("no rows")
	}
	return rows, envelope, err
}

var results = []string{"d", "results"}

// Whatever is cut off, an answer is not taken for a whole one.
func TestTruncatedAnywhere(t *testing.T) {
	whole, _, err := decoded(t, strings.NewReader(sample), results, false)
	if err != nil || len(whole) != 2 {
		t.Fatal(whole, err)
	}
	for i := range len(sample) {
		if _, _, err := decoded(t, strings.NewReader(sample[:i]), results, false); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
		rows, _, err := decoded(t, io.MultiReader(strings.NewReader(sample[:i]), iotest.ErrReader(io.ErrClosedPipe)), results, false)
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("broken at %d: %v", i, err)
		}
		if len(rows) > 0 && !cmp.Equal(rows, whole[:len(rows)], bigs) {
			t.Errorf("broken at %d: other rows", i)
		}
	}
}

// Packed answers are no different, nor are their checksums passed over.
func TestPackedAndTruncatedAnywhere(t *testing.T) {
	whole := packed(sample)
	for i := range whole {
		if _, _, err := decoded(t, &unpacked{packed: bytes.NewReader(whole[:i])}, results, false); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
		if i < 10 {
			continue // the header's flags and name are checked by nothing
		}
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x40
		rows, _, err := decoded(t, &unpacked{packed: bytes.NewReader(damaged)}, results, false)
		if want, _, _ := decoded(t, strings.NewReader(sample), results, false); err == nil && !cmp.Equal(rows, want, bigs) {
			t.Errorf("damaged at %d: other rows", i)
		}
	}
}

// Whatever is damaged, the answer is refused or has as many rows.
func TestFlippedAnywhere(t *testing.T) {
	refused := 0
	for i := range len(sample) {
		for bit := range 8 {
			text := []byte(sample)
			text[i] ^= 1 << bit
			rows, _, err := decoded(t, bytes.NewReader(text), results, false)
			if err != nil {
				refused++
				if strings.Contains(message(err), canary) {
					t.Errorf("bit %d of byte %d: %q", bit, i, message(err))
				}
				continue
			}
			if !json.Valid(text) {
				t.Errorf("bit %d of byte %d: no JSON is let through", bit, i)
			}
			if len(rows) != 2 {
				t.Errorf("bit %d of byte %d: %d rows", bit, i, len(rows))
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// message is what a user is told about an error of decoding.
func message(err error) string {
	c := &call{what: "attendance", host: "mis.example"}
	err = c.bodyError(&http.Response{}, err)
	var again *againError
	if errors.As(err, &again) {
		return "again"
	}
	return err.Error()
}

// A row is the same however its bytes come.
func TestSmallReads(t *testing.T) {
	want, envelope, _ := decoded(t, strings.NewReader(sample), results, false)
	for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader("\xef\xbb\xbf" + sample)), iotest.HalfReader(strings.NewReader(sample)), iotest.DataErrReader(strings.NewReader(sample))} {
		rows, e, err := decoded(t, r, results, false)
		if err != nil || !cmp.Equal(rows, want, bigs) || !cmp.Equal(e, envelope) {
			t.Errorf("%v %v", rows, err)
		}
	}
}

// Pages are told apart by all that they hold.
func TestSums(t *testing.T) {
	sums := map[uint64]string{}
	for _, text := range []string{`[]`, `[1]`, `["1"]`, `[1,1]`, `[11]`, `[[1],1]`, `[[1,1]]`, `[null]`, `[true]`, `[false]`, `[{}]`, `[{"1":1}]`, `["1",1]`, `["11"]`, `[1.0]`, `["1:s1"]`, `["1","s1"]`} {
		d := newDecoder(strings.NewReader(text), 1<<20, false, seed)
		d.emit = func(any) error { return nil }
		if _, _, err := d.answer(nil); err != nil {
			t.Fatal(err)
		}
		sum := d.hash.Sum64()
		if other, same := sums[sum]; same {
			t.Errorf("%s is %s", text, other)
		}
		sums[sum] = text
	}
}

// What is let through is what encoding/json reads, with all its rows.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{sample, `[]`, `{"d":{"results":{"a":1}}}`, "\xef\xbb\xbf[1,2,{\"A\":1}]", `{"d":1,"D":2}`, `[1]x`, "[\"\xff\"]"} {
		f.Add([]byte(text), true, false)
		f.Add([]byte(text), false, true)
	}
	f.Fuzz(func(t *testing.T, text []byte, deep, anyCase bool) {
		var path []string
		if deep {
			path = results
		}
		rows, envelope, err := decoded(t, bytes.NewReader(text), path, anyCase)
		if err != nil {
			_ = message(err)
			return
		}
		plain := bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		var want any
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatalf("let through: %v", err)
		}
		if anyCase || deep {
			return
		}
		list, isList := want.([]any)
		if isList && (len(list) != len(rows) || envelope != nil) || !isList && len(rows) != 1 {
			t.Fatalf("%d rows", len(rows))
		}
		again, _ := json.Marshal(rows)
		if !isList {
			again, _ = json.Marshal(rows[0])
		}
		var got any
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if isList && len(list) == 0 {
			return
		}
		if !cmp.Equal(got, want) {
			t.Fatal(cmp.Diff(want, got))
		}
	})
}
