package record

import (
	"bytes"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawn is a record of a dataset with any values, a list's length included.
func drawn(t *rapid.T, d Dataset) Record {
	r, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	draw(t, reflect.ValueOf(r).Elem(), string(d))
	return r
}

func draw(t *rapid.T, v reflect.Value, label string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.String().Draw(t, label))
	case reflect.Int:
		v.SetInt(int64(rapid.Int().Draw(t, label)))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, label))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, label+" is known") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem(), label)
		}
	case reflect.Slice:
		// An empty list is left out, so it comes back as none.
		if n := rapid.IntRange(0, 3).Draw(t, label+" entries"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				draw(t, v.Index(i), label)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			draw(t, v.Field(i), v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("%s: a kind of field that no record has", label)
	}
}

// fill puts s into every string, one entry into every list, and something into
// everything else.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Int:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), s)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), s)
		}
	}
}

func TestEncodeAndDecodeAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawn(t, anyDataset().Draw(t, "dataset"))
		line, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(line, "\r\n") {
			t.Error("the encoding has more than one line")
		}
		back, err := Decode(r.Dataset(), line)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Encode(back)
		if err != nil || !bytes.Equal(line, again) {
			t.Errorf("encoded again it differs: %v", err)
		}
		if !reflect.DeepEqual(r, back) {
			t.Errorf("a %s did not come back as it was: %s", r.Dataset(), line)
		}
	})
}

// What cannot be read as a record is an error that holds none of it.
func TestDecodeErrorsHoldNoValues(t *testing.T) {
	const canary = "CANARY"
	for _, d := range Datasets() {
		r, _ := New(d)
		fill(reflect.ValueOf(r).Elem(), canary)
		line, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		bad := [][]byte{nil, []byte(`"` + canary + `"`), []byte(`[` + canary + `]`), append(slices.Clone(line), canary...)}
		for n := 1; n < len(line); n++ {
			bad = append(bad, line[:n])
		}
		for _, f := range Fields(d) {
			bad = append(bad, fmt.Appendf(nil, `{%q:{%q:%q}}`, f.Name, canary, canary), fmt.Appendf(nil, `{%q:[[%q]]}`, f.Name, canary))
		}
		for _, b := range bad {
			switch _, err := Decode(d, b); {
			case err == nil:
				t.Errorf("%s: %s was read", d, b)
			case strings.Contains(err.Error(), canary):
				t.Errorf("%s: %v", d, err)
			}
		}
	}
}

// No record prints what it holds, whichever way it is printed or logged.
func TestRecordsPrintAsOneWord(t *testing.T) {
	for _, d := range Datasets() {
		r, _ := New(d)
		fill(reflect.ValueOf(r).Elem(), "CANARY")
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("a record", "record", r)
		for _, s := range []string{fmt.Sprint(r), fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r), fmt.Sprintf("%s %d", r, r), log.String(),
			fmt.Sprintf("%v", []Record{r})} {
			if strings.Contains(s, "CANARY") || !strings.Contains(s, hidden) {
				t.Errorf("%s prints as %q", d, s)
			}
		}
	}
}
