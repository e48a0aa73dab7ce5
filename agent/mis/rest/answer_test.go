package rest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var bigs = cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })

type m = map[string]any

func TestRowsAndEnvelope(t *testing.T) {
	huge, _ := new(big.Int).SetString("12345678901234567890123", 10)
	for name, c := range map[string]struct {
		text     string
		path     []string
		rows     []any
		envelope any
	}{
		"the answer":          {`[{"a":1},{"a":null}]`, nil, []any{m{"a": 1}, m{"a": nil}}, nil},
		"envelope on both":    {`{"meta":{"n":2},"rows":[1,"x"],"last":true}`, []string{"rows"}, []any{1, "x"}, m{"meta": m{"n": 2}, "last": true}},
		"deeper":              {`{"d":{"x":[0],"results":[{}],"y":1},"z":[]}`, []string{"d", "results"}, []any{m{}}, m{"d": m{"x": []any{0}, "y": 1}, "z": []any{}}},
		"one row":             {`{"row":{"a":{"b":[1,{"c":2}]}},"n":1}`, []string{"row"}, []any{m{"a": m{"b": []any{1, m{"c": 2}}}}}, m{"n": 1}},
		"the answer is one":   {`{"a":1}`, nil, []any{m{"a": 1}}, m{"a": 1}},
		"none":                {`{"rows":[]}`, []string{"rows"}, nil, m{}},
		"none at all":         {` [ ] `, nil, nil, nil},
		"spaces":              {"\n{ \"rows\" :\t[ 1 ,\r\n 2 ] }\n", []string{"rows"}, []any{1, 2}, m{}},
		"byte order mark":     {"\xef\xbb\xbf[1]", nil, []any{1}, nil},
		"numbers":             {`[0,-7,12345678901234567890123,1.5,1e3,-0]`, nil, []any{0, -7, huge, 1.5, 1000.0, 0}, nil},
		"every plane":         {`["Zoë Ṡ","\ud83d\ude00","😀","\udb40\udc01","\u0000","\ufffd\uFFFD�\n","\\"]`, nil, []any{"Zoë Ṡ", "😀", "😀", "\U000E0001", "\x00", "\ufffd\ufffd\ufffd\n", "\\"}, nil},
		"same name elsewhere": {`{"x":{"rows":[1]},"rows":[2]}`, []string{"rows"}, []any{2}, m{"x": m{"rows": []any{1}}}},
	} {
		for _, coding := range []string{"", "gzip"} {
			t.Run(name+coding, func(t *testing.T) {
				inBubble(t, Settings{}, header, func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Accept-Encoding") != "gzip" || r.Header.Get("X-Key") != canary {
						t.Error("other headers")
					}
					if coding == "" {
						says(c.text)(w, r)
						return
					}
					w.Header().Set("Content-Encoding", coding)
					_, _ = w.Write(packed(c.text))
				}, func(b *bench) {
					rows, envelope := b.must(Request{Rows: c.path})
					if d := cmp.Diff(c.rows, rows, bigs); d != "" {
						t.Error(d)
					}
					if d := cmp.Diff(c.envelope, envelope, bigs); d != "" {
						t.Error(d)
					}
					if got := b.Cost(); got.Requests != 1 || got.Rows != int64(len(c.rows)) || got.Bytes == 0 {
						t.Errorf("cost %+v", got)
					}
				})
			})
		}
	}
}

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

func TestAnyCase(t *testing.T) {
	inBubble(t, Settings{AnyCase: true}, header, says(`{"META":{"ÉtAt":1},"Students":[{"DateOfBirth":"X"}]}`), func(b *bench) {
		rows, envelope := b.must(Request{Rows: []string{"students"}})
		if d := cmp.Diff([]any{m{"dateofbirth": "X"}}, rows); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(m{"meta": m{"état": 1}}, envelope); d != "" {
			t.Error(d)
		}
		if rows, _ := b.must(Request{Rows: []string{"STUDENTS"}}); len(rows) != 1 {
			t.Error("the path is not compared in small letters")
		}
	})
	inBubble(t, Settings{AnyCase: true}, header, says(`[{"Canary":1,"canary":2}]`), func(b *bench) {
		b.fault(Request{}, Data, "two members of one name")
	})
	inBubble(t, Settings{}, header, says(`[{"Canary":1,"canary":2}]`), func(b *bench) { b.must(Request{}) })
}

func TestNoContent(t *testing.T) {
	inBubble(t, Settings{}, header, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, func(b *bench) {
		for _, kind := range []string{PagingNone, PagingPage, PagingSkip, PagingLink} {
			rows, envelope := b.must(Request{Rows: []string{"rows"}, Paging: Paging{Kind: kind, Next: func(any) (string, error) { return "x", nil }}})
			if len(rows) != 0 || envelope != nil {
				t.Errorf("%v %v", rows, envelope)
			}
		}
	})
}

