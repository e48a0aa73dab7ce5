package sqlserver

import (
	"strings"
	"testing"
)

func TestColumnsFitKinds(t *testing.T) {
	for _, c := range []struct {
		base, length, precision, scale string
		typed                          string
		kinds                          string // those that it fits
	}{
		{"nvarchar", "200", "", "", "nvarchar(200)", "text id any"},
		{"varchar", "-1", "", "", "varchar(max)", "text id any"},
		{"char", "3", "", "", "char(3)", "text id any"},
		{"nchar", "3", "", "", "nchar(3)", "text id any"},
		{"int", "", "10", "0", "int", "whole number id any"},
		{"bigint", "", "19", "0", "bigint", "whole number id any"},
		{"tinyint", "", "3", "0", "tinyint", "whole number id any"},
		{"decimal", "", "9", "0", "decimal(9,0)", "whole number id any"},
		{"numeric", "", "9", "2", "numeric(9,2)", "number any"},
		{"money", "", "19", "4", "money", "number"},
		{"float", "", "53", "", "float", "number"},
		{"bit", "", "", "", "bit", "flag any"},
		{"date", "", "", "", "date", "date"},
		{"datetime", "", "", "", "datetime", "date time"},
		{"datetime2", "", "", "", "datetime2", "date time"},
		{"smalldatetime", "", "", "", "smalldatetime", "date time"},
		{"datetimeoffset", "", "", "", "datetimeoffset", ""},
		{"time", "", "", "", "time", ""},
		{"uniqueidentifier", "", "", "", "uniqueidentifier", "id guid any"},
		{"xml", "-1", "", "", "xml", ""},
		{"text", "2147483647", "", "", "text", ""},
		{"varbinary", "-1", "", "", "varbinary(max)", ""},
	} {
		got := described{name: "x", base: c.base, typed: typed(c.base, c.length, c.precision, c.scale), whole: c.scale == "0"}
		if got.typed != c.typed {
			t.Errorf("%s is written %s", c.typed, got.typed)
		}
		fits := strings.Fields(c.kinds)
		for kind := range accepted {
			want := false
			for _, f := range fits {
				want = want || f == string(kind)
			}
			if got.fits(kind) != want {
				t.Errorf("%s fits %s: %t", c.typed, kind, !want)
			}
			if !want && !strings.Contains(got.misfit(kind), c.typed) {
				t.Errorf("what is wrong with %s as %s does not name its type: %s", c.typed, kind, got.misfit(kind))
			}
		}
	}
	if text := (described{name: "DOB", base: "datetimeoffset", typed: "datetimeoffset"}).misfit(KindDate); !strings.Contains(text, "time zone") {
		t.Errorf("why a datetimeoffset is refused: %s", text)
	}
}

func TestNamesAreFoundAsTheServerSpellsThem(t *testing.T) {
	there := shape{{name: "upn"}, {name: "UPN", base: "int"}, {name: "Dob"}}
	if c, ok := there.find("UPN"); !ok || c.base != "int" {
		t.Error("the exact name goes first")
	}
	if _, ok := there.find("DOB"); !ok {
		t.Error("case does not matter where there is one")
	}
	if _, ok := there.find("sex"); ok {
		t.Error("found what is not there")
	}
	needs := []Need{{Object: Object{Schema: "Rollbridge", Name: "Pupil"}}}
	if o := named(needs, "rollbridge", "PUPIL"); o != needs[0].Object {
		t.Errorf("the need's own spelling: %s", o)
	}
}
