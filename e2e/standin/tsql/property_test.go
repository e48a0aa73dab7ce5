package tsql

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollbridge/e2e/standin/sqltype"
)

// Whatever a text literal holds, SQLite gives it back.
func TestLiteralsRoundTrip(t *testing.T) {
	d := open(t, "CREATE TABLE a.b (id int PRIMARY KEY, t nvarchar(max) NULL)")
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"'", "''", "🙂'", "a\x00b", "\u0301", "]", "--", "/*"})).Draw(rt, "text")
		quoted := "N'" + strings.ReplaceAll(want, "'", "''") + "'"
		tokens, err := lex(quoted)
		if err != nil || len(tokens) != 2 || tokens[0].kind != tokNText || tokens[0].value != want {
			rt.Fatalf("lex(%q) = %v, %v", quoted, tokens, err)
		}
		n++
		if _, err := d.run(fmt.Sprintf("INSERT a.b VALUES (%d, %s)", n, quoted)); err != nil {
			rt.Fatal(err)
		}
		r, err := d.run(fmt.Sprintf("SELECT t FROM a.b WHERE id = %d", n))
		if err != nil || r.rows[0][0] != want {
			rt.Fatalf("%q came back as %v, %v", want, r.rows, err)
		}
	})
}

// The collation is an order: anything else would spoil SQLite's indexes.
func TestCollationIsAnOrder(t *testing.T) {
	signs := rapid.StringOfN(rapid.RuneFrom([]rune("aAbZz09 _-'éÉe\u0301ßİıK🙂")), 0, 6, -1)
	sign := func(n int) int { return min(max(n, -1), 1) }
	rapid.Check(t, func(rt *rapid.T) {
		a, b, c := signs.Draw(rt, "a"), signs.Draw(rt, "b"), signs.Draw(rt, "c")
		if sign(collate(a, b)) != -sign(collate(b, a)) {
			rt.Fatalf("%q and %q stand in no order", a, b)
		}
		if collate(a, b) <= 0 && collate(b, c) <= 0 && collate(a, c) > 0 {
			rt.Fatalf("%q <= %q <= %q, but not the first and last", a, b, c)
		}
		if collate(a, a+"  ") != 0 {
			rt.Fatalf("blanks at the end of %q count", a)
		}
		if ascii := strings.Map(func(r rune) rune {
			if r >= 0x80 {
				return 'x'
			}
			return r
		}, a); collate(ascii, strings.ToUpper(ascii)) != 0 {
			rt.Fatalf("the case of %q counts", ascii)
		}
	})
	for _, c := range [][2]string{{"é", "É"}, {"e\u0301", "é"}} {
		if collate(c[0], c[1]) != 0 {
			t.Errorf("%q differs from %q", c[0], c[1])
		}
	}
	for _, c := range [][2]string{{"e", "é"}, {"a", "b"}, {"", "a"}, {"_", "0"}, {"9", "a"}} {
		if collate(c[0], c[1]) >= 0 {
			t.Errorf("%q is not before %q", c[0], c[1])
		}
	}
}

// Store and Value are each other's inverse.
func TestValuesRoundTrip(t *testing.T) {
	moment := time.Date(2026, 3, 4, 5, 6, 7, 120_000_000, time.UTC)
	guid, err := sqltype.ParseGUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
	if err != nil {
		t.Fatal(err)
	}
	for declared, want := range map[string]any{
		"tinyint": int64(255), "bigint": int64(-1 << 63), "bit": true, "float": 1.25, "decimal(9,3)": "-12.500", "money": "3.0000",
		"char(3)": "ab ", "nvarchar(max)": "🙂", "varbinary(4)": "bytes", "date": moment.Truncate(24 * time.Hour),
		"time(2)": time.Date(0, 1, 1, 5, 6, 7, 120_000_000, time.UTC), "datetime": moment, "datetime2(2)": moment,
		"smalldatetime": moment.Truncate(time.Minute), "uniqueidentifier": guid,
	} {
		typ, err := sqltype.Parse(declared)
		if err != nil {
			t.Fatal(err)
		}
		if want == "bytes" {
			want = []byte{1, 2}
		}
		stored, err := Store(typ, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Value(typ, stored)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v lies as %v and comes back as %v, %v", declared, want, stored, got, err)
		}
	}
}

// The order of GUIDs is that of the last group, then the fourth, then the
// first three backwards.
func TestGUIDOrder(t *testing.T) {
	ascending := []string{
		"FFFFFFFF-FFFF-FFFF-FFFF-000000000000", "FFFFFFFF-FFFF-FFFF-0000-000000000001", "00000000-0000-0000-FF00-000000000001",
		"FF000000-0000-0100-FF00-000000000001", "00000000-0000-0001-FF00-000000000001",
	}
	last := ""
	for _, g := range ascending {
		key, err := runGUIDKey([]driver.Value{g})
		if err != nil || key.(string) <= last {
			t.Errorf("%s is not after the one before it (%v)", g, err)
		}
		last, _ = key.(string)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(school)
	for _, s := range []string{"SELECT 1", "((((", "SELECT CASE WHEN", "GRANT SELECT ON a TO b", "CREATE TABLE a (b decimal(9,2))", "SELECT 'a''b', N'🙂' FROM [x]]y].z", "SET LOCK_TIMEOUT -1", "SELECT - - -1"} {
		f.Add(s)
	}
	d := &database{objects: map[string]*Object{}}
	d.add(Name{"mis", "Student"}, []Column{{Name: "StudentID", Type: wholeInt}, {Name: "UPN", Type: name128, Nullable: true}}, false)
	f.Fuzz(func(t *testing.T, batch string) {
		statements, err := Parse(batch)
		if _, ok := err.(*Error); err != nil && !ok {
			t.Fatalf("an error without a number: %v", err)
		}
		for _, s := range statements {
			if s, ok := s.(interface {
				Translate(Catalogue, []Param) (Query, error)
			}); ok {
				if _, err := s.Translate(d, nil); err != nil {
					if _, ok := err.(*Error); !ok {
						t.Fatalf("an error without a number: %v", err)
					}
				}
			}
		}
	})
}

// The time of a load is the translation's as much as SQLite's.
func BenchmarkInsert1000(b *testing.B) {
	var batch strings.Builder
	batch.WriteString("INSERT INTO mis.SessionMark (StudentID, MarkDate, Session, Mark, Note, Late) VALUES ")
	for i := range 1000 {
		if i > 0 {
			batch.WriteString(", ")
		}
		fmt.Fprintf(&batch, "(%d, '2026-01-05', 'AM', N'L', N'O''Neill', NULL)", i)
	}
	d := &database{objects: map[string]*Object{}}
	date, char := sqltype.Type{Kind: sqltype.Date}, sqltype.Type{Kind: sqltype.Char, Length: 2}
	d.add(Name{"mis", "SessionMark"}, []Column{{"StudentID", wholeInt, false}, {"MarkDate", date, false}, {"Session", char, false},
		{"Mark", name128, true}, {"Note", name128, true}, {"Late", wholeInt, true}}, false)
	for b.Loop() {
		statements, err := Parse(batch.String())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := statements[0].(*Insert).Translate(d, nil); err != nil {
			b.Fatal(err)
		}
	}
}