func TestAnswersThatCannotBeUsed(t *testing.T) {
	rows := []string{"rows"}
	deep := strings.Repeat(`[`, 101) + strings.Repeat(`]`, 101)
	for name, c := range map[string]struct {
		text string
		path []string
		says string
	}{
		"no rows":                     {`{"data":["Canary"]}`, rows, "holds no rows"},
		"null rows":                   {`{"rows":null}`, rows, "holds no rows"},
		"text for rows":               {`{"rows":"Canary"}`, rows, "holds no rows"},
		"array for envelope":          {`["Canary"]`, rows, "holds no rows"},
		"array on the way":            {`{"d":[{"rows":[]}]}`, []string{"d", "rows"}, "holds no rows"},
		"a value":                     {`"Canary"`, nil, "holds no rows"},
		"nothing":                     {``, nil, "ends in the middle"},
		"cut":                         {`{"rows":[{"a":"Canary"}`, rows, "ends in the middle"},
		"cut behind":                  {`{"rows":[{"a":"Canary"}]`, rows, "ends in the middle"},
		"behind its end":              {`{"rows":[]} Canary`, rows, "not well-formed"},
		"two answers":                 {`{"rows":[]}{"rows":[]}`, rows, "something follows"},
		"no JSON":                     {`<html>Canary`, rows, "not well-formed"},
		"a comma too many":            {`[1,]`, nil, "not well-formed"},
		"a comma too few":             {`[1 2]`, nil, "not well-formed"},
		"wrong bracket":               {`[1}`, nil, "not well-formed"},
		"vendor's sample":             {`{'rows': []}`, rows, "not well-formed"},
		"twice":                       {`[{"Canary":1,"Canary":2}]`, nil, "two members"},
		"twice in the one row":        {`{"Canary":1,"Canary":2}`, nil, "two members"},
		"row just too large":          {`[["` + strings.Repeat("x", 4<<20) + `"]]`, nil, "row 1 of it is over 4 MiB"},
		"twice, inside":               {`[{"a":[{"b":1,"b":1}]}]`, nil, "two members"},
		"rows twice":                  {`{"rows":[1],"rows":[2]}`, rows, "two members"},
		"rows null before":            {`{"rows":null,"rows":[2]}`, rows, "two members"},
		"rows null behind":            {`{"rows":[1],"rows":null}`, rows, "two members"},
		"way twice":                   {`{"d":{"rows":[1]},"d":{"rows":[2]}}`, []string{"d", "rows"}, "two members"},
		"deep":                        {"[" + deep + "]", nil, "nested too deeply"},
		"deep envelope":               {`{"x":` + deep + `,"rows":[]}`, rows, "nested too deeply"},
		"bad UTF-8":                   {"[\"Canary\xe9\"]", nil, "not UTF-8"},
		"half a rune":                 {"[\"Canary\xe2\x82\"]", nil, "not UTF-8"},
		"UTF-16":                      {"\xff\xfe[\x00]\x00", nil, "not UTF-8"},
		"half a character":            {`["Canary\ud83d"]`, nil, "half a character"},
		"half a character, the other": {`{"rows":[{"\ude00Canary":1}]}`, rows, "half a character"},
		"too large a number":          {`[1e999]`, nil, "number"},
		"too long a number":           {`[` + strings.Repeat("9", 101) + `]`, nil, "number"},
		"large envelope":              {`{"x":["` + strings.Repeat("Canary", 100_000) + `","` + strings.Repeat("Canary", 100_000) + `"],"rows":[]}`, rows, "beside its rows"},
		"large behind":                {`{"rows":[],"x":["` + strings.Repeat("Canary", 200_000) + `"]}`, rows, "beside its rows"},
		"large row":                   {`[1,["` + strings.Repeat("Canary", 400_000) + `","` + strings.Repeat("Canary", 400_000) + `"]]`, nil, "over 4 MiB"},
		"large one row":               {`{"a":["` + strings.Repeat("Canary", 400_000) + `","` + strings.Repeat("Canary", 400_000) + `"]}`, nil, "over 4 MiB"},
		"large value":                 {`["` + strings.Repeat("Canary", 1_000_000), nil, "a single row or value"},
		"large space":                 {`[` + strings.Repeat(" ", 6<<20), nil, "a single row or value"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{}, header, says(c.text), func(b *bench) {
				b.fault(Request{Rows: c.path}, Data, c.says)
				if b.seen() != 1 {
					t.Errorf("asked %d times", b.seen())
				}
			})
		})
	}
}

