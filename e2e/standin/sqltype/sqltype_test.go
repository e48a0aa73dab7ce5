package sqltype

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for declaration, want := range map[string]string{
		"int": "int", " INTEGER ": "int", "[nvarchar](40)": "nvarchar(40)", "NVARCHAR (max)": "nvarchar(max)",
		"varchar": "varchar(1)", "char": "char(1)", "national character varying(7)": "nvarchar(7)",
		"decimal": "decimal(18,0)", "numeric(9)": "decimal(9,0)", "dec( 9 , 2 )": "decimal(9,2)",
		"float": "float", "float(24)": "real", "float(25)": "float", "double  precision": "float",
		"time": "time(7)", "time(0)": "time(0)", "datetime2(3)": "datetime2(3)", "datetimeoffset": "datetimeoffset(7)",
		"date": "date", "datetime": "datetime", "smalldatetime": "smalldatetime", "money": "money",
		"uniqueidentifier": "uniqueidentifier", "varbinary(max)": "varbinary(max)", "binary(16)": "binary(16)",
		"sysname": "nvarchar(128)", "bit": "bit", "tinyint": "tinyint", "smallint": "smallint", "bigint": "bigint", "real": "real",
	} {
		if got, err := Parse(declaration); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v", declaration, got, err)
		}
	}
	for _, declaration := range []string{
		"", "text", "xml", "sql_variant", "int(4)", "varchar(0)", "varchar(8001)", "nvarchar(4001)", "nvarchar(-1)",
		"nvarchar(x)", "nvarchar(4", "nvarchar(4,4)", "char(max)", "nchar(max)", "binary(max)", "decimal(39)", "decimal(0)",
		"decimal(5,6)", "decimal(1,2,3)", "time(8)", "float(54)", "float(0)", "date(3)", "varchar()", "int;drop",
	} {
		if got, err := Parse(declaration); err == nil {
			t.Errorf("%q is read as %s", declaration, got)
		}
	}
}

// What String writes, Parse reads as the same type; what Parse reads is valid.
func TestStringIsRead(t *testing.T) {
	kinds := rapid.SampledFrom([]Kind{TinyInt, SmallInt, Int, BigInt, Bit, Decimal, Money, Float, Real, Char, VarChar, NChar,
		NVarChar, Binary, VarBinary, Date, Time, DateTime, DateTime2, SmallDateTime, DateTimeOffset, UniqueIdentifier})
	small := rapid.IntRange(-1, 40)
	rapid.Check(t, func(r *rapid.T) {
		typ := Type{Kind: kinds.Draw(r, "kind")}
		s := shapes[typ.Kind]
		if s.length > 0 {
			typ.Length = small.Draw(r, "length")
		}
		if s.precision > 0 {
			typ.Precision = small.Draw(r, "precision")
		}
		if s.precision > 0 || s.scale > 0 {
			typ.Scale = small.Draw(r, "scale")
		}
		got, err := Parse(typ.String())
		if valid := typ.Valid(); (valid == nil) != (err == nil) {
			r.Fatalf("%s: valid %v, read %v", typ, valid, err)
		}
		if err == nil && got != typ {
			r.Fatalf("%s is read as %s", typ, got)
		}
	})
}

func TestValidRefusesStrayMeasures(t *testing.T) {
	for _, typ := range []Type{{}, {Kind: "xml"}, {Kind: Int, Length: 4}, {Kind: Int, Scale: 1}, {Kind: Date, Precision: 3},
		{Kind: VarChar}, {Kind: Decimal}, {Kind: Char, Length: Max}, {Kind: NVarChar, Length: 5, Scale: 2}} {
		if typ.Valid() == nil {
			t.Errorf("%#v passes", typ)
		}
	}
}

func TestGUID(t *testing.T) {
	const text = "6F9619FF-8B86-D011-B42D-00C04FC964FF"
	for _, written := range []string{text, "{" + text + "}", "6f9619ff-8b86-d011-b42d-00c04fc964ff"} {
		g, err := ParseGUID(written)
		if err != nil || g.String() != text || g[0] != 0x6F || g[15] != 0xFF {
			t.Errorf("%s: %s, %v", written, g, err)
		}
	}
	for _, written := range []string{"", text[1:], text + "0", "{" + text, "6F9619FF08B86-D011-B42D-00C04FC964FF", "6F9619FF-8B86-D011-B42D-00C04FC964FG", "6F9619FF-8B86-D011-B42D-00C04F-964FF"} {
		if _, err := ParseGUID(written); err == nil {
			t.Errorf("%q is a GUID", written)
		}
	}
}
