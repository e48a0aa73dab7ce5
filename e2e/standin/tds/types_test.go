package tds_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"
	"pgregory.net/rapid"

	"rollbridge/e2e/standin/sqltype"
	"rollbridge/e2e/standin/tds"
)

var moment = time.Date(2026, 9, 1, 8, 45, 59, 123_456_700, time.UTC)

var guid = mssql.UniqueIdentifier{0x6F, 0x96, 0x19, 0xFF, 0x8B, 0x86, 0xD0, 0x11, 0xB4, 0x2D, 0x00, 0xC0, 0x4F, 0xC9, 0x64, 0xFF}

// Every type of parameter comes back as a column of the type that the client
// declared, with the value that it sent.
func TestParameters(t *testing.T) {
	db := serve(t, tds.Options{}).open()
	east := time.FixedZone("", 5*60*60+30*60)
	long := strings.Repeat("Zoë 🙂 ", 5000)
	for _, c := range []struct {
		send, want any
		kind       string
	}{
		{int8(100), int64(100), "TINYINT"},
		{int16(-300), int64(-300), "SMALLINT"},
		{int32(math.MinInt32), int64(math.MinInt32), "INT"},
		{int64(math.MaxInt64), int64(math.MaxInt64), "BIGINT"},
		{true, true, "BIT"},
		{false, false, "BIT"},
		{1.5e-300, 1.5e-300, "FLOAT"},
		{float32(2.25), 2.25, "REAL"},
		{"", "", "NVARCHAR"},
		{"Zoë 🙂", "Zoë 🙂", "NVARCHAR"},
		{long, long, "NVARCHAR"},
		{mssql.NVarCharMax("x🙂"), "x🙂", "NVARCHAR"},
		{mssql.NChar("ab"), "ab", "NCHAR"},
		{mssql.VarChar("C081"), "C081", "VARCHAR"},
		{mssql.VarCharMax(strings.Repeat("y", 9000)), strings.Repeat("y", 9000), "VARCHAR"},
		{[]byte{0, 1, 0xFF}, []byte{0, 1, 0xFF}, "VARBINARY"},
		{bytes.Repeat([]byte{7}, 9000), bytes.Repeat([]byte{7}, 9000), "VARBINARY"},
		{civil.Date{Year: 2026, Month: 9, Day: 1}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), "DATE"},
		{civil.Date{Year: 1, Month: 1, Day: 1}, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), "DATE"},
		{civil.Date{Year: 9999, Month: 12, Day: 31}, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), "DATE"},
		{civil.TimeOf(moment), time.Date(1, 1, 1, 8, 45, 59, 123_456_700, time.UTC), "TIME"},
		{civil.DateTimeOf(moment), moment, "DATETIME2"},
		{mssql.DateTime1(moment), moment.Truncate(time.Second).Add(123 * time.Millisecond), "DATETIME"},
		{mssql.DateTime1(time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC)), time.Date(1753, 1, 1, 0, 0, 0, 0, time.UTC), "DATETIME"},
		{moment.In(east), moment.In(east), "DATETIMEOFFSET"},
		{guid, []byte(guid[:]), "UNIQUEIDENTIFIER"},
		{sql.NullInt32{}, nil, "INT"},
		{sql.NullInt64{}, nil, "BIGINT"},
		{sql.NullString{}, nil, "NVARCHAR"},
		{sql.NullBool{}, nil, "BIT"},
		{sql.NullFloat64{}, nil, "FLOAT"},
		{mssql.NullDate{}, nil, "DATE"},
		{mssql.NullDateTime{}, nil, "DATETIME2"},
		{mssql.NullTime{}, nil, "TIME"},
		{nil, nil, "NVARCHAR"},
	} {
		// As the only parameter, and beside a NULL: ROW and NBCROW.
		for _, query := range []string{"echo @p1", "echo! @p1"} {
			if query == "echo! @p1" && c.want == nil {
				continue // NULL in a column that has none: refused, see TestRowsThatDoNotFit
			}
			rows, err := db.Query(query, c.send)
			if err != nil {
				t.Fatalf("%T: %v", c.send, err)
			}
			types, _ := rows.ColumnTypes()
			var got any
			if !rows.Next() {
				t.Fatalf("%T: no row: %v", c.send, rows.Err())
			}
			if err := rows.Scan(&got); err != nil {
				t.Fatalf("%T: %v", c.send, err)
			}
			rows.Close()
			if want := c.want; !same(c.send, got, want) {
				t.Errorf("%T: got %.80v, want %.80v", c.send, got, want)
			}
			if name := types[0].DatabaseTypeName(); name != c.kind {
				t.Errorf("%T: comes back as %s, want %s", c.send, name, c.kind)
			}
		}
		var beside, other any
		if err := db.QueryRow("echo @p1, @p2", c.send, nil).Scan(&beside, &other); err != nil || !same(c.send, beside, c.want) || other != nil {
			t.Errorf("%T beside NULL: %.80v %v, %v", c.send, beside, other, err)
		}
	}
}