// Spaces between rows are not the envelope's.
func TestLongAnswerWithSpaces(t *testing.T) {
	text := `{"rows":[` + strings.Repeat("1,"+strings.Repeat(" ", 1000), 3000) + `1]}`
	inBubble(t, Settings{}, header, says(text), func(b *bench) {
		if rows, _ := b.must(Request{Rows: []string{"rows"}}); len(rows) != 3001 {
			t.Error(len(rows))
		}
	})
}

func TestHeadersOfAnswers(t *testing.T) {
	good := packed(`["Canary"]`)
	bad := bytes.Clone(good)
	bad[len(bad)-6] ^= 1
	for name, c := range map[string]struct {
		kind, coding, body, says string
	}{
		"JSON":              {"application/json; charset=utf-8", "", `[]`, ""},
		"JSON of a kind":    {"application/vnd.api+json; charset=\"UTF-8\"", "", `[]`, ""},
		"OData":             {"application/json;odata.metadata=minimal;IEEE754Compatible=false", "", `[]`, ""},
		"odd parameter":     {"application/json; charset", "", `[]`, ""},
		"no type":           {"", "", `[]`, ""},
		"HTML":              {"text/html; charset=utf-8", "", `<html>Canary`, "a web filter or a login page"},
		"HTML that is JSON": {"text/html", "", `[]`, "a web filter or a login page"},
		"no type at all":    {"Canary", "", `[]`, "a web filter or a login page"},
		"charset":           {"application/json; charset=Windows-1252", "", `[]`, "another encoding"},
		"UTF-16":            {"application/json; charset=utf-16", "", `[]`, "another encoding"},
		"brotli":            {"application/json", "br", `[]`, "not asked for"},
		"damaged":           {"application/json", "gzip", string(bad), "damaged"},
		"not packed":        {"application/json", "gzip", `["Canary"]`, "damaged"},
		"packed in part":    {"application/json", "gzip", string(good[:len(good)-3]), "ends in the middle"},
		"packed, no more":   {"application/json", "gzip", string(good[:5]), "ends in the middle"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{}, header, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil
				if c.kind != "" {
					w.Header().Set("Content-Type", c.kind)
				}
				if c.coding != "" {
					w.Header().Set("Content-Encoding", c.coding)
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(c.body)))
				_, _ = w.Write([]byte(c.body))
			}, func(b *bench) {
				if c.says == "" {
					b.must(Request{})
				} else {
					b.fault(Request{}, Data, c.says)
				}
			})
		})
	}
}

func TestLargeAnswers(t *testing.T) {
	endless := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`[0`))
		for {
			if _, err := w.Write(bytes.Repeat([]byte(`,{"a":"Canary"}`), 1000)); err != nil {
				return
			}
		}
	}
	bomb := packed(`["` + strings.Repeat(`Canary","`, 1_000_000) + `"]`)
	for name, h := range map[string]http.HandlerFunc{
		"endless": endless,
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Settings{AnswerBytes: 2 << 20}, header, h, func(b *bench) {
				b.fault(Request{}, Data, "over 2 MiB")
				if b.Cost().Bytes > 3<<20 {
					t.Errorf("%d bytes crossed the wire", b.Cost().Bytes)
				}
			})
		})
	}
}

func TestErrorInAnAnswer(t *testing.T) {
	failed := func(e any) (bool, error) {
		v, ok := e.(m)["ExceptionType"]
		if v == 1 {
			return false, fmt.Errorf("%s", canary)
		}
		return ok && v != nil, nil
	}
	for text, says := range map[string]string{
		`{"rows":[1],"ExceptionType":"Canary"}`:  "an error of its own",
		`{"ExceptionType":"Canary"}`:             "an error of its own",
		`{"rows":null,"ExceptionType":"Canary"}`: "an error of its own",
		`{"rows":[],"ExceptionType":1}`:          "The expression failed",
		`{"rows":[],"ExceptionType":null}`:       "",
		`{"ExceptionType":null}`:                 "holds no rows",
	} {
		inBubble(t, Settings{}, header, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(text)) }, func(b *bench) {
			r := Request{Rows: []string{"rows"}, Failed: failed}
			if says == "" {
				b.must(r)
				return
			}
			b.fault(r, Data, says)
		})
	}
	// The one row is judged before it is given.
	inBubble(t, Settings{}, header, says(`{"ExceptionType":"Canary"}`), func(b *bench) {
		b.fault(Request{Failed: failed}, Data, "an error of its own")
		if b.Cost().Rows != 0 {
			t.Error("the error was given as a row")
		}
	})
}