func same(sent, got, want any) bool {
	switch w := want.(type) {
	case time.Time:
		g, ok := got.(time.Time)
		return ok && g.Equal(w) && g.Format(time.RFC3339Nano) == w.Format(time.RFC3339Nano)
	case []byte:
		if _, isGUID := sent.(mssql.UniqueIdentifier); isGUID {
			var g mssql.UniqueIdentifier
			return g.Scan(got) == nil && g == guid
		}
		g, ok := got.([]byte)
		return ok && bytes.Equal(g, w)
	}
	return got == want
}

// Types that no parameter of go-mssqldb has, and the shapes of those it has.
func TestColumns(t *testing.T) {
	at := func(s string) time.Time {
		m, err := time.Parse("2006-01-02 15:04:05.9999999", s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	s := serve(t, tds.Options{})
	db := s.open()
	for _, c := range []struct {
		declared    string
		value, want any
	}{
		{"decimal(5,2)", "-123.45", []byte("-123.45")},
		{"decimal(5,2)", "7", []byte("7.00")},
		{"decimal(38,0)", strings.Repeat("9", 38), []byte(strings.Repeat("9", 38))},
		{"decimal(19,4)", "0.0001", []byte("0.0001")},
		{"decimal(28,10)", "-0.5", []byte("-0.5000000000")},
		{"money", "-922337203685477.5808", []byte("-922337203685477.5808")},
		{"money", "12.5", []byte("12.5000")},
		{"char(5)", "ab", "ab   "},
		{"nchar(4)", "🙂", "🙂  "},
		{"varchar(10)", "Zoë €", "Zoë €"},
		{"varchar(10)", "Łukasz", "?ukasz"},
		{"varchar(max)", "", ""},
		{"nvarchar(4000)", strings.Repeat("ë", 4000), strings.Repeat("ë", 4000)},
		{"varchar(8000)", strings.Repeat("ë", 8000), strings.Repeat("ë", 8000)},
		{"binary(3)", []byte{9}, []byte{9, 0, 0}},
		{"varbinary(max)", []byte{}, []byte{}},
		{"time(0)", at("0001-01-01 23:59:59"), at("0001-01-01 23:59:59")},
		{"time(3)", at("0001-01-01 00:00:00.999"), at("0001-01-01 00:00:00.999")},
		{"datetime2(0)", at("2026-09-01 08:45:00"), at("2026-09-01 08:45:00")},
		{"datetime2(4)", at("0001-01-01 00:00:00.1234"), at("0001-01-01 00:00:00.1234")},
		{"datetime", at("9999-12-31 23:59:59.997"), at("9999-12-31 23:59:59.997")},
		{"datetime", at("2026-08-31 23:59:59.999"), at("2026-09-01 00:00:00")},
		{"smalldatetime", at("2079-06-06 23:59:00"), at("2079-06-06 23:59:00")},
		{"tinyint", int64(255), int64(255)},
		{"smallint", int64(-32768), int64(-32768)},
		{"real", 0.5, 0.5},
	} {
		typ, err := sqltype.Parse(c.declared)
		if err != nil {
			t.Fatal(err)
		}
		for _, nullable := range []bool{false, true} {
			for _, value := range []any{c.value, nil} {
				if value == nil && !nullable {
					continue
				}
				want := c.want
				if value == nil {
					want = nil
				}
				got, err := fetch(s, db, tds.Column{Name: "c", Type: typ, Nullable: nullable}, value)
				if err != nil || !same(nil, got, want) {
					t.Errorf("%s (NULL allowed: %t): got %.60q, want %.60q, %v", c.declared, nullable, got, want, err)
				}
			}
		}
	}
}

// fetch takes one value through a column.
func fetch(s *server, db *sql.DB, c tds.Column, value any) (got any, err error) {
	s.run = func(w *tds.Response) error {
		if err := w.Columns([]tds.Column{c}); err != nil {
			return err
		}
		if err := w.Row([]any{value}); err != nil {
			return err
		}
		return w.Done(1)
	}
	return got, db.QueryRow("run it").Scan(&got)
}

// What does not fit is an error of the server, never another value.
func TestRowsThatDoNotFit(t *testing.T) {
	s := serve(t, tds.Options{})
	db := s.open()
	for _, c := range []struct {
		declared string
		value    any
	}{
		{"int", nil},
		{"int", "7"},
		{"int", int64(math.MaxInt32) + 1},
		{"tinyint", int64(-1)},
		{"bit", int64(1)},
		{"varchar(3)", "four"},
		{"nvarchar(3)", "🙂🙂"},
		{"char(2)", "abc"},
		{"varbinary(2)", []byte{1, 2, 3}},
		{"decimal(5,2)", "1234.5"},
		{"decimal(5,2)", "1.234"},
		{"decimal(5,2)", "1,5"},
		{"decimal(5,2)", ""},
		{"money", "922337203685477.5808"},
		{"date", "2026-09-01"},
		{"date", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"date", time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC)},
		{"datetime", time.Date(1752, 12, 31, 0, 0, 0, 0, time.UTC)},
		{"smalldatetime", time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)},
		{"uniqueidentifier", "6F9619FF-8B86-D011-B42D-00C04FC964FF"},
		{"nvarchar(5)", 1.5},
	} {
		typ, err := sqltype.Parse(c.declared)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fetch(s, db, tds.Column{Name: "c", Type: typ}, c.value)
		if e := (mssql.Error{}); !errors.As(err, &e) || e.Number != 50000 {
			t.Errorf("%v in %s: got %v, %v", c.value, c.declared, got, err)
		}
	}
}

// Any decimal of a type crosses unchanged.
func TestDecimals(t *testing.T) {
	s := serve(t, tds.Options{Encryption: tds.Unsupported})
	db := s.open("encrypt=disable")
	rapid.Check(t, func(r *rapid.T) {
		precision := rapid.IntRange(1, 38).Draw(r, "precision")
		scale := rapid.IntRange(0, precision).Draw(r, "scale")
		digits := rapid.StringMatching(fmt.Sprintf("[0-9]{%d}", precision)).Draw(r, "digits")
		whole := strings.TrimLeft(digits[:precision-scale], "0")
		if whole == "" {
			whole = "0"
		}
		want := whole
		if scale > 0 {
			want += "." + digits[precision-scale:]
		}
		if strings.Trim(want, "0.") != "" && rapid.Bool().Draw(r, "negative") {
			want = "-" + want
		}
		typ := sqltype.Type{Kind: sqltype.Decimal, Precision: precision, Scale: scale}
		got, err := fetch(s, db, tds.Column{Name: "d", Type: typ, Nullable: true}, want)
		if b, ok := got.([]byte); err != nil || !ok || string(b) != want {
			r.Fatalf("%s: %s became %s, %v", typ, want, got, err)
		}
	})
}
